//! What is kept is found again and only by who has the key; what is damaged is noticed.

use creditbay_configs::rules::record::Fact;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::Scheme;
use creditbay_protocol::predicate::{RegistrationStatus, Severity};

use super::*;
use crate::host::keys::EpochKeys;
use crate::store::MAX_VALUE_BYTES;
use crate::store::buckets::PLACE_BYTES;
use crate::store::documents::{Action, DocumentId};
use crate::store::in_memory::{Failure, InMemory};

thread_local! {
    static BUCKETS: EpochKeys = EpochKeys::in_memory();
}

/// The keys of this test's node.
pub(super) fn keys(index: u8) -> RecordKeys {
    RecordKeys { index: [index; 32], buckets: BUCKETS.with(Clone::clone) }
}

pub(super) fn try_open(store: &InMemory) -> Result<Records, RecordsError> {
    Records::open(Arc::new(store.clone()), keys(5), Arc::new(Entropy::system()))
}

pub(super) fn opened(store: &InMemory) -> Records {
    try_open(store).unwrap()
}

pub(super) fn company(number: u32) -> Identifier {
    Identifier::parse(Scheme::HkBrn, &format!("{number:08}")).unwrap()
}

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn document(number: &str, subject: &Identifier) -> DocumentId {
    DocumentId::of(number, "11440100YL910001XF", subject)
}

pub(super) fn listing(subject: &Identifier, number: &str, on: &str) -> Record {
    let register = AttestationType::SerWage;
    let fact = Fact::Listing { listed_on: day(on), delisted_on: None, repaired_on: None, withdrawn_on: None, contested: false };
    Record { register, key: document(number, subject).record_key(register, day(on)), fact }
}

fn penalty(subject: &Identifier, severity: Severity, severity_derived: bool) -> Record {
    let (register, decided_on) = (AttestationType::Penalty, day("2026-07-15"));
    let (published_until, repaired_on, withdrawn_on) = (day("2029-07-15"), None, None);
    let fact =
        Fact::Penalty { decided_on, severity, severity_derived, published_until, repaired_on, withdrawn_on, contested: false };
    Record { register, key: document("7", subject).record_key(register, decided_on), fact }
}

pub(super) fn content(store: &InMemory) -> Vec<crate::store::Pair> {
    store.range(Tree::Records, &[], &[0xff], usize::MAX).unwrap()
}

#[test]
fn a_record_is_found_by_its_subject_alone_and_after_a_restart() {
    let store = InMemory::new();
    let records = opened(&store);
    let (one, other) = (company(1), company(2));
    let kept = listing(&one, "1", "2026-06-18");
    assert_eq!(records.merge(vec![(one, kept.clone())]).unwrap(), Merged { added: 1, ..Merged::default() });
    let reopened = opened(&store.reopen());
    assert_eq!(reopened.of(&one).unwrap(), [kept]);
    assert_eq!(reopened.of(&other).unwrap(), []);
    assert_eq!((records.subjects(), reopened.subjects()), (1, 1));
}

#[test]
fn the_same_again_changes_nothing_and_something_else_replaces() {
    let store = InMemory::new();
    let records = opened(&store);
    let subject = company(1);
    let first = listing(&subject, "1", "2026-06-18");
    records.merge(vec![(subject, first.clone()), (subject, listing(&subject, "2", "2026-06-18"))]).unwrap();
    let (before, commits) = (content(&store), store.commits());
    assert_eq!(records.merge(vec![(subject, first.clone())]).unwrap(), Merged { unchanged: 1, ..Merged::default() });
    assert_eq!((content(&store), store.commits()), (before, commits));
    let Fact::Listing { listed_on, .. } = first.fact else { unreachable!() };
    let left = Fact::Listing {
        listed_on,
        delisted_on: Some(day("2026-09-01")),
        repaired_on: None,
        withdrawn_on: None,
        contested: false,
    };
    let changed = Record { fact: left, ..first };
    assert_eq!(records.merge(vec![(subject, changed.clone())]).unwrap(), Merged { replaced: 1, ..Merged::default() });
    assert_eq!(records.of(&subject).unwrap()[0], changed);
    assert_eq!((records.of(&subject).unwrap().len(), records.subjects()), (2, 1));
}

#[test]
fn a_stated_severity_outlives_a_copy_that_does_not_state_it() {
    let subject = company(1);
    let (stated, derived) = (penalty(&subject, Severity::General, false), penalty(&subject, Severity::Serious, true));
    for order in [[stated.clone(), derived.clone()], [derived, stated.clone()]] {
        let records = opened(&InMemory::new());
        order.into_iter().for_each(|record| _ = records.merge(vec![(subject, record)]).unwrap());
        assert_eq!(records.of(&subject).unwrap(), std::slice::from_ref(&stated));
    }
}

#[test]
fn a_repair_holds_whether_it_comes_before_or_after_its_record_and_over_a_second_import() {
    let subject = company(1);
    let (record, other) = (penalty(&subject, Severity::Serious, false), listing(&subject, "8", "2026-06-18"));
    let repair = Amendment { document: document("7", &subject), action: Action::Repaired, on: day("2026-08-20") };
    let merge = |records: &Records| _ = records.merge(vec![(subject, record.clone()), (subject, other.clone())]).unwrap();
    for repair_first in [false, true] {
        let records = opened(&InMemory::new());
        if !repair_first {
            merge(&records);
        }
        let amended = records.amend(vec![(subject, repair.clone())]).unwrap();
        let unmatched = if repair_first { vec![0] } else { vec![] };
        assert_eq!((amended.merged.added, amended.unmatched), (1, unmatched), "a repair before its record is told, and kept");
        merge(&records);
        let again = records.amend(vec![(subject, repair.clone())]).unwrap();
        assert_eq!((again.merged.unchanged, again.unmatched), (1, vec![]));
        let found = records.of(&subject).unwrap();
        assert!(found.iter().any(
            |found| matches!(found.fact, Fact::Penalty { repaired_on: Some(on), withdrawn_on: None, .. } if on == repair.on)
        ));
        assert!(found.contains(&other));
        assert_eq!(found.len(), 2);
    }
}

#[test]
fn a_permit_can_be_withdrawn_but_not_repaired_and_the_earliest_day_counts() {
    let subject = company(1);
    let (register, from) = (AttestationType::Permit, day("2023-02-01"));
    let withdrawn_on = Some(day("2026-05-01"));
    let fact = Fact::Permit { category: 1, valid_from: from, valid_until: Day::LAST, withdrawn_on };
    let record = Record { register, key: document("9", &subject).record_key(register, from), fact };
    let records = opened(&InMemory::new());
    records.merge(vec![(subject, record.clone())]).unwrap();
    for (action, on, expected) in [
        (Action::Repaired, "2026-01-01", "2026-05-01"),
        (Action::Withdrawn, "2026-06-01", "2026-05-01"),
        (Action::Withdrawn, "2026-04-01", "2026-04-01"),
    ] {
        records.amend(vec![(subject, Amendment { document: document("9", &subject), action, on: day(on) })]).unwrap();
        assert!(
            matches!(records.of(&subject).unwrap()[0].fact, Fact::Permit { withdrawn_on: Some(on), .. } if on == day(expected))
        );
    }
}

#[test]
fn many_records_of_one_subject_fill_several_values_none_too_large() {
    let store = InMemory::new();
    let records = opened(&store);
    let subject = company(1);
    let mut all = Vec::new();
    for number in 0..3 * ITEMS_PER_PART {
        let mut record = penalty(&subject, Severity::Serious, true);
        record.key = document(&number.to_string(), &subject).record_key(record.register, day("2026-07-15"));
        if let Fact::Penalty { repaired_on, withdrawn_on, .. } = &mut record.fact {
            (*repaired_on, *withdrawn_on) = (Some(Day::LAST), Some(Day::LAST));
        }
        all.push(record);
    }
    for some in all.chunks(50) {
        records.merge(some.iter().map(|record| (subject, record.clone())).collect()).unwrap();
    }
    assert_eq!(opened(&store.reopen()).of(&subject).unwrap(), all);
    let longest = content(&store).iter().map(|(_, value)| value.len()).max().unwrap();
    assert_eq!(longest, ITEMS_PER_PART * 62 + 42 + 28);
    assert!(longest <= MAX_VALUE_BYTES);
}

#[test]
fn a_value_that_is_missing_changed_or_moved_is_noticed() {
    let store = InMemory::new();
    let records = opened(&store);
    let (subject, other) = (company(1), company(2));
    let rows = (0..=ITEMS_PER_PART).map(|number| (subject, listing(&subject, &number.to_string(), "2026-06-18"))).collect();
    records.merge(rows).unwrap();
    let parts: Vec<_> = content(&store).into_iter().filter(|(key, _)| key[0] == b'R').collect();
    let copied = |parts: &[crate::store::Pair]| {
        let copy = InMemory::new();
        let mut batch = Batch::default();
        parts.iter().for_each(|(key, value)| batch.set(key.clone(), value.clone()));
        copy.commit(Tree::Records, batch).unwrap();
        opened(&copy)
    };
    assert!(matches!(copied(&parts[..1]).of(&subject), Err(RecordsError::Missing { found: 1, expected: 2 })));
    let mut changed = parts.clone();
    changed[0].1[40] ^= 1;
    assert!(matches!(copied(&changed).of(&subject), Err(RecordsError::Sealed(SealError::Refused))));
    let mut moved = parts.clone();
    let tag = records.tag(&other);
    let place = records.buckets.newest(Buckets::of(&tag.0)).unwrap().place(parts::SUBJECTS, &tag.0);
    moved.iter_mut().for_each(|(key, _)| key[..PLACE_BYTES].copy_from_slice(&place));
    assert!(matches!(copied(&moved).of(&other), Err(RecordsError::Sealed(SealError::Refused))));
    assert_eq!(copied(&parts).of(&subject).unwrap().len(), ITEMS_PER_PART + 1);
}

#[test]
fn another_key_is_refused_instead_of_finding_nothing() {
    let store = InMemory::new();
    opened(&store).synchronise(AttestationType::SerWage, Millis(1)).unwrap();
    let other = Records::open(Arc::new(store.clone()), keys(6), Arc::new(Entropy::system()));
    assert!(matches!(other.err(), Some(RecordsError::OtherKey)));
    let mut batch = Batch::default();
    batch.set(b"C".to_vec(), vec![1]);
    store.commit(Tree::Records, batch).unwrap();
    let unreadable = Records::open(Arc::new(store), keys(5), Arc::new(Entropy::system()));
    assert!(matches!(unreadable.err(), Some(RecordsError::Unreadable(_))));
}

#[test]
fn a_subject_cannot_fill_the_store() {
    let records = opened(&InMemory::new());
    let subject = company(1);
    let item = Item::Record(listing(&subject, "1", "2026-06-18"));
    let mut held = Held { items: vec![item; MAX_PARTS * ITEMS_PER_PART + 1], ..Held::default() };
    assert!(matches!(records.put(&mut Batch::default(), &records.tag(&subject), &held), Err(RecordsError::Full)));
    held.items.pop();
    assert!(records.put(&mut Batch::default(), &records.tag(&subject), &held).is_ok());
}

#[test]
fn a_register_goes_forward_only_and_is_known_after_a_restart() {
    let store = InMemory::new();
    let records = opened(&store);
    for (at, expected) in [(7, 7), (5, 7), (9, 9)] {
        records.synchronise(AttestationType::SerTax, Millis(at)).unwrap();
        assert_eq!(records.registers(), [Coverage { register: AttestationType::SerTax, synchronised: Millis(expected) }]);
    }
    assert_eq!(opened(&store.reopen()).registers(), records.registers());
}

#[test]
fn what_was_not_written_is_not_counted() {
    let store = InMemory::new();
    let records = opened(&store);
    let subject = company(1);
    store.fail(0, Failure::NotPersisted);
    assert!(matches!(
        records.merge(vec![(subject, listing(&subject, "1", "2026-06-18"))]),
        Err(RecordsError::Store(StoreError::Write(_)))
    ));
    assert!(matches!(records.synchronise(AttestationType::SerTax, Millis(1)), Err(RecordsError::Store(StoreError::Stopped))));
    assert_eq!((records.subjects(), records.registers()), (0, Vec::new()));
    assert_eq!(opened(&store.reopen()).of(&subject).unwrap(), []);
}

#[test]
fn nothing_in_the_store_names_a_subject() {
    let store = InMemory::new();
    let records = opened(&store);
    let subject = Identifier::parse(Scheme::Uscc, "91440101MA9XTEAT0A").unwrap();
    let registered = Fact::Registration { status: RegistrationStatus::Active, since: day("2020-03-16") };
    let key = document("1", &subject).record_key(AttestationType::RegStatus, Day::LAST);
    records.merge(vec![(subject, Record { register: AttestationType::RegStatus, key, fact: registered })]).unwrap();
    let plain_hash = Digest::of(&subject.canonical_bytes());
    for (key, value) in content(&store) {
        for bytes in [key, value] {
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!holds(subject.expose().as_bytes()) && !holds(&plain_hash.0));
        }
    }
}

#[test]
fn what_is_held_at_once_is_bounded_and_what_is_durable_before_a_failure_is_counted_right() {
    let rows = || (0..20_000).map(|number| (company(number), listing(&company(number), "1", "2026-06-18"))).collect::<Vec<_>>();
    let store = InMemory::new();
    let records = opened(&store);
    records.merge(rows()).unwrap();
    assert_eq!(store.commits(), 2, "20 000 records were held at once");
    assert_eq!((records.subjects(), opened(&store.reopen()).subjects()), (20_000, 20_000));

    let store = InMemory::new();
    let records = opened(&store);
    store.fail(1, Failure::NotPersisted);
    records.merge(rows()).unwrap_err();
    let reopened = opened(&store.reopen());
    assert_eq!(reopened.subjects(), MAX_HELD_ITEMS as u64);
    assert_eq!(reopened.rows()[&AttestationType::SerWage], MAX_HELD_ITEMS as u64);
    let again = reopened.merge(rows()).unwrap();
    assert_eq!((again.added, again.unchanged, reopened.subjects()), (20_000 - again.unchanged, MAX_HELD_ITEMS as u64, 20_000));
}
