//! Erasures between two cities: what an acknowledged notice means at the other side, what an order to erase leaves, and what is shown.
//!
//! Not here: one city's own rows (`erased`).

use creditbay_node::exchange::erase::{ErasureReport, Target};
use creditbay_protocol::erasure::ErasureScope;
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Region;
use creditbay_protocol::notice::Notice;
use creditbay_protocol::opening::{Held, LeafOpening};

use super::super::story::Promise;
use super::{Model, Seen, State};

impl Model {
    /// A notice waits no more: the other side has logged an erasure that answers it, and carried it through.
    pub(super) fn judge_acknowledged(&self, state: &State, city: Region, leaf: u64, notice: &Notice) {
        let Some(hash) = state.cities.get(&city).and_then(|seen| seen.history.hashes.get(leaf as usize)) else { return };
        let Some(other) = state.cities.get(&notice.receiver) else { return };
        let scope = ErasureScope::Notice { peer: city, notice: *hash };
        let answers = |leaf: &Leaf| matches!(&leaf.body, LeafBody::Event(Event::Erased(erased)) if erased.scope == scope);
        let erasure = other.history.leaves.iter().position(answers);
        // What a log that has ended left of its erasures is taken up by the next, as one of its own.
        let done = match erasure {
            Some(erasure) => !other.kept.pending.contains_key(&(erasure as u64)),
            None => other.logs().any(|log| log.leaves.iter().any(answers)),
        };
        if !done {
            let how = format_args!("{city}: notice {leaf} waits no more, and {} has not carried it through", notice.receiver);
            return self.story.broken(Promise::Erased, how);
        }
        // What is kept of a log that has ended is held with the erasure itself (`erased`).
        let own = state.cities.get(&city).is_some_and(|seen| seen.history.origin.owner() == notice.log.owner());
        for named in &notice.leaves {
            let opens = match own {
                false => other.history.is(&notice.log) && other.kept.opens.contains_key(&named.index),
                true => other
                    .answers
                    .get(&named.leaf)
                    .is_some_and(|(log, answer)| other.history.is(log) && other.kept.opens.contains_key(answer)),
            };
            if opens {
                let how = format_args!("{}: what notice {leaf} of {city} names opens still", notice.receiver);
                self.story.broken(Promise::Erased, how);
            }
        }
    }

    /// An order to erase, given when the log had this size, was carried out.
    pub(crate) fn erased(&self, city: Region, target: &Target, size: u64, report: &ErasureReport) {
        let state = self.state();
        let Some(seen) = state.cities.get(&city).filter(|_| !report.waits) else { return };
        let meant = |(index, subject): &(&u64, &Vec<u8>)| match target {
            Target::Leaf(leaf) => **index == *leaf,
            Target::LeafOf(log, leaf) => seen.history.is(log) && **index == *leaf,
            Target::Subject(wanted) => subject.as_slice() == wanted.canonical_bytes(),
            Target::Before(day) => seen.history.leaves.get(**index as usize).is_some_and(|leaf| leaf.time.day() < *day),
        };
        let left = seen.kept.opens.iter().filter(|(index, _)| **index < size).find(meant);
        // An earlier order, given while they could still be used, may take the same leaves and wait for the other side.
        if let Some((index, _)) = left.filter(|(index, _)| !seen.kept.waits(**index)) {
            self.story.broken(Promise::Erased, format_args!("{city}: {target:?} was erased, and leaf {index} opens"));
        }
    }

    /// Openings are shown: each fits its leaf, and none is of what was erased.
    pub(crate) fn shown(&self, city: Region, lines: &[LeafOpening]) {
        let state = self.state();
        let Some(Seen { history, kept, .. }) = state.cities.get(&city) else { return };
        for line in lines {
            let leaf = history.leaves.get(line.index as usize);
            let fits = leaf.is_some_and(|leaf| line.check(leaf).is_ok());
            let says = matches!(
                history.leaves.get(line.shown as usize).map(|leaf| &leaf.body),
                Some(LeafBody::Event(Event::OpeningsShown(_)))
            );
            let erased = matches!(line.holds, Held::Fields(_)) && kept.erased(line.index).is_some();
            if !fits || !says || erased {
                let how = format_args!("{city}: leaf {} is shown: fits {fits}, said {says}, erased {erased}", line.index);
                self.story.broken(Promise::Erased, how);
            }
        }
    }

    /// The leaves of a city's exchanges that something opens.
    pub(crate) fn exchanges(&self, city: Region) -> Vec<u64> {
        self.state().cities.get(&city).map(|seen| seen.kept.exchanges()).unwrap_or_default()
    }

    /// Erasures and notices of a city that are not carried through.
    pub(crate) fn unfinished(&self, city: Region) -> Vec<u64> {
        let state = self.state();
        let Some(seen) = state.cities.get(&city) else { return Vec::new() };
        seen.kept.pending.keys().chain(seen.kept.outgoing()).copied().collect()
    }
}
