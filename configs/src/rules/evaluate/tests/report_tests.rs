//! Reports that a subject carries.

use creditbay_protocol::domains::Domains;

use super::super::super::record::{Report, SubjectTag};
use super::*;

const VERIFY: AttestationType = AttestationType::ReportVerify;
const NO_VIOL: AttestationType = AttestationType::NoViolReport;
const TAG: SubjectTag = SubjectTag(Digest([9; 32]));

fn matches(of: AttestationType, domains: &[u8], window_months: u16) -> Predicate {
    Predicate::HashMatches { of, domains: Domains::of(domains).unwrap(), window_months }
}

/// Covers 2024-06-01 to 2026-06-01, may be relied on until 2026-12-01.
fn report(of: AttestationType, domains: &[u8]) -> Report {
    let (from, issued_on, valid_until) = (day("2024-06-01"), day("2026-06-01"), day("2026-12-01"));
    let domains = Domains::of(domains).unwrap();
    Report { of, about: Some(TAG), domains, from, issued_on, valid_until, withdrawn_on: None }
}

fn said_on(today: &str, predicate: Predicate, report: Option<&Report>) -> Verdict {
    let facts = Facts { records: &[], report };
    evaluate(pack(), &[predicate], LawOfOrigin::Cn, &facts, &registers(today), noon(today)).verdicts[0]
}

fn said(predicate: Predicate, report: Option<&Report>) -> Truth {
    said_on("2026-11-23", predicate, report).truth
}

#[test]
fn a_report_is_genuine_if_it_was_given_out_and_holds() {
    let given = report(VERIFY, &[]);
    let asked = matches(VERIFY, &[], 0);
    assert_eq!(said(asked, Some(&given)), Truth::True);
    assert_eq!(said(asked, None), Truth::False, "not given out, or to another subject");
    for (today, truth) in
        [("2026-05-31", Truth::False), ("2026-06-01", Truth::True), ("2026-12-01", Truth::True), ("2026-12-02", Truth::False)]
    {
        assert_eq!(said_on(today, asked, Some(&given)).truth, truth, "{today}");
    }
    assert_eq!(said(asked, Some(&report(NO_VIOL, &[1]))), Truth::False, "another kind of report");
}

#[test]
fn it_must_speak_for_every_domain_and_the_whole_window() {
    let given = report(NO_VIOL, &[1, 2, 38]);
    for (domains, window, truth) in [
        (&[1u8, 38][..], 24, Truth::True),
        (&[1, 2, 38], 24, Truth::True),
        (&[1, 3], 24, Truth::False),
        (&[1], 25, Truth::False),
        (&[1], 0, Truth::True),
    ] {
        assert_eq!(said(matches(NO_VIOL, domains, window), Some(&given)), truth, "{domains:?} {window}");
    }
    let later = Report { from: day("2024-06-02"), ..given };
    assert_eq!(said(matches(NO_VIOL, &[1], 24), Some(&later)), Truth::False, "the window begins a day before it");
}

#[test]
fn one_that_was_taken_back_is_indeterminate_from_that_day_on() {
    let given = Report { withdrawn_on: Some(day("2026-11-23")), ..report(NO_VIOL, &[1]) };
    let withdrawn = Truth::Indeterminate(Indeterminate::Withdrawn);
    assert_eq!(said_on("2026-11-22", matches(NO_VIOL, &[1], 0), Some(&given)).truth, Truth::True);
    for predicate in [matches(NO_VIOL, &[1], 0), matches(NO_VIOL, &[2], 0), matches(NO_VIOL, &[1], 60)] {
        assert_eq!(said(predicate, Some(&given)), withdrawn, "whatever it spoke for");
    }
    assert_eq!(said(matches(VERIFY, &[], 0), Some(&given)), Truth::False, "it was none of these");
}

#[test]
fn a_verdict_ends_with_its_report() {
    let asked = matches(NO_VIOL, &[1], 0);
    let until = |report: Report| said_on("2026-11-23", asked, Some(&report)).valid_until;
    assert_eq!(until(report(NO_VIOL, &[1])), day("2026-12-01"));
    assert_eq!(until(Report { valid_until: day("2027-12-01"), ..report(NO_VIOL, &[1]) }), day("2026-12-23"), "30 days");
    assert_eq!(until(Report { withdrawn_on: Some(day("2026-11-30")), ..report(NO_VIOL, &[1]) }), day("2026-11-29"));
    assert_eq!(said_on("2026-11-23", asked, None).valid_until, day("2026-12-23"));
}

#[test]
fn the_types_that_a_person_may_be_asked_about_are_answered_from_reports_alone() {
    for of in [
        AttestationType::CourtDishonest,
        AttestationType::SecFile,
        AttestationType::Insolvency,
        AttestationType::ResIntegrity,
        VERIFY,
    ] {
        let given = Report { about: None, ..report(of, &[]) };
        assert_eq!(said(matches(of, &[], 0), Some(&given)), Truth::True, "{of}");
        assert_eq!(said(matches(of, &[], 0), None), Truth::False, "{of}");
    }
    let penalty = matches(AttestationType::Penalty, &[], 0);
    assert_eq!(said(penalty, None), Truth::Indeterminate(Indeterminate::OutOfScope));
}

#[test]
fn the_register_of_reports_must_be_there_and_fresh() {
    let facts = Facts { records: &[], report: None };
    for (of, needed) in [
        (VERIFY, vec![VERIFY]),
        (NO_VIOL, vec![NO_VIOL]),
        (AttestationType::Insolvency, vec![AttestationType::Insolvency, VERIFY]),
    ] {
        for register in &needed {
            let asked = [matches(of, &[], 0)];
            let mut registers = registers("2026-11-23");
            let now = noon("2026-11-23");
            registers.iter_mut().filter(|entry| entry.register == *register).for_each(|entry| entry.synchronised = Millis(0));
            let verdicts = evaluate(pack(), &asked, LawOfOrigin::Cn, &facts, &registers, now);
            assert_eq!(verdicts.verdicts[0].truth, Truth::Indeterminate(Indeterminate::Stale));
            let named: Vec<_> = verdicts.coverage.iter().map(|entry| entry.register).collect();
            assert_eq!(named, needed);
            registers.retain(|entry| entry.register != *register);
            let verdicts = evaluate(pack(), &asked, LawOfOrigin::Cn, &facts, &registers, now);
            assert_eq!(verdicts.verdicts[0].truth, Truth::Indeterminate(Indeterminate::NoSource));
        }
    }
}
