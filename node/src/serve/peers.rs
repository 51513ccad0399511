//! The peers' door: accepts QUIC connections from the directory's keys, and answers what comes over every session (PROTOCOL 24).

use std::sync::Arc;

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_protocol::limits::MAX_FRAME_BYTES;
use creditbay_protocol::refusal::Fault;
use quinn::{Endpoint, Incoming, RecvStream, SendStream, VarInt};
use tokio::sync::{Semaphore, mpsc};

use crate::exchange::Exchange;
use crate::exchange::answer::Peer;
use crate::quic::dial::Links;
use crate::quic::identity::{Form, proven_key};
use crate::quic::session::{Local, STREAM_WAIT, Session, SessionError};

/// Handshakes at once; a flood waits or is dropped by quinn's own bound.
const HANDSHAKES: usize = 64;

/// Accepts connections on an endpoint for ever.
pub async fn accept(
    endpoint: Endpoint,
    form: Form,
    directory: Arc<EndorsedDirectory>,
    local: Arc<Local>,
    links: Arc<Links>,
    serve: mpsc::UnboundedSender<Arc<Session>>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    while let Some(incoming) = endpoint.accept().await {
        if !incoming.remote_address_validated() {
            // A retry costs nothing here and makes a forged source address useless.
            let _ = incoming.retry();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            local.metrics.count("creditbay_handshakes_turned_away_total", &[]);
            incoming.refuse();
            continue;
        };
        let (directory, local, links, serve) = (directory.clone(), local.clone(), links.clone(), serve.clone());
        tokio::spawn(async move {
            match greet(incoming, form, &directory, &local).await {
                Ok(session) => {
                    if form == Form::RawPublicKey && session.peer().region < local.region {
                        links.accepted(&session);
                    }
                    let _ = serve.send(session);
                }
                Err(error) => {
                    local.metrics.count("creditbay_handshakes_refused_total", &[]);
                    tracing::debug!("a connection was refused: {error}");
                }
            }
            drop(permit);
        });
    }
}

async fn greet(
    incoming: Incoming,
    form: Form,
    directory: &EndorsedDirectory,
    local: &Arc<Local>,
) -> Result<Arc<Session>, SessionError> {
    let connection = tokio::time::timeout(STREAM_WAIT, incoming).await.map_err(|_| SessionError::Slow)?;
    let connection = connection.map_err(|error| SessionError::Transport(error.to_string()))?;
    let certificates = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().ok());
    let key = certificates.as_ref().and_then(|chain| proven_key(chain.first()?, form));
    let entry =
        key.and_then(|key| directory.by_tls(&key)).ok_or(SessionError::Control("a key that the directory does not name"))?;
    let peer = Peer { region: entry.name, log: entry.log_origin };
    Session::establish(connection, peer, local.clone()).await
}

/// Answers what comes over the sessions, whoever dialled them.
pub async fn answer_all(exchange: Arc<Exchange>, mut sessions: mpsc::UnboundedReceiver<Arc<Session>>) {
    while let Some(session) = sessions.recv().await {
        let exchange = exchange.clone();
        tokio::spawn(async move {
            while let Ok((send, recv)) = session.connection().accept_bi().await {
                tokio::spawn(answer_one(exchange.clone(), session.clone(), send, recv));
            }
        });
    }
}

async fn answer_one(exchange: Arc<Exchange>, session: Arc<Session>, mut send: SendStream, mut recv: RecvStream) {
    let answered = answer(&exchange, &session, &mut recv).await;
    match answered {
        Ok(frame) => {
            if send.write_all(&frame).await.is_ok() {
                let _ = send.finish();
            }
        }
        Err(fault) => {
            let labels = [("peer", session.peer().region.as_str()), ("fault", fault.as_str())];
            exchange.metrics.count("creditbay_faults_total", &labels);
            let code = VarInt::from_u32(u32::from(fault.code()));
            let _ = send.reset(code);
            let _ = recv.stop(code);
        }
    }
}

async fn answer(exchange: &Exchange, session: &Session, recv: &mut RecvStream) -> Result<Vec<u8>, Fault> {
    let frame = tokio::time::timeout(STREAM_WAIT, recv.read_to_end(MAX_FRAME_BYTES)).await.map_err(|_| Fault::Malformed)?;
    let frame = frame.map_err(|error| match error {
        quinn::ReadToEndError::TooLong => Fault::Oversized,
        quinn::ReadToEndError::Read(_) => Fault::Malformed,
    })?;
    let released = exchange.answer(session.peer(), &frame).await?;
    let appended = session.announce(released.appended()).map_err(|_| Fault::LogStopped)?;
    released.frame(&appended)
}
