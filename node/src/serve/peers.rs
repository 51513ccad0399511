//! The peers' door: answers what comes over every session, whoever dialled it (PROTOCOL 18, 24 and 32.3).
//!
//! Not here: connections (`quic`), and what the answer is (`exchange::answer`).

use std::sync::Arc;

use creditbay_protocol::frame::Kind;
use creditbay_protocol::refusal::Fault;
use tokio::sync::mpsc;

use crate::exchange::Exchange;
use crate::quic::inbound::Inbound;
use crate::quic::session::Session;

/// Answers what comes over the sessions until the last is gone.
pub async fn answer_all(exchange: Arc<Exchange>, mut sessions: mpsc::UnboundedReceiver<Arc<Session>>) {
    while let Some(session) = sessions.recv().await {
        let exchange = exchange.clone();
        tokio::spawn(async move {
            while let Some(inbound) = session.next().await {
                tokio::spawn(answer_one(exchange.clone(), session.clone(), inbound));
            }
        });
    }
}

async fn answer_one(exchange: Arc<Exchange>, session: Arc<Session>, mut inbound: Inbound) {
    match answer(&exchange, &session, &mut inbound).await {
        Ok(frame) => inbound.reply(&frame).await,
        Err(fault) => {
            let labels = [("peer", session.peer().region.as_str()), ("fault", fault.as_str())];
            exchange.metrics.count("creditbay_faults_total", &labels);
            inbound.refuse(fault);
        }
    }
}

async fn answer(exchange: &Arc<Exchange>, session: &Session, inbound: &mut Inbound) -> Result<Vec<u8>, Fault> {
    let frame = inbound.frame().await?;
    if Kind::of(&frame)? == Kind::Erasure {
        let acknowledging = exchange.take_notice(session.peer(), &frame).await?;
        let appended = session.announce(acknowledging.appended()).map_err(|_| Fault::LogStopped)?;
        return acknowledging.frame(&appended, &exchange.entropy.seed());
    }
    let released = exchange.answer(session.peer(), &frame).await?;
    let appended = session.announce(released.appended()).map_err(|_| Fault::LogStopped)?;
    if let Some(note) = released.cosigned() {
        // Proved under another head than the cosigned one, which this connection never heard of: the peer asks again.
        if appended.head.signed().checkpoint() != note.checkpoint() {
            return Err(Fault::CheckpointMissing);
        }
        session.announce_cosigned(&appended.head, note).map_err(|_| Fault::LogStopped)?;
    }
    released.frame(&appended)
}
