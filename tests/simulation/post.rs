//! Frames on their way from one node to another, and what comes back: queries, notices of erasures.
//!
//! What is there is answered as the daemon's door does it (`node::serve::peers`). Not here: connections (`wire`), and what befalls a
//! message (`weather`).

use std::sync::Arc;

use creditbay_node::exchange::network::LinkError;
use creditbay_protocol::frame::{self, Kind};
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Fault;
use tokio::sync::{Semaphore, oneshot};

use super::bay::{Bay, lock, unless};
use super::mutant::Mutant;
use super::twice;
use super::weather::Fate;
use super::wire::Link;

/// What comes back for a frame.
pub(crate) type Answered = oneshot::Sender<Result<Vec<u8>, LinkError>>;

/// Sends a frame on its way.
pub(crate) fn send_frame(bay: &Arc<Bay>, link: &Arc<Link>, to: Region, what: &'static str, frame: Vec<u8>, answered: Answered) {
    let weather = *lock(&bay.weather);
    let (fate, delay) = (weather.fate(&bay.chance), weather.delay(&bay.chance));
    bay.story.tell(what, format_args!("to {to}: {fate:?} {delay:?}"));
    let (under_way, link) = (bay.clone(), link.clone());
    bay.carry(async move {
        let crossed = async {
            tokio::time::sleep(delay).await;
            match fate {
                Fate::Arrives => arrive(&under_way, &link, to, frame, answered),
                Fate::Twice(later) => {
                    arrive(&under_way, &link, to, frame.clone(), answered);
                    tokio::time::sleep(later).await;
                    arrive(&under_way, &link, to, frame, oneshot::channel().0);
                }
                Fate::Vanishes => vanish(answered).await,
                Fate::Resets => link.closed.open(),
            }
        };
        unless(&link.closed, crossed).await;
    });
}

/// Nobody hears of it: the other end waits until it waits no longer.
async fn vanish(mut answered: Answered) {
    answered.closed().await;
}

/// A frame is there: the node answers it as its door does.
fn arrive(bay: &Arc<Bay>, link: &Arc<Link>, at: Region, frame: Vec<u8>, answered: Answered) {
    let (bay, link) = (bay.clone(), link.clone());
    let process = link.end(at).process.clone();
    if process.ended.is_open() {
        return;
    }
    let serving = process.clone();
    process.spawn(async move {
        serving.serving.wait().await;
        let replied = match Kind::of(&frame) {
            Ok(Kind::Exchange) => answer(&bay, &link, at, &frame).await,
            Ok(Kind::Erasure) => take_notice(&bay, &link, at, &frame).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &replied {
            bay.story.tell("fault", format_args!("{at} {fault:?}"));
        }
        send_reply(&bay, &link, replied.map_err(LinkError::Fault), answered);
    });
}

async fn answer(bay: &Arc<Bay>, link: &Arc<Link>, at: Region, frame: &[u8]) -> Result<Vec<u8>, Fault> {
    let end = link.end(at);
    let index = frame::decode::<Query>(frame)?.place.index;
    let looking = lock(&end.looking).entry(index).or_insert_with(|| Arc::new(Semaphore::new(2))).clone();
    let _looking = looking.acquire_owned().await.map_err(|_| Fault::Closing)?;
    let exchange = &end.process.exchange;
    let announce = |appended: &_| end.announce(link, appended);
    let reply = match bay.mutant {
        Some(Mutant::AnswersTwice) => twice::answer(exchange, &end.peer, frame, announce).await?,
        Some(Mutant::WaitsForNoWitness) => twice::answer_unwitnessed(exchange, &end.peer, frame, announce).await?,
        _ => {
            let released = exchange.answer(&end.peer, frame).await?;
            let appended = announce(released.appended()).map_err(|_| Fault::LogStopped)?;
            if let Some(note) = released.cosigned() {
                // Proved under another head than the cosigned one, which this connection never heard of: the peer asks again.
                if appended.head.signed().checkpoint() != note.checkpoint() {
                    return Err(Fault::CheckpointMissing);
                }
                end.announce_cosigned(link, &appended.head, note).map_err(|_| Fault::LogStopped)?;
            }
            released.frame(&appended)?
        }
    };
    bay.model.reply_released(at, &reply);
    Ok(reply)
}

async fn take_notice(bay: &Arc<Bay>, link: &Arc<Link>, at: Region, frame: &[u8]) -> Result<Vec<u8>, Fault> {
    let end = link.end(at);
    let exchange = &end.process.exchange;
    let acknowledging = exchange.take_notice(&end.peer, frame).await?;
    let appended = end.announce(link, acknowledging.appended()).map_err(|_| Fault::LogStopped)?;
    let word = acknowledging.frame(&appended, &exchange.entropy.seed())?;
    bay.model.word_released(at, &word);
    Ok(word)
}

fn send_reply(bay: &Arc<Bay>, link: &Arc<Link>, replied: Result<Vec<u8>, LinkError>, answered: Answered) {
    let weather = *lock(&bay.weather);
    let (fate, delay) = (weather.fate(&bay.chance), weather.delay(&bay.chance));
    bay.story.tell("reply on its way", format_args!("{fate:?} {delay:?}"));
    let link = link.clone();
    bay.carry(async move {
        let crossed = async {
            tokio::time::sleep(delay).await;
            match fate {
                Fate::Arrives | Fate::Twice(_) => drop(answered.send(replied)),
                Fate::Vanishes => vanish(answered).await,
                Fate::Resets => link.closed.open(),
            }
        };
        unless(&link.closed, crossed).await;
    });
}
