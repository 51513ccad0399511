//! What was spent, counted again from the leaves and from the queries that they answer.
//!
//! Shares nothing with the nodes' ledgers but the figures of the rule pack.

use std::collections::{BTreeMap, BTreeSet};

use creditbay_configs::rules::budgets::Budgets;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::query::Query;
use creditbay_protocol::terms::Terms;

type Requester = (i32, Region, OrganisationId);

/// What one city's answers have spent.
#[derive(Default)]
pub(crate) struct Spent {
    by_requester: BTreeMap<Requester, u32>,
    by_peer: BTreeMap<(i32, Region), u32>,
    by_subject: BTreeMap<(Requester, Vec<u8>), (u32, BTreeSet<u8>)>,
    subjects: BTreeMap<Requester, u32>,
    portfolios: BTreeMap<Digest, BTreeSet<(Region, OrganisationId, Vec<u8>)>>,
    uses: BTreeSet<(Digest, u16)>,
}

impl Spent {
    /// Counts an answer whose leaf carries this time; says what it overspends.
    pub(crate) fn count(&mut self, budgets: &Budgets, query: &Query, terms: &Terms, time: Millis) -> Vec<String> {
        let day = time.day().number();
        let requester = (day, terms.asker, terms.organisation);
        let mut over = Vec::new();
        let mut hold = |what: &str, count: u32, most: u32| {
            if count > most {
                over.push(format!("{what}: {count} of {most}"));
            }
        };
        hold("answers of the requester", add(&mut self.by_requester, requester), budgets.requester_per_day);
        hold("answers of the peer", add(&mut self.by_peer, (day, terms.asker)), budgets.peer_per_day);
        let subject = self.by_subject.entry((requester, query.subject_bytes().to_vec())).or_default();
        subject.0 += 1;
        subject.1.extend(query.predicates.as_slice().iter().map(|predicate| predicate.of().code()));
        hold("answers about the subject", subject.0, budgets.subject_per_day);
        hold("types learnt of the subject", subject.1.len() as u32, budgets.types_per_subject_and_day);
        match terms.portfolio {
            None if subject.0 == 1 => hold("subjects", add(&mut self.subjects, requester), budgets.subjects_per_day),
            None => {}
            Some(under) => {
                let subjects = self.portfolios.entry(under.portfolio).or_default();
                subjects.insert((terms.asker, terms.organisation, query.subject_bytes().to_vec()));
                hold("subjects of the portfolio", subjects.len() as u32, under.size);
            }
        }
        if let Some(used) = terms.authorisation
            && !self.use_once(used.authorisation, used.number.get())
        {
            over.push(format!("use {} of an authorisation, again", used.number.get()));
        }
        over
    }

    /// Notes a use of an authorisation; false if it was used before.
    pub(crate) fn use_once(&mut self, authorisation: Digest, number: u16) -> bool {
        self.uses.insert((authorisation, number))
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) -> u32 {
    let count = counts.entry(key).or_default();
    *count += 1;
    *count
}
