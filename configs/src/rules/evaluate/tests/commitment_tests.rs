//! Commitments, and what all counted records share: objections, and that a verdict ends where time alone would change it.

use super::super::super::record::CommitmentState;
use super::*;

fn commitment(state: CommitmentState, made_on: &str) -> Record {
    record(AttestationType::Commit, Fact::Commitment { made_on: day(made_on), state, withdrawn_on: None })
}

const NONE_BROKEN: Predicate = Predicate::NotListed { of: AttestationType::Commit, window_months: 0 };
const MADE: Predicate = Predicate::ExistsValid { of: AttestationType::Commit };

#[test]
fn a_broken_commitment_is_a_listing_and_a_kept_or_pending_one_exists() {
    use CommitmentState::{Broken, Fulfilled, Pending};
    for (states, none_broken, made) in [
        (&[][..], Truth::True, Truth::False),
        (&[Pending], Truth::True, Truth::True),
        (&[Fulfilled], Truth::True, Truth::True),
        (&[Broken], Truth::False, Truth::False),
        (&[Broken, Fulfilled], Truth::False, Truth::True),
    ] {
        let mut records = vec![registered()];
        records.extend(states.iter().map(|state| commitment(*state, "2026-06-01")));
        assert_eq!((truth(NONE_BROKEN, &records), truth(MADE, &records)), (none_broken, made), "{states:?}");
    }
}

#[test]
fn a_commitment_is_looked_at_as_far_back_as_its_type_may_be() {
    let broken = |made_on| [registered(), commitment(CommitmentState::Broken, made_on)];
    let kept = |made_on| [registered(), commitment(CommitmentState::Fulfilled, made_on)];
    assert_eq!(
        (truth(NONE_BROKEN, &broken("2023-11-23")), truth(NONE_BROKEN, &broken("2023-11-22"))),
        (Truth::False, Truth::True)
    );
    assert_eq!((truth(MADE, &kept("2023-11-23")), truth(MADE, &kept("2023-11-22"))), (Truth::True, Truth::False));
    let within = Predicate::NotListed { of: AttestationType::Commit, window_months: 12 };
    assert_eq!((truth(within, &broken("2025-11-23")), truth(within, &broken("2025-11-22"))), (Truth::False, Truth::True));
    assert_eq!(verdict(MADE, &kept("2023-11-30")).valid_until, day("2026-11-30"));
}

#[test]
fn a_withdrawn_commitment_does_not_exist() {
    let mut withdrawn = commitment(CommitmentState::Broken, "2026-06-01");
    let Fact::Commitment { withdrawn_on, .. } = &mut withdrawn.fact else { unreachable!() };
    *withdrawn_on = Some(day("2026-11-23"));
    let records = [registered(), withdrawn];
    assert_eq!((truth_on("2026-11-22", NONE_BROKEN, &records), truth(NONE_BROKEN, &records)), (Truth::False, Truth::True));
}

#[test]
fn a_listing_under_objection_marks_the_verdict_where_it_is_counted() {
    let objected = |register, listed_on| {
        let mut record = listing(register, listed_on);
        let Fact::Listing { contested, .. } = &mut record.fact else { unreachable!() };
        *contested = true;
        [registered(), record]
    };
    assert!(verdict(NO_TAX, &objected(AttestationType::SerTax, "2026-06-18")).contested);
    assert!(verdict(NONE_SERIOUS, &objected(AttestationType::SerTax, "2026-06-18")).contested);
    assert!(!verdict(NO_TAX, &objected(AttestationType::SerWage, "2026-06-18")).contested);
    assert!(!verdict(NO_TAX, &objected(AttestationType::SerTax, "2021-06-18")).contested, "no longer visible");
}

#[test]
fn every_further_list_is_answered_from_its_own_register() {
    let public = registered();
    for of in [
        AttestationType::CourtDishonest,
        AttestationType::IprDishonest,
        AttestationType::SecFile,
        AttestationType::GovDefault,
        AttestationType::Insolvency,
    ] {
        let asked = Predicate::NotListed { of, window_months: 0 };
        assert_eq!(truth(asked, std::slice::from_ref(&public)), Truth::True, "{of}");
        let listed = [public.clone(), listing(of, "2026-06-18")];
        assert_eq!((truth(asked, &listed), truth(NONE_SERIOUS, &listed)), (Truth::False, Truth::True), "{of}");
    }
}

/// Facts that a small generator draws, held against going through every day.
#[test]
fn a_verdict_holds_exactly_until_the_day_before_it_would_change() {
    let mut state = 7u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let today = day("2026-11-23");
    for round in 0..3_000 {
        let predicate = [
            count([0, 1, 12, 36][draw(4) as usize], [0, 1][draw(2) as usize]),
            Predicate::NotListed { of: AttestationType::SerTax, window_months: [0, 1, 12, 36][draw(4) as usize] },
            NONE_BROKEN,
            MADE,
            PERMITTED,
            Predicate::GradeAtLeast { of: AttestationType::EnvGrade, grade: 2 },
            status_in(&[RegistrationStatus::Active]),
        ][round % 7];
        let mut records = vec![registered()];
        for _ in 0..draw(4) {
            // Around today, a month, one year or three years before it, where windows and publications end.
            let base = [0, 31, 365, 1096][draw(4) as usize];
            let mut near = || Day::new(2023, 11, 1).unwrap().plus_days((1118 - base + draw(40)) as u32);
            let (on, other) = (near(), near());
            let ended = (draw(3) == 0).then_some(other);
            let (repaired_on, withdrawn_on, contested) = (None, ended, false);
            let kind = draw(7);
            let severity = [Severity::General, Severity::Serious][draw(2) as usize];
            records.push(match kind {
                0 => penalty_until(on, severity, on.plus_days(draw(1200) as u32)),
                1 => record(
                    AttestationType::SerTax,
                    Fact::Listing { listed_on: on, delisted_on: ended, repaired_on, withdrawn_on, contested },
                ),
                2 => record(
                    AttestationType::Commit,
                    Fact::Commitment { made_on: on, state: CommitmentState::Broken, withdrawn_on },
                ),
                3 => record(
                    AttestationType::Commit,
                    Fact::Commitment { made_on: on, state: CommitmentState::Pending, withdrawn_on },
                ),
                4 => record(
                    AttestationType::Permit,
                    Fact::Permit { category: 1, valid_from: on, valid_until: on.plus_days(draw(1200) as u32), withdrawn_on },
                ),
                5 => record(
                    AttestationType::EnvGrade,
                    Fact::Grade { rank: draw(4) as u8, rated_on: on, valid_until: ended, withdrawn_on: None, contested },
                ),
                _ => state_of([RegistrationStatus::Active, RegistrationStatus::Revoked][draw(2) as usize], on),
            });
        }
        let said = verdict(predicate, &records);
        if matches!(said.truth, Truth::Indeterminate(_)) {
            continue;
        }
        let holds_on = |day: Day| verdict_on(&day.to_string(), predicate, &records).truth;
        let days = pack().catalogue().get(predicate.of()).unwrap().validity_days;
        let expected =
            (1..=u32::from(days)).map(|days| today.plus_days(days)).take_while(|day| holds_on(*day) == said.truth).last();
        assert_eq!(said.valid_until, expected.unwrap_or(today), "{predicate}: {records:?}");
    }
}

fn penalty_until(decided_on: Day, severity: Severity, published_until: Day) -> Record {
    let mut record = penalty(&decided_on.to_string(), severity, false);
    let Fact::Penalty { published_until: until, .. } = &mut record.fact else { unreachable!() };
    *until = published_until;
    record
}

fn state_of(status: RegistrationStatus, since: Day) -> Record {
    state(status, &since.to_string())
}
