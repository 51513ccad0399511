//! What a batch changes beside its leaves: balances, and the rows of what was ordered (PROTOCOL 22.4).
//!
//! Written in the batch of the leaves, so that what was spent and what says so become durable together. Not here: what may be spent.

use std::collections::HashMap;

use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::Event;

use crate::store::ledger::{self as layout, Account, Activation, Balance, Declaration, Spending};
use crate::store::log::RowError;
use crate::store::{Batch, Store};

/// Balances that stay in memory; above this many they are read again where they are needed.
const KEPT: usize = 65_536;
/// Balances of past days that one batch removes at most.
const FORGOTTEN: usize = 256;

/// The durable balances, as far as they were looked at.
#[derive(Default)]
pub(super) struct Balances {
    known: HashMap<Account, Balance>,
    day: i32,
    /// Whether balances of past days may still be there.
    stale: bool,
}

impl Balances {
    /// Adds what is spent to the balances, into the batch.
    pub(super) fn write<'a>(
        &mut self,
        store: &dyn Store,
        batch: &mut Batch,
        spendings: impl Iterator<Item = &'a Spending>,
        now: Millis,
    ) -> Result<(), RowError> {
        let today = now.day().number();
        if self.day != today || self.known.len() > KEPT {
            *self = Self { day: today, stale: true, ..Self::default() };
        }
        if self.stale {
            self.stale = layout::forget_before(store, batch, today, FORGOTTEN)? == FORGOTTEN;
        }
        let mut changed: HashMap<Account, Balance> = HashMap::new();
        for Spending { account, amount } in spendings {
            let balance = match changed.get(account).or_else(|| self.known.get(account)) {
                Some(balance) => *balance,
                None => {
                    if let Account::Portfolio { portfolio } = account {
                        layout::set_portfolio_begun(store, batch, portfolio, now.day())?;
                    }
                    layout::balance(store, account)?
                }
            };
            changed.insert(*account, balance.plus(*amount));
        }
        for (account, balance) in changed {
            layout::set_balance(batch, &account, &balance);
            self.known.insert(account, balance);
        }
        Ok(())
    }
}

/// The row of an order, into the batch of its leaf.
pub(super) fn write_order(batch: &mut Batch, event: &Event, at: Millis) {
    match event {
        Event::PackActivated { pack, serial, overlap } => {
            layout::set_activation(batch, &Activation { pack: *pack, serial: *serial, at, overlap: *overlap });
        }
        Event::Suspension { of, in_force } => layout::set_suspension(batch, *of, *in_force),
        Event::AuthorisationWithdrawn { authorisation, channel } => layout::set_withdrawn(batch, authorisation, channel, at),
        Event::PortfolioDeclared { portfolio, organisation, purpose, size, until } => {
            let declaration = Declaration { organisation: *organisation, purpose: *purpose, size: *size, until: *until };
            layout::set_declaration(batch, portfolio, &declaration);
        }
        Event::Withheld { answer } => layout::set_withheld(batch, *answer),
        Event::TurnedAway { .. } | Event::TrustDecided { .. } | Event::LogRetired { .. } | Event::LogBegun { .. } => {}
        Event::Erased(_) | Event::OpeningsShown(_) | Event::ErasureNotified(_) => {}
        Event::LogBegunAfterLoss { .. } | Event::EarlierOpeningsShown { .. } => {}
    }
}
