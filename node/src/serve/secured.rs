//! A door behind TLS: handshakes bounded in time and number, so that nobody who connects and says nothing keeps others out.
//!
//! Not here: what is shown in the handshake (`quic::tls_server`), and what is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at once; more wait in the system's queue.
const HANDSHAKES: usize = 64;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long nothing is accepted after the system refused to, of open files for instance.
const PAUSE: Duration = Duration::from_millis(200);

/// A listener whose connections have their handshake behind them.
pub struct Secured {
    visitors: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Secured {
    /// Takes handshakes at a listener until this is dropped.
    pub fn new(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, visitors) = mpsc::channel(HANDSHAKES);
        tokio::spawn(shake_hands(listener, acceptor, sender));
        Ok(Self { visitors, address })
    }
}

async fn shake_hands(listener: TcpListener, acceptor: TlsAcceptor, visitors: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let at_once = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let accepting = async {
            let permit = at_once.clone().acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            () = visitors.closed() => return,
        };
        let Some((permit, accepted)) = accepted else { return };
        let Ok((stream, address)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (acceptor, visitors) = (acceptor.clone(), visitors.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                let _ = visitors.send((stream, address)).await;
            }
            drop(permit);
        });
    }
}

impl axum::serve::Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.visitors.recv().await {
            Some(visitor) => visitor,
            // The task that takes handshakes is gone; the door is closed from elsewhere.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[cfg(test)]
mod tests;
