//! Every rule of the bundled pack is seen by a golden case: each value is changed in turn, and at least one case must fail (tests only).
//!
//! What is changed is the file: each value of the parts that decide something, to every other word of its kind, to the numbers and days
//! beside it, or away. A change that the pack itself refuses could never be in force. What no case can see stands in [`UNSEEN`], and what
//! can have no other value in [`FIXED`], each with its reason; both lists are held to be exact.

use std::collections::BTreeSet;
use std::fmt;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, LegalBasis};
use toml::{Table, Value};

use crate::error::Source;

use super::super::RulePack;
use super::super::sample::{TEXT, WHOLE, read};
use super::super::written::WrittenCase;
use super::run;

/// The parts that decide a question or a verdict. The others are words (labels, meaning, contract), promises of people (retention, onward,
/// timers with their calendars), or what a node's ledger spends (budgets but for the largest portfolio, volumes).
const DECIDING: [&str; 12] = [
    "laws",
    "purposes.only_between",
    "catalogue",
    "matrix",
    "scales",
    "bands",
    "basis",
    "freshness",
    "listings",
    "penalties",
    "severity",
    "budgets.portfolio_subjects",
];
/// Keys that are words about a rule.
const WORDS: [&str; 5] = ["illustrative", "held_by", "source", "title", "name"];

/// What no golden case can see, by a part of its path, and why.
const UNSEEN: [(&str, &str); 6] = [
    (".minor_months", "minor penalties are never visible, however long they are published"),
    ("_minimum_months", "how soon credit can be repaired is held where a repair is recorded; an answer only sees that it was"),
    ("penalties.sectors", "as the minimum of the regimes"),
    (".settled", "which bands a legal text equates is for explanations; no answer depends on it"),
    (".lane", "the cells decide; the type's lane only keeps them from being looser"),
    (".sensitive", "only the volumes of a year depend on it"),
];

/// Where the pack admits no other value at all, by a part of its path, and why.
const FIXED: [(&str, &str); 9] = [
    (".lane", "a stricter lane would forbid one of its cells"),
    (".shapes[0]", "the only form that the records of the type can answer"),
    ("_GRADE.origins", "a type of grades exists under the laws that it has a scale for"),
    ("].of", "a scale, and the map over it, are those of a type"),
    ("].law", "a type of grades has a scale under each of its laws"),
    ("native[1].grades[4]", "a legal text equates the grade of this name"),
    ("native[3].grades[1]", "a legal text equates the grade of this name"),
    ("laws.", "the legal bases of a region are those of its law"),
    ("regimes[0].decided_from", "the first regime begins with the calendar"),
];

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Name(String),
    Index(usize),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Path(Vec<Key>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, key) in self.0.iter().enumerate() {
            match key {
                Key::Name(name) if position == 0 => f.write_str(name)?,
                Key::Name(name) => write!(f, ".{name}")?,
                Key::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Path {
    fn below(&self, key: Key) -> Self {
        Self([self.0.as_slice(), &[key]].concat())
    }
}

/// The scalars below a value, each with its path.
fn scalars(value: &Value, path: &Path, found: &mut Vec<(Path, Value)>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table.iter().filter(|(name, _)| !WORDS.contains(&name.as_str())) {
                scalars(value, &path.below(Key::Name(name.clone())), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                scalars(value, &path.below(Key::Index(index)), found);
            }
        }
        scalar => found.push((path.clone(), scalar.clone())),
    }
}

/// The file with another value at this place, or none. Where a report is the same whoever carries it, both rows say the same of it.
fn changed(rules: &Table, path: &Path, to: Option<&Value>) -> String {
    let mut rules = Value::Table(rules.clone());
    set(&mut rules, path, to);
    let of_reports = |name: &Key| [Key::Name("RES_INTEGRITY".to_owned()), Key::Name("REPORT_VERIFY".to_owned())].contains(name);
    if let [section, Key::Name(rows), of, origins, place] = path.0.as_slice()
        && of_reports(of)
        && *origins == Key::Name("origins".to_owned())
    {
        let other = Key::Name(if rows == "types" { "persons" } else { "types" }.to_owned());
        set(&mut rules, &Path(vec![section.clone(), other, of.clone(), origins.clone(), place.clone()]), to);
    }
    toml::to_string(&rules).unwrap()
}

fn set(rules: &mut Value, path: &Path, to: Option<&Value>) {
    let (last, way) = path.0.split_last().unwrap();
    let mut at = rules;
    for key in way {
        at = match key {
            Key::Name(name) => at.get_mut(name.as_str()).unwrap(),
            Key::Index(index) => at.get_mut(*index).unwrap(),
        };
    }
    match (last, to) {
        (Key::Name(name), Some(to)) => drop(at.as_table_mut().unwrap().insert(name.clone(), to.clone())),
        (Key::Name(name), None) => drop(at.as_table_mut().unwrap().remove(name)),
        (Key::Index(index), Some(to)) => at.as_array_mut().unwrap()[*index] = to.clone(),
        (Key::Index(index), None) => drop(at.as_array_mut().unwrap().remove(*index)),
    }
}

/// What else could stand there: words of the same kind, the numbers and days beside it, or nothing.
fn others(path: &Path, value: &Value) -> Vec<Option<Value>> {
    let shown = path.to_string();
    let mut others = match value {
        Value::Boolean(held) => vec![Some(Value::Boolean(!held))],
        Value::Integer(number) => [number - 1, number + 1, number + 100].map(|number| Some(Value::Integer(number))).to_vec(),
        Value::String(text) => match text.parse::<Day>() {
            Ok(day) => [day.number() - 1, day.number() + 1].map(|number| Some(Value::String(day_of(number)))).to_vec(),
            Err(_) if shown.starts_with("matrix.") => words(&["-", "P", "A", "C", "R"], text),
            Err(_) if shown.starts_with("basis.pairs") && path.0.len() == 4 => {
                words(&LegalBasis::ALL.iter().map(|basis| basis.as_str()).collect::<Vec<_>>(), text)
            }
            Err(_) if shown.starts_with("laws.") || shown.contains(".origins") || shown.ends_with(".law") => {
                words(&["CN", "HK", "MO"], text)
            }
            Err(_) if shown.ends_with(".lane") => words(&["P", "A", "C", "R"], text),
            Err(_) if shown.contains(".subjects") => words(&["entity", "household", "public-body"], text),
            Err(_) if shown.contains(".shapes") => words(
                &["not_listed", "status_in", "count_le", "exists_valid", "grade_at_least", "band_at_least", "hash_matches"],
                text,
            ),
            Err(_) if shown.contains(".severities") => words(&["minor", "general", "serious"], text),
            Err(_) if [".of", ".members", ".until_delisted"].iter().any(|part| shown.contains(part)) => {
                words(&AttestationType::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>(), text)
            }
            Err(_) => vec![Some(Value::String("another".to_owned()))],
        },
        _ => Vec::new(),
    };
    others.push(None);
    others
}

fn words(all: &[&str], but: &str) -> Vec<Option<Value>> {
    all.iter().filter(|word| **word != but).map(|word| Some(Value::String((*word).to_owned()))).collect()
}

fn day_of(number: i32) -> String {
    let first: Day = "1970-01-01".parse().unwrap();
    u32::try_from(number).map_or_else(|_| "1899-12-31".to_owned(), |days| first.plus_days(days).to_string())
}

fn cases() -> Vec<WrittenCase> {
    let (_, cases) = RulePack::rules(Source::new("gba-2026.1.toml", WHOLE), WHOLE).unwrap();
    cases.unwrap().into_inner()
}

/// What was found that the list does not explain, and what the list explains that was not found.
fn unlike(found: &BTreeSet<String>, known: &[(&str, &str)]) -> Vec<String> {
    let unexplained = found.iter().filter(|path| !known.iter().any(|(part, _)| path.contains(part))).cloned();
    let gone = known.iter().filter(|(part, _)| !found.iter().any(|path| path.contains(part)));
    unexplained.chain(gone.map(|(part, _)| format!("{part} stands in the list and is no longer true"))).collect()
}

#[test]
fn every_changed_rule_fails_a_case() {
    let rules: Table = toml::from_str(&TEXT).unwrap();
    let cases = cases();
    let mut values = Vec::new();
    scalars(&Value::Table(rules.clone()), &Path(Vec::new()), &mut values);
    values.retain(|(path, _)| DECIDING.iter().any(|part| path.to_string().starts_with(part)));
    let (mut unseen, mut fixed, mut seen) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (path, value) in &values {
        let admitted: Vec<_> = others(path, value)
            .into_iter()
            .filter_map(|other| Some((read(&changed(&rules, path, other.as_ref())).ok()?, other)))
            .collect();
        if admitted.is_empty() {
            fixed.insert(path.to_string());
        }
        for (pack, other) in admitted {
            if cases.iter().any(|case| run(&pack, case).is_err()) {
                seen += 1;
            } else {
                unseen.insert(format!("{path} = {value}, changed to {other:?}"));
            }
        }
    }
    assert_eq!(unlike(&unseen, &UNSEEN), Vec::<String>::new(), "no case sees these changes");
    assert_eq!(unlike(&fixed, &FIXED), Vec::<String>::new(), "the pack admits no other value there");
    assert!(values.len() > 600 && seen > 1_500, "{} values, {seen} changes seen", values.len());
}

/// The test above sees nothing by itself: without its cases a rule is not held.
#[test]
fn without_its_case_a_rule_is_not_seen() {
    let rules: Table = toml::from_str(&TEXT).unwrap();
    let key = |name: &str| Key::Name(name.to_owned());
    let path = Path(vec![key("freshness"), key("types"), key("GOV_DEFAULT"), key("stale_after_days")]);
    let pack = read(&changed(&rules, &path, Some(&Value::Integer(46)))).unwrap();
    let failing = |case: &&WrittenCase| run(&pack, case).is_err();
    let cases = cases();
    let names: Vec<&str> = cases.iter().filter(failing).map(|case| case.name.get_ref().as_str()).collect();
    assert_eq!(names, ["GOV_DEFAULT synchronised a day before the bound"]);
}
