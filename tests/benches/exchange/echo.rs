//! The ceiling: the node's own endpoints and frame sizes, and nothing behind them.

use std::io::BufRead as _;
use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::quic::endpoint::{dial_config, listen};
use creditbay_node::quic::identity::Form;
use creditbay_protocol::frame::frame_bytes;
use creditbay_protocol::limits::MAX_FRAME_BYTES;

use crate::load::{Figures, drive};

/// A tree of a million leaves: what the frames are as long as in a log that has been running for a while.
const TREE: u64 = 1 << 20;

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes([number; 32]))
}

/// Any free port.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Starts this program as a server and reads the address that it prints.
pub(crate) fn spawn_server(arguments: &[&str]) -> Result<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok((child, line.trim().parse().context("the server printed no address")?))
}

/// Echoes frames for ever.
pub(crate) async fn serve() -> Result<()> {
    let endpoint = listen(loopback(), &key(2), [key(1).public()], Form::RawPublicKey)?;
    println!("{}", endpoint.local_addr()?);
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await?;
            while let Ok((mut send, mut recv)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    let frame = recv.read_to_end(MAX_FRAME_BYTES).await?;
                    send.write_all(&frame).await?;
                    send.finish()?;
                    anyhow::Ok(())
                });
            }
            anyhow::Ok(())
        });
    }
    Ok(())
}

/// Echoes per second.
pub(crate) async fn measure(in_flight: usize, time: Duration) -> Result<Figures> {
    let (mut server, address) = spawn_server(&["echo-server"])?;
    let endpoint = listen(loopback(), &key(1), [key(2).public()], Form::RawPublicKey)?;
    let connection =
        endpoint.connect_with(dial_config(&key(1), key(2).public(), Form::RawPublicKey)?, address, "creditbay")?.await?;
    let frame: bytes::Bytes = vec![7u8; frame_bytes(TREE)].into();
    let figures = drive(in_flight, time, move || {
        let (connection, frame) = (connection.clone(), frame.clone());
        async move {
            let (mut send, mut recv) = connection.open_bi().await?;
            send.write_all(&frame).await?;
            send.finish()?;
            std::hint::black_box(recv.read_to_end(MAX_FRAME_BYTES).await?);
            Ok(())
        }
    })
    .await;
    server.kill()?;
    server.wait()?;
    figures
}
