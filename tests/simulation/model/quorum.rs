//! Answers that wait for witnesses: who has cosigned what, what was withheld, and which leaf answers a query for ever.
//!
//! A cosignature counts from when its witness had made it durable. Not here: other answers.

use std::collections::{BTreeMap, BTreeSet};

use creditbay_crypto::hash::Digest;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::witness as layout;
use creditbay_protocol::answer::{Answer, Reply};
use creditbay_protocol::evidence::Place;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::OutcomeClass;

use super::super::story::Promise;
use super::{Model, Seen, State};

/// What was cosigned and withheld.
#[derive(Default)]
pub(super) struct Quorums {
    cosigned: BTreeMap<(Origin, u64), BTreeSet<Region>>,
    withheld: BTreeSet<(Origin, u64)>,
    /// The leaf that answered a query when its reply left first.
    answered: BTreeMap<Digest, u64>,
}

impl Model {
    /// A witness's cosignature over what is offered in this body leaves it; its store holds this.
    pub(crate) fn cosigned(&self, of: Region, at: Region, body: &[u8], store: &InMemory) {
        let text = String::from_utf8_lossy(body);
        let Some((_, note)) = text.split_once("\n\n") else { return };
        let mut lines = note.lines();
        let (Some(Ok(origin)), Some(Ok(size))) = (lines.next().map(str::parse::<Origin>), lines.next().map(str::parse::<u64>))
        else {
            return;
        };
        self.story.tell("cosigned", format_args!("{of} {size} by {at}"));
        self.note_shown(of, note.as_bytes());
        let kept = layout::latest(store, &origin.to_string()).ok().flatten();
        let kept = kept.and_then(|kept| String::from_utf8_lossy(&kept).lines().nth(1)?.parse::<u64>().ok());
        if kept.is_none_or(|kept| kept < size) {
            let how = format_args!("{at}: cosigned {size} leaves of {of} before that was durable ({kept:?})");
            self.story.broken(Promise::Witnessed, how);
        }
        self.state().quorums.cosigned.entry((origin, size)).or_default().insert(at);
    }

    /// A reply leaves its sender: what was withheld never does, what waits for witnesses does with them, and a query has one answer.
    pub(super) fn judge_released(&self, state: &mut State, from: Region, query: &Query, answer: &Answer, place: &Place) {
        // Two copies of one store know nothing of one another's answers.
        if state.cities.get(&from).is_some_and(Seen::has_copy) {
            return;
        }
        let quorums = &mut state.quorums;
        if quorums.withheld.contains(&(place.origin, place.index)) {
            self.story.broken(Promise::Witnessed, format_args!("{from}: {} was withheld and leaves", place.index));
        }
        let first = *quorums.answered.entry(answer.query).or_insert(place.index);
        if first != place.index {
            let how = format_args!("{from}: a query was answered by leaf {first} and now by {}", place.index);
            self.story.broken(Promise::AnsweredOnce, how);
        }
        let pack = self.ground.packs.iter().find(|pack| pack.digest() == query.pack);
        let demand = pack.and_then(|pack| pack.witnessed()).filter(|demand| demand.purposes.contains(&query.purpose));
        if let (Some(demand), Reply::Answered(_)) = (demand, &answer.reply) {
            let cosigned = quorums.cosigned.get(&(place.origin, place.size));
            let third = |region: &&Region| **region != query.asker && **region != query.issuer;
            let count = cosigned.map_or(0, |by| by.iter().filter(third).count());
            self.story.tell("witnessed", format_args!("{from} {} under {} by {count}", place.index, place.size));
            if count < demand.quorum as usize {
                let how = format_args!("{from}: {} leaves with {count} of {} witnesses", place.index, demand.quorum);
                self.story.broken(Promise::Witnessed, how);
            }
        }
    }

    /// A leaf says that an answer was withheld: there is such an answer, it never left, and it is said once.
    pub(super) fn judge_withheld(&self, state: &mut State, city: Region, answer: u64) {
        let Some(history) = state.cities.get(&city).map(|seen| &seen.history) else { return };
        let origin = history.origin;
        let query = match history.leaves.get(answer as usize).map(|leaf| &leaf.body) {
            Some(LeafBody::Answer { query, outcome: OutcomeClass::Answered, .. }) => *query,
            _ => return self.story.broken(Promise::Witnessed, format_args!("{city}: {answer} is withheld and no answer")),
        };
        self.story.tell("withheld", format_args!("{city} {answer}"));
        if state.cities.get(&city).is_some_and(Seen::has_copy) {
            return;
        }
        if state.quorums.answered.contains_key(&query) {
            self.story.broken(Promise::Witnessed, format_args!("{city}: {answer} is withheld and was answered before"));
        }
        if !state.quorums.withheld.insert((origin, answer)) {
            self.story.broken(Promise::Witnessed, format_args!("{city}: {answer} is withheld twice"));
        }
    }

    /// Whether a second leaf for one query may stand: a refusal in place of an answer that was withheld.
    pub(super) fn replaces(state: &State, city: Region, first: u64, second: u64) -> bool {
        let Some(history) = state.cities.get(&city).map(|seen| &seen.history) else { return false };
        let leaf = history.leaves.get(second as usize).map(|leaf| &leaf.body);
        let refuses = matches!(leaf, Some(LeafBody::Answer { outcome, .. }) if *outcome != OutcomeClass::Answered);
        refuses
            && (state.cities.get(&city).is_some_and(Seen::has_copy) || state.quorums.withheld.contains(&(history.origin, first)))
    }
}
