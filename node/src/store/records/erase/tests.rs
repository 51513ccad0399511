//! What an erased subject leaves, byte for byte, after a crash at any write too; and what the others keep.

use creditbay_configs::rules::record::SubjectTag;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::Identifier;

use super::super::tests::{company, content, day, keys, listing, opened};
use super::super::{Amendment, RecordsError};
use super::*;
use crate::store::buckets::{BucketError, Buckets};
use crate::store::documents::{Action, DocumentId};
use crate::store::in_memory::{Failure, InMemory};
use crate::store::persons::{PersonFact, PersonsError};
use crate::store::{Pair, Store};

/// Every value that was ever written, as sled keeps it in its file, and what any key that is left makes of it.
struct Thief {
    taken: Vec<Pair>,
}

impl Thief {
    fn take(stores: &[&InMemory]) -> Self {
        let all = |store: &InMemory| {
            let persons = store.range(Tree::Persons, &[], &[0xff], usize::MAX).unwrap();
            [content(store), persons].concat()
        };
        Self { taken: stores.iter().flat_map(|store| all(store)).collect() }
    }

    /// What opens, whatever key its place says.
    fn opened(&self) -> Vec<Vec<u8>> {
        let buckets = keys(5).buckets;
        let numbers = buckets.numbers().unwrap();
        let secret = |number| buckets.existing_secret(number).unwrap().unwrap();
        let keys: Vec<_> =
            numbers.into_iter().map(|number| Digest::hmac(&secret(number), &[Label::SEAL_RECORD.as_bytes()])).collect();
        let keys: Vec<_> = keys.iter().map(|key| SealingKey::from_bytes(key.0)).collect();
        let open = |(place, sealed): &Pair| keys.iter().find_map(|key| key.open(Label::SEAL_RECORD, place, sealed).ok());
        self.taken.iter().filter_map(open).collect()
    }

    /// Whether any key leads to a place of this owner.
    fn finds(&self, records: &Records, family: u8, owner: &Digest) -> bool {
        let mut places = Vec::new();
        let mut see = |key: &Arc<BucketKey>| {
            places.push(key.place(family, owner));
            Ok(())
        };
        records.each_bucket(&mut see).unwrap();
        self.taken.iter().any(|(place, _)| places.iter().any(|known| place.starts_with(known)))
    }
}

fn holds(opened: &[Vec<u8>], secret: &[u8]) -> bool {
    opened.iter().any(|plain| plain.windows(secret.len()).any(|window| window == secret))
}

/// Two companies of one bucket, which differ in everything else.
fn neighbours(records: &Records) -> [Identifier; 2] {
    let first = company(1);
    let bucket = Buckets::of(&records.tag(&first).0);
    [first, (2..).map(company).find(|other| Buckets::of(&records.tag(other).0) == bucket).unwrap()]
}

fn report(about: SubjectTag) -> Report {
    let (from, issued_on, valid_until) = (day("2021-05-01"), day("2026-05-01"), day("2027-04-30"));
    let of = AttestationType::ReportVerify;
    Report { of, about: Some(about), domains: Domains::NONE, from, issued_on, valid_until, withdrawn_on: None }
}

/// Records of two neighbours and one company of another bucket, an earlier state of one, amendments, reports.
fn filled(store: &InMemory) -> (Records, [Identifier; 2], InMemory) {
    let records = opened(store);
    let subjects = neighbours(&records);
    let far = company(0);
    let mut rows: Vec<_> = subjects.iter().chain([&far]).map(|subject| (*subject, listing(subject, "1", "2026-06-18"))).collect();
    rows.extend((0..200).map(|number| (subjects[0], listing(&subjects[0], &format!("n{number}"), "2026-06-18"))));
    records.merge(rows).unwrap();
    let before = store.reopen();
    for subject in &subjects {
        let document = DocumentId::of("1", "11440100YL910001XF", subject);
        records.amend(vec![(*subject, Amendment { document, action: Action::Repaired, on: day("2026-08-01") })]).unwrap();
    }
    let reports = (0..6u8).map(|number| (Digest([number; 32]), report(records.tag(&subjects[usize::from(number % 2)]))));
    records.keep_reports(reports.collect()).unwrap();
    (records, subjects, before)
}

fn erase(records: &Records, subject: &Identifier) -> Result<Gone, RecordsError> {
    records.order(Owner::Subject(records.tag(subject))).and_then(|order| records.carry_through(&[order]))
}

#[test]
fn nothing_of_an_erased_subject_opens_or_is_found_and_everything_of_the_others_does() {
    let store = InMemory::new();
    let (records, [gone, stays], before) = filled(&store);
    let (tag, other) = (records.tag(&gone), records.tag(&stays));
    let document = DocumentId::of("1", "11440100YL910001XF", &gone).bytes();
    let full = store.reopen();
    let thief = Thief::take(&[&before, &full]);
    assert!(thief.finds(&records, SUBJECTS, &tag.0) && holds(&thief.opened(), &document), "the search finds what is there");
    let expected = records.extent(&Owner::Subject(tag)).unwrap();
    assert_eq!((expected.records, expected.reports, expected.keys), (202, 3, 0));
    let kept = (records.of(&stays).unwrap(), records.of(&company(0)).unwrap());

    let erased = erase(&records, &gone).unwrap();
    assert_eq!((erased.records, erased.reports), (202, 3));
    assert!((2..=4).contains(&erased.keys), "its bucket's and those of its reports: {erased:?}");
    assert_eq!(records.extent(&Owner::Subject(tag)).unwrap(), Gone::default());
    for records in [&records, &opened(&store.reopen())] {
        assert_eq!(records.of(&gone).unwrap(), []);
        assert_eq!((records.of(&stays).unwrap(), records.of(&company(0)).unwrap()), kept);
        assert_eq!(records.subjects(), 2);
        let rows: Vec<_> = records.rows().into_iter().collect();
        assert_eq!(rows, [(AttestationType::SerWage, 2), (AttestationType::ReportVerify, 3)]);
        for number in 0..6u8 {
            let (file, of_other) = (Digest([number; 32]), number % 2 == 1);
            assert_eq!(records.report(&file, Some(&stays)).unwrap().is_some(), of_other);
            assert_eq!(records.report(&file, Some(&gone)).unwrap(), None);
        }
    }
    let thief = Thief::take(&[&before, &full, &store]);
    let opened = thief.opened();
    for secret in [&tag.0.0[..], &document] {
        assert!(!holds(&opened, secret), "a key that is left opens something");
    }
    assert!(!thief.finds(&records, SUBJECTS, &tag.0) && thief.finds(&records, SUBJECTS, &other.0));
    assert!(holds(&opened, &other.0.0) && holds(&opened, &records.tag(&company(0)).0.0));

    let again = records.merge(vec![(gone, listing(&gone, "1", "2026-06-18"))]).unwrap();
    assert_eq!((again.added, records.of(&gone).unwrap().len(), records.subjects()), (1, 1, 3), "a new import is a new start");
}

#[test]
fn a_crash_at_any_write_is_made_good_by_the_same_code() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let mut nth = 0;
        loop {
            let store = InMemory::new();
            let (records, [gone, stays], _) = filled(&store);
            let (kept, full) = (records.of(&stays).unwrap(), store.reopen());
            let order = records.order(Owner::Subject(records.tag(&gone))).unwrap();
            store.fail(nth, failure);
            let ended = records.carry_through(std::slice::from_ref(&order));
            assert!(matches!(ended, Ok(_) | Err(RecordsError::Store(_))), "write {nth}: {ended:?}");
            let later = store.reopen();
            let records = opened(&later);
            assert_eq!(records.of(&stays).unwrap(), kept, "write {nth}: read while it is half done");
            records.carry_through(std::slice::from_ref(&order)).unwrap();
            assert_eq!((records.of(&gone).unwrap(), records.of(&stays).unwrap()), (Vec::new(), kept), "write {nth}");
            assert_eq!((records.subjects(), records.rows()[&AttestationType::ReportVerify]), (2, 3), "write {nth}");
            assert!(records.buckets.retired().is_empty(), "write {nth}");
            let thief = Thief::take(&[&full, &later]);
            assert!(!holds(&thief.opened(), &records.tag(&gone).0.0), "write {nth}");
            assert_eq!(records.carry_through(&[order]).unwrap(), Gone::default(), "write {nth}: once is enough");
            if ended.is_ok() {
                assert!(nth > 2, "the failure never came");
                break;
            }
            nth += 1;
        }
    }
}

#[test]
fn a_bucket_with_two_keys_is_read_and_written_as_one() {
    let store = InMemory::new();
    let (records, [one, other], _) = filled(&store);
    let number = records.buckets.newest(Buckets::of(&records.tag(&one).0)).unwrap().number();
    records.buckets.retire(number).unwrap();
    let repeated = records.merge(vec![(one, listing(&one, "1", "2026-06-18"))]).unwrap();
    assert_eq!((repeated.unchanged, records.of(&one).unwrap().len()), (1, 201));
    records.merge(vec![(other, listing(&other, "2", "2026-06-18"))]).unwrap();
    let other_tag = records.tag(&other);
    let places =
        |key: &BucketKey| store.get(Tree::Records, &super::super::parts::part_key(&key.place(SUBJECTS, &other_tag.0), 0));
    let lies: Vec<_> = records.buckets.keys(number.bucket()).iter().map(|key| places(key).unwrap().is_some()).collect();
    assert_eq!(lies, [true, false], "what is written lies under the newest key, and nowhere else");
    let expected = (records.of(&one).unwrap(), records.of(&other).unwrap(), records.subjects());
    assert_eq!(records.carry_through(&[]).unwrap(), Gone { keys: 1, ..Gone::default() }, "nothing goes but the key");
    assert_eq!((records.of(&one).unwrap(), records.of(&other).unwrap(), records.subjects()), expected);
}

#[test]
fn the_rows_of_a_person_go_and_those_of_another_stay() {
    let store = InMemory::new();
    let records = opened(&store);
    let persons = records.persons();
    let numbers = ["440106199003071231", "440106199003071232"];
    let fact = PersonFact { register: AttestationType::Penalty, on: day("2026-06-01"), until: None, severity: None };
    let row = |number: &str, document| {
        let person = persons.pseudonyms().of(number);
        let entry = persons.pseudonyms().entry(person, fact.register, document, "11440100YL910001XF");
        crate::store::persons::PersonRow { person, entry, fact }
    };
    let rows = [row(numbers[0], "1"), row(numbers[0], "2"), row(numbers[1], "1")];
    persons.keep(&rows).unwrap();
    let full = store.reopen();
    let [gone, stays] = numbers.map(|number| persons.pseudonyms().of(number));
    assert_eq!(records.extent(&Owner::Person(gone)).unwrap(), Gone { persons: 2, ..Gone::default() });
    let order = records.order(Owner::Person(gone)).unwrap();
    assert_eq!(records.carry_through(&[order]).unwrap(), Gone { persons: 2, keys: 1, ..Gone::default() });
    assert_eq!((persons.rows(), persons.rows_of(&gone).unwrap(), persons.rows_of(&stays).unwrap()), (1, 0, 1));
    let opened = Thief::take(&[&full, &store]).opened();
    assert!(!holds(&opened, &gone.digest().0) && holds(&opened, &stays.digest().0));
    persons.keep(&rows[2..]).unwrap();
    assert_eq!(super::super::tests::opened(&store.reopen()).persons().rows(), 1, "the same row again is the same row");
}

#[test]
fn records_whose_key_is_gone_are_not_taken_for_none() {
    let store = InMemory::new();
    let (records, [subject, _], _) = filled(&store);
    let number = records.buckets.newest(Buckets::of(&records.tag(&subject).0)).unwrap().number();
    records.buckets.destroy(number).unwrap();
    let error = Records::open(Arc::new(store), keys(5), records.entropy.clone()).err().unwrap();
    assert!(matches!(error, RecordsError::KeyGone { bucket } if bucket == number.bucket()), "{error}");
    assert!(error.to_string().contains("data/keys/records"));
}

#[test]
fn what_cannot_be_opened_or_sealed_stops_an_erasure_before_a_key_is_destroyed() {
    let store = InMemory::new();
    let (records, [gone, _], _) = filled(&store);
    let key = records.buckets.newest(Buckets::of(&records.tag(&gone).0)).unwrap();
    let person = (0..).map(|number| records.persons().pseudonyms().of(&number.to_string()));
    let person = person.into_iter().find(|person| Owner::Person(*person).bucket() == key.number().bucket()).unwrap();
    let fact = PersonFact { register: AttestationType::Penalty, on: day("2026-06-01"), until: None, severity: None };
    records.persons().keep(&[crate::store::persons::PersonRow { person, entry: [1; 16], fact }]).unwrap();
    let (from, to) = key.span(b'N');
    let (place, mut sealed) = store.range(Tree::Persons, &from, &to, 1).unwrap().remove(0);
    *sealed.last_mut().unwrap() ^= 1;
    let mut batch = Batch::default();
    batch.set(place, sealed);
    store.commit(Tree::Persons, batch).unwrap();
    let damaged = erase(&records, &gone);
    assert!(matches!(damaged, Err(RecordsError::Persons(PersonsError::Sealed(_)))), "{damaged:?}");
    assert!(records.buckets.key(key.number()).is_some());

    let store = InMemory::new();
    let spent = opened(&store);
    let bucket = u32::from(Buckets::of(&spent.tag(&company(77)).0));
    keys(5).buckets.make_secret(bucket << 16 | 0xffff, &spent.entropy).unwrap();
    let records = opened(&store);
    records.merge(vec![(company(77), listing(&company(77), "1", "2026-06-18"))]).unwrap();
    let refused = erase(&records, &company(77));
    assert!(matches!(refused, Err(RecordsError::Bucket(BucketError::Spent(_)))), "{refused:?}");
    assert_eq!(records.of(&company(77)).unwrap().len(), 1);
}
