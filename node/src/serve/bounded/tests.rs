//! A door over pipes, in virtual time: who is in, who waits, and who is put out.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const BOUNDS: Bounds = Bounds { visitors: 3, silence: Duration::from_secs(30) };
const MOMENT: Duration = Duration::from_millis(100);
const WELCOME: &[u8] = b"GET /open HTTP/1.1\r\nhost: door\r\n\r\n";
const UNWELCOME: &[u8] = b"GET /closed HTTP/1.1\r\nhost: door\r\n\r\n";

/// Takes in whoever is sent.
struct Queue(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Queue {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(stream) => (stream, SocketAddr::from(([127, 0, 0, 1], 1))),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
    }
}

/// The street before a door that is served.
struct Street {
    queue: mpsc::UnboundedSender<DuplexStream>,
    closing: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
}

impl Street {
    fn new() -> Self {
        let (queue, come) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(false);
        let router = Router::new()
            .route("/open", get(|| async { "come in" }))
            .route("/slow", get(|| async { tokio::time::sleep(10 * MOMENT).await }))
            .route("/closed", get(|| async { StatusCode::UNAUTHORIZED }));
        Self { queue, closing, served: tokio::spawn(serve(Queue(come), BOUNDS, router, closed)) }
    }

    fn visitor(&self) -> DuplexStream {
        let (here, there) = duplex(64 * 1024);
        self.queue.send(there).unwrap();
        here
    }

    /// As many visitors who say nothing as there are places, without this many.
    fn full_but(&self, free: usize) -> Vec<DuplexStream> {
        (free..BOUNDS.visitors).map(|_| self.visitor()).collect()
    }
}

/// Says this and hears the answer's status; nothing if none comes in a moment.
async fn ask(visitor: &mut DuplexStream, request: &[u8]) -> Option<String> {
    visitor.write_all(request).await.unwrap();
    heard(visitor, MOMENT).await
}

async fn heard(visitor: &mut DuplexStream, within: Duration) -> Option<String> {
    let mut said = vec![0; 4096];
    let count = timeout(within, visitor.read(&mut said)).await.ok()?.unwrap();
    Some(String::from_utf8(said[..count].to_vec()).unwrap().lines().next().unwrap_or_default().to_owned())
}

/// Whether the door is shut on this visitor within a moment.
async fn shut(visitor: &mut DuplexStream) -> bool {
    let mut rest = Vec::new();
    timeout(MOMENT, visitor.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_it_is_full_waits_until_somebody_leaves() {
    let street = Street::new();
    let mut inside = street.full_but(0);
    let mut next = street.visitor();
    assert_eq!(ask(&mut next, WELCOME).await, None, "one more was let in");
    inside.pop();
    assert_eq!(heard(&mut next, MOMENT).await.unwrap(), "HTTP/1.1 200 OK");
    assert_eq!(ask(&mut next, WELCOME).await.unwrap(), "HTTP/1.1 200 OK", "and stays");
}

#[tokio::test(start_paused = true)]
async fn who_has_no_token_leaves_and_the_place_rests() {
    let street = Street::new();
    let _inside = street.full_but(1);
    let mut unwelcome = street.visitor();
    assert_eq!(ask(&mut unwelcome, UNWELCOME).await.unwrap(), "HTTP/1.1 401 Unauthorized");
    assert!(shut(&mut unwelcome).await);
    let mut next = street.visitor();
    next.write_all(WELCOME).await.unwrap();
    assert_eq!(heard(&mut next, REST - MOMENT).await, None, "the place did not rest");
    assert_eq!(heard(&mut next, 2 * MOMENT).await.unwrap(), "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_the_bound_is_refused_and_the_place_rests() {
    let street = Street::new();
    let _inside = street.full_but(1);
    let mut endless = street.visitor();
    endless.write_all(b"GET /open HTTP/1.1\r\n").await.unwrap();
    let line = [b"x: ".as_slice(), &[b'y'; 4_000], b"\r\n"].concat();
    for _ in 0..=HEAD_BYTES / line.len() {
        endless.write_all(&line).await.unwrap();
    }
    assert_eq!(heard(&mut endless, MOMENT).await.unwrap(), "HTTP/1.1 431 Request Header Fields Too Large");
    let mut next = street.visitor();
    next.write_all(WELCOME).await.unwrap();
    assert_eq!(heard(&mut next, REST - 2 * MOMENT).await, None, "the place did not rest");
    assert_eq!(heard(&mut next, 3 * MOMENT).await.unwrap(), "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for_for_ever() {
    let street = Street::new();
    let (mut slow, mut tenths) = (street.visitor(), 0);
    while slow.write_all(b"G").await.is_ok() {
        tokio::time::sleep(BOUNDS.silence / 10).await;
        tenths += 1;
        assert!(tenths <= 12, "it is waited for still");
    }
    assert!(tenths >= 10, "put out too early: {tenths}");
}

#[tokio::test(start_paused = true)]
async fn a_door_that_closes_answers_what_came_and_takes_nobody_else() {
    let street = Street::new();
    let (mut asking, mut idle) = (street.visitor(), street.visitor());
    assert_eq!(ask(&mut asking, b"GET /slow HTTP/1.1\r\nhost: door\r\n\r\n").await, None);
    street.closing.send_replace(true);
    assert!(shut(&mut idle).await);
    assert_eq!(heard(&mut asking, 20 * MOMENT).await.unwrap(), "HTTP/1.1 200 OK");
    timeout(MOMENT, street.served).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_put_out_and_who_speaks_stays() {
    let (here, _silent) = duplex(64);
    let mut silent = Visitor::new(here, BOUNDS.silence);
    assert!(timeout(BOUNDS.silence - MOMENT, silent.read_u8()).await.is_err(), "put out too early");
    assert_eq!(timeout(2 * MOMENT, silent.read_u8()).await.unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);

    let (here, mut speaking) = duplex(64);
    let mut visitor = Visitor::new(here, BOUNDS.silence);
    for _ in 0..3 {
        let (said, ()) = tokio::join!(visitor.read_u8(), async {
            tokio::time::sleep(BOUNDS.silence - MOMENT).await;
            speaking.write_u8(7).await.unwrap();
        });
        assert_eq!(said.unwrap(), 7);
    }
    let nobody_takes_it = visitor.write_all(&[0; 1024]).await.unwrap_err();
    assert_eq!(nobody_takes_it.kind(), std::io::ErrorKind::TimedOut);
}
