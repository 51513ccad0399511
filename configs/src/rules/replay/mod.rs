//! The rules replayed over the leaves of one log: whether what was asked and disclosed was permitted (PROTOCOL 33.2).
//!
//! Runs the decision that the nodes run (`decide`), under the packs that the log itself activated, and follows what leaves alone show of
//! authorisations, suspensions, withdrawals, portfolios and budgets. Pure: leaves come as arguments, in their order.
//! Not here: what only an opening shows (subjects, what stands in an authorisation), and what only the other log shows (`reconcile`).

pub mod breach;
pub(super) mod spent;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, Overlap, Suspended};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{FRESHNESS_MS, MAX_QUERY_LIFETIME_MS};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::refusal::{OutcomeClass, RefusalClass};
use creditbay_protocol::terms::{AuthorisedUse, Terms};

use crate::peers::Directory;

use super::RulePack;
use super::decide::decide;

use self::breach::Breach;
use self::spent::{Answered, QUEUE_MS, Spent};

/// Authorisations, withdrawals, and portfolios that are remembered, of each.
const MAX_REMEMBERED: usize = 1 << 20;
/// Activations and suspensions that are remembered, of each.
const MAX_ORDERS: usize = 4096;
/// How long after its query's leaf an answer's may carry its time: a query's longest life, what clocks may differ, the wait for a leaf.
pub const LATEST_ANSWER_MS: u64 = MAX_QUERY_LIFETIME_MS + FRESHNESS_MS + QUEUE_MS;
const DAY_MS: u64 = 86_400_000;

/// What was looked at, and what was found that is no breach.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Queries.
    pub queries: u64,
    /// Answers: disclosures.
    pub answers: u64,
    /// Refusals.
    pub refusals: u64,
    /// Refusals of what the pack's static decision admits, by their class: budgets, orders, subjects, or a stricter node.
    pub refused_though_admitted: BTreeMap<RefusalClass, u64>,
    /// Declined questions.
    pub declined: u64,
    /// Uses of authorisations.
    pub uses: u64,
    /// Orders: activations, suspensions, withdrawals, portfolios.
    pub orders: u64,
}

/// The replay over one log.
pub struct Replay<'a> {
    owner: Region,
    directory: &'a Directory,
    packs: HashMap<Digest, Arc<RulePack>>,
    activations: Vec<Activated>,
    suspended: BTreeMap<Suspended, u64>,
    withdrawn: HashMap<Digest, Vec<(ChannelName, u64)>>,
    portfolios: HashMap<Digest, Declared>,
    uses: HashMap<Digest, Uses>,
    spent: Spent,
    judged: Judged,
}

struct Activated {
    pack: Digest,
    serial: u32,
    overlap: Option<Overlap>,
}

struct Declared {
    organisation: OrganisationId,
    purpose: Purpose,
    size: u32,
    until: Millis,
    leaf: u64,
}

struct Uses {
    of: u16,
    /// Bit *n* for use *n*.
    spent: u64,
}

impl<'a> Replay<'a> {
    /// A replay over the log of `owner` under these packs.
    pub fn new(owner: Region, directory: &'a Directory, packs: Vec<Arc<RulePack>>) -> Self {
        Self {
            owner,
            directory,
            packs: packs.into_iter().map(|pack| (pack.digest(), pack)).collect(),
            activations: Vec::new(),
            suspended: BTreeMap::new(),
            withdrawn: HashMap::new(),
            portfolios: HashMap::new(),
            uses: HashMap::new(),
            spent: Spent::default(),
            judged: Judged::default(),
        }
    }

    /// What was looked at so far.
    pub fn judged(&self) -> &Judged {
        &self.judged
    }

    /// Takes the next leaf. Gives what it breaks.
    pub fn leaf(&mut self, index: u64, leaf: &Leaf) -> Vec<Breach> {
        let mut breaches = Vec::new();
        match &leaf.body {
            LeafBody::Query { terms, .. } => self.query(terms, leaf.time, &mut breaches),
            LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } => self.answer(terms, leaf.time, &mut breaches),
            LeafBody::Answer { terms, outcome: OutcomeClass::Refused(class), .. } => self.refusal(terms, *class),
            LeafBody::Declined { pack, .. } => {
                self.judged.declined += 1;
                self.under_active(*pack, &mut breaches);
            }
            LeafBody::Abandoned { .. } => {}
            LeafBody::Event(event) => self.event(index, event, leaf.time, &mut breaches),
        }
        breaches
    }

    /// What this node asked.
    fn query(&mut self, terms: &Terms, at: Millis, breaches: &mut Vec<Breach>) {
        self.judged.queries += 1;
        if self.under_active(terms.pack, breaches) {
            self.admitted(terms, breaches);
        }
        self.orders(terms, terms.issuer, breaches);
        if let Some(used) = terms.authorisation {
            self.spend_use(used, breaches);
        }
        if let Some(under) = terms.portfolio {
            self.under_portfolio(terms, under, at, breaches);
        }
    }

    /// What this node disclosed.
    fn answer(&mut self, terms: &Terms, at: Millis, breaches: &mut Vec<Breach>) {
        self.judged.answers += 1;
        if self.in_force(terms.pack, at, breaches)
            && let Some(pack) = self.admitted(terms, breaches)
        {
            let about_a_person = terms.subject_kind == SubjectKind::NaturalPerson;
            let answered = Answered { peer: terms.asker, organisation: terms.organisation, about_a_person, at };
            self.spent.answer(&answered, pack.budgets(), pack.volumes(), breaches);
        }
        self.orders(terms, terms.asker, breaches);
        if let Some(used) = terms.authorisation {
            self.spend_use(used, breaches);
        }
    }

    /// A refusal discloses nothing; one that the pack's decision does not explain is counted, not blamed.
    fn refusal(&mut self, terms: &Terms, class: RefusalClass) {
        self.judged.refusals += 1;
        let standing = self.directory.standing(terms.asker, terms.organisation, terms.issuer);
        if self.packs.get(&terms.pack).is_some_and(|pack| decide(pack, standing, terms).is_ok()) {
            *self.judged.refused_though_admitted.entry(class).or_default() += 1;
        }
    }

    /// Whether the pack is the active one.
    fn under_active(&self, named: Digest, breaches: &mut Vec<Breach>) -> bool {
        match self.activations.last() {
            None => breaches.push(Breach::NoPackActivated),
            Some(active) if active.pack != named => breaches.push(Breach::PackNotInForce { named, active: active.pack }),
            Some(_) => return true,
        }
        false
    }

    /// Whether the pack was good for a query whose answer carries this time: the query's own is not in the leaf, so the longest life that
    /// it can have had counts for it.
    fn in_force(&self, named: Digest, at: Millis, breaches: &mut Vec<Breach>) -> bool {
        let Some(active) = self.activations.last() else {
            breaches.push(Breach::NoPackActivated);
            return false;
        };
        let begun = self.activations.iter().any(|activated| activated.pack == named);
        let overlaps = self.activations.iter().filter_map(|activated| activated.overlap);
        let good = |overlap: Overlap| overlap.pack == named && at.minus(LATEST_ANSWER_MS) <= overlap.until;
        let in_force = named == active.pack || begun && overlaps.into_iter().any(good);
        if !in_force {
            breaches.push(Breach::PackNotInForce { named, active: active.pack });
        }
        in_force
    }

    /// The pack, where it admits these terms.
    fn admitted(&self, terms: &Terms, breaches: &mut Vec<Breach>) -> Option<Arc<RulePack>> {
        let Some(pack) = self.packs.get(&terms.pack) else {
            breaches.push(Breach::PackNotGiven { named: terms.pack });
            return None;
        };
        let standing = self.directory.standing(terms.asker, terms.organisation, terms.issuer);
        if let Err(refusal) = decide(pack, standing, terms) {
            breaches.push(Breach::NotAdmitted { refusal });
            return None;
        }
        let types =
            terms.predicates.as_slice().iter().fold(0u64, |bits, predicate| bits | 1 << predicate.of().code()).count_ones();
        let limit = pack.budgets().types_per_subject_and_day;
        if types > limit {
            breaches.push(Breach::TooManyTypes { types, limit });
        }
        Some(pack.clone())
    }

    /// What the operator suspended, and what was withdrawn.
    fn orders(&self, terms: &Terms, peer: Region, breaches: &mut Vec<Breach>) {
        let types = terms.predicates.as_slice().iter().map(|predicate| Suspended::Type(predicate.of()));
        for of in std::iter::once(Suspended::Peer(peer)).chain(types) {
            if let Some(leaf) = self.suspended.get(&of) {
                breaches.push(Breach::Suspended { of, leaf: *leaf });
            }
        }
        let withdrawals =
            terms.authorisation.and_then(|used| Some((used.authorisation, self.withdrawn.get(&used.authorisation)?)));
        for (authorisation, (channel, leaf)) in
            withdrawals.into_iter().flat_map(|(used, all)| all.iter().map(move |one| (used, one)))
        {
            if self.is_only_channel(*channel, terms.issuer) {
                breaches.push(Breach::AuthorisationWithdrawn { authorisation, channel: *channel, leaf: *leaf });
            }
        }
    }

    /// Whether an authorisation of this issuer's can only be this channel's. Of several channels a leaf does not tell which signed, and a
    /// withdrawal counts for its own authorisations alone.
    fn is_only_channel(&self, channel: ChannelName, issuer: Region) -> bool {
        let channels = self.directory.entry(issuer).map(|entry| entry.channels.as_slice()).unwrap_or_default();
        matches!(channels, [only] if only.name == channel)
    }

    fn spend_use(&mut self, used: AuthorisedUse, breaches: &mut Vec<Breach>) {
        let AuthorisedUse { authorisation, number, of } = used;
        self.judged.uses += 1;
        if self.uses.len() >= MAX_REMEMBERED && !self.uses.contains_key(&authorisation) {
            return breaches.push(Breach::BeyondMemory { what: "authorisations", limit: MAX_REMEMBERED });
        }
        let known = self.uses.entry(authorisation).or_insert(Uses { of: of.get(), spent: 0 });
        if known.of != of.get() {
            breaches.push(Breach::OtherUses { authorisation, says: of.get(), had: known.of });
        }
        let bit = 1u64 << number.get();
        if known.spent & bit != 0 {
            breaches.push(Breach::UseSpentTwice { authorisation, number: number.get() });
        }
        known.spent |= bit;
    }

    fn under_portfolio(&self, terms: &Terms, under: UnderPortfolio, at: Millis, breaches: &mut Vec<Breach>) {
        let portfolio = under.portfolio;
        let Some(declared) = self.portfolios.get(&portfolio) else {
            return breaches.push(Breach::PortfolioUndeclared { portfolio });
        };
        let same = (declared.organisation, declared.purpose, declared.size) == (terms.organisation, terms.purpose, under.size);
        if !same {
            breaches.push(Breach::OtherPortfolio { portfolio, leaf: declared.leaf });
        }
        if at.minus(QUEUE_MS) >= declared.until {
            breaches.push(Breach::PortfolioOver { portfolio, until: declared.until });
        }
    }

    fn event(&mut self, index: u64, event: &Event, at: Millis, breaches: &mut Vec<Breach>) {
        match event {
            Event::PackActivated { pack, serial, overlap } => self.activate(*pack, *serial, *overlap, at, breaches),
            Event::Suspension { of, in_force: false } => drop(self.suspended.remove(of)),
            Event::Suspension { of, in_force: true } => {
                if self.suspended.len() >= MAX_ORDERS {
                    return breaches.push(Breach::BeyondMemory { what: "suspensions", limit: MAX_ORDERS });
                }
                self.suspended.entry(*of).or_insert(index);
            }
            Event::AuthorisationWithdrawn { authorisation, channel } => {
                if self.withdrawn.len() >= MAX_REMEMBERED {
                    return breaches.push(Breach::BeyondMemory { what: "withdrawals", limit: MAX_REMEMBERED });
                }
                let channels = self.withdrawn.entry(*authorisation).or_default();
                if !channels.iter().any(|(known, _)| known == channel) {
                    channels.push((*channel, index));
                }
            }
            Event::PortfolioDeclared { portfolio, organisation, purpose, size, until } => {
                let (size, until) = (*size, *until);
                let declared = Declared { organisation: *organisation, purpose: *purpose, size, until, leaf: index };
                self.declare(*portfolio, declared, at, breaches);
            }
            // What else a log records orders nothing that a rule forbids.
            _ => return,
        }
        self.judged.orders += 1;
    }

    fn declare(&mut self, portfolio: Digest, declared: Declared, at: Millis, breaches: &mut Vec<Breach>) {
        if let Some(pack) = self.activations.last().and_then(|active| self.packs.get(&active.pack)) {
            let (subjects, days) = (pack.budgets().portfolio_subjects, pack.budgets().portfolio_days);
            let latest = at.plus(u64::from(days) * DAY_MS);
            if !(1..=subjects).contains(&declared.size) || declared.until > latest {
                let Declared { size, until, .. } = declared;
                breaches.push(Breach::PortfolioTooLarge { size, until, subjects, days });
            }
        }
        if self.portfolios.len() >= MAX_REMEMBERED {
            // What is over cannot be asked under again.
            self.portfolios.retain(|_, declared| at.minus(QUEUE_MS) < declared.until);
        }
        if self.portfolios.len() >= MAX_REMEMBERED {
            return breaches.push(Breach::BeyondMemory { what: "portfolios", limit: MAX_REMEMBERED });
        }
        self.portfolios.entry(portfolio).or_insert(declared);
    }

    fn activate(&mut self, pack: Digest, serial: u32, overlap: Option<Overlap>, at: Millis, breaches: &mut Vec<Breach>) {
        let active = self.activations.last();
        let before = active.map_or(0, |active| active.serial);
        let given = self.packs.get(&pack);
        if serial <= before || given.is_some_and(|given| given.serial() != serial) {
            breaches.push(Breach::ActivatedOutOfOrder { pack, serial, active: before });
        }
        match given {
            None => breaches.push(Breach::PackNotGiven { named: pack }),
            Some(given) => {
                let (on, from, days) = (at.day(), given.effective_from(), given.overlap_days());
                if on < from {
                    breaches.push(Breach::ActivatedEarly { pack, on, from });
                }
                let latest = at.plus(u64::from(days) * DAY_MS);
                let fits = overlap.is_none_or(|overlap| overlap.until <= latest);
                if overlap.map(|overlap| overlap.pack) != active.map(|active| active.pack) || !fits {
                    breaches.push(Breach::OtherOverlap { pack, days });
                }
                if given.law(self.owner).is_none() {
                    breaches.push(Breach::ForeignPack { pack, region: self.owner });
                }
            }
        }
        if self.activations.len() >= MAX_ORDERS {
            return breaches.push(Breach::BeyondMemory { what: "activated rule packs", limit: MAX_ORDERS });
        }
        self.activations.push(Activated { pack, serial, overlap });
    }
}

#[cfg(test)]
mod tests;
