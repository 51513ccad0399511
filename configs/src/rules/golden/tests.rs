//! The bundled pack's cases hold, they reach what they should reach, and a case that is wrong is told by cause, line and key.
//!
//! Not here: that each rule is seen by a case (`flips`).

use std::collections::BTreeSet;

use creditbay_protocol::answer::Indeterminate;
use creditbay_protocol::predicate::Lane;

use crate::error::Source;

use super::super::RulePack;
use super::super::fault::RulesFault;
use super::super::sample::{TEXT, WHOLE, pack};
use super::super::written::WrittenCase;

fn cases() -> Vec<WrittenCase> {
    let (_, cases) = RulePack::rules(Source::new("gba-2026.1.toml", WHOLE), WHOLE).unwrap();
    cases.unwrap().into_inner()
}

/// The bundled rules with these cases alone.
fn with(cases: &str) -> String {
    format!("{}\n[golden]\nillustrative = true\nheld_by = \"leaves\"\ncases = [\n{cases}\n]\n", *TEXT)
}

/// A case about SER_TAX, and what replaces a part of it.
fn one(old: &str, new: &str) -> String {
    let case = "{ name = \"a list\", asker = \"hk\", issuer = \"gz\", purpose = \"FIN\", ask = [\"not_listed(SER_TAX)\"], \
        under = \"P CN-PUB\", records = [\"SER_TAX listed 2026-06-18\"], expect = [\"FALSE until 2026-11-30\"] },";
    assert!(case.contains(old), "{old}");
    with(&case.replacen(old, new, 1))
}

#[track_caller]
fn assert_form(text: &str, key: &str, said: &str) {
    let error = RulePack::parse("forged.toml", text).unwrap_err();
    let RulesFault::GoldenForm { name, what } = error.fault() else { panic!("{error}") };
    assert_eq!((name.as_str(), error.key()), ("a list", Some(format!("golden.cases[0].{key}").as_str())));
    assert!(what.contains(said), "{error}");
}

#[test]
fn the_bundled_pack_says_what_its_cases_expect() {
    let pack = RulePack::parse("gba-2026.1.toml", WHOLE).unwrap();
    assert_eq!(pack.sections().last().map(|section| section.name), Some("golden"));
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| Some(format!("{}: {:?}", case.name.get_ref(), super::run(&pack, case).err()?)))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_cases_reach_every_kind_of_outcome() {
    let cases = cases();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name.get_ref().as_str()).collect();
    assert!(cases.len() >= 150 && names.len() == cases.len(), "{} cases, {} names", cases.len(), names.len());
    let expected: BTreeSet<&str> =
        cases.iter().flat_map(|case| &case.expect).map(|text| text.split(" until ").next().unwrap()).collect();
    // `type_unknown` is for packs that leave types out; this one has all 26.
    for refusal in [
        "rule_pack",
        "purpose_not_admitted",
        "shape_not_admitted",
        "window_too_long",
        "subject_kind_not_admitted",
        "lane_wrong",
        "basis_wrong",
        "pair_without_basis",
        "natural_person",
        "purpose_between_others",
        "not_regulators",
        "grade_across_laws",
        "grade_unknown",
        "digest_missing",
        "authorisation_missing",
        "authorisation_spent",
        "portfolio_unknown",
    ] {
        assert!(expected.contains(format!("refused: {refusal}").as_str()), "no case is refused for {refusal}");
    }
    // An objection makes INDETERMINATE of an answer about a person, and of persons nothing is answered but whether a digest matches.
    for reason in Indeterminate::ALL.iter().filter(|reason| **reason != Indeterminate::Objection) {
        assert!(expected.contains(format!("INDETERMINATE({reason})").as_str()), "no case is indeterminate for {reason}");
    }
    for said in ["TRUE", "FALSE", "TRUE contested", "FALSE contested"] {
        assert!(expected.contains(said), "no case expects {said}");
    }
    for lane in Lane::ALL {
        let answered = |case: &&WrittenCase| case.under.starts_with(lane.as_str()) && !case.expect[0].starts_with("refused");
        assert!(cases.iter().any(|case| answered(&case)), "no case is answered in lane {lane}");
    }
    for subject in ["household", "public-body", "bearer"] {
        assert!(cases.iter().any(|case| case.subject.as_deref() == Some(subject)), "no case is about {subject}");
    }
}

#[test]
fn a_case_that_the_rules_decide_otherwise_is_no_part_of_a_pack() {
    for (old, new, found) in [
        ("FALSE until", "TRUE until", "FALSE until 2026-11-30"),
        ("2026-11-30", "2026-12-01", "FALSE until 2026-11-30"),
        ("FALSE until 2026-11-30", "INDETERMINATE(stale)", "FALSE until 2026-11-30"),
        ("[\"FALSE until 2026-11-30\"]", "[\"FALSE\", \"FALSE\"]", "FALSE until 2026-11-30"),
        ("[\"FALSE until 2026-11-30\"]", "[]", "FALSE until 2026-11-30"),
        ("\"FIN\"", "\"PROF\"", "refused: purpose_not_admitted"),
        ("\"hk\"", "\"hk|fs\"", "refused: pair_without_basis"),
        ("[\"SER_TAX listed 2026-06-18\"]", "[]", "TRUE until 2026-11-30"),
    ] {
        let text = one(old, new);
        let error = RulePack::parse("forged.toml", &text).unwrap_err();
        let RulesFault::GoldenCase { name, found: said, .. } = error.fault() else { panic!("{error}") };
        assert_eq!((name.as_str(), said.as_str(), error.key()), ("a list", found, Some("golden.cases[0].expect")));
        assert!(text.lines().nth(error.line().unwrap() - 1).unwrap().contains("a list"), "{error}");
    }
    assert!(
        matches!(
            RulePack::parse("short.toml", &one("FALSE until 2026-11-30", "FALSE")).unwrap_err().fault(),
            RulesFault::GoldenMissing(_)
        ),
        "without a day any day will do"
    );
}

#[test]
fn a_pack_without_a_case_for_each_type_and_purpose_is_refused() {
    assert_eq!(RulePack::parse("bare.toml", &TEXT).unwrap_err().fault(), &RulesFault::GoldenMissing("the whole pack"));
    assert_eq!(RulePack::parse("empty.toml", &with("")).unwrap_err().fault(), &RulesFault::GoldenMissing("REG_STATUS"));
    let lines = |without: &str| {
        WHOLE.lines().filter(|line| !(line.starts_with("    { ") && line.contains(without))).collect::<Vec<_>>().join("\n")
    };
    for of in ["INSOLVENCY", "REPORT_VERIFY"] {
        assert_eq!(
            RulePack::parse("without.toml", &lines(&format!("({of}"))).unwrap_err().fault(),
            &RulesFault::GoldenMissing(of)
        );
    }
    let error = RulePack::parse("without.toml", &lines("RND")).unwrap_err();
    assert_eq!((error.fault(), error.key()), (&RulesFault::GoldenMissing("RND"), Some("golden.cases")));
}

#[test]
fn a_case_that_cannot_be_read_is_told_by_its_key() {
    let many = format!("\"{}\"", ["hk"; 129].join("|"));
    for (old, new, key, said) in [
        ("\"hk\"", "\"Hong Kong\"", "asker", ""),
        ("\"gz\"", "\"\"", "issuer", ""),
        ("\"hk\"", many.as_str(), "asker", "more than 128"),
        ("\"FIN\"", "\"FUN\"", "purpose", "no such purpose"),
        ("ask =", "subject = \"natural-person\", ask =", "subject", "bearer"),
        ("SER_TAX)", "SER_TAXES)", "ask", "attestation type"),
        ("[\"not_listed(SER_TAX)\"]", "[]", "ask", "one to eight"),
        ("\"P CN-PUB\"", "\"CN-PUB\"", "under", "as in `P CN-PUB`"),
        ("records", "authorised = \"1\", records", "authorised", "as in `2/3`"),
        ("records", "authorised = \"0/3\", records", "authorised", "as in `2/3`"),
        ("records", "pack = \"other\", records", "pack", "another"),
        ("records", "day = \"1969-12-31\", records", "day", "1970"),
        ("records", "synchronised = [\"SER_TAX\"], records", "synchronised", "SER_WAGE never"),
        ("records", "synchronised = [\"SER_TAX 2026\"], records", "synchronised", "SER_WAGE never"),
        ("SER_TAX listed", "SER_TEX listed", "records", "begins with a type"),
        ("SER_TAX listed 2026-06-18", "SER_TAX", "records", "one of: since"),
        ("listed 2026-06-18", "listed", "records", "no value"),
        ("listed 2026-06-18", "listed yesterday", "records", "YYYY-MM-DD"),
        ("listed 2026-06-18", "listed 2026-06-18 listed 2026-06-19", "records", "twice"),
        ("listed 2026-06-18", "badly listed 2026-06-18", "records", "does not belong"),
        ("listed 2026-06-18", "listed 2026-06-18 fine 5", "records", "does not belong"),
        ("SER_TAX listed", "REG_STATUS open since", "records", "registration state"),
        ("SER_TAX listed", "PENALTY grave decided", "records", "severity"),
        ("SER_TAX listed", "PENALTY of 罚款 fine much decided", "records", "yuan"),
        ("SER_TAX listed", "PERMIT from", "records", "a day is missing"),
        ("SER_TAX listed", "TAX_GRADE E rated", "records", "no such grade"),
        ("SER_TAX listed", "SER_TAX A rated", "records", "no scale"),
        ("SER_TAX listed", "COMMIT kept made", "records", "pending, fulfilled or broken"),
        ("SER_TAX listed", "NO_VIOL_REPORT domains 0 issued", "records", "1 to 63"),
        ("SER_TAX listed", "NO_VIOL_REPORT contested issued", "records", "does not belong"),
    ] {
        assert_form(&one(old, new), key, said);
    }
}

#[test]
fn every_reading_of_a_case_is_held() {
    let (pack, text) = (pack(), one("\"hk\"", "\"sz|hk|mo\"").replace("\"FIN\"", "\"FIN|PROC\""));
    let (_, cases) = RulePack::rules(Source::new("one.toml", &text), &text).unwrap();
    let asked = super::run(&pack, &cases.unwrap().get_ref()[0]).unwrap();
    assert_eq!(asked.len(), 6);
}
