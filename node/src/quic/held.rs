//! The connections that each peer has open here, bounded: what one costs is bounded, so their number has to be (PROTOCOL 24.3).
//!
//! The newest stays, since a peer that lost its end of a connection dials again before this end has noticed. Not here: what one costs
//! (`endpoint`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use creditbay_protocol::name::Region;
use quinn::{Connection, VarInt};

/// Connections that one peer may have open: one of its node, one of a node that it is just replacing, and the same with a certificate.
pub const PER_PEER: usize = 4;
/// The code that closes the oldest when there is one more.
const TOO_MANY: VarInt = VarInt::from_u32(3);

/// What each peer has open.
#[derive(Default)]
pub struct Held(Mutex<BTreeMap<Region, VecDeque<Connection>>>);

impl Held {
    /// Holds one more; whether an older one had to be closed for it.
    pub fn hold(&self, peer: Region, connection: Connection) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = held.entry(peer).or_default();
        open.retain(|connection| connection.close_reason().is_none());
        open.push_back(connection);
        let oldest = if open.len() > PER_PEER { open.pop_front() } else { None };
        if let Some(oldest) = &oldest {
            oldest.close(TOO_MANY, b"more connections than one peer may have");
        }
        oldest.is_some()
    }
}
