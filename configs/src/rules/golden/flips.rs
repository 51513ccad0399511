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
    "laws", "purposes.only_between", "catalogue", "matrix", "scales", "bands", "basis", "freshness", "listings", "penalties", "severity",
    "budgets.portfolio_subjects",
];
/// Keys that are words about a rule.
const WORDS: [&str; 6] = ["illustrative", "held_by", "source", "title", "name", "only_between"];

/// What no golden case can see, by the end of its path, and why.
const UNSEEN: [(&str, &str); 1] = [("minor_months", "minor penalties are never visible, however long they are published")];

/// What the pack admits no other value for, and why.
const FIXED: [(&str, &str); 0] = [];

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
            for (name, value) in table.iter().filter(|(name, _)| !WORDS.contains(&name.as_str()) || *name == "only_between") {
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

/// The file with another value at this place, or none.
fn changed(rules: &Table, path: &Path, to: Option<Value>) -> String {
    let mut rules = Value::Table(rules.clone());
    let (last, way) = path.0.split_last().unwrap();
    let mut at = &mut rules;
    for key in way {
        at = match key {
            Key::Name(name) => at.get_mut(name.as_str()).unwrap(),
            Key::Index(index) => at.get_mut(*index).unwrap(),
        };
    }
    match (last, to) {
        (Key::Name(name), Some(to)) => drop(at.as_table_mut().unwrap().insert(name.clone(), to)),
        (Key::Name(name), None) => drop(at.as_table_mut().unwrap().remove(name)),
        (Key::Index(index), Some(to)) => at.as_array_mut().unwrap()[*index] = to,
        (Key::Index(index), None) => drop(at.as_array_mut().unwrap().remove(*index)),
    }
    toml::to_string(&rules).unwrap()
}

/// What else could stand there: words of the same kind, the numbers and days beside it, or nothing.
fn others(path: &Path, value: &Value) -> Vec<Option<Value>> {
    let shown = path.to_string();
    let mut others = match value {
        Value::Integer(number) => [number - 1, number + 1].map(|number| Some(Value::Integer(number))).to_vec(),
        Value::String(text) => match text.parse::<Day>() {
            Ok(day) => [day.number() - 1, day.number() + 1].map(|number| Some(Value::String(day_of(number)))).to_vec(),
            Err(_) if shown.starts_with("matrix.") => words(&["-", "P", "A", "C", "R"], text),
            Err(_) if shown.starts_with("basis.pairs") && path.0.len() == 4 => {
                words(&LegalBasis::ALL.iter().map(|basis| basis.as_str()).collect::<Vec<_>>(), text)
            }
            Err(_) if shown.starts_with("laws.") || shown.contains(".origins") => words(&["CN", "HK", "MO"], text),
            Err(_) if shown.ends_with(".lane") => words(&["P", "A", "C", "R"], text),
            Err(_) => Vec::new(),
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

#[test]
fn every_changed_rule_fails_a_case() {
    let rules: Table = toml::from_str(&TEXT).unwrap();
    let cases = cases();
    let mut found = Vec::new();
    scalars(&Value::Table(rules.clone()), &Path(Vec::new()), &mut found);
    found.retain(|(path, _)| DECIDING.iter().any(|part| path.to_string().starts_with(part)));
    let (mut unseen, mut fixed, mut seen) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (path, value) in &found {
        let mut admitted = 0;
        for other in others(path, value) {
            let Ok(pack) = read(&changed(&rules, path, other.clone())) else { continue };
            admitted += 1;
            if cases.iter().any(|case| run(&pack, case).is_err()) {
                seen += 1;
            } else {
                unseen.insert(format!("{path} = {value} -> {other:?}"));
            }
        }
        if admitted == 0 {
            fixed.insert(path.to_string());
        }
    }
    let unexplained = |found: &BTreeSet<String>, known: &[(&str, &str)]| {
        let strange = |path: &&String| !known.iter().any(|(end, _)| path.contains(end));
        found.iter().filter(strange).cloned().collect::<Vec<_>>()
    };
    let stale = |found: &BTreeSet<String>, known: &[(&str, &str)]| {
        known.iter().map(|(end, _)| (*end).to_owned()).filter(|end| !found.iter().any(|path| path.contains(end))).collect::<Vec<_>>()
    };
    for path in &unseen { println!("UNSEEN {path}"); }
    for path in &fixed { println!("FIXED {path}"); }
    println!("{} values, {seen} changes seen, {} unseen, {} fixed", found.len(), unseen.len(), fixed.len());
    assert_eq!(unexplained(&unseen, &UNSEEN), Vec::<String>::new(), "no case sees these changes");
    assert_eq!(unexplained(&fixed, &FIXED), Vec::<String>::new(), "the pack admits no other value");
    assert_eq!([stale(&unseen, &UNSEEN), stale(&fixed, &FIXED)], [Vec::<String>::new(), Vec::new()], "an entry that is no longer true");
}
