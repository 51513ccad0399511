//! What may still be spent: budgets of organisations, peers and subjects, uses of authorisations, volumes (PROTOCOL 18.4; design 6).
//!
//! What is asked for is reserved here, under one lock, before an answer is pronounced; it becomes durable in the batch of the answer's
//! leaf, and a reservation whose leaf was never written is given back. So a fault or a retry spends neither twice nor not at all, and
//! answers that are formed at one time cannot together overspend. Not here: keys and values (`store::ledger`), the figures (rule pack).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_configs::rules::budgets::{Budgets, Volumes};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::Uses;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::limits::MAX_USES;
use creditbay_protocol::name::Region;
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::{Budget, Refusal};

use super::tags::Tags;
use crate::host::keys::KeyError;
use crate::store::ledger::{self as layout, Account, Balance, Spending};
use crate::store::log::{RowError, head};
use crate::store::{Batch, Store, StoreError, Tree};

const DAY_MS: u64 = 86_400_000;

/// The ledger; clones share it.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    tags: Tags,
    state: Mutex<State>,
}

/// Balances with everything that is reserved, as far as they were looked at today.
#[derive(Default)]
struct State {
    day: Option<Day>,
    balances: HashMap<Account, Balance>,
    /// Reservations that are neither settled nor given back.
    in_flight: usize,
    /// Thresholds of volume that were told: who, in which year, which.
    told: BTreeSet<(Region, i16, u64)>,
}

/// What an answer, or the use of an authorisation, will have spent once its leaf is durable. Dropped before it is `settled`, it is given
/// back.
pub struct Reservation {
    ledger: Ledger,
    spendings: Vec<Spending>,
    settled: bool,
}

/// What an answer costs beside its being one.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Whether the subject is not held here: somebody may be trying out identifiers.
    pub unknown: bool,
}

/// A threshold of volume that a peer comes near to or has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeWarning {
    /// The peer.
    pub peer: Region,
    /// Answers about natural persons in this calendar year.
    pub persons: u64,
    /// The threshold.
    pub threshold: u64,
}

impl Ledger {
    /// The ledger that the store holds.
    pub fn new(store: Arc<dyn Store>, tags: Tags) -> Self {
        Self(Arc::new(Shared { store, tags, state: Mutex::default() }))
    }

    /// Forgets the subjects of days and portfolios that are over: their keys are destroyed, so that tags which the store has or had tell
    /// nothing any more. A day is over once the log has left it, or a day after it, whatever the clock is set back to then.
    pub fn forget(&self, now: Millis, portfolio_days: u32) -> Result<(), ReserveError> {
        let (store, today, yesterday) = (&*self.0.store, now.day(), now.minus(DAY_MS).day());
        let of_log = head(store)?.map_or(yesterday, |head| head.time.day());
        self.0.tags.forget_days(yesterday.max(of_log.min(today)))?;
        for (portfolio, first) in layout::portfolios(store)? {
            if first.plus_days(portfolio_days) >= yesterday {
                continue;
            }
            self.0.tags.forget_portfolio(&portfolio)?;
            let mut batch = Batch::default();
            layout::forget_portfolio(store, &mut batch, &portfolio)?;
            store.commit(Tree::Log, batch)?;
        }
        Ok(())
    }

    /// Reserves what the answer to this query spends of the responder's budgets, or says which is spent.
    pub fn reserve_answer(
        &self,
        budgets: &Budgets,
        volumes: &Volumes,
        query: &Query,
        cost: Cost,
        now: Millis,
    ) -> Result<(Reservation, Option<VolumeWarning>), ReserveError> {
        let (mut state, today) = self.today(now)?;
        let claim = self.claim(query, cost, today, &mut state)?;
        claim.check(budgets, volumes)?;
        let warning = claim.warning(volumes, &mut state);
        Ok((self.reserve(&mut state, claim.spendings(cost)), warning))
    }

    /// Reserves the lowest use of an authorisation that this node has not spent.
    pub fn reserve_use(&self, authorisation: Digest, of: Uses, now: Millis) -> Result<(Reservation, Uses), ReserveError> {
        let (mut state, _) = self.today(now)?;
        let account = Account::Uses { authorisation };
        let spent = self.balance(&mut state, account)?.bits;
        let unspent = (1..=MAX_USES.min(of.get())).find(|number| spent & (1 << number) == 0).and_then(Uses::new);
        let number = unspent.ok_or(Refusal::AuthorisationSpent)?;
        let spending = Spending { account, amount: use_bit(number) };
        Ok((self.reserve(&mut state, vec![spending]), number))
    }

    /// Reads every account that the query touches.
    fn claim(&self, query: &Query, cost: Cost, today: Day, state: &mut State) -> Result<Claim, ReserveError> {
        let (day, peer, organisation) = (today.number(), query.asker, query.organisation);
        let tag = self.0.tags.of_day(today, query)?;
        let mut read = |account| Ok::<_, ReserveError>((account, self.balance(state, account)?));
        let person = query.subject == Subject::Bearer;
        let portfolio = query.portfolio.map(|under| under.portfolio);
        Ok(Claim {
            peer,
            types: query.predicates.as_slice().iter().fold(0, |bits, predicate| bits | 1 << predicate.of().code()),
            unknown: cost.unknown,
            requester: read(Account::Requester { day, peer, organisation })?,
            of_peer: read(Account::Peer { day, peer })?,
            subject: read(Account::Subject { day, tag })?,
            volume: person.then(|| read(Account::Volume { year: today.year(), peer })).transpose()?,
            uses: match &query.authorisation {
                None => None,
                Some(presented) => {
                    let authorisation = presented.signed.authorisation.digest();
                    Some((read(Account::Uses { authorisation })?, presented.number))
                }
            },
            portfolio: match (portfolio, query.portfolio) {
                (Some(portfolio), Some(under)) => {
                    let tag = self.0.tags.of_portfolio(&portfolio, query)?;
                    Some(UnderPortfolio {
                        size: under.size,
                        whole: read(Account::Portfolio { portfolio })?,
                        subject: read(Account::PortfolioSubject { portfolio, tag })?,
                    })
                }
                _ => None,
            },
        })
    }

    fn reserve(&self, state: &mut State, spendings: Vec<Spending>) -> Reservation {
        for spending in &spendings {
            let balance = state.balances.entry(spending.account).or_default();
            *balance = balance.plus(spending.amount);
        }
        state.in_flight += 1;
        Reservation { ledger: self.clone(), spendings, settled: false }
    }

    fn balance(&self, state: &mut State, account: Account) -> Result<Balance, RowError> {
        if let Some(balance) = state.balances.get(&account) {
            return Ok(*balance);
        }
        let balance = layout::balance(&*self.0.store, &account)?;
        state.balances.insert(account, balance);
        Ok(balance)
    }

    /// Today, and its state; what was looked at yesterday is read again where it is needed. While something is reserved that the store
    /// does not know yet, the accounts that outlive a day stay. No leaf carries an earlier time than the one before it, so a clock that
    /// was set back a little does not begin again the day that is over.
    fn today(&self, now: Millis) -> Result<(MutexGuard<'_, State>, Day), RowError> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match state.day {
            Some(day) => day,
            None => head(&*self.0.store)?.map_or(now.day(), |head| head.time.day()),
        };
        let today = known.max(now.day());
        if state.day != Some(today) {
            state.day = Some(today);
            let reserved = state.in_flight > 0;
            state.balances.retain(|account, _| reserved && account.day().is_none());
        }
        Ok((state, today))
    }
}

/// Why nothing was reserved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReserveError {
    /// It is spent.
    #[error("{0}")]
    Spent(Refusal),
    /// The ledger cannot be read.
    #[error(transparent)]
    Unreadable(#[from] RowError),
    /// A key of the tags.
    #[error("a key by which budgets know subjects: {0}")]
    Key(Arc<KeyError>),
}

impl From<KeyError> for ReserveError {
    fn from(error: KeyError) -> Self {
        Self::Key(Arc::new(error))
    }
}

impl From<StoreError> for ReserveError {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(RowError::from(error))
    }
}

impl From<Refusal> for ReserveError {
    fn from(refusal: Refusal) -> Self {
        Self::Spent(refusal)
    }
}

impl Reservation {
    /// What the writer adds to the balances in the leaf's batch.
    pub fn spendings(&self) -> &[Spending] {
        &self.spendings
    }

    /// The leaf is durable, and with it what was spent.
    pub fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.ledger.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight -= 1;
        if self.settled {
            return;
        }
        for spending in &self.spendings {
            if let Some(balance) = state.balances.get_mut(&spending.account) {
                balance.answers = balance.answers.saturating_sub(spending.amount.answers);
                balance.subjects = balance.subjects.saturating_sub(spending.amount.subjects);
                balance.unknown = balance.unknown.saturating_sub(spending.amount.unknown);
                // A use has its number for itself; a type may have been learnt from another answer, too, and stays.
                if matches!(spending.account, Account::Uses { .. }) {
                    balance.bits &= !spending.amount.bits;
                }
            }
        }
    }
}

type Read = (Account, Balance);

struct UnderPortfolio {
    size: u32,
    whole: Read,
    subject: Read,
}

/// The accounts of one answer as they stand before it.
struct Claim {
    peer: Region,
    types: u64,
    unknown: bool,
    requester: Read,
    of_peer: Read,
    subject: Read,
    volume: Option<Read>,
    uses: Option<(Read, Uses)>,
    portfolio: Option<UnderPortfolio>,
}

impl Claim {
    fn check(&self, budgets: &Budgets, volumes: &Volumes) -> Result<(), Refusal> {
        let spent = |budget| Err(Refusal::BudgetSpent { budget });
        let (requester, subject) = (self.requester.1, self.subject.1);
        if let Some(((_, spent), number)) = &self.uses
            && spent.bits & (1 << number.get()) != 0
        {
            return Err(Refusal::AuthorisationSpent);
        }
        if requester.answers >= budgets.requester_per_day {
            return spent(Budget::Requester);
        }
        if self.of_peer.1.answers >= budgets.peer_per_day {
            return spent(Budget::Peer);
        }
        if subject.answers >= budgets.subject_per_day {
            return spent(Budget::Subject);
        }
        if (subject.bits | self.types).count_ones() > budgets.types_per_subject_and_day {
            return spent(Budget::Combination);
        }
        if self.unknown && requester.unknown >= budgets.unknown_subjects_per_day {
            return spent(Budget::Enumeration);
        }
        match &self.portfolio {
            None if self.is_new_subject() && requester.subjects >= budgets.subjects_per_day => return spent(Budget::Enumeration),
            Some(under) if under.is_new() && under.whole.1.subjects >= under.size => return spent(Budget::Portfolio),
            _ => {}
        }
        let refused = |persons: u64| volumes.thresholds.iter().any(|threshold| threshold.refuse && persons >= threshold.persons);
        match &self.volume {
            Some((_, balance)) if refused(u64::from(balance.answers)) => spent(Budget::Volume),
            _ => Ok(()),
        }
    }

    fn is_new_subject(&self) -> bool {
        self.subject.1.answers == 0
    }

    /// The highest threshold that this answer brings near or reaches, told once in a year.
    fn warning(&self, volumes: &Volumes, state: &mut State) -> Option<VolumeWarning> {
        let (Account::Volume { year, peer }, balance) = self.volume? else { return None };
        let persons = u64::from(balance.answers) + 1;
        let near = |threshold: u64| persons * 100 >= threshold * u64::from(volumes.warn_percent);
        let reached = volumes.thresholds.iter().map(|threshold| threshold.persons).filter(|threshold| near(*threshold)).max()?;
        state.told.insert((peer, year, reached)).then_some(VolumeWarning { peer: self.peer, persons, threshold: reached })
    }

    fn spendings(&self, cost: Cost) -> Vec<Spending> {
        let one = Balance { answers: 1, ..Balance::default() };
        let outside = self.portfolio.is_none() && self.is_new_subject();
        let requester = Balance { subjects: u32::from(outside), unknown: u32::from(cost.unknown), ..one };
        let mut spendings = vec![
            Spending { account: self.requester.0, amount: requester },
            Spending { account: self.of_peer.0, amount: one },
            Spending { account: self.subject.0, amount: Balance { bits: self.types, ..one } },
        ];
        if let Some((account, _)) = self.volume {
            spendings.push(Spending { account, amount: one });
        }
        if let Some(((account, _), number)) = self.uses {
            spendings.push(Spending { account, amount: use_bit(number) });
        }
        if let Some(under) = &self.portfolio {
            let subjects = u32::from(under.is_new());
            spendings.push(Spending { account: under.whole.0, amount: Balance { subjects, ..one } });
            spendings.push(Spending { account: under.subject.0, amount: one });
        }
        spendings
    }
}

impl UnderPortfolio {
    fn is_new(&self) -> bool {
        self.subject.1.answers == 0
    }
}

fn use_bit(number: Uses) -> Balance {
    Balance { bits: 1 << number.get(), ..Balance::default() }
}

#[cfg(test)]
mod tests;
