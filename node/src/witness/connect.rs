//! Opening a connection to a witness's URL: the one file to change where another transport is to be spoken (PROTOCOL 31.3).
//!
//! Not here: what is said over it, and for how long.

use creditbay_protocol::witness::MAX_SUBMISSION_BYTES;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Bytes of an answer that are read at most: lines of several keys, or a note.
const MAX_ANSWER_BYTES: usize = MAX_SUBMISSION_BYTES;

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none that is spoken.
    #[error("{0} is not a URL http://host[:port][/prefix]")]
    Url(String),
    /// No connection.
    #[error("no connection: {0}")]
    Unreachable(#[from] std::io::Error),
    /// The connection is no HTTP, or broke off.
    #[error("no answer: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is longer than any may be, or broke off.
    #[error("the answer is too long or broke off")]
    Answer,
}

/// A URL taken apart.
#[derive(Debug, Clone)]
pub struct Prefix {
    authority: String,
    path: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// An open connection.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Prefix {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, ConnectError> {
        let refused = || ConnectError::Url(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(refused)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority: hyper::http::uri::Authority = host.parse().map_err(|_| refused())?;
        let authority = if authority.port().is_some() { authority.to_string() } else { format!("{authority}:80") };
        Ok(Self { authority, path: path.trim_end_matches('/').to_owned() })
    }

    /// Opens a connection.
    pub async fn open(&self) -> Result<Connection, ConnectError> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its error reaches the request that waits on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Connection(sender))
    }
}

impl Connection {
    /// Whether another request can be sent.
    pub fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// One request below the prefix; the answer, whole.
    pub async fn call(&mut self, to: &Prefix, method: &str, path: &str, body: Vec<u8>) -> Result<Answer, ConnectError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", to.path)).header("host", &to.authority);
        let request = request.body(Full::new(Bytes::from(body))).map_err(|_| ConnectError::Url(to.authority.clone()))?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|_| ConnectError::Answer)?;
        Ok(Answer { status, body: body.to_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port_and_a_prefix() {
        for (url, authority, path) in [
            ("http://127.0.0.1:4503", "127.0.0.1:4503", ""),
            ("http://witness.example/w1/", "witness.example:80", "/w1"),
            ("http://[::1]:8/a/b", "[::1]:8", "/a/b"),
        ] {
            let prefix = Prefix::parse(url).unwrap();
            assert_eq!((prefix.authority.as_str(), prefix.path.as_str()), (authority, path));
        }
        for bad in ["", "http://", "https://witness.example", "witness.example", "http:///w", "http://a b"] {
            assert!(matches!(Prefix::parse(bad), Err(ConnectError::Url(_))), "{bad}");
        }
    }
}
