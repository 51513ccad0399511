//! Ratings: native grades, bands, and what is not rated.

use super::*;

fn at_least(of: AttestationType, grade: u8) -> Predicate {
    Predicate::GradeAtLeast { of, grade }
}

/// Under the map of `map_of`.
fn band(of: AttestationType, map_of: AttestationType, band: u8) -> Predicate {
    let map = pack().scales().maps().find(|map| map.of == map_of).unwrap().id;
    Predicate::BandAtLeast { of, band, map }
}

fn grade(register: AttestationType, rank: u8, rated_on: &str) -> Record {
    let fact = Fact::Grade { rank, rated_on: day(rated_on), valid_until: None, withdrawn_on: None, contested: false };
    record(register, fact)
}

fn changed(mut record: Record, change: impl Fn(&mut Option<Day>, &mut Option<Day>, &mut bool)) -> Record {
    let Fact::Grade { valid_until, withdrawn_on, contested, .. } = &mut record.fact else { unreachable!() };
    change(valid_until, withdrawn_on, contested);
    record
}

fn unrated(register: AttestationType, on: &str) -> Record {
    record(register, Fact::Unrated { on: day(on) })
}

const NOT_RATED: Truth = Truth::Indeterminate(Indeterminate::NotRated);
const ENV: AttestationType = AttestationType::EnvGrade;
const QUAL: AttestationType = AttestationType::QualGrade;

#[test]
fn a_grade_is_held_against_the_one_that_is_asked_for() {
    let blue = [registered(), grade(ENV, 2, "2026-06-01")];
    let asked = [0, 1, 2, 3].map(|rank| truth(at_least(ENV, rank), &blue));
    assert_eq!(asked, [Truth::True, Truth::True, Truth::True, Truth::False]);
    assert_eq!(verdict(at_least(ENV, 2), &blue).band, None, "the grade itself is not told");
}

#[test]
fn not_rated_is_no_low_grade() {
    for records in [
        vec![registered()],
        vec![registered(), unrated(ENV, "2026-06-01")],
        vec![registered(), grade(AttestationType::TaxGrade, 4, "2026-06-01")],
        vec![registered(), grade(ENV, 3, "2026-11-24")],
        vec![registered(), grade(ENV, 3, "2025-06-01"), unrated(ENV, "2026-06-01")],
        vec![registered(), grade(ENV, 3, "2026-06-01"), unrated(ENV, "2026-06-01")],
    ] {
        for predicate in [at_least(ENV, 0), at_least(ENV, 3), band(ENV, ENV, 0)] {
            let said = verdict(predicate, &records);
            assert_eq!((said.truth, said.valid_until), (NOT_RATED, day("2026-11-23")), "{predicate}: {records:?}");
        }
    }
    assert_eq!(truth(at_least(ENV, 0), &[grade(ENV, 3, "2026-06-01")]), Truth::Indeterminate(Indeterminate::NoSource));
}

#[test]
fn the_newest_rating_counts_and_of_one_day_the_worse() {
    let records = [registered(), grade(ENV, 3, "2026-05-31"), grade(ENV, 1, "2026-06-01"), grade(ENV, 3, "2025-06-01")];
    assert_eq!((truth(at_least(ENV, 1), &records), truth(at_least(ENV, 2), &records)), (Truth::True, Truth::False));
    assert_eq!(truth_on("2026-05-31", at_least(ENV, 3), &records), Truth::True);
    let same_day = [registered(), grade(ENV, 3, "2026-06-01"), grade(ENV, 2, "2026-06-01")];
    assert_eq!(truth(at_least(ENV, 3), &same_day), Truth::False);
    let rated_again = [registered(), unrated(ENV, "2026-05-31"), grade(ENV, 3, "2026-06-01")];
    assert_eq!(truth(at_least(ENV, 3), &rated_again), Truth::True);
}

#[test]
fn of_sectors_the_worst_counts_and_one_that_is_not_rated_takes_nothing_away() {
    let records = [registered(), grade(QUAL, 3, "2026-06-01"), grade(QUAL, 1, "2025-06-01"), unrated(QUAL, "2026-09-01")];
    assert_eq!((truth(at_least(QUAL, 1), &records), truth(at_least(QUAL, 2), &records)), (Truth::True, Truth::False));
    assert_eq!(truth(at_least(QUAL, 0), &[registered(), unrated(QUAL, "2026-09-01")]), NOT_RATED);
}

#[test]
fn a_rating_that_ended_or_was_withdrawn_does_not_exist() {
    let ended = changed(grade(ENV, 1, "2026-06-01"), |until, _, _| *until = Some(day("2026-11-22")));
    let withdrawn = changed(grade(ENV, 1, "2026-06-01"), |_, withdrawn, _| *withdrawn = Some(day("2026-11-23")));
    for record in [ended, withdrawn] {
        assert_eq!(truth(at_least(ENV, 0), &[registered(), record.clone()]), NOT_RATED);
        let before = [registered(), record, grade(ENV, 3, "2025-06-01")];
        assert_eq!(truth(at_least(ENV, 3), &before), Truth::True, "the one before it counts again");
    }
}

#[test]
fn a_rating_is_looked_at_as_far_back_as_its_type_may_be() {
    let at = |rated_on| truth(at_least(ENV, 0), &[registered(), grade(ENV, 3, rated_on)]);
    assert_eq!((at("2023-11-23"), at("2023-11-22")), (Truth::True, NOT_RATED));
    let unbounded = [registered(), grade(AttestationType::AeoGrade, 4, "2003-11-22")];
    assert_eq!(truth(at_least(AttestationType::AeoGrade, 4), &unbounded), Truth::True);
}

#[test]
fn bands_are_those_of_the_issuers_law() {
    let aeo = AttestationType::AeoGrade;
    let said = |law, rank, least| {
        let records = [registered(), grade(aeo, rank, "2026-06-01")];
        let registers = registers("2026-11-23");
        evaluate(pack(), &[band(aeo, aeo, least)], law, &of(&records), &registers, noon("2026-11-23")).verdicts[0].truth
    };
    let (cn, hk, mo) = (LawOfOrigin::Cn, LawOfOrigin::Hk, LawOfOrigin::Mo);
    assert_eq!([said(cn, 4, 4), said(cn, 3, 4), said(cn, 3, 3)], [Truth::True, Truth::False, Truth::True]);
    assert_eq!(
        [said(hk, 1, 4), said(hk, 0, 4), said(mo, 1, 4), said(mo, 0, 3)],
        [Truth::True, Truth::False, Truth::True, Truth::True]
    );
    assert_eq!([said(hk, 2, 0), said(mo, 9, 0)], [NOT_RATED; 2], "a rank that the map has no band for");
    assert_eq!(truth(band(aeo, ENV, 0), &[registered(), grade(aeo, 4, "2026-06-01")]), NOT_RATED, "another type's map");
}

#[test]
fn an_objection_to_the_rating_that_counts_marks_the_verdict() {
    let contested = |record| changed(record, |_, _, contested| *contested = true);
    let marked = |records: &[Record], of| verdict(at_least(of, 1), records).contested;
    assert!(marked(&[registered(), contested(grade(ENV, 2, "2026-06-01"))], ENV));
    assert!(!marked(&[registered(), grade(ENV, 2, "2026-06-01"), contested(grade(ENV, 2, "2025-06-01"))], ENV));
    assert!(marked(&[registered(), grade(QUAL, 2, "2026-06-01"), contested(grade(QUAL, 2, "2025-06-01"))], QUAL));
    assert!(!marked(&[registered(), grade(QUAL, 1, "2026-06-01"), contested(grade(QUAL, 2, "2025-06-01"))], QUAL));
}

#[test]
fn a_verdict_ends_with_its_rating() {
    let until = |record: Record| verdict(at_least(ENV, 2), &[registered(), record]).valid_until;
    assert_eq!(until(grade(ENV, 2, "2026-06-01")), day("2027-02-21"), "90 days");
    assert_eq!(until(changed(grade(ENV, 2, "2026-06-01"), |until, _, _| *until = Some(day("2026-12-31")))), day("2026-12-31"));
    assert_eq!(until(changed(grade(ENV, 2, "2026-06-01"), |_, on, _| *on = Some(day("2026-12-31")))), day("2026-12-30"));
    assert_eq!(until(grade(ENV, 2, "2023-12-15")), day("2026-12-15"), "too old to be looked at from then on");
    let next = [registered(), grade(ENV, 2, "2025-06-01"), grade(ENV, 1, "2026-12-01"), grade(ENV, 2, "2026-12-05")];
    assert_eq!(verdict(at_least(ENV, 2), &next).valid_until, day("2026-11-30"));
    assert_eq!(verdict(at_least(ENV, 1), &next).valid_until, day("2027-02-21"), "a change that changes no answer");
}
