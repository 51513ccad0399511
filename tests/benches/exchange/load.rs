//! Keeps a number of calls in flight for a time, and says how many were done and how long they took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What was measured.
pub(crate) struct Figures {
    in_flight: usize,
    /// Calls per second.
    pub(crate) per_second: f64,
    /// The median, in microseconds.
    pub(crate) p50_us: f64,
    p99_us: f64,
}

impl Figures {
    /// One line.
    pub(crate) fn print(&self) {
        println!(
            "  {:>4} in flight {:>10.0} per second   p50 {:>8.0} us   p99 {:>8.0} us",
            self.in_flight, self.per_second, self.p50_us, self.p99_us
        );
    }

    /// Out of the durations of all calls.
    pub(crate) fn of(in_flight: usize, elapsed: Duration, mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at = |part: usize| micros.get(micros.len() * part / 100).copied().unwrap_or(0) as f64;
        Self { in_flight, per_second: micros.len() as f64 / elapsed.as_secs_f64(), p50_us: at(50), p99_us: at(99) }
    }
}

/// Calls with `in_flight` callers for `time`, after a short warm-up.
pub(crate) async fn drive<F: Future<Output = Result<()>> + Send + 'static>(
    in_flight: usize,
    time: Duration,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Figures> {
    run(in_flight, Duration::from_millis(500), call.clone()).await?;
    run(in_flight, time, call).await
}

async fn run<F: Future<Output = Result<()>> + Send + 'static>(
    in_flight: usize,
    time: Duration,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Figures> {
    let started = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut micros = Vec::new();
                while started.elapsed() < time {
                    let began = Instant::now();
                    call().await?;
                    micros.push(began.elapsed().as_micros() as u64);
                }
                anyhow::Ok(micros)
            })
        })
        .collect();
    gather(callers, started).await
}

/// The same over HTTP/1.1, each caller with a connection of its own.
pub(crate) async fn drive_http(
    address: SocketAddr,
    token: &str,
    body: Bytes,
    in_flight: usize,
    time: Duration,
) -> Result<Figures> {
    let started = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (token, body) = (format!("Bearer {token}"), body.clone());
            tokio::spawn(async move {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
                let driver = tokio::spawn(connection);
                let mut micros = Vec::new();
                while started.elapsed() < time {
                    let began = Instant::now();
                    let request = Request::post("/v1/queries")
                        .header("host", "creditbay")
                        .header("authorization", &token)
                        .header("content-type", "application/json")
                        .body(Full::new(body.clone()))?;
                    let reply = sender.send_request(request).await?;
                    let status = reply.status();
                    let reply = reply.into_body().collect().await?.to_bytes();
                    if !status.is_success() {
                        bail!("{status}: {}", String::from_utf8_lossy(&reply));
                    }
                    micros.push(began.elapsed().as_micros() as u64);
                }
                driver.abort();
                anyhow::Ok(micros)
            })
        })
        .collect();
    gather(callers, started).await
}

async fn gather(callers: Vec<JoinHandle<Result<Vec<u64>>>>, started: Instant) -> Result<Figures> {
    let in_flight = callers.len();
    let mut micros = Vec::new();
    for caller in callers {
        micros.extend(caller.await??);
    }
    Ok(Figures::of(in_flight, started.elapsed(), micros))
}
