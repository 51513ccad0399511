//! Why a connection did not become a session, or ended as one, each cause with the name under which it is counted (PROTOCOL 24).
//!
//! Not here: what a stream is closed with (`protocol::refusal`).

use std::time::Duration;

use quinn::ConnectionError;

use crate::log::fault::LogError;

/// How long a hello, a link or a frame may take.
pub const STREAM_WAIT: Duration = Duration::from_secs(5);

/// Why there was no connection with a key of the directory behind it.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// QUIC or TLS came to no agreement.
    #[error("handshake: {0}")]
    Connection(#[from] ConnectionError),
    /// The peer took too long.
    #[error("the handshake took longer than {} s", STREAM_WAIT.as_secs())]
    Slow,
    /// The key is nobody's.
    #[error("a key that the directory does not name")]
    NoPeersKey,
}

impl HandshakeError {
    /// The name under which it is counted: of a closed set.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slow | Self::Connection(ConnectionError::TimedOut) => "slow",
            Self::NoPeersKey => "key",
            Self::Connection(ConnectionError::VersionMismatch) => "version",
            Self::Connection(ConnectionError::TransportError(error)) => of_alert(u64::from(error.code)),
            Self::Connection(_) => "left",
        }
    }
}

/// QUIC carries TLS alerts as the codes from 0x100 on (RFC 9001, 4.8).
fn of_alert(code: u64) -> &'static str {
    match code.checked_sub(0x100) {
        // bad_certificate to certificate_unknown, unknown_ca, certificate_required.
        Some(42..=46 | 48 | 116) => "key",
        // decrypt_error: the signature is not the shown key's.
        Some(51) => "signature",
        // no_application_protocol.
        Some(120) => "alpn",
        Some(_) => "tls",
        None => "transport",
    }
}

/// Why a connection did not become a session, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The transport failed.
    #[error("connection: {0}")]
    Transport(String),
    /// The peer took too long.
    #[error("the peer took longer than {} s", STREAM_WAIT.as_secs())]
    Slow,
    /// The peer's words are not what the protocol says.
    #[error("the peer's control stream: {0}")]
    Control(#[from] ControlFault),
    /// The peer's log does not continue what was seen of it.
    #[error("{0}")]
    Chain(String),
    /// This node's log cannot prove what it must.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl SessionError {
    /// The name under which it is counted, of a closed set; `None` for a connection that was merely lost.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Transport(_) => None,
            Self::Slow => Some("slow"),
            Self::Control(fault) => Some(fault.name()),
            Self::Chain(_) => Some("chain"),
            Self::Log(_) => Some("own_log"),
        }
    }
}

/// What is wrong with what came on a control stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlFault {
    /// Something else came first.
    #[error("the first message is not a hello")]
    NoHello,
    /// The hello is not this connection's.
    #[error("the hello is of another version or region")]
    OtherHello,
    /// Something else came after the hello.
    #[error("the second message is not a link")]
    NoLink,
    /// A new log came out of nowhere.
    #[error("the log is new here and does not show what it goes on from")]
    NoSuccession,
    /// What the peer says that it saw of this log is not this log's.
    #[error("the peer shows a note of this log that this log never signed")]
    NotOurNote,
    /// The note is not that of the peer's log.
    #[error("the hello's note is another log's")]
    OtherLog,
    /// The log is not in the directory.
    #[error("the directory does not name this log")]
    UnknownLog,
    /// After the link only checkpoints come.
    #[error("a message out of turn")]
    OutOfTurn,
    /// A message is longer than any can be.
    #[error("a message over its bound")]
    TooLong,
    /// A message is none.
    #[error("a message that cannot be read")]
    Unreadable,
    /// This node's own word does not fit into a message.
    #[error("this log's own note or proof is too long")]
    OwnTooLong,
}

impl ControlFault {
    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoHello => "no_hello",
            Self::OtherHello => "other_hello",
            Self::NoLink => "no_link",
            Self::NoSuccession => "no_succession",
            Self::NotOurNote => "not_our_note",
            Self::OtherLog => "other_log",
            Self::UnknownLog => "unknown_log",
            Self::OutOfTurn => "out_of_turn",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable",
            Self::OwnTooLong => "own_too_long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_named_by_what_they_say_of_the_peer() {
        for (code, name) in
            [(0x12a, "key"), (0x130, "key"), (0x174, "key"), (0x133, "signature"), (0x178, "alpn"), (0x128, "tls")]
        {
            assert_eq!(of_alert(code), name, "{code:#x}");
        }
        assert_eq!(of_alert(0x0a), "transport", "QUIC's own protocol violation");
        assert_eq!(HandshakeError::from(ConnectionError::VersionMismatch).name(), "version");
        assert_eq!(HandshakeError::from(ConnectionError::TimedOut).name(), HandshakeError::Slow.name());
        assert_eq!(HandshakeError::from(ConnectionError::Reset).name(), "left");
    }

    #[test]
    fn a_lost_connection_is_no_fault_and_all_others_are_named() {
        assert_eq!(SessionError::Transport(String::new()).name(), None);
        let named =
            [SessionError::Slow, ControlFault::NoHello.into(), SessionError::Chain(String::new()), LogError::Closed.into()];
        assert_eq!(named.map(|error| error.name()), [Some("slow"), Some("no_hello"), Some("chain"), Some("own_log")]);
    }
}
