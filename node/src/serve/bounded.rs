//! A door over TCP with a bound on how many are in it and for how long somebody who says nothing stays.
//!
//! Who comes when it is full waits in the system's queue until somebody leaves. Not here: how long a request or its body may take (`http`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// How many may be in a door, and how quiet. A visitor costs a descriptor and at most twice the 417 KiB that hyper reads of a request's head.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once.
    pub visitors: usize,
    /// How long nothing may pass on a connection, in either direction, before it is closed.
    pub silence: Duration,
}

/// A listener with bounds.
pub struct Bounded<L> {
    inner: L,
    places: Arc<Semaphore>,
    silence: Duration,
}

impl<L> Bounded<L> {
    /// Nobody is in yet.
    pub fn new(inner: L, bounds: Bounds) -> Self {
        Self { inner, places: Arc::new(Semaphore::new(bounds.visitors)), silence: bounds.silence }
    }
}

impl<L: Listener<Io: Unpin, Addr = SocketAddr>> Listener for Bounded<L> {
    type Io = Visitor<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let Ok(place) = self.places.clone().acquire_owned().await else { return std::future::pending().await };
        let (stream, address) = self.inner.accept().await;
        (Visitor::new(stream, place, self.silence), address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that ends when nothing passes on it.
pub struct Visitor<S> {
    stream: S,
    silence: Duration,
    silent: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Visitor<S> {
    fn new(stream: S, place: OwnedSemaphorePermit, silence: Duration) -> Self {
        Self { stream, silence, silent: Box::pin(tokio::time::sleep(silence)), _place: place }
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const BOUNDS: Bounds = Bounds { visitors: 3, silence: Duration::from_secs(30) };
    const MOMENT: Duration = Duration::from_secs(1);

    /// Hands out one end of a pipe for each visit.
    struct Pipes;

    impl Listener for Pipes {
        type Io = DuplexStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
            (duplex(64).0, SocketAddr::from(([127, 0, 0, 1], 1)))
        }

        fn local_addr(&self) -> std::io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
        }
    }

    fn visitor(stream: DuplexStream) -> Visitor<DuplexStream> {
        Visitor::new(stream, Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(), BOUNDS.silence)
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_when_it_is_full_waits_until_somebody_leaves() {
        let mut door = Bounded::new(Pipes, BOUNDS);
        let mut inside = Vec::new();
        for _ in 0..BOUNDS.visitors {
            inside.push(door.accept().await);
        }
        assert!(timeout(MOMENT, door.accept()).await.is_err(), "one more was let in");
        inside.pop();
        assert!(timeout(MOMENT, door.accept()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_put_out_and_who_speaks_stays() {
        let (here, _silent) = duplex(64);
        let mut silent = visitor(here);
        assert!(timeout(BOUNDS.silence - MOMENT, silent.read_u8()).await.is_err(), "put out too early");
        assert_eq!(timeout(2 * MOMENT, silent.read_u8()).await.unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);

        let (here, mut speaking) = duplex(64);
        let mut visitor = visitor(here);
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
}
