//! Scales, bases, regimes, periods, budgets, timers and calendars: each fault by its own name, on its line, under its key.

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis};

use super::super::fault::RulesFault;
use super::super::sample::{TEXT, altered, day, read, within};
use super::super::timers::TimedAct;
use super::assert_refused;

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// The fault of this text as a whole.
#[track_caller]
fn assert_whole(text: &str, fault: RulesFault) {
    assert_eq!(read(text).unwrap_err().fault(), &fault);
}

const SCALE: &str = "[[scales.native]]";
const MAP: &str = "[[bands.maps]]";
const PAIR: &str = "[[basis.pairs]]";
const REGIME: &str = "[[penalties.regimes]]";
const TIMER: &str = "[[timers.rules]]";
const CALENDAR: &str = "[[calendars.regional]]";

#[test]
fn a_wrong_scale_is_refused() {
    let permit = RulesFault::NotGraded(AttestationType::Permit);
    assert_refused(&within(SCALE, 0, "TAX_GRADE", "PERMIT"), "PERMIT", "scales.native[0].of", permit);
    let law = RulesFault::ScaleLaw { of: AttestationType::TaxGrade, law: LawOfOrigin::Hk };
    assert_refused(&within(SCALE, 0, "\"CN\"", "\"HK\""), "TAX_GRADE", "scales.native[0].of", law);
    let grades = "[\"D\", \"C\", \"M\", \"B\", \"A\"]";
    let many = format!("{:?}", (0..65).map(|grade| grade.to_string()).collect::<Vec<_>>());
    for wrong in ["[]", "[\"A\"]", "[\"A\", \"B\", \"A\"]", &many] {
        assert_refused(&within(SCALE, 0, grades, wrong), "grades", "scales.native[0].grades", RulesFault::ScaleGrades);
    }
    let twice = RulesFault::ScaleTwice { of: AttestationType::AeoGrade, law: LawOfOrigin::Cn };
    assert_refused(&within(SCALE, 2, "\"HK\"", "\"CN\""), "AEO_GRADE", "scales.native[2].of", twice);
}

#[test]
fn a_graded_type_without_scale_or_map_is_refused() {
    let of = AttestationType::EnvGrade;
    let entry = |head: &str, nth: usize| {
        let start = TEXT.match_indices(&format!("\n{head}")).nth(nth).unwrap().0 + 1;
        let end = start + TEXT[start..].find("\n\n").unwrap() + 1;
        start..end
    };
    let (scale, map) = (entry(SCALE, 4), entry(MAP, 2));
    let without_map = format!("{}{}", &TEXT[..map.start], &TEXT[map.end..]);
    assert_whole(&without_map, RulesFault::MapMissing(of));
    let without_both = format!("{}{}{}", &TEXT[..scale.start], &TEXT[scale.end..map.start], &TEXT[map.end..]);
    assert_whole(&without_both, RulesFault::ScaleMissing { of, law: LawOfOrigin::Cn });
}

#[test]
fn a_band_map_covers_its_scales_exactly() {
    let of = AttestationType::AeoGrade;
    let row = "[0, 1, 2, 3, 4]";
    let covered = |bands| RulesFault::MapCoverage { bands, grades: 5 };
    assert_refused(&within(MAP, 1, row, "[0, 1, 2, 3]"), "rows", "bands.maps[1].rows.CN", covered(4));
    assert_refused(&within(MAP, 1, row, "[0, 1, 2, 3, 4, 4]"), "rows", "bands.maps[1].rows.CN", covered(6));
    assert_refused(&within(MAP, 1, row, "[0, 1, 2, 3, 5]"), "rows", "bands.maps[1].rows.CN", RulesFault::MapBands);
    assert_refused(&within(MAP, 1, row, "[0, 1, 3, 2, 4]"), "rows", "bands.maps[1].rows.CN", RulesFault::MapBands);
    let missing = RulesFault::MapLaws { of, law: LawOfOrigin::Hk };
    assert_refused(&within(MAP, 1, ", HK = [3, 4]", ""), "rows", "bands.maps[1].rows", missing);
    let stray = RulesFault::MapLaws { of: AttestationType::TaxGrade, law: LawOfOrigin::Mo };
    assert_refused(&within(MAP, 0, row, "[0, 1, 2, 3, 4], MO = [0]"), "rows", "bands.maps[0].rows", stray);
    assert_refused(&within(MAP, 1, "id = 2", "id = 1"), "id = 1", "bands.maps[1].id", RulesFault::MapTwice);
    let ungraded = RulesFault::NotGraded(AttestationType::Permit);
    assert_refused(&within(MAP, 0, "TAX_GRADE", "PERMIT"), "PERMIT", "bands.maps[0].of", ungraded);
}

#[test]
fn what_is_settled_is_a_grade_and_has_a_text() {
    let unknown = within(MAP, 1, "CN = [\"高级认证\"]", "CN = [\"高级\"]");
    assert_refused(&unknown, "settled", "bands.maps[1].settled.CN", RulesFault::MapSettled);
    let without_text = within(MAP, 1, "\nsource", "\n# source");
    assert_refused(&without_text, "id = 2", "bands.maps[1].settled", RulesFault::MapSettled);
    let nothing = within(MAP, 1, "\nsettled", "\n# settled");
    assert_refused(&nothing, "id = 2", "bands.maps[1].settled", RulesFault::MapSettled);
}

#[test]
fn wrong_pairs_are_refused() {
    let fs = || RulesFault::PairRegionUnknown(region("fs"));
    assert_refused(&within(PAIR, 2, "[\"hk\"]", "[\"fs\"]"), "issuers", "basis.pairs[2].issuers", fs());
    assert_refused(&within(PAIR, 2, "\"sz\"", "\"fs\""), "askers", "basis.pairs[2].askers", fs());
    let twice = RulesFault::PairTwice { issuer: region("hk"), asker: region("gz") };
    assert_refused(&within(PAIR, 3, "\"mo\"", "\"gz\""), "askers", "basis.pairs[3].askers", twice);
    for (key, basis) in [("public", "CN-PUB"), ("authorised", "CN-ENT-AUTH"), ("carried", "SELF"), ("regulators", "CN-PI-STAT")] {
        let text = within(PAIR, 0, basis, "CN-X");
        assert_refused(&text, key, &format!("basis.pairs[0].{key}"), RulesFault::BasisUnknown);
    }
    let empty = within(PAIR, 5, "public = \"MO-PUBREG\"\nauthorised = \"MO-ENT-AUTH\"\n", "");
    assert_refused(&empty, "issuers", "basis.pairs[5]", RulesFault::PairEmpty);
}

#[test]
fn a_basis_of_another_law_lane_or_direction_is_refused() {
    let unfit = |basis, lane, issuer, asker| RulesFault::BasisUnfit { basis, lane, issuer: region(issuer), asker: region(asker) };
    let other_law = unfit(LegalBasis::HkPubreg, Lane::Public, "gz", "sz");
    assert_refused(&within(PAIR, 0, "CN-PUB", "HK-PUBREG"), "public", "basis.pairs[0].public", other_law);
    let other_lane = unfit(LegalBasis::CnPub, Lane::Authorised, "gz", "sz");
    assert_refused(&within(PAIR, 0, "CN-ENT-AUTH", "CN-PUB"), "authorised", "basis.pairs[0].authorised", other_lane);
    let abroad = unfit(LegalBasis::CnPiStat, Lane::Carried, "gz", "hk");
    assert_refused(&within(PAIR, 1, "SELF", "CN-PI-STAT"), "carried", "basis.pairs[1].carried", abroad);
    let contract = unfit(LegalBasis::CnGbascHk, Lane::Carried, "gz", "mo");
    assert_refused(&within(PAIR, 1, "SELF", "CN-GBASC-HK"), "carried", "basis.pairs[1].carried", contract);
    for (nth, old, new) in [(0, "CN-PI-STAT", "SELF"), (2, "HK-PUBREG", "SELF"), (4, "MO-ENT-AUTH", "MO-A22")] {
        let error = read(&within(PAIR, nth, old, new)).unwrap_err();
        assert!(matches!(error.fault(), RulesFault::BasisUnfit { .. }), "{error}");
    }
    for (nth, new) in [(0, "CN-PI-CONSENT"), (0, "CN-PI-STAT"), (1, "CN-SA"), (2, "HK-CONSENT"), (4, "MO-A22")] {
        read(&within(PAIR, nth, "SELF", new)).unwrap();
    }
}

#[test]
fn wrong_regimes_are_refused() {
    let begins = "penalties.regimes[0].decided_from";
    assert_refused(&altered("\"1900-01-01\"", "\"1900-01-02\""), "1900", begins, RulesFault::RegimesBegin);
    let none = format!(
        "{}regimes = []\n\n{}",
        &TEXT[..TEXT.find(REGIME).unwrap()],
        &TEXT[TEXT.find("[[penalties.sectors]]").unwrap()..]
    );
    assert_whole(&none, RulesFault::RegimesBegin);
    let order = "penalties.regimes[1].decided_from";
    let text = altered("\"2026-04-01\"", "\"1900-01-01\"");
    assert_refused(&text, "1900-01-01\"", order, RulesFault::RegimesOutOfOrder);
    let kind = altered("minor_kinds = [\"警告\"", "minor_kinds = [\"责令关闭\"");
    assert_refused(&kind, "minor_kinds", "severity.minor_kinds", RulesFault::KindTwice);
    for (key, longer) in [("general_minimum_months", "13"), ("serious_minimum_months", "37")] {
        let old = if key.starts_with('g') { "general_minimum_months = 3" } else { "serious_minimum_months = 12" };
        let text = within(REGIME, 1, old, &format!("{key} = {longer}"));
        assert_refused(&text, key, &format!("penalties.regimes[1].{key}"), RulesFault::MinimumTooLong);
    }
    let text = within("[[penalties.sectors]]", 1, "food-drugs-special-equipment", "market-regulation");
    assert_refused(&text, "market", "penalties.sectors[1].name", RulesFault::SectorTwice);
}

#[test]
fn periods_of_nothing_are_refused() {
    for (head, nth, old, new, key) in [
        ("[listings]", 0, "maximum_months = 36", "maximum_months = 0", "listings.maximum_months"),
        ("[listings]", 0, "SEC_FILE = 60", "SEC_FILE = 0", "listings.longer.SEC_FILE"),
        (REGIME, 1, "minor_months = 3", "minor_months = 0", "penalties.regimes[1].minor_months"),
        ("[[penalties.sectors]]", 0, "minimum_months = 6", "minimum_months = 0", "penalties.sectors[0].minimum_months"),
        ("[severity]", 0, "serious_fine_fen = 100_000_000", "serious_fine_fen = 0", "severity.serious_fine_fen"),
        ("[retention]", 0, "authorisation_months = 60", "authorisation_months = 0", "retention.authorisation_months"),
        ("[retention]", 0, "withdrawal_months = 60", "withdrawal_months = 0", "retention.withdrawal_months"),
        ("[[volumes.thresholds]]", 0, "persons = 10_000", "persons = 0", "volumes.thresholds[0].persons"),
        (TIMER, 0, "days = 1", "days = 0", "timers.rules[0].days"),
    ] {
        assert_refused(&within(head, nth, old, new), new, key, RulesFault::Zero);
    }
}

#[test]
fn too_short_a_record_and_any_onward_transfer_are_refused() {
    let text = altered("audit_months = 60", "audit_months = 59");
    assert_refused(&text, "audit_months", "retention.audit_months", RulesFault::AuditTooShort);
    let text = altered("permitted = false", "permitted = true");
    assert_refused(&text, "permitted", "onward.permitted", RulesFault::OnwardPermitted);
}

#[test]
fn a_budget_of_nothing_or_larger_than_its_whole_is_refused() {
    let pack = super::super::sample::pack();
    for (key, _) in pack.budgets().named() {
        let start = TEXT.find(&format!("\n{key} = ")).unwrap() + 1;
        let end = start + TEXT[start..].find('\n').unwrap();
        let with = |number: &str| format!("{}{key} = {number}{}", &TEXT[..start], &TEXT[end..]);
        assert_refused(&with("0"), key, &format!("budgets.{key}"), RulesFault::Zero);
    }
    for (smaller, larger, old) in [
        ("requester_per_day", "peer_per_day", "requester_per_day = 10_000"),
        ("subject_per_day", "requester_per_day", "subject_per_day = 20"),
        ("subjects_per_day", "requester_per_day", "subjects_per_day = 500"),
        ("unknown_subjects_per_day", "subjects_per_day", "unknown_subjects_per_day = 20"),
    ] {
        let text = within("[budgets]", 0, &format!("\n{old}"), &format!("\n{smaller} = 100_001"));
        let fault = RulesFault::BudgetsOutOfOrder { smaller, larger };
        assert_refused(&text, smaller, &format!("budgets.{smaller}"), fault);
    }
}

#[test]
fn wrong_volumes_are_refused() {
    for percent in [0, 101] {
        let text = altered("warn_percent = 80", &format!("warn_percent = {percent}"));
        assert_refused(&text, "warn_percent", "volumes.warn_percent", RulesFault::WarnPercent);
    }
    let twice = within("[[volumes.thresholds]]", 2, "persons = 1_000_000", "persons = 100_000");
    assert_refused(&twice, "persons = 100_000", "volumes.thresholds[2].persons", RulesFault::ThresholdTwice);
    let start = TEXT.find("[[volumes.thresholds]]").unwrap();
    let end = start + TEXT[start..].find("\n# ---").unwrap();
    assert_whole(&format!("{}thresholds = []\n{}", &TEXT[..start], &TEXT[end..]), RulesFault::NoThreshold);
}

#[test]
fn every_region_has_its_timers_once() {
    let act = TimedAct::ObjectionDecision;
    let missing = RulesFault::TimerMissing { region: region("mo"), act };
    let text = within(TIMER, 9, "objection_decision", "access_reply");
    assert_refused(&text, "[[timers.rules]]", "timers.rules", missing);
    let missing = RulesFault::TimerMissing { region: region("gz"), act: TimedAct::NoticeAcknowledgement };
    let text = within(TIMER, 10, "\"gz\", ", "");
    assert_refused(&text, "[[timers.rules]]", "timers.rules", missing);
    let twice = RulesFault::TimerTwice { region: region("sz"), act };
    assert_refused(&within(TIMER, 4, "\"gz\"", "\"sz\""), "regions", "timers.rules[4].regions", twice);
    let stranger = RulesFault::PairRegionUnknown(region("fs"));
    assert_refused(&within(TIMER, 4, "\"gz\"", "\"fs\""), "regions", "timers.rules[4].regions", stranger);
}

#[test]
fn every_region_has_its_calendar_once() {
    let missing = RulesFault::CalendarMissing(region("sz"));
    let text = within(CALENDAR, 0, "\"gz\", \"sz\"", "\"gz\"");
    assert_refused(&text, CALENDAR, "calendars.regional", missing);
    let twice = RulesFault::CalendarTwice(region("gz"));
    let text = within(CALENDAR, 1, "\"hk\"", "\"hk\", \"gz\"");
    assert_refused(&text, "regions", "calendars.regional[1].regions", twice);
    let stranger = RulesFault::PairRegionUnknown(region("fs"));
    assert_refused(&within(CALENDAR, 1, "\"hk\"", "\"fs\""), "regions", "calendars.regional[1].regions", stranger);
}

#[test]
fn a_calendar_that_contradicts_itself_is_refused() {
    let key = |name: &str| format!("calendars.regional[0].{name}");
    for end in ["2025-12-31", "2026-10-31"] {
        let text = within(CALENDAR, 0, "last_day = \"2027-12-31\"", &format!("last_day = \"{end}\""));
        assert_refused(&text, "last_day", &key("last_day"), RulesFault::CalendarEnds);
    }
    for wrong in ["2025-12-31", "2028-01-01", "2026-01-02"] {
        let text = within(CALENDAR, 0, "\"2026-01-01\", ", &format!("\"{wrong}\", "));
        assert_refused(&text, wrong, &key("holidays"), RulesFault::CalendarDay(day(wrong)));
    }
    let outside = within(CALENDAR, 0, "\"2026-01-04\"", "\"2028-01-02\"");
    assert_refused(&outside, "2028", &key("working_days"), RulesFault::CalendarDay(day("2028-01-02")));
    let weekday = within(CALENDAR, 0, "\"2026-01-04\"", "\"2026-01-05\"");
    assert_refused(&weekday, "2026-01-05", &key("working_days"), RulesFault::WorkingDay(day("2026-01-05")));
    let both = within(CALENDAR, 0, "holidays = [\n", "holidays = [\n    \"2026-02-14\",\n");
    assert_refused(&both, "2026-02-28", &key("working_days"), RulesFault::WorkingDay(day("2026-02-14")));
}

/// The sample with a section on witnessed answers before its contract.
fn witnessed(section: &str) -> String {
    let head = "[witnessed]\nillustrative = true\nheld_by = \"leaves\"\n";
    altered("\n[contract]\n", &format!("\n{head}{section}\n[contract]\n"))
}

#[test]
fn answers_wait_for_a_quorum_that_can_be_met_and_not_for_ever() {
    use creditbay_protocol::predicate::Purpose;
    let good = "purposes = [\"FIN\"]\nquorum = 2\nwait_seconds = 5\n";
    let pack = read(&witnessed(good)).unwrap();
    let rule = pack.witnessed().unwrap();
    assert_eq!((rule.purposes.as_slice(), rule.quorum, rule.wait_seconds), (&[Purpose::Fin][..], 2, 5));
    assert!(pack.sections().iter().any(|section| section.name == "witnessed"));
    assert_eq!(read(&TEXT).unwrap().witnessed(), None, "the first pack asks for none");
    for (from, to, key, fault) in [
        ("[\"FIN\"]", "[\"NONE\"]", "witnessed.purposes.NONE", RulesFault::PurposeUnknown),
        ("[\"FIN\"]", "[\"FIN\", \"FIN\"]", "witnessed.purposes", RulesFault::WitnessedPurpose(Purpose::Fin)),
        ("[\"FIN\"]", "[]", "witnessed.purposes", RulesFault::ListEmpty),
        ("quorum = 2", "quorum = 0", "witnessed.quorum", RulesFault::Zero),
        ("quorum = 2", "quorum = 3", "witnessed.quorum", RulesFault::QuorumOutOfReach { most: 2 }),
        ("wait_seconds = 5", "wait_seconds = 0", "witnessed.wait_seconds", RulesFault::Zero),
        ("wait_seconds = 5", "wait_seconds = 61", "witnessed.wait_seconds", RulesFault::WaitTooLong),
    ] {
        let section = good.replace(from, to);
        let line = section.lines().find(|line| !good.contains(line)).unwrap().to_owned();
        assert_refused(&witnessed(&section), &line, key, fault);
    }
}
