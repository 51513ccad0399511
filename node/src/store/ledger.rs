//! What was spent and what was ordered, beside the leaves that say so: keys and values of the log's tree (PROTOCOL 22.4).
//!
//! | key | value |
//! |---|---|
//! | `B` · day u32 · account | the balance of an account of that day |
//! | `Y` · year u16 · region | the balance of a peer in that calendar year |
//! | `A` · digest | which uses of an authorisation were spent |
//! | `O` · digest [· tag] | what was spent of a portfolio, and of one subject in it |
//! | `P` · serial u32 | a rule pack's activation |
//! | `U` · what | a suspension in force |
//! | `W` · digest · channel | when the channel withdrew an authorisation |
//! | `D` · digest | the day on which a portfolio was first asked under |
//! | `F` · digest | a declared portfolio |
//! | `X` · answer u64 | that answer waited for witnesses: empty, it was withheld; 1, it left |
//!
//! Subjects stand here as keyed tags alone. Each value is written in the batch of the leaf that changes it. Not here: what may be spent
//! (`policy::ledger`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::event::{Overlap, Suspended};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::wire;

use super::log::RowError;
use super::{Batch, Store, StoreError, Tree};

/// A subject as budgets know it: half of an HMAC under a key of the day or of the portfolio.
pub type Tag = [u8; 16];

/// What is counted. Days are civil dates in UTC+8 by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Answers to an organisation of a peer, its subjects, and those of them that nobody knew.
    Requester {
        /// The day.
        day: i32,
        /// The region that asks.
        peer: Region,
        /// For whom.
        organisation: OrganisationId,
    },
    /// Answers to a peer.
    Peer {
        /// The day.
        day: i32,
        /// The region that asks.
        peer: Region,
    },
    /// Answers to an organisation about one subject, and the types that it learnt of.
    Subject {
        /// The day.
        day: i32,
        /// The subject, for that organisation.
        tag: Tag,
    },
    /// Answers about natural persons to a peer.
    Volume {
        /// The calendar year.
        year: i16,
        /// The region that asks.
        peer: Region,
    },
    /// Uses of an authorisation, a bit for each.
    Uses {
        /// Its digest.
        authorisation: Digest,
    },
    /// Subjects asked about under a portfolio.
    Portfolio {
        /// Its digest.
        portfolio: Digest,
    },
    /// One subject of a portfolio.
    PortfolioSubject {
        /// Its digest.
        portfolio: Digest,
        /// The subject, for that organisation.
        tag: Tag,
    },
}

impl Account {
    /// The day of an account that begins anew with each day.
    pub fn day(&self) -> Option<i32> {
        match self {
            Self::Requester { day, .. } | Self::Peer { day, .. } | Self::Subject { day, .. } => Some(*day),
            Self::Volume { .. } | Self::Uses { .. } | Self::Portfolio { .. } | Self::PortfolioSubject { .. } => None,
        }
    }

    fn key(&self) -> Vec<u8> {
        let day = |day: &i32, rest: &[&[u8]]| [&[b"B".as_slice(), &day_bytes(*day)], rest].concat().concat();
        match self {
            Self::Requester { day: of, peer, organisation } => day(of, &[b"r", &wire::encode(peer), &wire::encode(organisation)]),
            Self::Peer { day: of, peer } => day(of, &[b"p", &wire::encode(peer)]),
            Self::Subject { day: of, tag } => day(of, &[b"s", tag]),
            Self::Volume { year, peer } => [b"Y".as_slice(), &year.to_be_bytes(), &wire::encode(peer)].concat(),
            Self::Uses { authorisation } => [b"A".as_slice(), &authorisation.0].concat(),
            Self::Portfolio { portfolio } => [b"O".as_slice(), &portfolio.0].concat(),
            Self::PortfolioSubject { portfolio, tag } => [b"O".as_slice(), &portfolio.0, tag].concat(),
        }
    }
}

fn day_bytes(day: i32) -> [u8; 4] {
    u32::try_from(day).unwrap_or(0).to_be_bytes()
}

/// What stands on an account: counts that add up, and bits that are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Balance {
    /// Answers.
    pub answers: u32,
    /// Subjects.
    pub subjects: u32,
    /// Subjects that are not held.
    pub unknown: u32,
    /// Types by their code, or uses by their number.
    pub bits: u64,
}

impl Balance {
    /// The balance after this much more was spent.
    pub fn plus(self, more: Self) -> Self {
        Self {
            answers: self.answers.saturating_add(more.answers),
            subjects: self.subjects.saturating_add(more.subjects),
            unknown: self.unknown.saturating_add(more.unknown),
            bits: self.bits | more.bits,
        }
    }
}

/// One account and what is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// The account.
    pub account: Account,
    /// How much.
    pub amount: Balance,
}

/// The balance of an account; nothing where nothing was spent.
pub fn balance(store: &dyn Store, account: &Account) -> Result<Balance, RowError> {
    let value = store.get(Tree::Log, &account.key())?;
    value.map_or(Ok(Balance::default()), |value| read("balance", &value))
}

/// Writes the balance of an account.
pub fn set_balance(batch: &mut Batch, account: &Account, balance: &Balance) {
    batch.set(account.key(), wire::encode(balance));
}

/// Removes up to `limit` balances of days before this one; returns how many.
pub fn forget_before(store: &dyn Store, batch: &mut Batch, day: i32, limit: usize) -> Result<usize, RowError> {
    let old = store.range(Tree::Log, b"B", &[b"B".as_slice(), &day_bytes(day)].concat(), limit)?;
    let count = old.len();
    old.into_iter().for_each(|(key, _)| batch.remove(key));
    Ok(count)
}

/// Writes the day on which a portfolio is first asked under, unless that is known.
pub fn set_portfolio_begun(store: &dyn Store, batch: &mut Batch, portfolio: &Digest, day: Day) -> Result<(), RowError> {
    let key = [b"D".as_slice(), &portfolio.0].concat();
    if store.get(Tree::Log, &key)?.is_none() {
        batch.set(key, wire::encode(&day));
    }
    Ok(())
}

/// The portfolios that are asked under, each with its first day.
pub fn portfolios(store: &dyn Store) -> Result<Vec<(Digest, Day)>, RowError> {
    let pairs = store.range(Tree::Log, b"D", b"E", usize::MAX)?;
    pairs
        .iter()
        .map(|(key, value)| Ok((read("portfolio", key.get(1..).unwrap_or_default())?, read("portfolio", value)?)))
        .collect()
}

/// Removes a portfolio's balances and its first day.
pub fn forget_portfolio(store: &dyn Store, batch: &mut Batch, portfolio: &Digest) -> Result<(), StoreError> {
    let from = [b"O".as_slice(), &portfolio.0].concat();
    let to = [from.as_slice(), &[0xff; 17]].concat();
    store.range(Tree::Log, &from, &to, usize::MAX)?.into_iter().for_each(|(key, _)| batch.remove(key));
    batch.remove([b"D".as_slice(), &portfolio.0].concat());
    Ok(())
}

/// A rule pack's activation, as its leaf says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Activation {
    /// SHA-256 of the pack's file.
    pub pack: Digest,
    /// Its edition.
    pub serial: u32,
    /// The time of the leaf.
    pub at: Millis,
    /// The pack before it, and how long that one still answers.
    pub overlap: Option<Overlap>,
}

/// Writes an activation.
pub fn set_activation(batch: &mut Batch, activation: &Activation) {
    batch.set([b"P".as_slice(), &activation.serial.to_be_bytes()].concat(), wire::encode(activation));
}

/// All activations, the oldest first.
pub fn activations(store: &dyn Store) -> Result<Vec<Activation>, RowError> {
    let pairs = store.range(Tree::Log, b"P", b"Q", usize::MAX)?;
    pairs.iter().map(|(_, value)| read("activation", value)).collect()
}

/// Writes a suspension, or that it is over.
pub fn set_suspension(batch: &mut Batch, of: Suspended, in_force: bool) {
    let key = [b"U".as_slice(), &wire::encode(&of)].concat();
    if in_force { batch.set(key, wire::encode(&of)) } else { batch.remove(key) }
}

/// All suspensions in force.
pub fn suspensions(store: &dyn Store) -> Result<Vec<Suspended>, RowError> {
    let pairs = store.range(Tree::Log, b"U", b"V", usize::MAX)?;
    pairs.iter().map(|(_, value)| read("suspension", value)).collect()
}

/// Writes that a channel withdrew an authorisation.
pub fn set_withdrawn(batch: &mut Batch, authorisation: &Digest, channel: &ChannelName, at: Millis) {
    batch.set([b"W".as_slice(), &authorisation.0, &wire::encode(channel)].concat(), wire::encode(&at));
}

/// All authorisations that were withdrawn here, each with the channel that said so.
pub fn withdrawn(store: &dyn Store) -> Result<Vec<(Digest, ChannelName)>, RowError> {
    let pairs = store.range(Tree::Log, b"W", b"X", usize::MAX)?;
    pairs.iter().map(|(key, _)| read("withdrawal", key.get(1..).unwrap_or_default())).collect()
}

/// A declared portfolio, as its leaf says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Declaration {
    /// Whose.
    pub organisation: OrganisationId,
    /// What for.
    pub purpose: Purpose,
    /// About how many subjects at most.
    pub size: u32,
    /// Until when.
    pub until: Millis,
}

/// Writes a declared portfolio.
pub fn set_declaration(batch: &mut Batch, portfolio: &Digest, declaration: &Declaration) {
    batch.set([b"F".as_slice(), &portfolio.0].concat(), wire::encode(declaration));
}

/// A declared portfolio.
pub fn declaration(store: &dyn Store, portfolio: &Digest) -> Result<Option<Declaration>, RowError> {
    let value = store.get(Tree::Log, &[b"F".as_slice(), &portfolio.0].concat())?;
    value.map(|value| read("portfolio", &value)).transpose()
}

fn read<T: Encode + Decode<()>>(what: &'static str, value: &[u8]) -> Result<T, RowError> {
    wire::decode(value, 256).map_err(|error| RowError::Unreadable { what, number: 0, error })
}

/// What became of an answer that waited for witnesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It was withheld, and never leaves.
    Withheld,
    /// It left, and is never withheld.
    Left,
}

/// Writes that an answer was withheld.
pub fn set_withheld(batch: &mut Batch, answer: u64) {
    batch.set(waited_key(answer), Vec::new());
}

/// Writes that an answer leaves, its witnesses having cosigned it.
pub fn set_left(batch: &mut Batch, answer: u64) {
    batch.set(waited_key(answer), vec![1]);
}

/// What became of an answer that waited for witnesses; nothing where it waits still, or had none to wait for.
pub fn waited(store: &dyn Store, answer: u64) -> Result<Option<Waited>, StoreError> {
    let value = store.get(Tree::Log, &waited_key(answer))?;
    Ok(value.map(|value| if value.is_empty() { Waited::Withheld } else { Waited::Left }))
}

fn waited_key(answer: u64) -> Vec<u8> {
    [b"X".as_slice(), &answer.to_be_bytes()].concat()
}
