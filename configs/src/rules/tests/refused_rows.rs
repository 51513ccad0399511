//! Head, catalogue, matrix and labels: each fault by its own name, on its line, under its key.

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, Purpose};

use crate::error::ConfigFault;

use super::super::catalogue::Shape;
use super::super::fault::RulesFault;
use super::super::sample::{TEXT, altered, read, within};
use super::{assert_refused, refused};

/// Every section with a row for each type.
const BY_TYPE: [&str; 4] = ["catalogue.types", "matrix.cells", "freshness.types", "labels.types"];

/// The bundled pack with this line changed, which is the type's in the section.
fn line(section: &str, of: &str, old: &str, new: &str) -> String {
    let start = TEXT.find(&format!("\n[{section}]")).unwrap();
    let at = start + TEXT[start..].find(&format!("\n{of} ")).unwrap() + 1;
    let end = at + TEXT[at..].find('\n').unwrap();
    assert!(TEXT[at..end].contains(old), "{old}");
    format!("{}{}{}", &TEXT[..at], TEXT[at..end].replacen(old, new, 1), &TEXT[end..])
}

#[test]
fn a_key_that_nobody_knows_is_refused_in_every_table() {
    let named = [".cells]", ".types]", ".meaning]", ".persons]", "labels.purposes]"];
    for (at, line) in TEXT.lines().enumerate().filter(|(_, line)| line.starts_with('[')) {
        if named.iter().any(|end| line.contains(end)) {
            continue;
        }
        let mut lines: Vec<&str> = TEXT.lines().collect();
        lines.insert(at + 1, "typo = 0");
        let error = read(&lines.join("\n")).unwrap_err();
        assert!(matches!(error.fault(), RulesFault::Text(ConfigFault::UnknownKey { .. })), "{error}");
        assert_eq!(error.line(), Some(at + 2), "{error}");
    }
    let text = line("catalogue.types", "SER_ANY", "look_back_months", "look_back");
    let (fault, key) = refused(&text, "SER_ANY");
    assert!(matches!(fault, RulesFault::Text(ConfigFault::UnknownKey { .. })), "{fault}");
    assert_eq!(key, "catalogue.types.SER_ANY.look_back");
}

#[test]
fn a_key_that_must_be_there_is_named_when_it_is_not() {
    for (section, key) in [
        ("budgets", "requester_per_day"),
        ("budgets", "portfolio_days"),
        ("volumes", "warn_percent"),
        ("retention", "audit_months"),
        ("onward", "permitted"),
        ("timers", "illustrative"),
        ("scales", "held_by"),
    ] {
        let text = within(&format!("[{section}]"), 0, &format!("\n{key} ="), &format!("\n# {key} ="));
        let (fault, found) = refused(&text, &format!("[{section}]"));
        assert_eq!(fault, RulesFault::Text(ConfigFault::MissingKey { name: key.to_owned() }));
        assert_eq!(found, section);
    }
}

#[test]
fn a_wrong_head_is_refused() {
    let format = RulesFault::Format { expected: "creditbay/rules/v1" };
    assert_refused(&altered("creditbay/rules/v1\"\n", "creditbay/rules/v2\"\n"), "format =", "format", format);
    assert_refused(&altered("serial = 1 ", "serial = 0 "), "serial", "serial", RulesFault::SerialZero);
    let regions = "regions = [\"gz\", \"sz\", \"hk\", \"mo\"]       #";
    assert_refused(&altered(regions, "regions = [] #"), "regions", "regions", RulesFault::NoRegions);
    let twice = RulesFault::RegionTwice(Region::new("gz").unwrap());
    assert_refused(&altered(regions, "regions = [\"gz\", \"gz\"] #"), "regions", "regions[1]", twice);
    assert_refused(&altered("[\"pt\"]", "[\"fr\"]"), "unreviewed", "unreviewed_languages", RulesFault::LanguageUnknown);
    let impossible = altered("effective_from = \"2026-11-01\"", "effective_from = \"2026-11-31\"");
    assert!(matches!(refused(&impossible, "2026-11-31").0, RulesFault::Text(ConfigFault::Value { .. })));
}

#[test]
fn an_edition_names_the_one_before_and_the_first_names_none() {
    let before = format!("supersedes = \"{}\"\n", "01".repeat(32));
    let first = altered("effective_from =", &format!("{before}effective_from ="));
    assert_refused(&first, "supersedes", "supersedes", RulesFault::Supersedes);
    assert_refused(&altered("serial = 1 ", "serial = 2 "), "serial", "serial", RulesFault::Supersedes);
    let second = read(&first.replace("serial = 1 ", "serial = 2 ")).unwrap();
    assert_eq!(second.supersedes().unwrap().to_string(), "01".repeat(32));
}

#[test]
fn laws_are_those_of_the_regions() {
    let (fs, mo) = (Region::new("fs").unwrap(), Region::new("mo").unwrap());
    assert_refused(&altered("hk = \"HK\", mo", "hk = \"HK\", fs = \"CN\", mo"), "laws", "laws", RulesFault::Laws(fs));
    assert_refused(&altered(", mo = \"MO\" }", " }"), "laws", "laws", RulesFault::Laws(mo));
}

#[test]
fn an_unknown_type_is_refused_in_every_section() {
    for section in BY_TYPE.iter().chain(&["catalogue.persons", "matrix.persons"]) {
        let text = line(section, "INSOLVENCY", "INSOLVENCY ", "INSOLVENCYS");
        assert_refused(&text, "INSOLVENCYS", &format!("{section}.INSOLVENCYS"), RulesFault::TypeUnknown);
    }
    for (list, of) in [("until_delisted", "ABN_LIST"), ("longer", "SEC_FILE")] {
        let text = within("[listings]", 0, of, "ABN");
        assert_refused(&text, list, &format!("listings.{list}.ABN"), RulesFault::TypeUnknown);
    }
    let text = within("[[scales.native]]", 0, "TAX_GRADE", "TAX");
    assert_refused(&text, "of = \"TAX\"", "scales.native[0].TAX", RulesFault::TypeUnknown);
    let text = within("[[bands.maps]]", 0, "TAX_GRADE", "TAX");
    assert_refused(&text, "of = \"TAX\"", "bands.maps[0].TAX", RulesFault::TypeUnknown);
}

#[test]
fn a_type_that_the_catalogue_does_not_have_is_refused_in_every_section() {
    let gone = |of: &str| line("catalogue.types", of, of, "#");
    let fault = RulesFault::NotInCatalogue(AttestationType::Permit);
    // The sections are read in this order; one after the other loses its row.
    let mut text = gone("PERMIT");
    for section in ["freshness.types", "labels.types", "matrix.cells"] {
        assert_refused(&text, "PERMIT", &format!("{section}.PERMIT"), fault.clone());
        let start = text.find(&format!("\n[{section}]")).unwrap();
        let at = start + text[start..].find("\nPERMIT ").unwrap() + 1;
        text.insert(at, '#');
    }
    read(&text).unwrap();
    let commit = RulesFault::NotInCatalogue(AttestationType::Commit);
    let text = super::super::sample::without("COMMIT").replace("longer = {", "longer = { COMMIT = 12,");
    assert_refused(&text, "longer", "listings.longer", commit.clone());
    let text = super::super::sample::without("COMMIT").replace("[\"ABN_LIST\",", "[\"COMMIT\",");
    assert_refused(&text, "until_delisted", "listings.until_delisted", commit);
    let text = super::super::sample::without("TAX_GRADE");
    let grade = RulesFault::NotInCatalogue(AttestationType::TaxGrade);
    assert_refused(&text, "of = \"TAX_GRADE\"", "scales.native[0].of", grade);
    let text = line("catalogue.persons", "INSOLVENCY", "INSOLVENCY", "#");
    let person = RulesFault::NotInCatalogue(AttestationType::Insolvency);
    assert_refused(&text, "INSOLVENCY", "matrix.persons.INSOLVENCY", person);
}

#[test]
fn a_type_that_another_section_leaves_out_is_refused() {
    for section in BY_TYPE.iter().skip(1).chain(&["matrix.persons"]) {
        let error = read(&line(section, "INSOLVENCY", "INSOLVENCY", "#")).unwrap_err();
        assert_eq!((error.fault(), error.key()), (&RulesFault::TypeMissing(AttestationType::Insolvency), Some(*section)));
    }
}

#[test]
fn a_wrong_row_of_the_matrix_is_refused() {
    let row = |old, new| line("matrix.cells", "PENALTY", old, new);
    assert_refused(&row("FIN = \"A\"", "FIN = \"X\""), "PENALTY", "matrix.cells.PENALTY.FIN", RulesFault::CellUnknown);
    assert_refused(&row("FIN =", "FINE ="), "PENALTY", "matrix.cells.PENALTY.FINE", RulesFault::PurposeUnknown);
    assert_refused(&row("FIN = \"A\", ", ""), "PENALTY", "matrix.cells.PENALTY", RulesFault::CellMissing(Purpose::Fin));
    assert_refused(&altered("FIN = \"cross", "FINE = \"cross"), "FINE", "purposes.meaning.FINE", RulesFault::PurposeUnknown);
    // A purpose that the protocol has and the pack does not list.
    let unlisted = altered("RND = \"research", "# RND = \"research").replace("RND  = { zh", "# RND = { zh");
    assert_refused(&unlisted, "ABN_LIST", "matrix.cells.ABN_LIST.RND", RulesFault::PurposeUnknown);
}

#[test]
fn a_purpose_between_nobody_or_without_label_is_refused() {
    let only = "only_between = { REG = [\"gz\", \"sz\"] }";
    let key = "purposes.only_between.REG";
    assert_refused(&altered(only, "only_between = { REG = [] }"), "only_between", key, RulesFault::ListEmpty);
    let fs = RulesFault::PairRegionUnknown(Region::new("fs").unwrap());
    assert_refused(&altered(only, "only_between = { REG = [\"fs\"] }"), "only_between", key, fs);
    let unknown = altered(only, "only_between = { REGS = [\"gz\"] }");
    assert_refused(&unknown, "only_between", "purposes.only_between.REGS", RulesFault::PurposeUnknown);
    let unlisted = altered("REG = \"joint", "# REG = \"joint").replace("REG  = { zh", "# REG = { zh");
    assert_refused(&unlisted, "only_between", "purposes.only_between", RulesFault::PurposeUnknown);
    let missing = altered("REG  = { zh", "# REG = { zh");
    assert_refused(&missing, "[labels.purposes]", "labels.purposes", RulesFault::PurposeLabels(Purpose::Reg));
    let stray = altered("RND = \"research", "# RND = \"research");
    assert_refused(&stray, "[labels.purposes]", "labels.purposes", RulesFault::PurposeLabels(Purpose::Rnd));
}

#[test]
fn a_cell_that_is_looser_than_its_type_is_refused_and_a_stricter_one_is_not() {
    let looser = RulesFault::CellLooser { cell: Lane::Public, lane: Lane::Authorised };
    let text = line("catalogue.types", "PENALTY", "lane = \"P\"", "lane = \"A\"");
    let (fault, key) = refused(&text, "PENALTY");
    assert!(fault == looser && key.starts_with("matrix.cells.PENALTY."), "{fault} {key}");
    for stricter in ["A", "C", "R"] {
        let text = line("matrix.cells", "SER_SOCINS", "PROC = \"P\"", &format!("PROC = \"{stricter}\""));
        read(&text).unwrap();
    }
    for lane in ["P", "A", "R"] {
        let text = line("matrix.persons", "INSOLVENCY", "FIN = \"C\"", &format!("FIN = \"{lane}\""));
        assert_refused(&text, "INSOLVENCY", "matrix.persons.INSOLVENCY.FIN", RulesFault::PersonCell);
    }
}

#[test]
fn a_type_that_could_name_a_person_or_could_not_be_answered_is_refused() {
    let row = |old, new| line("catalogue.types", "PERMIT", old, new);
    let key = |name: &str| format!("catalogue.types.PERMIT.{name}");
    let person = row("[\"entity\"]", "[\"natural-person\"]");
    assert_refused(&person, "PERMIT", &key("subjects"), RulesFault::NaturalPerson);
    assert_refused(&row("[\"entity\"]", "[]"), "PERMIT", &key("subjects"), RulesFault::ListEmpty);
    assert_refused(&row("[\"exists_valid\"]", "[]"), "PERMIT", &key("shapes"), RulesFault::ListEmpty);
    assert_refused(&row("[\"CN\", \"HK\", \"MO\"]", "[]"), "PERMIT", &key("origins"), RulesFault::ListEmpty);
    let shape = RulesFault::ShapeNotAnswerable { of: AttestationType::Permit, shape: Shape::NotListed };
    assert_refused(&row("exists_valid", "not_listed"), "PERMIT", &key("shapes"), shape);
    let household = line("catalogue.types", "TAX_GRADE", "[\"entity\"]", "[\"entity\", \"household\"]");
    assert_refused(&household, "TAX_GRADE", "catalogue.types.TAX_GRADE.subjects", RulesFault::HouseholdNotPublic);
    let carried = line("catalogue.types", "COMMIT", "lane = \"P\"", "lane = \"C\"");
    assert_refused(&carried, "COMMIT", "catalogue.types.COMMIT.shapes", RulesFault::CarriedShape);
}

#[test]
fn a_row_about_persons_that_no_report_can_answer_is_refused() {
    let stray =
        line("catalogue.persons", "INSOLVENCY", "INSOLVENCY", "PENALTY = { origins = [\"CN\"], sensitive = true }\nINSOLVENCY");
    let fault = RulesFault::PersonType(AttestationType::Penalty);
    assert_refused(&stray, "PENALTY", "catalogue.persons.PENALTY", fault);
    let empty = line("catalogue.persons", "SEC_FILE", "[\"CN\", \"HK\"]", "[]");
    assert_refused(&empty, "SEC_FILE", "catalogue.persons.SEC_FILE.origins", RulesFault::ListEmpty);
    let zero = line("catalogue.persons", "SEC_FILE", "= 60", "= 0");
    assert_refused(&zero, "SEC_FILE", "catalogue.persons.SEC_FILE.look_back_months", RulesFault::Zero);
    let elsewhere = line("catalogue.persons", "REPORT_VERIFY", "\"CN\", \"HK\", \"MO\"", "\"CN\", \"HK\"");
    let fault = RulesFault::PersonOrigins(AttestationType::ReportVerify);
    assert_refused(&elsewhere, "REPORT_VERIFY", "catalogue.persons.REPORT_VERIFY", fault);
}

#[test]
fn counts_without_what_is_counted_are_refused() {
    let (row, key) = (|old, new| line("catalogue.types", "PENALTY", old, new), "catalogue.types.PENALTY");
    assert_refused(&row(", counts = [0, 1, 3]", ""), "PENALTY", key, RulesFault::CountsIncomplete);
    assert_refused(&row("counts = [0, 1, 3]", "counts = []"), "PENALTY", key, RulesFault::CountsIncomplete);
    assert_refused(&row("severities = [\"general\", \"serious\"], ", ""), "PENALTY", key, RulesFault::CountsIncomplete);
    let stray = line("catalogue.types", "REG_STATUS", "origins", "counts = [1], origins");
    assert_refused(&stray, "REG_STATUS", "catalogue.types.REG_STATUS", RulesFault::CountsIncomplete);
}

#[test]
fn domains_of_none_of_too_many_or_of_another_shape_are_refused() {
    let key = "catalogue.types.NO_VIOL_REPORT.domains";
    for number in [0, 64] {
        let text = line("catalogue.types", "NO_VIOL_REPORT", "domains = 38", &format!("domains = {number}"));
        assert_refused(&text, "NO_VIOL_REPORT", key, RulesFault::Domains);
    }
    let stray = line("catalogue.types", "PERMIT", "origins", "domains = 38, origins");
    assert_refused(&stray, "PERMIT", "catalogue.types.PERMIT.domains", RulesFault::Domains);
}

#[test]
fn wrong_members_are_refused() {
    let row = |old: &str, new: &str| line("catalogue.types", "SER_ANY", old, new);
    let (old, key) = ("\"SER_CUSTOMS\", \"SER_SOCINS\"]", "catalogue.types.SER_ANY");
    for stranger in ["SER_ALL", "SER_ANY", "PENALTY", "COURT_DISHONEST"] {
        let text = row(old, &format!("\"SER_CUSTOMS\", \"{stranger}\"]"));
        assert_refused(&text, "SER_ANY", &format!("{key}.members"), RulesFault::MemberUnknown);
    }
    assert_refused(&row(old, "\"SER_TAX\"]"), "SER_ANY", &format!("{key}.members"), RulesFault::Members);
    let all = "members = [\"SER_SAMR\", \"SER_TAX\", \"SER_WAGE\", \"SER_SAFETY\", \"SER_CUSTOMS\", \"SER_SOCINS\"]";
    assert_refused(&row(all, "members = []"), "SER_ANY", key, RulesFault::Members);
    assert_refused(&row(&format!(", {all}"), ""), "SER_ANY", key, RulesFault::Members);
    let other = line("catalogue.types", "PERMIT", "lane", "members = [\"SER_TAX\"], lane");
    assert_refused(&other, "PERMIT", "catalogue.types.PERMIT", RulesFault::Members);
}

#[test]
fn windows_and_bounds_of_nothing_are_refused() {
    for (section, of, name) in [
        ("catalogue.types", "PENALTY", "look_back_months"),
        ("freshness.types", "PERMIT", "validity_days"),
        ("freshness.types", "PERMIT", "stale_after_days"),
    ] {
        let start = TEXT.find(&format!("\n[{section}]")).unwrap();
        let at = start + TEXT[start..].find(&format!("\n{of} ")).unwrap();
        let key = format!("{name} = ");
        let number = at + TEXT[at..].find(&key).unwrap() + key.len();
        let end = number + TEXT[number..].find([',', ' ', '}']).unwrap();
        let text = format!("{}0{}", &TEXT[..number], &TEXT[end..]);
        assert_refused(&text, of, &format!("{section}.{of}.{name}"), RulesFault::Zero);
    }
}

#[test]
fn a_bound_that_has_no_register_or_a_register_without_bound_is_refused() {
    let bounded = line("freshness.types", "SER_ANY", " }", ", stale_after_days = 45 }");
    assert_refused(&bounded, "SER_ANY", "freshness.types.SER_ANY", RulesFault::Staleness);
    let unbounded = line("freshness.types", "PERMIT", ", stale_after_days = 45", "");
    assert_refused(&unbounded, "PERMIT", "freshness.types.PERMIT", RulesFault::Staleness);
}

#[test]
fn a_label_without_a_language_is_refused() {
    for (language, part) in [
        ("zh-Hans", "\"行政许可\""),
        ("zh-Hant", "\"行政許可\""),
        ("pt", "\"Licença administrativa\""),
        ("en", "\"Administrative permit\""),
    ] {
        let text = line("labels.types", "PERMIT", part, "\" \"");
        assert_refused(&text, "PERMIT", "labels.types.PERMIT", RulesFault::LabelMissing { language });
    }
    let missing = line("labels.purposes", "FIN", "pt = \"Financiamento transfronteiriço\", ", "");
    assert_refused(&missing, "FIN", "labels.purposes.FIN", RulesFault::LabelMissing { language: "pt" });
}

#[test]
fn a_torn_pack_is_refused_wherever_it_is_torn() {
    let last = TEXT.find("\nRND  = {").unwrap();
    for (end, _) in TEXT.char_indices().take_while(|(end, _)| *end < last).step_by(97) {
        assert!(read(&TEXT[..end]).is_err(), "torn at {end}");
    }
}
