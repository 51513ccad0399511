//! The way from one city's log to the witness of another, in place of HTTP: offers and cosignatures cross, are lost, come late.
//!
//! Offering and cosigning are the daemon's own (`node::witness`). Not here: what is published, which no schedule asks for.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use creditbay_node::witness::connect::{Answer, Called, ConnectError, Way};
use creditbay_node::witness::door::{Door, DoorFault};
use creditbay_protocol::name::Region;
use creditbay_protocol::witness::WitnessFault;
use tokio::sync::oneshot;

use super::bay::{Bay, lock};
use super::weather::Fate;

/// The way to a witness.
pub(crate) struct ToWitness {
    /// The network.
    pub(crate) bay: Weak<Bay>,
    /// Whose log is offered.
    pub(crate) from: Region,
    /// Whose witness it is.
    pub(crate) to: Region,
}

impl Way for ToWitness {
    fn call<'a>(&'a mut self, method: &'a str, path: &'a str, body: Vec<u8>) -> Called<'a> {
        Box::pin(async move {
            let bay = self.bay.upgrade().ok_or_else(gone)?;
            self.cross(&bay).await?;
            let process = bay.city(self.to).process().filter(|process| process.serving.is_open()).ok_or_else(gone)?;
            let (door, asked) = (process.door.clone(), (method == "POST").then_some(body));
            let (done, answered) = oneshot::channel();
            let (told, path) = (bay.clone(), path.to_owned());
            let (from, to) = (self.from, self.to);
            process.spawn(async move {
                let answer = match asked {
                    Some(body) => add_checkpoint(&told, from, to, &door, &body).await,
                    None => newest(&door, &path).await,
                };
                let _ = done.send(answer);
            });
            let answer = answered.await.map_err(|_| gone())?;
            self.cross(&bay).await?;
            Ok(answer)
        })
    }

    fn begin_anew(&mut self) {}
}

impl ToWitness {
    /// One message in one direction.
    async fn cross(&self, bay: &Bay) -> Result<(), ConnectError> {
        let weather = *lock(&bay.weather);
        let (fate, delay) = (weather.fate(&bay.chance), weather.delay(&bay.chance));
        tokio::time::sleep(delay).await;
        match fate {
            // A copy of a store that one's own connection does not reach may reach one's door.
            _ if bay.is_cut(self.from, self.to) && bay.culprit != Some(self.from) => Err(gone()),
            Fate::Arrives | Fate::Twice(_) => Ok(()),
            Fate::Resets => Err(gone()),
            Fate::Vanishes => std::future::pending().await,
        }
    }
}

fn gone() -> ConnectError {
    ConnectError::Unreachable(io::Error::from(io::ErrorKind::ConnectionReset))
}

async fn add_checkpoint(bay: &Arc<Bay>, of: Region, at: Region, door: &Door, body: &[u8]) -> Answer {
    let (status, body) = match door.add_checkpoint(body).await {
        Ok(line) => {
            bay.model.cosigned(of, at, body, &bay.city(at).witnessed());
            (200, line)
        }
        Err(DoorFault::Refused(WitnessFault::Conflict { latest })) => (409, format!("{latest}\n")),
        Err(DoorFault::Refused(fault)) => {
            bay.story.tell("not cosigned", format_args!("{of} by {at}: {fault}"));
            (fault.status(), String::new())
        }
        Err(fault) => {
            bay.story.tell("not cosigned", format_args!("{of} by {at}: {fault}"));
            (500, String::new())
        }
    };
    Answer { status, body: Bytes::from(body) }
}

async fn newest(door: &Door, path: &str) -> Answer {
    let origin = path.trim_start_matches('/').trim_end_matches("/checkpoint");
    match door.newest(origin).await {
        Some(note) => Answer { status: 200, body: Bytes::from(note) },
        None => Answer { status: 404, body: Bytes::new() },
    }
}
