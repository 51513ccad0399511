//! What is said of a subject: the reasons to say nothing, lists, penalties, permits and states, and how long it holds.

mod commitment_tests;
mod rating_tests;
mod report_tests;

use std::sync::LazyLock;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::predicate::{RegistrationStatus, Severity, Statuses};

use super::super::sample::{altered_pack, day};
use super::*;

static PACK: LazyLock<RulePack> = LazyLock::new(super::super::sample::pack);

fn pack() -> &'static RulePack {
    &PACK
}

/// Facts without a report.
fn of(records: &[Record]) -> Facts<'_> {
    Facts { records, report: None }
}

const NO_TAX: Predicate = Predicate::NotListed { of: AttestationType::SerTax, window_months: 0 };
const NONE_SERIOUS: Predicate = Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 };
const NO_PENALTY: Predicate = count(36, 0);
const PERMITTED: Predicate = Predicate::ExistsValid { of: AttestationType::Permit };

const fn count(window_months: u16, n: u8) -> Predicate {
    Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::General, window_months, n }
}

fn status_in(states: &[RegistrationStatus]) -> Predicate {
    Predicate::StatusIn { of: AttestationType::RegStatus, statuses: Statuses::of(states).unwrap() }
}

/// Noon in UTC+8 of a day.
fn noon(text: &str) -> Millis {
    Millis(u64::try_from(day(text).number()).unwrap() * DAY_MS + 4 * 3_600_000)
}

fn record(register: AttestationType, fact: Fact) -> Record {
    Record { register, key: Digest([0; 32]), fact }
}

fn state(status: RegistrationStatus, since: &str) -> Record {
    record(AttestationType::RegStatus, Fact::Registration { status, since: day(since) })
}

fn registered() -> Record {
    state(RegistrationStatus::Active, "2015-01-05")
}

fn listing(register: AttestationType, listed_on: &str) -> Record {
    record(
        register,
        Fact::Listing { listed_on: day(listed_on), delisted_on: None, repaired_on: None, withdrawn_on: None, contested: false },
    )
}

fn penalty(decided_on: &str, severity: Severity, contested: bool) -> Record {
    let decided_on = day(decided_on);
    let published_until = pack().regimes().publication_end(decided_on, severity, None);
    let (repaired_on, withdrawn_on) = (None, None);
    let severity_derived = false;
    let fact = Fact::Penalty { decided_on, severity, severity_derived, published_until, repaired_on, withdrawn_on, contested };
    record(AttestationType::Penalty, fact)
}

fn permit(valid_from: &str, valid_until: &str) -> Record {
    let (valid_from, valid_until) = (day(valid_from), day(valid_until));
    record(AttestationType::Permit, Fact::Permit { category: 1, valid_from, valid_until, withdrawn_on: None })
}

/// Every register of the pack, synchronised on that day.
fn registers(synchronised: &str) -> Vec<Coverage> {
    let own =
        AttestationType::ALL.iter().copied().filter(|of| *of != AttestationType::SerAny && pack().catalogue().get(*of).is_some());
    own.map(|register| Coverage { register, synchronised: noon(synchronised) }).collect()
}

/// The verdict of a mainland node on 2026-11-23, all registers fresh.
fn verdict(predicate: Predicate, records: &[Record]) -> Verdict {
    verdict_on("2026-11-23", predicate, records)
}

fn verdict_on(today: &str, predicate: Predicate, records: &[Record]) -> Verdict {
    let said = evaluate(pack(), &[predicate], LawOfOrigin::Cn, &of(records), &registers(today), noon(today));
    assert_eq!((said.verdicts.len(), said.as_of), (1, day(today)));
    said.verdicts[0]
}

fn truth(predicate: Predicate, records: &[Record]) -> Truth {
    verdict(predicate, records).truth
}

fn truth_on(today: &str, predicate: Predicate, records: &[Record]) -> Truth {
    verdict_on(today, predicate, records).truth
}

#[test]
fn of_a_subject_that_is_not_held_nothing_is_said() {
    let records = [
        listing(AttestationType::SerTax, "2026-06-18"),
        penalty("2026-07-15", Severity::Serious, true),
        permit("2023-02-01", "2099-12-31"),
    ];
    for predicate in [NO_TAX, NONE_SERIOUS, NO_PENALTY, PERMITTED, status_in(&[RegistrationStatus::Active])] {
        for records in [&[][..], &records] {
            let verdict = verdict(predicate, records);
            assert_eq!(verdict.truth, Truth::Indeterminate(Indeterminate::NoSource), "{predicate}");
            assert_eq!((verdict.contested, verdict.band, verdict.valid_until), (false, None, day("2026-11-23")));
        }
    }
}

#[test]
fn a_register_that_is_missing_is_no_source_and_so_is_one_member_of_any() {
    let mut registers = registers("2026-11-23");
    registers.retain(|entry| entry.register != AttestationType::SerWage);
    let wage = Predicate::NotListed { of: AttestationType::SerWage, window_months: 0 };
    let said =
        evaluate(pack(), &[wage, NONE_SERIOUS, NO_TAX], LawOfOrigin::Cn, &of(&[registered()]), &registers, noon("2026-11-23"));
    let truths: Vec<Truth> = said.verdicts.iter().map(|verdict| verdict.truth).collect();
    let no_source = Truth::Indeterminate(Indeterminate::NoSource);
    assert_eq!(truths, [no_source, no_source, Truth::True]);
}

#[test]
fn a_register_is_stale_one_millisecond_after_its_bound() {
    let now = noon("2026-11-23");
    for (late, expected) in [(0, Truth::True), (1, Truth::Indeterminate(Indeterminate::Stale))] {
        let mut registers = registers("2026-11-23");
        let socins = registers.iter_mut().find(|entry| entry.register == AttestationType::SerSocins).unwrap();
        socins.synchronised = now.minus(45 * DAY_MS + late);
        let said = evaluate(pack(), &[NONE_SERIOUS, NO_TAX], LawOfOrigin::Cn, &of(&[registered()]), &registers, now);
        assert_eq!([said.verdicts[0].truth, said.verdicts[1].truth], [expected, Truth::True]);
        assert!(said.coverage.iter().any(|entry| entry.synchronised == now.minus(45 * DAY_MS + late)), "and the answer shows it");
    }
}

#[test]
fn a_type_that_the_issuers_law_does_not_have_is_out_of_scope() {
    let records = [registered(), permit("2023-02-01", "2099-12-31")];
    let active = status_in(&[RegistrationStatus::Active]);
    for law in [LawOfOrigin::Hk, LawOfOrigin::Mo] {
        let said = evaluate(
            pack(),
            &[NO_TAX, NONE_SERIOUS, NO_PENALTY, active, PERMITTED],
            law,
            &of(&records),
            &registers("2026-11-23"),
            noon("2026-11-23"),
        );
        let out = Truth::Indeterminate(Indeterminate::OutOfScope);
        let truths: Vec<Truth> = said.verdicts.iter().map(|verdict| verdict.truth).collect();
        assert_eq!(truths, [out, out, out, Truth::True, Truth::True]);
        assert_eq!(said.law_of_origin, law);
        assert_eq!(said.verdicts[0].coverage, 0);
    }
}

#[test]
fn what_the_pack_does_not_know_or_admit_is_out_of_scope() {
    let of = AttestationType::SerTax;
    let wrong = [
        Predicate::ExistsValid { of },
        Predicate::NotListed { of: AttestationType::Penalty, window_months: 0 },
        Predicate::GradeAtLeast { of, grade: 1 },
        Predicate::HashMatches { of, domains: Domains::NONE, window_months: 0 },
    ];
    for predicate in wrong {
        assert_eq!(truth(predicate, &[registered()]), Truth::Indeterminate(Indeterminate::OutOfScope), "{predicate}");
    }
}

#[test]
fn the_registration_is_the_newest_that_has_begun() {
    use RegistrationStatus::{Active, Cancelled, Revoked};
    let records = [state(Cancelled, "2026-11-24"), registered(), state(Revoked, "2026-11-23")];
    assert_eq!(truth(status_in(&[Revoked]), &records), Truth::True);
    assert_eq!(truth(status_in(&[Active, Cancelled]), &records), Truth::False);
    assert_eq!(truth_on("2026-11-22", status_in(&[Active]), &records), Truth::True);
    assert_eq!(truth(status_in(&[Active]), &[state(Active, "2026-11-24")]), Truth::Indeterminate(Indeterminate::NoSource));
}

#[test]
fn a_listing_counts_on_its_own_list_and_on_any() {
    assert_eq!(truth(NO_TAX, &[registered()]), Truth::True);
    let listed = [registered(), listing(AttestationType::SerWage, "2026-06-18")];
    assert_eq!(truth(NO_TAX, &listed), Truth::True);
    assert_eq!(truth(NONE_SERIOUS, &listed), Truth::False);
    let abnormal = [registered(), listing(AttestationType::AbnList, "2021-07-02")];
    assert_eq!(truth(NONE_SERIOUS, &abnormal), Truth::True, "the abnormal list is not a serious one");
    assert_eq!(truth(Predicate::NotListed { of: AttestationType::AbnList, window_months: 0 }, &abnormal), Truth::False);
}

#[test]
fn every_member_of_any_counts() {
    for member in &pack().catalogue().get(AttestationType::SerAny).unwrap().registers {
        assert_eq!(truth(NONE_SERIOUS, &[registered(), listing(*member, "2026-06-18")]), Truth::False, "{member}");
    }
}

#[test]
fn a_window_of_a_list_includes_its_first_day() {
    let listed = |listed_on| [registered(), listing(AttestationType::SerTax, listed_on)];
    let within = Predicate::NotListed { of: AttestationType::SerTax, window_months: 12 };
    assert_eq!(truth(within, &listed("2025-11-22")), Truth::True);
    assert_eq!(truth(within, &listed("2025-11-23")), Truth::False);
    assert_eq!(truth(NO_TAX, &listed("2025-11-22")), Truth::False, "window 0 is: visible today");
}

#[test]
fn a_window_of_a_count_includes_its_first_day() {
    let decided = |decided_on| [registered(), penalty(decided_on, Severity::Serious, false)];
    assert_eq!(truth(count(12, 0), &decided("2025-11-22")), Truth::True);
    assert_eq!(truth(count(12, 0), &decided("2025-11-23")), Truth::False);
    assert_eq!(truth(count(0, 0), &decided("2025-11-22")), Truth::False, "window 0 is: visible today");
    assert_eq!(truth(count(36, 0), &decided("2023-11-23")), Truth::False, "its last day of publication");
    assert_eq!(truth(count(36, 0), &decided("2023-11-22")), Truth::True);
}

#[test]
fn publications_end_by_the_regime_of_their_decision() {
    let old = [registered(), penalty("2026-03-31", Severity::General, false)];
    let new = [registered(), penalty("2026-04-01", Severity::General, false)];
    for (today, of_old, of_new) in [
        ("2027-04-01", Truth::False, Truth::False),
        ("2027-04-02", Truth::False, Truth::True),
        ("2029-03-31", Truth::False, Truth::True),
        ("2029-04-01", Truth::True, Truth::True),
    ] {
        assert_eq!((truth_on(today, count(0, 0), &old), truth_on(today, count(0, 0), &new)), (of_old, of_new), "{today}");
    }
}

#[test]
fn counts_are_of_visible_records_of_that_severity_or_worse() {
    let records = [
        registered(),
        penalty("2026-05-10", Severity::General, false),
        penalty("2026-05-11", Severity::Serious, false),
        penalty("2026-11-01", Severity::Minor, false),
    ];
    assert_eq!(
        [truth(count(36, 0), &records), truth(count(36, 1), &records), truth(count(36, 3), &records)],
        [Truth::False, Truth::False, Truth::True]
    );
    let serious = |n| Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::Serious, window_months: 36, n };
    assert_eq!([truth(serious(0), &records), truth(serious(1), &records)], [Truth::False, Truth::True]);
}

#[test]
fn a_counted_penalty_under_objection_marks_the_verdict() {
    let contested =
        |severity, contested| verdict(count(36, 1), &[registered(), penalty("2026-05-10", severity, contested)]).contested;
    assert!(contested(Severity::General, true), "also where the verdict is TRUE");
    assert!(!contested(Severity::General, false));
    assert!(!contested(Severity::Minor, true), "what is not visible does not count");
    assert!(!verdict(NO_TAX, &[registered(), penalty("2026-05-10", Severity::General, true)]).contested);
}

#[test]
fn a_permit_exists_while_it_is_valid() {
    let records = [registered(), permit("2018-06-01", "2022-05-31"), permit("2023-02-01", "2026-11-23")];
    assert_eq!(truth(PERMITTED, &records), Truth::True);
    assert_eq!(truth_on("2026-11-24", PERMITTED, &records), Truth::False);
    assert_eq!(truth(PERMITTED, &[registered()]), Truth::False);
}

#[test]
fn a_verdict_is_good_for_the_days_of_its_type() {
    let records = [registered(), permit("2023-02-01", "2099-12-31"), listing(AttestationType::SerWage, "2026-06-18")];
    for (predicate, until) in [
        (NO_TAX, "2026-11-30"),
        (NONE_SERIOUS, "2026-11-30"),
        (status_in(&[RegistrationStatus::Active]), "2026-11-30"),
        (PERMITTED, "2026-12-23"),
    ] {
        assert_eq!(verdict(predicate, &records).valid_until, day(until), "{predicate}");
    }
}

#[test]
fn a_verdict_ends_with_the_publication_that_it_hangs_on() {
    let listed = [registered(), listing(AttestationType::SerTax, "2023-11-25")];
    assert_eq!(verdict(NO_TAX, &listed).valid_until, day("2026-11-25"));
    let two = [registered(), listing(AttestationType::SerTax, "2023-11-25"), listing(AttestationType::SerTax, "2023-11-28")];
    assert_eq!(verdict(NO_TAX, &two).valid_until, day("2026-11-28"), "the first to end changes nothing");
    let other = [registered(), listing(AttestationType::SerWage, "2023-11-25")];
    assert_eq!(verdict(NO_TAX, &other).valid_until, day("2026-11-30"), "nor does another list");
    let permitted = [registered(), permit("2023-02-01", "2026-11-25")];
    assert_eq!(verdict(PERMITTED, &permitted).valid_until, day("2026-11-25"));
    assert_eq!(verdict_on("2026-11-25", PERMITTED, &permitted).valid_until, day("2026-11-25"));
}

#[test]
fn a_verdict_ends_where_its_window_or_a_new_state_changes_it() {
    let decided = [registered(), penalty("2025-11-25", Severity::Serious, false)];
    assert_eq!(verdict(count(12, 0), &decided).valid_until, day("2026-11-25"));
    assert_eq!(verdict(count(36, 0), &decided).valid_until, day("2026-11-30"));
    let ending = [registered(), state(RegistrationStatus::Cancelled, "2026-11-26")];
    assert_eq!(verdict(status_in(&[RegistrationStatus::Active]), &ending).valid_until, day("2026-11-25"));
}

#[test]
fn the_day_begins_at_midnight_in_utc_plus_8() {
    let listed = [registered(), listing(AttestationType::SerTax, "2023-11-23")];
    let midnight = Millis(noon("2026-11-24").0 - 12 * 3_600_000);
    for (now, expected) in [(midnight.minus(1), Truth::False), (midnight, Truth::True)] {
        let said = evaluate(pack(), &[NO_TAX], LawOfOrigin::Cn, &of(&listed), &registers("2026-11-20"), now);
        assert_eq!(said.verdicts[0].truth, expected);
    }
}

#[test]
fn the_coverage_names_each_register_once_and_each_verdict_its_own() {
    let active = status_in(&[RegistrationStatus::Active]);
    let said = evaluate(
        pack(),
        &[NONE_SERIOUS, active, NO_TAX, NO_TAX],
        LawOfOrigin::Cn,
        &of(&[registered()]),
        &registers("2026-11-22"),
        noon("2026-11-23"),
    );
    let named: Vec<&str> = said.coverage.iter().map(|entry| entry.register.as_str()).collect();
    assert_eq!(named, ["REG_STATUS", "SER_SAMR", "SER_TAX", "SER_WAGE", "SER_SAFETY", "SER_CUSTOMS", "SER_SOCINS"]);
    assert_eq!(said.verdicts.iter().map(|verdict| verdict.coverage).collect::<Vec<_>>(), [0b111_1110, 0b1, 0b100, 0b100]);
    assert!(said.coverage.iter().all(|entry| entry.synchronised == noon("2026-11-22")));
}

#[test]
fn another_pack_gives_another_answer() {
    let shorter = altered_pack("maximum_months = 36", "maximum_months = 3");
    let listed = [registered(), listing(AttestationType::SerTax, "2026-06-18")];
    let said = evaluate(&shorter, &[NO_TAX], LawOfOrigin::Cn, &of(&listed), &registers("2026-11-23"), noon("2026-11-23"));
    assert_eq!(said.verdicts[0].truth, Truth::True);
    assert_eq!(truth(NO_TAX, &listed), Truth::False);
}
