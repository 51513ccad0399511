//! What must hold of what is durable, at every start and at the end: one history with its root, every word that was given, what was ordered
//! and spent as the leaves say it, and an opening for each leaf that no erasure took.
//!
//! Reads the store and the keys alone. Not here: what only both sides together show (`both_sides`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::merkle::tree::Frontier;
use creditbay_protocol::erasure::ErasedPart;
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Origin;
use creditbay_protocol::predicate::AttestationType;
use creditbay_protocol::query::Subject;
use creditbay_protocol::refusal::OutcomeClass;

use super::super::bay::COMPANY;
use super::ground::REPORT;
use super::words::Words;
use crate::host::entropy::Entropy;
use crate::host::keys::RecordKeys;
use crate::log::rows::Row;
use crate::log::seals::Seals;
use crate::store::in_memory::InMemory;
use crate::store::ledger::{self, Account, Balance, Waited};
use crate::store::records::Records;
use crate::store::{Store, Tree, erasure, log as layout, witness};

/// What is wrong.
type Held = Result<(), String>;

/// A log as its store has it.
pub(super) struct Logged {
    /// Whose.
    pub(super) origin: Origin,
    /// Every leaf.
    pub(super) leaves: Vec<Leaf>,
    /// Every row that opens.
    pub(super) rows: Vec<Row>,
    /// The root at every size.
    roots: Vec<Digest>,
    /// Leaves whose openings, and queries whose receipts, an erasure took.
    pub(super) erased: BTreeSet<(u64, ErasedPart)>,
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn unless(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(what()) }
}

fn is_of(origin: &Origin, city: &str) -> bool {
    origin.to_string().starts_with(&format!("{city}."))
}

/// Holds a node's stores against what it said, before it starts.
pub(super) fn hold(origin: &Origin, [store, apart]: [&InMemory; 2], keys: (&Seals, RecordKeys), words: &Words) -> Held {
    let logged = Logged::read(origin, store, keys.0)?;
    logged.hold_words(words)?;
    logged.hold_openings()?;
    logged.hold_orders(store)?;
    logged.hold_spent(store)?;
    hold_cosigned(origin, apart, words)?;
    if is_of(origin, "gz") && words.imported { hold_records(store, keys.1, words.retained) } else { Ok(()) }
}

impl Logged {
    /// Reads a log whole; its root is that of its leaves, and no leaf is older than the one before it.
    pub(super) fn read(origin: &Origin, store: &InMemory, seals: &Seals) -> Result<Self, String> {
        let head = layout::head(store).map_err(told)?;
        let (size, root) = head.as_ref().map_or((0, empty_root()), |head| (head.size, head.root));
        let bytes = layout::read_leaves(store, 0, size).map_err(told)?;
        let leaves = bytes.iter().map(|leaf| Leaf::parse(leaf)).collect::<Result<Vec<_>, _>>().map_err(told)?;
        let (mut frontier, mut roots) = (Frontier::empty(), vec![empty_root()]);
        for (index, leaf) in (0..).zip(&leaves) {
            unless(layout::read_hash(store, 0, index).map_err(told)? == leaf.hash(), || {
                format!("the tile has another leaf {index}")
            })?;
            frontier.push(leaf.hash());
            roots.push(frontier.root());
        }
        unless(roots.last() == Some(&root), || format!("the root at {size} is not that of the leaves"))?;
        unless(leaves.is_sorted_by_key(|leaf| leaf.time), || "time runs backwards".to_owned())?;
        let (mut rows, mut page) = (Vec::new(), layout::sealed_from(store, 0).map_err(told)?);
        while let Some(last) = page.last() {
            for sealed in &page {
                rows.extend(seals.open(sealed).map_err(|error| format!("rows of size {}: {error}", sealed.size))?);
            }
            page = layout::sealed_after(store, last).map_err(told)?;
        }
        let mut logged = Self { origin: *origin, leaves, rows, roots, erased: BTreeSet::new() };
        let mut next = erasure::erasure_after(store, None).map_err(told)?;
        while let Some(leaf) = next {
            let list = erasure::list(store, leaf).map_err(told)?.ok_or("an erasure without a list")?;
            let own = list.entries.iter().filter(|entry| entry.log == origin.number());
            logged.erased.extend(own.map(|entry| (entry.index, entry.part)));
            next = erasure::erasure_after(store, Some(leaf)).map_err(told)?;
        }
        Ok(logged)
    }

    /// Every head that was signed is on the way to this one, and every message that left has its leaf.
    fn hold_words(&self, words: &Words) -> Held {
        for (origin, size, root) in words.heads.iter().filter(|(origin, ..)| *origin == self.origin) {
            let here = self.roots.get(*size as usize);
            unless(here == Some(root), || format!("{origin} signed another tree of size {size} than it has: {here:?}"))?;
        }
        for (origin, index, leaf) in words.released.iter().filter(|(origin, ..)| *origin == self.origin) {
            let here = self.leaves.get(*index as usize).map(Leaf::hash);
            unless(here == Some(*leaf), || format!("a message left {origin} whose leaf {index} is not there"))?;
        }
        let receipts: BTreeSet<_> = self.receipts().map(|(_, log, index)| (log, index)).collect();
        let took_receipts = !self.erased.is_empty();
        for (log, index) in words.told.iter().filter(|_| is_of(&self.origin, "hk")) {
            let kept = took_receipts || receipts.contains(&(*log, *index));
            unless(kept, || format!("a service got the answer {index} of {log}, and there is no receipt"))?;
        }
        Ok(())
    }

    /// The receipts: the query, and the answer's leaf.
    pub(super) fn receipts(&self) -> impl Iterator<Item = (u64, Origin, u64)> {
        self.rows.iter().filter_map(|row| match row {
            Row::Receipt { query, log, index, .. } => Some((*query, *log, *index)),
            _ => None,
        })
    }

    /// Each row opens its leaf, and each leaf that hides something has its row, unless an erasure took it.
    fn hold_openings(&self) -> Held {
        let mut opened = BTreeSet::new();
        for row in &self.rows {
            let Some(index) = row.opens() else { continue };
            let leaf = self.leaves.get(index as usize).ok_or_else(|| format!("a row opens leaf {index}, which is not there"))?;
            let fits = match row {
                Row::Query { seed, query, .. } => LeafBody::of_query(query, seed) == leaf.body,
                Row::Answer { seed, answer, query, .. } => LeafBody::of_answer(query, answer, seed) == leaf.body,
                _ => true,
            };
            unless(fits && opened.insert(index), || format!("a row does not open leaf {index}, or a second one does"))?;
        }
        for (index, leaf) in (0..).zip(&self.leaves) {
            let hides = match &leaf.body {
                LeafBody::Query { .. } | LeafBody::Answer { .. } | LeafBody::Declined { .. } => true,
                LeafBody::Event(event) => matches!(event, Event::OpeningsShown(_) | Event::ErasureNotified(_)),
                LeafBody::Abandoned { .. } => false,
            };
            let erased = self.erased.contains(&(index, ErasedPart::Exchange));
            unless(!hides || erased || opened.contains(&index), || format!("nothing opens leaf {index}, and nobody erased it"))?;
        }
        Ok(())
    }

    /// What is in force is what the leaves say.
    fn hold_orders(&self, store: &InMemory) -> Held {
        let (mut packs, mut suspended, mut withdrawn) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for Leaf { time, body, .. } in &self.leaves {
            let LeafBody::Event(event) = body else { continue };
            match event {
                Event::PackActivated { pack, serial, .. } => packs.push((*pack, *serial, *time)),
                Event::Suspension { of, in_force: true } => drop(suspended.insert(*of)),
                Event::Suspension { of, in_force: false } => drop(suspended.remove(of)),
                Event::AuthorisationWithdrawn { authorisation, .. } => drop(withdrawn.insert(*authorisation)),
                Event::PortfolioDeclared { portfolio, .. } => {
                    let declared = ledger::declaration(store, portfolio).map_err(told)?.is_some();
                    unless(declared, || "a portfolio whose leaf is there is not declared".to_owned())?;
                }
                Event::Withheld { answer } => {
                    unless(ledger::waited(store, *answer).map_err(told)? == Some(Waited::Withheld), || {
                        format!("answer {answer} is not withheld")
                    })?;
                }
                _ => {}
            }
        }
        let kept: Vec<_> = ledger::activations(store).map_err(told)?.iter().map(|a| (a.pack, a.serial, a.at)).collect();
        unless(kept == packs, || format!("packs: {kept:?} are kept, {packs:?} are leaves"))?;
        if self.origin.number() > 1 {
            // What was carried over stands in the leaves of the log before.
            return Ok(());
        }
        let kept: BTreeSet<_> = ledger::suspensions(store).map_err(told)?.into_iter().collect();
        unless(kept == suspended, || format!("suspensions: {kept:?} are kept, {suspended:?} are leaves"))?;
        let kept: BTreeSet<_> = ledger::withdrawn(store).map_err(told)?.into_iter().map(|(of, _)| of).collect();
        unless(kept == withdrawn, || "withdrawals are not what the leaves say".to_owned())
    }

    /// What was spent is what the leaves say, no more and no less, and no use of an authorisation stands twice.
    fn hold_spent(&self, store: &InMemory) -> Held {
        if self.origin.number() > 1 {
            return Ok(());
        }
        let mut used: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut by_day: BTreeMap<i32, u32> = BTreeMap::new();
        for Leaf { time, body, .. } in &self.leaves {
            let terms = match body {
                LeafBody::Query { terms, .. } => terms,
                LeafBody::Answer { terms, outcome: OutcomeClass::Answered, .. } => {
                    *by_day.entry(time.day().number()).or_default() += 1;
                    terms
                }
                _ => continue,
            };
            if let Some(of) = &terms.authorisation {
                let (bit, bits) = (1 << of.number.get(), used.entry(of.authorisation).or_default());
                unless(*bits & bit == 0, || format!("use {} of an authorisation stands twice", of.number.get()))?;
                *bits |= bit;
            }
        }
        for (authorisation, bits) in used {
            let kept = ledger::balance(store, &Account::Uses { authorisation }).map_err(told)?.bits;
            unless(kept == bits, || format!("uses {kept:b} are kept, {bits:b} are leaves"))?;
        }
        let today = self.leaves.last().map_or(0, |leaf| leaf.time.day().number());
        let expected = by_day.get(&today).copied().unwrap_or(0);
        for account in [b'p', b'r', b's'] {
            let sum = spent_on(store, today, account)?;
            unless(sum == expected, || format!("{sum} answers are counted ({}), {expected} are leaves", char::from(account)))?;
        }
        self.hold_volume(store)
    }

    fn hold_volume(&self, store: &InMemory) -> Held {
        let person = |row: &&Row| matches!(row, Row::Answer { query, answer, .. } if query.subject == Subject::Bearer && answer.reply.outcome() == OutcomeClass::Answered);
        let rows = self.rows.iter().filter(person).count() as u32;
        let kept: u32 = balances(store, b"Y", b"Z")?.iter().map(|(_, balance)| balance.answers).sum();
        let known = self.erased.is_empty();
        unless(if known { kept == rows } else { kept >= rows }, || format!("a volume of {kept} is kept, {rows} are answers"))
    }
}

fn balances(store: &InMemory, from: &[u8], to: &[u8]) -> Result<Vec<(Vec<u8>, Balance)>, String> {
    let pairs = store.range(Tree::Log, from, to, usize::MAX).map_err(told)?;
    let read = |(key, value): (Vec<u8>, Vec<u8>)| creditbay_protocol::wire::decode(&value, 256).map(|balance| (key, balance));
    pairs.into_iter().map(read).collect::<Result<_, _>>().map_err(told)
}

/// Answers on all accounts of a kind and a day.
fn spent_on(store: &InMemory, day: i32, account: u8) -> Result<u32, String> {
    let from = [b"B".as_slice(), &(day as u32).to_be_bytes(), &[account]].concat();
    let to = [b"B".as_slice(), &(day as u32).to_be_bytes(), &[account + 1]].concat();
    Ok(balances(store, &from, &to)?.iter().map(|(_, balance)| balance.answers).sum())
}

/// What a witness cosigned it has kept.
fn hold_cosigned(origin: &Origin, apart: &InMemory, words: &Words) -> Held {
    for (_, of, size) in words.cosigned.iter().filter(|(witness, ..)| is_of(origin, witness.as_str())) {
        let note = witness::latest(apart, &of.to_string()).map_err(told)?.unwrap_or_default();
        let kept = String::from_utf8_lossy(&note).lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
        unless(kept >= *size, || format!("{of} was cosigned at {size}, and {kept} is kept"))?;
    }
    Ok(())
}

/// All that was imported is there, and is counted; once retention began, what is over may be gone.
fn hold_records(store: &InMemory, keys: RecordKeys, retained: bool) -> Held {
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let records = Records::open(shared, keys, Arc::new(Entropy::seeded(1))).map_err(told)?;
    let company = Identifier::parse(Scheme::Uscc, COMPANY).map_err(told)?;
    let known = (records.of(&company).map_err(told)?.len(), records.subjects(), records.registers().len());
    unless(known == (1, 1, 2), || format!("of what was imported this is there: {known:?}"))?;
    let persons = records.persons().rows();
    unless(persons == 1 || retained && persons == 0, || format!("{persons} rows about persons are there"))?;
    let rows: BTreeMap<_, _> = records.rows().into_iter().filter(|(_, count)| *count > 0).collect();
    let (all, left) = ([(AttestationType::RegStatus, 1), (AttestationType::ResIntegrity, 1)], [(AttestationType::RegStatus, 1)]);
    // Of a row that is over, the count and what it counts go one after the other.
    unless(rows == BTreeMap::from(all) || retained && rows == BTreeMap::from(left), || format!("rows: {rows:?}"))?;
    let report = records.report(&REPORT, None).map_err(told)?;
    unless(report.is_some() || retained, || "the report is not there".to_owned())
}

/// What only both logs together show: each answer's leaf names a query of the other log and is the only one to it, each receipt is of an
/// answer, and no query is open.
pub(super) fn both_sides(issuer: &Logged, asker: &Logged) -> Held {
    let queries: BTreeSet<_> =
        asker.leaves.iter().filter(|leaf| matches!(leaf.body, LeafBody::Query { .. })).map(Leaf::hash).collect();
    let withheld = issuer.leaves.iter().filter_map(|leaf| match leaf.body {
        LeafBody::Event(Event::Withheld { answer }) => Some(answer),
        _ => None,
    });
    let withheld: BTreeSet<u64> = withheld.collect();
    let mut answered = BTreeSet::new();
    for (index, leaf) in (0..).zip(&issuer.leaves) {
        if let LeafBody::Answer { query, .. } = &leaf.body {
            unless(queries.contains(query), || format!("answer {index} is to a query that is in no log"))?;
            let once = withheld.contains(&index) || answered.insert(*query);
            unless(once, || format!("answer {index} is the second one to its query"))?;
        }
    }
    let mut closed: BTreeSet<u64> = asker.erased.iter().map(|(index, _)| *index).collect();
    for (query, log, index) in asker.receipts().filter(|(_, log, _)| *log == issuer.origin) {
        let answer = issuer.leaves.get(index as usize).map(|leaf| &leaf.body);
        unless(matches!(answer, Some(LeafBody::Answer { .. })), || format!("a receipt of {log} {index}, which is no answer"))?;
        closed.insert(query);
    }
    closed.extend(asker.leaves.iter().filter_map(|leaf| match leaf.body {
        LeafBody::Abandoned { query, .. } => Some(query),
        _ => None,
    }));
    let open =
        (0..).zip(&asker.leaves).filter(|(index, leaf)| matches!(leaf.body, LeafBody::Query { .. }) && !closed.contains(index));
    let open: Vec<u64> = open.map(|(index, _)| index).collect();
    unless(open.is_empty(), || format!("queries {open:?} are open in the end"))
}

/// Of what an erasure took nothing is left, and nothing is still to be done.
pub(super) fn erased(store: &InMemory, logged: &Logged) -> Held {
    let pending = erasure::pending(store).map_err(told)?;
    unless(pending.is_empty(), || format!("{} erasures are not done in the end", pending.len()))?;
    let left = logged.rows.iter().filter_map(Row::opens).find(|index| logged.erased.contains(&(*index, ErasedPart::Exchange)));
    unless(left.is_none(), || format!("leaf {left:?} was erased and opens"))
}
