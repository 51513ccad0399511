//! The way to the peers, as an argument: QUIC in the daemon (`quic::dial`), a seeded network in simulation.

use std::future::Future;
use std::pin::Pin;

use creditbay_protocol::name::Region;
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::refusal::Fault;
use creditbay_protocol::requester::Asked;

use crate::log::entry::Appended;

/// Why no reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The directory names no such node, or it is this one.
    #[error("no node of that region is in the network directory")]
    NoPeer,
    /// No connection to the peer.
    #[error("the peer is out of reach")]
    Unreachable,
    /// The connection was lost before the reply was whole.
    #[error("the connection was lost before the reply came")]
    Lost,
    /// The peer closed the stream with a fault.
    #[error("the peer closed the stream: {0}")]
    Fault(Fault),
}

impl LinkError {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPeer => "no_peer",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Fault(fault) => fault.as_str(),
        }
    }
}

/// A reply's frame, when it comes.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, LinkError>> + Send + 'a>>;

/// Carries a query to a peer and its reply back.
pub trait Network: Send + Sync {
    /// Makes sure that the peer has the checkpoint under which the query was proved, sends the query, and waits for the reply.
    fn exchange<'a>(&'a self, issuer: Region, asked: &'a Asked, appended: &'a Appended) -> Reply<'a>;

    /// The same for a notice of an erasure.
    fn tell<'a>(&'a self, receiver: Region, noticed: &'a Noticed, appended: &'a Appended) -> Reply<'a>;
}
