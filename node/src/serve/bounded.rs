//! A door with a bounded number of visitors, none of whom keeps a place by being silent.
//!
//! Who finds no place waits in the system's queue, and costs this process nothing. The sum over all doors stays below the files that the
//! process may open, so that a stranger's connections never take what the store, the keys and the peers need. Not here: handshakes
//! (`secured`), and what is served.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Files that no visitor gets: 128 for handshakes and what waits behind them (`secured`), and as many again for the store, the keys, the
/// peers, the witnesses and the operator.
const KEPT: u64 = 256;
/// Files beyond those without which a node does not start: 32 visitors at each door.
const LEAST: u64 = 64;
/// Visitors of the auditors' door.
const AUDITORS: u64 = 512;
/// How long a visitor may neither send nor take a byte. An answer takes 120 s at most (`limits.request_timeout_seconds`).
const SILENCE: Duration = Duration::from_secs(150);

/// A process may open too few files.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may open {allowed} files, and a node needs {} at least; raise the limit (LimitNOFILE= in the unit, or ulimit -n)",
    KEPT + LEAST
)]
pub struct TooFewFiles {
    /// How many it may open.
    pub allowed: u64,
}

/// How many visitors each door has at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The services' door: twice the questions in flight, so that one too many still hears that it is.
    pub services: usize,
    /// The auditors' door.
    pub auditors: usize,
}

impl Places {
    /// For a process that may open so many files.
    pub fn of(allowed: u64, max_in_flight: u32) -> Result<Self, TooFewFiles> {
        let left = allowed.checked_sub(KEPT).filter(|left| *left >= LEAST).ok_or(TooFewFiles { allowed })?;
        let auditors = AUDITORS.min(left / 2);
        let services = (2 * u64::from(max_in_flight)).min(left - auditors);
        let places = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Self { services: places(services), auditors: places(auditors) })
    }
}

/// A listener with so many places.
pub struct Bounded<L> {
    listener: L,
    places: Arc<Semaphore>,
}

impl<L> Bounded<L> {
    /// Lets so many visitors in at once.
    pub fn new(listener: L, places: usize) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))) }
    }
}

impl<L: axum::serve::Listener> axum::serve::Listener for Bounded<L> {
    type Io = Visitor<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = self.places.clone().acquire_owned().await.expect("invariant: nobody closes this semaphore");
        let (io, address) = self.listener.accept().await;
        (Visitor::new(io, place), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A visitor's connection; its place is free again once this is dropped.
pub struct Visitor<Io> {
    io: Io,
    silent: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<Io> Visitor<Io> {
    fn new(io: Io, place: OwnedSemaphorePermit) -> Self {
        Self { io, silent: Box::pin(sleep(SILENCE)), _place: place }
    }

    /// What came of reading or writing, or that the visitor was silent for too long.
    fn unless_silent<T>(&mut self, done: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.silent.as_mut().set(sleep(SILENCE));
            return done;
        }
        match self.silent.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Visitor<Io> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let visitor = self.get_mut();
        let done = Pin::new(&mut visitor.io).poll_read(context, into);
        visitor.unless_silent(done, context)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Visitor<Io> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let visitor = self.get_mut();
        let done = Pin::new(&mut visitor.io).poll_write(context, bytes);
        visitor.unless_silent(done, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let visitor = self.get_mut();
        let done = Pin::new(&mut visitor.io).poll_write_vectored(context, pieces);
        visitor.unless_silent(done, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let visitor = self.get_mut();
        let done = Pin::new(&mut visitor.io).poll_flush(context);
        visitor.unless_silent(done, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::mpsc;

    use super::*;

    /// Hands out the near ends of pipes.
    struct Pipes(mpsc::UnboundedSender<DuplexStream>);

    impl Listener for Pipes {
        type Io = DuplexStream;
        type Addr = ();

        async fn accept(&mut self) -> (DuplexStream, ()) {
            let (near, far) = duplex(8);
            self.0.send(far).unwrap();
            (near, ())
        }

        fn local_addr(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn door(places: usize) -> (Bounded<Pipes>, mpsc::UnboundedReceiver<DuplexStream>) {
        let (sender, far) = mpsc::unbounded_channel();
        (Bounded::new(Pipes(sender), places), far)
    }

    #[test]
    fn doors_share_what_the_process_may_open_and_the_rest_is_kept() {
        assert_eq!(Places::of(319, 1024), Err(TooFewFiles { allowed: 319 }));
        assert_eq!(Places::of(320, 1024), Ok(Places { services: 32, auditors: 32 }));
        assert_eq!(Places::of(1024, 1024), Ok(Places { services: 384, auditors: 384 }));
        assert_eq!(Places::of(u64::MAX, 1024), Ok(Places { services: 2048, auditors: 512 }));
        assert_eq!(Places::of(2816, 1024), Ok(Places { services: 2048, auditors: 512 }));
        assert_eq!(Places::of(1024, 1), Ok(Places { services: 2, auditors: 384 }));
        for allowed in [320, 512, 1024, 5_000] {
            let places = Places::of(allowed, 65_536).unwrap();
            assert!((places.services + places.auditors) as u64 + KEPT <= allowed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_visitor_too_many_waits_until_another_has_left() {
        let (mut door, mut far) = door(2);
        let (first, ()) = door.accept().await;
        let (_second, ()) = door.accept().await;
        let third = tokio::time::timeout(SILENCE, door.accept()).await;
        assert!(third.is_err(), "there is no place");
        assert!(far.recv().await.is_some() && far.recv().await.is_some());
        assert!(far.try_recv().is_err(), "nor was anything accepted");
        drop(first);
        assert!(tokio::time::timeout(SILENCE, door.accept()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_and_takes_nothing_is_sent_away_and_who_does_stays() {
        let (mut door, mut far) = door(2);
        let (mut reading, ()) = door.accept().await;
        let mut far_end = far.recv().await.unwrap();
        for _ in 0..3 {
            tokio::time::sleep(SILENCE - Duration::from_secs(1)).await;
            far_end.write_all(b"x").await.unwrap();
            assert_eq!(reading.read_u8().await.unwrap(), b'x', "in time");
        }
        assert_eq!(reading.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut writing, ()) = door.accept().await;
        let _unread = far.recv().await.unwrap();
        assert_eq!(writing.write_all(&[0; 9]).await.unwrap_err().kind(), io::ErrorKind::TimedOut, "the pipe holds 8");
    }
}
