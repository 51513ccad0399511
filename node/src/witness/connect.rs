//! Opening a connection to a witness's URL: HTTP in clear, or over TLS under the one key that is expected (PROTOCOL 31.3, 35.1).
//!
//! Not here: what is said over it, and for how long.

use std::pin::Pin;

use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::witness::MAX_SUBMISSION_BYTES;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::quic::tls_client::TlsTo;

/// Bytes of an answer that are read at most: lines of several keys, or a note.
const MAX_ANSWER_BYTES: usize = MAX_SUBMISSION_BYTES;

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none that is spoken.
    #[error("{0} is not a URL http://host[:port][/prefix]")]
    Url(String),
    /// TLS to somebody whose key is not known.
    #[error("{0}: TLS is spoken to regions alone, whose keys the network directory names; put a proxy before this witness")]
    NoKey(String),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
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
#[derive(Clone)]
pub struct Prefix {
    authority: String,
    path: String,
    tls: Option<TlsTo>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// The answer to a request, when it comes.
pub type Called<'a> = Pin<Box<dyn Future<Output = Result<Answer, ConnectError>> + Send + 'a>>;

/// The way to a witness's door, as an argument: HTTP in the daemon, a seeded network in simulation.
pub trait Way: Send {
    /// One request below the door's prefix; the answer, whole.
    fn call<'a>(&'a mut self, method: &'a str, path: &'a str, body: Vec<u8>) -> Called<'a>;

    /// Something went wrong: the next request begins on a connection of its own.
    fn begin_anew(&mut self);
}

/// The way over HTTP, on one connection for as long as that lasts.
pub struct Http {
    prefix: Prefix,
    connection: Option<Connection>,
}

impl Http {
    /// The way to the door at this URL, not open yet.
    pub fn to(prefix: Prefix) -> Self {
        Self { prefix, connection: None }
    }
}

impl Way for Http {
    fn call<'a>(&'a mut self, method: &'a str, path: &'a str, body: Vec<u8>) -> Called<'a> {
        Box::pin(async move {
            let open = self.connection.take().filter(Connection::is_open);
            let mut connection = match open {
                Some(connection) => connection,
                None => self.prefix.open().await?,
            };
            let answer = connection.call(&self.prefix, method, path, body).await?;
            self.connection = Some(connection);
            Ok(answer)
        })
    }

    fn begin_anew(&mut self) {
        self.connection = None;
    }
}

/// An open connection.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Prefix {
    /// Reads a URL; behind one that begins with https this key is expected.
    pub fn parse(url: &str, key: Option<PublicKey>) -> Result<Self, ConnectError> {
        let refused = || ConnectError::Url(url.to_owned());
        let (rest, port, tls) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (rest, 80, None),
            (_, Some(rest)) => {
                let tls = TlsTo::key(key.ok_or_else(|| ConnectError::NoKey(url.to_owned()))?);
                (rest, 443, Some(tls.map_err(|error| ConnectError::Tls(error.to_string()))?))
            }
            _ => return Err(refused()),
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority: hyper::http::uri::Authority = host.parse().map_err(|_| refused())?;
        let authority = if authority.port().is_some() { authority.to_string() } else { format!("{authority}:{port}") };
        Ok(Self { authority, path: path.trim_end_matches('/').to_owned(), tls })
    }

    /// Opens a connection.
    pub async fn open(&self) -> Result<Connection, ConnectError> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Connection::over(stream).await,
            Some(tls) => Connection::over(tls.over(stream).await?).await,
        }
    }
}

impl Connection {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, ConnectError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its error reaches the request that waits on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self(sender))
    }

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
    use creditbay_crypto::secret::Seed;
    use creditbay_crypto::sign::SigningKey;

    use super::*;

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port_and_a_prefix() {
        for (url, authority, path) in [
            ("http://127.0.0.1:4503", "127.0.0.1:4503", ""),
            ("http://witness.example/w1/", "witness.example:80", "/w1"),
            ("http://[::1]:8/a/b", "[::1]:8", "/a/b"),
        ] {
            let prefix = Prefix::parse(url, None).unwrap();
            assert_eq!((prefix.authority.as_str(), prefix.path.as_str()), (authority, path));
        }
        for bad in ["", "http://", "ftp://witness.example", "witness.example", "http:///w", "http://a b"] {
            assert!(matches!(Prefix::parse(bad, None), Err(ConnectError::Url(_))), "{bad}");
        }
        let key = SigningKey::from_seed(Seed::from_bytes([7; 32])).public();
        let prefix = Prefix::parse("https://gz.example/w", Some(key)).unwrap();
        assert_eq!((prefix.authority.as_str(), prefix.path.as_str(), prefix.tls.is_some()), ("gz.example:443", "/w", true));
        assert!(matches!(Prefix::parse("https://witness.example", None), Err(ConnectError::NoKey(_))));
    }
}
