//! The bundled pack is what the lawyers wrote down, and a pack that is forged, looser or torn is refused by cause, file, line and key.

use creditbay_crypto::hash::Digest;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Purpose};

use crate::error::ConfigFault;

use super::RulePack;
use super::catalogue::Shape;
use super::fault::RulesFault;
use super::sample::{TEXT, altered, pack};
use super::section::Holder;

/// The matrix as agreed, columns FIN PROC INV CUST LIST PROF REG RND: a second transcription, apart from the pack's.
const GOLDEN: [(&str, &str); 11] = [
    ("REG_STATUS", "P P P P P - P P"),
    ("ABN_LIST", "P P P P P - P -"),
    ("SER_SAMR", "P P P - P - P -"),
    ("SER_TAX", "P P P P P - P -"),
    ("SER_WAGE", "P P - - P - P -"),
    ("SER_SAFETY", "P P - - P - P -"),
    ("SER_CUSTOMS", "P - P P P - P -"),
    ("SER_SOCINS", "- P - - P - P -"),
    ("SER_ANY", "P P P P P - P P"),
    ("PENALTY", "A P P P P - R -"),
    ("PERMIT", "P P P P P - P P"),
];

/// Type, longest window in months, validity in days, laws of origin.
const GOLDEN_TYPES: [(&str, Option<u16>, u16, usize); 11] = [
    ("REG_STATUS", None, 7, 3),
    ("ABN_LIST", None, 7, 1),
    ("SER_SAMR", Some(36), 7, 1),
    ("SER_TAX", Some(36), 7, 1),
    ("SER_WAGE", Some(36), 7, 1),
    ("SER_SAFETY", Some(36), 7, 1),
    ("SER_CUSTOMS", Some(36), 7, 1),
    ("SER_SOCINS", Some(36), 7, 1),
    ("SER_ANY", Some(36), 7, 1),
    ("PENALTY", Some(36), 7, 1),
    ("PERMIT", None, 30, 3),
];

/// The cells that differ from the golden rows.
fn differences(pack: &RulePack) -> Vec<String> {
    let mut different = Vec::new();
    for (of, row) in GOLDEN {
        let of = AttestationType::from_name(of).unwrap();
        let cells: Vec<&str> = row.split(' ').collect();
        assert_eq!(cells.len(), Purpose::ALL.len());
        for (purpose, golden) in Purpose::ALL.iter().zip(cells) {
            if pack.matrix().cell(of, *purpose) != Lane::from_name(golden) {
                different.push(format!("{of}.{purpose}"));
            }
        }
    }
    different
}

/// The refusal of the bundled pack with `old` replaced: its fault and key; its line must hold `shown`.
#[track_caller]
fn refused(old: &str, new: &str, shown: &str) -> (RulesFault, String) {
    let text = altered(old, new);
    let error = RulePack::parse("forged.toml", &text).unwrap_err();
    assert_eq!(error.file(), "forged.toml");
    let line = text.lines().nth(error.line().unwrap() - 1).unwrap();
    assert!(line.contains(shown), "{error}\nstands on: {line}");
    (error.fault().clone(), error.key().unwrap_or_default().to_owned())
}

#[track_caller]
fn assert_refused(old: &str, new: &str, shown: &str, key: &str, fault: RulesFault) {
    assert_eq!(refused(old, new, shown), (fault, key.to_owned()));
}

#[test]
fn the_matrix_is_the_golden_one() {
    assert_eq!(differences(&pack()), Vec::<String>::new());
    assert_eq!(pack().catalogue().iter().map(|(of, _)| of.as_str()).collect::<Vec<_>>(), GOLDEN.map(|(of, _)| of));
    assert_eq!(pack().matrix().cell(AttestationType::TaxGrade, Purpose::Fin), None);
}

#[test]
fn every_flipped_cell_is_noticed() {
    for (of, _) in GOLDEN {
        let start = TEXT.find("[matrix.cells]").unwrap();
        let row = start + TEXT[start..].find(&format!("\n{of} ")).unwrap() + 1;
        for purpose in Purpose::ALL {
            let at = row + TEXT[row..].find(&format!("{purpose} = \"")).unwrap() + purpose.as_str().len() + 4;
            let flipped = if &TEXT[at..=at] == "-" { "P" } else { "-" };
            let pack = RulePack::parse("flipped.toml", &format!("{}{flipped}{}", &TEXT[..at], &TEXT[at + 1..])).unwrap();
            assert_eq!(differences(&pack), [format!("{of}.{purpose}")]);
            assert_ne!(pack.digest(), super::sample::pack().digest());
        }
    }
}

#[test]
fn the_catalogue_is_the_golden_one() {
    let pack = pack();
    for (name, look_back, validity, origins) in GOLDEN_TYPES {
        let of = AttestationType::from_name(name).unwrap();
        let rule = pack.catalogue().get(of).unwrap();
        assert_eq!((rule.lane, rule.look_back_months, rule.validity_days), (Lane::Public, look_back, validity), "{of}");
        let laws = [LawOfOrigin::Cn, LawOfOrigin::Hk, LawOfOrigin::Mo];
        assert_eq!(rule.origins, laws[..origins], "{of}");
        assert_eq!(Some(rule.shapes[0]), Shape::answerable(of));
        assert!(rule.label.texts().iter().all(|text| !text.is_empty()));
        assert_eq!(rule.stale_after_days, (name != "SER_ANY").then_some(45), "{of}");
        let households = !["PENALTY", "PERMIT"].contains(&name);
        assert_eq!(
            rule.subjects.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "),
            if households { "entity household" } else { "entity" }
        );
    }
    let any = &pack.catalogue().get(AttestationType::SerAny).unwrap().registers;
    assert_eq!(
        any.iter().map(|of| of.as_str()).collect::<Vec<_>>().join(" "),
        "SER_SAMR SER_TAX SER_WAGE SER_SAFETY SER_CUSTOMS SER_SOCINS"
    );
}

#[test]
fn the_legal_bases_are_the_golden_ones() {
    let pack = pack();
    let golden = [
        ("gz", Some(LegalBasis::CnPub)),
        ("sz", Some(LegalBasis::CnPub)),
        ("hk", Some(LegalBasis::HkPubreg)),
        ("mo", Some(LegalBasis::MoPubreg)),
        ("fs", None),
    ];
    for (issuer, basis) in golden {
        for asker in ["gz", "sz", "hk", "mo"] {
            let found = pack.bases().between(Region::new(issuer).unwrap(), Region::new(asker).unwrap()).map(|pair| pair.public);
            assert_eq!(found, basis.filter(|_| issuer != asker), "{issuer} answers {asker}");
        }
    }
}

#[test]
fn the_head_of_the_pack_can_be_read() {
    let pack = pack();
    assert_eq!(pack.digest(), Digest::of(TEXT.as_bytes()));
    assert_eq!((pack.id().as_str(), pack.serial(), pack.regions().len(), pack.purposes().len()), ("gba-2026.1", 1, 4, 8));
    assert_eq!(pack.unreviewed_languages(), ["pt"]);
    assert_eq!(pack.contract().len(), 5);
    let penalties = pack.sections().iter().find(|section| section.name == "penalties").unwrap();
    assert_eq!((pack.sections().len(), penalties.illustrative, penalties.held_by), (10, false, Holder::Openings));
    assert_eq!(pack.sections()[2].to_string(), "illustrative; held by software, checkable from leaves");
}

#[test]
fn a_key_that_nobody_knows_is_refused_in_every_table() {
    for (at, line) in TEXT.lines().enumerate().filter(|(_, line)| line.starts_with('[')) {
        if line.contains(".cells]") || line.contains(".types]") || line.contains(".meaning]") {
            continue;
        }
        let mut lines: Vec<&str> = TEXT.lines().collect();
        lines.insert(at + 1, "typo = 0");
        let error = RulePack::parse("forged.toml", &lines.join("\n")).unwrap_err();
        assert!(matches!(error.fault(), RulesFault::Text(ConfigFault::UnknownKey { .. })), "{error}");
        assert_eq!(error.line(), Some(at + 2), "{error}");
    }
    let (fault, key) = refused("look_back_months = 36, members", "look_back = 36, members", "SER_ANY     = { lane");
    assert!(matches!(fault, RulesFault::Text(ConfigFault::UnknownKey { .. })), "{fault}");
    assert_eq!(key, "catalogue.types.SER_ANY.look_back");
}

#[test]
fn a_wrong_head_is_refused() {
    let format = RulesFault::Format { expected: "creditbay/rules/v1" };
    assert_refused("creditbay/rules/v1\"\n", "creditbay/rules/v2\"\n", "format =", "format", format);
    assert_refused("serial = 1 ", "serial = 0 ", "serial", "serial", RulesFault::SerialZero);
    assert_refused("regions = [\"gz\", \"sz\", \"hk\", \"mo\"] ", "regions = []", "regions", "regions", RulesFault::NoRegions);
    let twice = RulesFault::RegionTwice(Region::new("gz").unwrap());
    assert_refused("regions = [\"gz\", \"sz\", \"hk\", \"mo\"] ", "regions = [\"gz\", \"gz\"]", "regions", "regions[1]", twice);
    assert_refused("[\"pt\"]", "[\"fr\"]", "unreviewed", "unreviewed_languages", RulesFault::LanguageUnknown);
}

#[test]
fn an_unknown_type_is_refused_in_every_section() {
    for (old, key) in [
        ("PERMIT      = { lane", "catalogue.types"),
        ("PERMIT      = { FIN", "matrix.cells"),
        ("PERMIT      = { validity", "freshness.types"),
        ("PERMIT      = { zh-Hans", "labels.types"),
    ] {
        let new = old.replace("PERMIT ", "PERMITS");
        assert_refused(old, &new, "PERMITS", &format!("{key}.PERMITS"), RulesFault::TypeUnknown);
    }
    assert_refused("= [\"ABN_LIST\"]", "= [\"ABN\"]", "until_delisted", "listings.until_delisted.ABN", RulesFault::TypeUnknown);
}

#[test]
fn a_type_that_the_catalogue_does_not_have_is_refused_in_every_section() {
    let grade = AttestationType::TaxGrade;
    for (old, key) in [
        ("PERMIT      = { FIN", "matrix.cells"),
        ("PERMIT      = { validity", "freshness.types"),
        ("PERMIT      = { zh-Hans", "labels.types"),
    ] {
        let new = old.replace("PERMIT ", "TAX_GRADE");
        assert_refused(old, &new, "TAX_GRADE", &format!("{key}.TAX_GRADE"), RulesFault::NotInCatalogue(grade));
    }
    let fault = RulesFault::NotInCatalogue(grade);
    assert_refused("= [\"ABN_LIST\"]", "= [\"TAX_GRADE\"]", "until_delisted", "listings.until_delisted", fault);
}

#[test]
fn a_type_that_another_section_leaves_out_is_refused() {
    for (start, key) in [
        ("PERMIT      = { FIN", "matrix.cells"),
        ("PERMIT      = { validity", "freshness.types"),
        ("PERMIT      = { zh-Hans", "labels.types"),
    ] {
        let line = TEXT.lines().find(|line| line.starts_with(start)).unwrap();
        let error = RulePack::parse("forged.toml", &altered(line, "")).unwrap_err();
        assert_eq!((error.fault(), error.key()), (&RulesFault::TypeMissing(AttestationType::Permit), Some(key)));
    }
}

#[test]
fn a_wrong_row_of_the_matrix_is_refused() {
    let row = "PENALTY     = { FIN = \"A\", PROC = \"P\", INV = \"P\", CUST = \"P\", LIST = \"P\", PROF = \"-\", REG = \"R\", RND = \"-\" }";
    let with = |old: &str, new: &str| row.replace(old, new);
    assert_refused(row, &with("FIN = \"A\"", "FIN = \"X\""), "PENALTY", "matrix.cells.PENALTY.FIN", RulesFault::CellUnknown);
    assert_refused(row, &with("FIN =", "FINE ="), "PENALTY", "matrix.cells.PENALTY.FINE", RulesFault::PurposeUnknown);
    assert_refused(row, &with("FIN = \"A\", ", ""), "PENALTY", "matrix.cells.PENALTY", RulesFault::CellMissing(Purpose::Fin));
    assert_refused("FIN = \"cross", "FINE = \"cross", "FINE", "purposes.meaning.FINE", RulesFault::PurposeUnknown);
    // A purpose that the protocol has and the pack does not list.
    let unlisted = ("RND = \"research", "# RND = \"research");
    assert_refused(unlisted.0, unlisted.1, "ABN_LIST", "matrix.cells.ABN_LIST.RND", RulesFault::PurposeUnknown);
}

#[test]
fn a_cell_that_is_looser_than_its_type_is_refused_and_a_stricter_one_is_not() {
    let line = "PENALTY     = { lane = \"P\"";
    let looser = RulesFault::CellLooser { cell: Lane::Public, lane: Lane::Authorised };
    let found = refused(line, "PENALTY     = { lane = \"A\"", "PENALTY     = { FIN");
    assert!(matches!(found, (ref fault, ref key) if *fault == looser && key.starts_with("matrix.cells.PENALTY.")), "{found:?}");
    for stricter in ["A", "C", "R"] {
        let row = format!("SER_SOCINS  = {{ FIN = \"-\", PROC = \"{stricter}\"");
        RulePack::parse("stricter.toml", &altered("SER_SOCINS  = { FIN = \"-\", PROC = \"P\"", &row)).unwrap();
    }
}

#[test]
fn a_type_that_could_name_a_person_or_could_not_be_answered_is_refused() {
    let line = "PERMIT      = { lane = \"P\", subjects = [\"entity\"],              shapes = [\"exists_valid\"]";
    let key = "catalogue.types.PERMIT";
    let with = |old: &str, new: &str| line.replace(old, new);
    let person = with("[\"entity\"]", "[\"natural-person\"]");
    assert_refused(line, &person, "PERMIT", &format!("{key}.subjects"), RulesFault::NaturalPerson);
    assert_refused(line, &with("[\"entity\"]", "[]"), "PERMIT", &format!("{key}.subjects"), RulesFault::ListEmpty);
    assert_refused(line, &with("[\"exists_valid\"]", "[]"), "PERMIT", &format!("{key}.shapes"), RulesFault::ListEmpty);
    let shape = RulesFault::ShapeNotAnswerable { of: AttestationType::Permit, shape: Shape::NotListed };
    assert_refused(line, &with("exists_valid", "not_listed"), "PERMIT", &format!("{key}.shapes"), shape);
    let text = TEXT.replace("PERMIT   ", "TAX_GRADE").replace("\"exists_valid\"", "\"grade_at_least\"");
    let fault = RulesFault::ShapeNotAnswerable { of: AttestationType::TaxGrade, shape: Shape::GradeAtLeast };
    assert_eq!(RulePack::parse("forged.toml", &text).unwrap_err().fault(), &fault);
}

#[test]
fn counts_without_what_is_counted_are_refused() {
    let key = "catalogue.types.PENALTY";
    assert_refused(", counts = [0, 1, 3]", "", "PENALTY", key, RulesFault::CountsIncomplete);
    assert_refused("counts = [0, 1, 3]", "counts = []", "PENALTY", key, RulesFault::CountsIncomplete);
    let (old, new) = ("severities = [\"general\", \"serious\"], ", "");
    assert_refused(old, new, "PENALTY", key, RulesFault::CountsIncomplete);
    let stray = "shapes = [\"status_in\"],    counts = [1],";
    assert_refused("shapes = [\"status_in\"],", stray, "REG_STATUS", "catalogue.types.REG_STATUS", RulesFault::CountsIncomplete);
}

#[test]
fn wrong_members_are_refused() {
    let (old, key) = ("\"SER_CUSTOMS\", \"SER_SOCINS\"]", "catalogue.types.SER_ANY");
    for stranger in ["SER_ALL", "SER_ANY", "PENALTY", "COURT_DISHONEST"] {
        let new = format!("\"SER_CUSTOMS\", \"{stranger}\"]");
        assert_refused(old, &new, "SER_ANY", &format!("{key}.members"), RulesFault::MemberUnknown);
    }
    assert_refused(old, "\"SER_TAX\"]", "SER_ANY", &format!("{key}.members"), RulesFault::Members);
    let all = "members = [\"SER_SAMR\", \"SER_TAX\", \"SER_WAGE\", \"SER_SAFETY\", \"SER_CUSTOMS\", \"SER_SOCINS\"]";
    assert_refused(all, "members = []", "SER_ANY", key, RulesFault::Members);
    assert_refused(&format!(", {all}"), "", "SER_ANY", key, RulesFault::Members);
    let other = "PERMIT      = { members = [\"SER_TAX\"], lane";
    assert_refused("PERMIT      = { lane", other, "PERMIT", "catalogue.types.PERMIT", RulesFault::Members);
}

#[test]
fn periods_of_nothing_are_refused() {
    for (old, new, key) in [
        ("look_back_months = 36, severities", "look_back_months = 0, severities", "catalogue.types.PENALTY.look_back_months"),
        ("validity_days = 30", "validity_days = 0", "freshness.types.PERMIT.validity_days"),
        (
            "validity_days = 30, stale_after_days = 45",
            "validity_days = 30, stale_after_days = 0",
            "freshness.types.PERMIT.stale_after_days",
        ),
        ("maximum_months = 36", "maximum_months = 0", "listings.maximum_months"),
        ("general_months = 12", "general_months = 0", "penalties.regimes[1].general_months"),
        ("serious_fine_fen = 100_000_000", "serious_fine_fen = 0", "severity.serious_fine_fen"),
    ] {
        assert_refused(old, new, new.split(',').next_back().unwrap().trim(), key, RulesFault::Zero);
    }
}

#[test]
fn a_bound_that_has_no_register_or_a_register_without_bound_is_refused() {
    let (old, key) = ("SER_ANY     = { validity_days = 7 }", "freshness.types.SER_ANY");
    let bounded = "SER_ANY     = { validity_days = 7, stale_after_days = 45 }";
    assert_refused(old, bounded, "SER_ANY", key, RulesFault::Staleness);
    let unbounded = ("PERMIT      = { validity_days = 30, stale_after_days = 45 }", "PERMIT      = { validity_days = 30 }");
    assert_refused(unbounded.0, unbounded.1, "PERMIT", "freshness.types.PERMIT", RulesFault::Staleness);
}

#[test]
fn a_label_without_a_language_is_refused() {
    let line =
        "zh-Hans = \"行政许可\", zh-Hant = \"行政許可\", pt = \"Licença administrativa\", en = \"Administrative permit\" }";
    for (language, part) in [
        ("zh-Hans", "\"行政许可\""),
        ("zh-Hant", "\"行政許可\""),
        ("pt", "\"Licença administrativa\""),
        ("en", "\"Administrative permit\""),
    ] {
        let fault = RulesFault::LabelMissing { language };
        assert_refused(line, &line.replace(part, "\" \""), "PERMIT", "labels.types.PERMIT", fault);
    }
    let missing = line.replace("pt = \"Licença administrativa\", ", "");
    assert_refused(line, &missing, "PERMIT", "labels.types.PERMIT", RulesFault::LabelMissing { language: "pt" });
}

#[test]
fn wrong_pairs_are_refused() {
    let fs = Region::new("fs").unwrap();
    let old = "issuers = [\"hk\"]\naskers = [\"gz\", \"sz\", \"mo\"]";
    let issuer = old.replace("[\"hk\"]", "[\"fs\"]");
    assert_refused(old, &issuer, "issuers", "basis.pairs[1].issuers", RulesFault::PairRegionUnknown(fs));
    assert_refused(old, &old.replace("\"mo\"", "\"fs\""), "askers", "basis.pairs[1].askers", RulesFault::PairRegionUnknown(fs));
    let twice = RulesFault::PairTwice { issuer: Region::new("gz").unwrap(), asker: Region::new("sz").unwrap() };
    assert_refused(old, &old.replace("[\"hk\"]", "[\"gz\"]"), "askers", "basis.pairs[1].askers", twice);
    assert_refused("\"HK-PUBREG\"", "\"HK-PUB\"", "HK-PUB", "basis.pairs[1].public", RulesFault::BasisUnknown);
}

#[test]
fn wrong_regimes_are_refused() {
    let begins = "penalties.regimes[0].decided_from";
    assert_refused("\"1900-01-01\"", "\"1900-01-02\"", "1900", begins, RulesFault::RegimesBegin);
    let none = format!("regimes = []\n{}", &TEXT[TEXT.find("# The severity of a penalty that").unwrap()..]);
    let text = format!("{}{none}", &TEXT[..TEXT.find("[[penalties.regimes]]").unwrap()]);
    assert_eq!(RulePack::parse("forged.toml", &text).unwrap_err().fault(), &RulesFault::RegimesBegin);
    let order = "penalties.regimes[1].decided_from";
    assert_refused("\"2026-04-01\"", "\"1900-01-01\"", "1900-01-01\"", order, RulesFault::RegimesOutOfOrder);
    let kind = ("minor_kinds = [\"警告\"", "minor_kinds = [\"责令关闭\"");
    assert_refused(kind.0, kind.1, "minor_kinds", "severity.minor_kinds", RulesFault::KindTwice);
}

#[test]
fn a_torn_pack_is_refused_wherever_it_is_torn() {
    for (end, _) in TEXT.char_indices().step_by(97) {
        assert!(RulePack::parse("torn.toml", &TEXT[..end]).is_err(), "torn at {end}");
    }
}
