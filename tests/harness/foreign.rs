//! A peer as a foreign QUIC stack would be: quinn and rustls under a configuration that is not the node's, a self-signed certificate made here, and the
//! control stream written by hand, so that it can say what no node would.
//!
//! Not here: the daemon's own way to dial (`quic::endpoint`).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use creditbay_admin_cli::tls::OneKey;
use creditbay_crypto::key_file::pkcs8_der;
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_protocol::control::{Control, Hashes, Hello};
use creditbay_protocol::limits::{ALPN, MAX_CONTROL_BYTES};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream};
use rustls::pki_types::PrivatePkcs8KeyDer;

/// A self-signed certificate around a key, in PEM.
pub fn certificate_pem(key: &SigningKey) -> Result<String> {
    Ok(certificate(key)?.pem())
}

fn certificate(key: &SigningKey) -> Result<rcgen::Certificate> {
    let der = PrivatePkcs8KeyDer::from(pkcs8_der(key).to_vec());
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)?;
    let params = rcgen::CertificateParams::new(vec!["foreign.example".to_owned()])?;
    Ok(params.self_signed(&pair)?)
}

/// Dials with a self-signed certificate around `key`, and takes no server but the one with this key.
pub async fn dial(address: SocketAddr, key: &SigningKey, server: PublicKey) -> Result<(Endpoint, Connection)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(OneKey::of(server, provider))
        .with_client_auth_cert(vec![certificate(key)?.der().clone()], PrivatePkcs8KeyDer::from(pkcs8_der(key).to_vec()).into())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let connection = endpoint.connect_with(config, address, "foreign.example")?.await?;
    Ok((endpoint, connection))
}

/// Says this hello and an empty link on a connection, and reads the server's hello.
pub async fn greet(connection: &Connection, hello: Hello) -> Result<Hello> {
    let mut speaking = connection.open_uni().await?;
    speaking.write_all(&Control::Hello(hello).framed()).await?;
    let link = Control::Link { consistency: Hashes::new(Vec::new()).context("no hashes are few enough")? };
    speaking.write_all(&link.framed()).await?;
    let mut hearing = connection.accept_uni().await?;
    let Control::Hello(theirs) = read(&mut hearing).await? else { anyhow::bail!("the first message is not a hello") };
    let Control::Link { .. } = read(&mut hearing).await? else { anyhow::bail!("the second message is not a link") };
    Ok(theirs)
}

/// The next message of a control stream.
pub async fn read(stream: &mut RecvStream) -> Result<Control> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).await?;
    let len = usize::try_from(u32::from_le_bytes(len))?;
    anyhow::ensure!(len <= MAX_CONTROL_BYTES, "a control message of {len} bytes");
    let mut message = vec![0; len];
    stream.read_exact(&mut message).await?;
    Ok(Control::parse(&message)?)
}
