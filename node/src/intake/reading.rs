//! What a row is once it was read.

use creditbay_configs::rules::record::Record;
use creditbay_protocol::identifier::Identifier;

use crate::store::records::{Action, Amendment};

/// What a row says of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A record.
    Record(Record),
    /// What happened to one.
    Amendment(Amendment),
}

/// What a row is, if it is not rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// About an entity.
    Good(Identifier, Entry),
    /// About a natural person.
    Person,
}

impl Entry {
    /// What two rows that say the same thing of the same document share.
    pub fn key(&self) -> [u8; 16] {
        match self {
            Self::Record(record) => {
                let mut key = [0; 16];
                key.copy_from_slice(&record.key.0[16..]);
                key
            }
            Self::Amendment(Amendment { document, action, .. }) => {
                let mut key = document.bytes();
                key[0] ^= u8::from(*action == Action::Withdrawn);
                key
            }
        }
    }
}
