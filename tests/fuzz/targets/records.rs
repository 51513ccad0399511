//! What comes to a node from its own side: record files, CSV in every layout and the envelope in XML (PROTOCOL 22.3), and a service's
//! question (PROTOCOL 25.1).
//!
//! The counts add up and agree with what was told; a second time changes nothing; strictly imported is all or nothing; nothing that is
//! told holds a natural person's number.

use std::sync::{Arc, LazyLock};

use creditbay_configs::rules::RulePack;
use creditbay_node::exchange::compose::About;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::{EpochKeys, RecordKeys};
use creditbay_node::intake::event::{Event, Summary};
use creditbay_node::intake::reading::Under;
use creditbay_node::intake::spool::Spool;
use creditbay_node::intake::{import, import_whole};
use creditbay_node::serve::question;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::records::Records;
use creditbay_protocol::identifier::recognise_person;
use creditbay_protocol::predicate::LawOfOrigin;

use super::configs::PACK;
use super::fixture::{NOW, name};

static RULES: LazyLock<RulePack> = LazyLock::new(|| RulePack::parse("gba-2026.1.toml", PACK).expect("the bundled pack"));

/// Rows of comma-separated values.
pub(super) fn csv(bytes: &[u8]) -> bool {
    imported(bytes, "file.csv")
}

/// Rows in an envelope.
pub(super) fn xml(bytes: &[u8]) -> bool {
    imported(bytes, "file.xml")
}

/// The same for every input, so that a bucket's key is made once.
fn keys() -> RecordKeys {
    static BUCKETS: LazyLock<EpochKeys> = LazyLock::new(EpochKeys::in_memory);
    RecordKeys { index: [5; 32], buckets: BUCKETS.clone() }
}

fn imported(bytes: &[u8], name: &str) -> bool {
    let store = InMemory::new();
    let records = Records::open(Arc::new(store.clone()), keys(), Arc::new(Entropy::system())).expect("a store in memory");
    let under = Under { pack: &RULES, law: law_of(bytes), records: &records };
    let once = run(bytes, name, false, &under);
    if let Some(summary) = &once {
        let again = run(bytes, name, false, &under).expect("a file that was imported is imported again");
        assert_eq!(
            (again.good, again.rows, again.rejected),
            (0, summary.rows, summary.rejected),
            "a second time changes something"
        );
    }
    let commits = store.commits();
    let strictly = run(bytes, name, true, &under);
    match (&once, &strictly) {
        (Some(once), Some(strictly)) => assert_eq!((strictly.rejected, once.rejected), (0, 0)),
        (Some(once), None) => assert!(once.rejected > 0, "refused strictly without a rejected row"),
        (None, Some(_)) => panic!("imported strictly alone"),
        (None, None) => {}
    }
    assert!(strictly.is_some() || store.commits() == commits, "refused strictly, and written");
    whole(bytes, name, &once, &under);
    once.is_some_and(|summary| summary.rows > summary.rejected)
}

/// Through the door of the operator, which imports nothing of a file that is not good to its end.
fn whole(bytes: &[u8], name: &str, once: &Option<Summary>, under: &Under<'_>) {
    let store = InMemory::new();
    let records = Records::open(Arc::new(store.clone()), keys(), Arc::new(Entropy::system())).expect("a store in memory");
    let under = Under { records: &records, ..*under };
    let commits = store.commits();
    let spool = Spool::take(bytes, &std::env::temp_dir(), &Entropy::system());
    match import_whole(spool, name, false, &under, NOW, &mut |_| {}) {
        Ok(summary) => assert_eq!(Some(&summary), once.as_ref()),
        Err(error) => assert!(once.is_none() && store.commits() == commits, "refused, and something written: {error}"),
    }
}

/// Imports once and holds what was told against what came of it; `None` for a file that was refused.
fn run(bytes: &[u8], name: &str, strict: bool, under: &Under<'_>) -> Option<Summary> {
    let mut events = Vec::new();
    let result = import(bytes, name, strict, under, NOW, &mut |event| events.push(event));
    for event in &events {
        let told = serde_json::to_string(event).expect("an event has a form in JSON");
        let words = told.split(|character: char| !character.is_alphanumeric());
        let persons: Vec<_> = words.filter(|word| word.len() >= 15 && recognise_person(word).is_some()).collect();
        assert!(persons.is_empty(), "a person's number was told: {told}");
    }
    let count = |of: fn(&Event) -> bool| events.iter().filter(|event| of(event)).count() as u64;
    let Ok(summary) = result else {
        assert!(matches!(events.last(), Some(Event::Failed { .. })));
        return None;
    };
    assert!(matches!(events.last(), Some(Event::Done(told)) if *told == summary));
    assert_eq!(summary.rows, summary.good + summary.duplicates + summary.rejected + summary.persons, "{summary:?}");
    assert_eq!(summary.good, summary.added + summary.replaced);
    assert_eq!(count(|event| matches!(event, Event::Rejected { .. })), summary.rejected);
    assert_eq!(count(|event| matches!(event, Event::RejectedCsv(_))), summary.rejected);
    assert_eq!(count(|event| matches!(event, Event::Person { .. })), summary.persons);
    assert_eq!(count(|event| matches!(event, Event::Unmatched { .. })), summary.unmatched);
    Some(summary)
}

/// A service's question: nobody's number is kept of a natural person, and no refusal repeats what was written.
pub(super) fn question(bytes: &[u8]) -> bool {
    match question::read(name("bank.hk"), bytes) {
        Ok(question) => {
            if let About::Entity(subject) = &question.subject {
                assert!(!subject.scheme().is_person());
            }
            true
        }
        Err(problem) => {
            let told = serde_json::to_string(&problem).expect("a problem has a form in JSON");
            let text = String::from_utf8_lossy(bytes);
            let numbers = text.split(|character: char| !character.is_ascii_digit()).filter(|digits| digits.len() >= 8);
            assert!(numbers.clone().all(|digits| !told.contains(digits)), "a refusal repeats a number: {told}");
            false
        }
    }
}

/// The law under which the file's registers are kept, by the schemes in it.
fn law_of(bytes: &[u8]) -> LawOfOrigin {
    let holds = |scheme: &[u8]| bytes.windows(scheme.len()).any(|window| window == scheme);
    match (holds(b"hk-brn"), holds(b"mo-entity")) {
        (true, _) => LawOfOrigin::Hk,
        (false, true) => LawOfOrigin::Mo,
        (false, false) => LawOfOrigin::Cn,
    }
}
