//! What was ordered and is in force: rule packs, suspensions, withdrawals (PROTOCOL 18.5).
//!
//! Whoever judges a question holds what is in force until its leaf has its place in the queue, and an order waits for them: so no leaf
//! that an order forbids stands behind the order's own. Each order is a leaf before it is in force. Not here: budgets (`ledger`).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::{Authorisation, ChannelName};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Suspended};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::Predicate;
use creditbay_protocol::refusal::Refusal;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::packs::{Packs, PacksError};
use crate::log::Log;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::store::Store;
use crate::store::ledger::{self as layout, Activation};
use crate::store::log::RowError;

/// What was ordered.
pub struct Orders {
    packs: Packs,
    state: RwLock<State>,
}

struct State {
    activations: Vec<Activation>,
    suspended: BTreeSet<Suspended>,
    withdrawn: HashSet<(Digest, ChannelName)>,
}

/// What is in force, and stays so while this is held.
pub struct InForce<'a> {
    packs: &'a Packs,
    state: RwLockReadGuard<'a, State>,
}

/// Why orders cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// The store cannot be read.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The packs do not fit what the log says.
    #[error(transparent)]
    Packs(#[from] PacksError),
}

impl Orders {
    /// What the store says is in force, with the packs that were loaded.
    pub fn recover(store: &dyn Store, packs: Vec<Arc<RulePack>>, now: Millis) -> Result<Self, OrdersError> {
        let activations = layout::activations(store)?;
        let packs = Packs::new(packs, &activations, now)?;
        let suspended = layout::suspensions(store)?.into_iter().collect();
        let withdrawn = layout::withdrawn(store)?.into_iter().collect();
        Ok(Self { packs, state: RwLock::new(State { activations, suspended, withdrawn }) })
    }

    /// What is in force now; a pack whose day has come is activated first.
    pub async fn in_force(&self, log: &Log, now: Millis) -> Result<InForce<'_>, LogError> {
        loop {
            let state = self.state.read().await;
            let Some(event) = self.packs.due(&state.activations, now) else {
                return Ok(InForce { packs: &self.packs, state });
            };
            drop(state);
            let mut state = self.state.write().await;
            if self.packs.due(&state.activations, now).as_ref() == Some(&event) {
                let appended = log.append(Entry::Event(event.clone())).await?;
                state.apply(&event, appended.committed.time());
            }
        }
    }

    /// What is in force, as a node sees it that has begun; nothing is activated.
    pub async fn read(&self) -> InForce<'_> {
        InForce { packs: &self.packs, state: self.state.read().await }
    }

    /// Gives an order: a leaf, durable, and from then on in force.
    pub async fn give(&self, log: &Log, event: Event) -> Result<Appended, LogError> {
        let mut state = self.state.write().await;
        let appended = log.append(Entry::Event(event.clone())).await?;
        state.apply(&event, appended.committed.time());
        Ok(appended)
    }
}

impl State {
    fn apply(&mut self, event: &Event, at: Millis) {
        match event {
            Event::PackActivated { pack, serial, overlap } => {
                self.activations.push(Activation { pack: *pack, serial: *serial, at, overlap: *overlap });
            }
            Event::Suspension { of, in_force: true } => drop(self.suspended.insert(*of)),
            Event::Suspension { of, in_force: false } => drop(self.suspended.remove(of)),
            Event::AuthorisationWithdrawn { authorisation, channel } => {
                self.withdrawn.insert((*authorisation, *channel));
            }
            Event::PortfolioDeclared { .. } | Event::TurnedAway { .. } | Event::Withheld { .. } | Event::TrustDecided { .. } => {}
            Event::LogRetired { .. } | Event::LogBegun { .. } | Event::LogBegunAfterLoss { .. } => {}
            Event::EarlierOpeningsShown { .. } => {}
            Event::Erased(_) | Event::OpeningsShown(_) | Event::ErasureNotified(_) => {}
        }
    }
}

impl InForce<'_> {
    /// The pack under which this node asks.
    pub fn pack(&self) -> &Arc<RulePack> {
        let active = self.packs.active(&self.state.activations);
        active.expect("invariant: Packs::new found a pack in force, and a node activates it before it opens its doors")
    }

    /// The pack by which a query is judged.
    pub fn pack_for(&self, named: Digest, asked: Millis) -> Result<&Arc<RulePack>, Refusal> {
        self.packs.for_query(&self.state.activations, named, asked)
    }

    /// Whether the peer, or a type that is asked, is suspended here.
    pub fn check_suspensions(&self, peer: Region, predicates: &[Predicate]) -> Result<(), Refusal> {
        if self.state.suspended.contains(&Suspended::Peer(peer)) {
            return Err(Refusal::PeerSuspended);
        }
        let suspended = |predicate: &Predicate| self.state.suspended.contains(&Suspended::Type(predicate.of()));
        if predicates.iter().any(suspended) { Err(Refusal::TypeSuspended) } else { Ok(()) }
    }

    /// Whether an authorisation was withdrawn here, by the channel that took it down.
    pub fn check_withdrawal(&self, authorisation: &Authorisation) -> Result<(), Refusal> {
        let withdrawn = self.state.withdrawn.contains(&(authorisation.digest(), authorisation.channel));
        if withdrawn { Err(Refusal::AuthorisationWithdrawn) } else { Ok(()) }
    }

    /// What is suspended, for the operator.
    pub fn suspended(&self) -> Vec<Suspended> {
        self.state.suspended.iter().copied().collect()
    }

    /// The activations so far, for the operator.
    pub fn activations(&self) -> &[Activation] {
        &self.state.activations
    }
}
