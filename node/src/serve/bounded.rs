//! A door over TCP with bounds: how many are in it, for how long somebody who says nothing stays, and how long the head of a request may be.
//!
//! Who comes when it is full waits in the system's queue until somebody leaves. The place of a visitor who was not welcome stays taken for
//! a while, which bounds how many such are heard in a second. Not here: how long a request or its body may take (`http`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Sleep;

/// Bytes of a request's head that are read, and of anything else that waits on a connection at once. More is answered with 431.
pub const HEAD_BYTES: usize = 16 * 1024;
/// How long the place of a visitor stays taken who had no token, or whose request was none.
const REST: Duration = Duration::from_secs(1);

/// How many may be in a door, and how quiet. A visitor costs a descriptor and at most twice [`HEAD_BYTES`] before a request is one.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once.
    pub visitors: usize,
    /// How long nothing may pass on a connection, in either direction, before it is closed; and how long a request's head may take.
    pub silence: Duration,
}

/// Serves a door within its bounds until `closing` says true; requests that came before are answered.
pub async fn serve<L>(mut listener: L, bounds: Bounds, router: Router, mut closing: watch::Receiver<bool>)
where
    L: Listener<Io: Unpin, Addr = SocketAddr>,
{
    let places = Arc::new(Semaphore::new(bounds.visitors));
    let visitors = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.silence).max_buf_size(HEAD_BYTES);
    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((place, listener.accept().await.0))
        };
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            _ = closing.wait_for(|closing| *closing) => None,
        };
        let Some((place, stream)) = accepted else { break };
        let unwelcome = Arc::new(AtomicBool::new(false));
        let (router, heard) = (TowerToHyperService::new(router.clone()), unwelcome.clone());
        let answering = service_fn(move |request: Request<Incoming>| answer(router.call(request), heard.clone()));
        let connection = http.serve_connection(TokioIo::new(Visitor::new(stream, bounds.silence)), answering);
        tokio::spawn(leave(visitors.watch(connection), unwelcome, place));
    }
    visitors.shutdown().await;
}

/// The answer to one request. Nobody asks again on this connection who had no token.
async fn answer(
    answering: impl Future<Output = Result<Response<Body>, Infallible>>,
    unwelcome: Arc<AtomicBool>,
) -> Result<Response<Body>, Infallible> {
    let mut response = answering.await?;
    if response.status() == StatusCode::UNAUTHORIZED {
        unwelcome.store(true, Ordering::Release);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Carries a visit to its end, then frees the place: at once, or after a rest.
async fn leave(visit: impl Future<Output = hyper::Result<()>>, unwelcome: Arc<AtomicBool>, place: OwnedSemaphorePermit) {
    if visit.await.is_err() || unwelcome.load(Ordering::Acquire) {
        tokio::time::sleep(REST).await;
    }
    drop(place);
}

/// A connection that ends when nothing passes on it.
pub struct Visitor<S> {
    stream: S,
    silence: Duration,
    silent: Pin<Box<Sleep>>,
}

impl<S> Visitor<S> {
    fn new(stream: S, silence: Duration) -> Self {
        Self { stream, silence, silent: Box::pin(tokio::time::sleep(silence)) }
    }

    /// What the stream said, unless it has been silent for too long.
    fn unless_silent<T>(&mut self, said: Poll<std::io::Result<T>>, context: &mut Context<'_>) -> Poll<std::io::Result<T>> {
        if said.is_ready() {
            self.silent.set(tokio::time::sleep(self.silence));
            return said;
        }
        match self.silent.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(std::io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Visitor<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.unless_silent(said, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Visitor<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_silent(said, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.unless_silent(said, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
