//! How the demo words what it got, for a person at a terminal.
//!
//! Not here: whether it is right.

use std::fmt::Display;
use std::time::Duration;

use anyhow::{Result, bail};
use creditbay_protocol::answer::{Indeterminate, Truth};
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::predicate::Predicate;
use harness::network::Ended;
use harness::samples::{Further, Question};
use serde_json::Value;

/// A section's title, and what it shows.
pub(crate) fn head(title: &str, what: &str) {
    println!("\n{title}\n  {what}");
}

/// A value under its name.
pub(crate) fn field(name: &str, value: impl Display) {
    println!("    {name:<12}{value}");
}

/// A remark.
pub(crate) fn note(text: &str) {
    println!("    {text}");
}

/// A time in milliseconds.
pub(crate) fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

/// The outcome as `expected.json` writes it.
pub(crate) fn outcome(attestation: &Attestation) -> String {
    match (&attestation.content.refusal, attestation.content.answers.as_slice()) {
        (Some(refusal), _) => format!("REFUSED({})", refusal.name()),
        (None, [answered]) => answered.verdict.truth.to_string(),
        (None, answers) => format!("{} answers", answers.len()),
    }
}

/// An answer in full.
pub(crate) fn answer(question: &Question, story: &str, attestation: &Attestation, took: Duration) {
    let content = &attestation.content;
    println!("\n  {} asks {}, for {}: {story}", question.asker, question.issuer, question.purpose);
    for answered in &content.answers {
        field("question", format!("{}: {}?", content.subject, worded(&answered.predicate)));
        field("answer", answered.verdict.truth);
        field("why", reason(&answered.predicate, answered.verdict.truth, &question.issuer));
    }
    if let (Some(as_of), Some(law)) = (content.as_of, content.law_of_origin) {
        field("as of", format!("{as_of}, under the law of {law}; {}", coverage(attestation)));
    }
    if let Some(day) = content.valid_until {
        field("valid until", day);
    }
    field("proved by", format!("{}, cosigned by {}", attestation.answer.log, cosigners(attestation)));
    field("took", milliseconds(took));
}

/// An answer in a line.
pub(crate) fn line(question: &Question, attestation: &Attestation, took: Duration) {
    let predicate = attestation.content.answers.first().map(|answered| answered.predicate.to_string()).unwrap_or_default();
    let outcome = outcome(attestation);
    let (asker, issuer) = (&question.asker, &question.issuer);
    println!(
        "    {asker} → {issuer}  {:<5}{predicate:<51}{:<25}{outcome:<25}{:>9}",
        question.purpose,
        question.scenario,
        milliseconds(took)
    );
}

/// An answer in a lane beside the public one, in a line.
pub(crate) fn lane(further: &Further, attestation: &Attestation, took: Duration) {
    let predicate = attestation.content.answers.first().map(|answered| answered.predicate.to_string()).unwrap_or_default();
    let outcome = outcome(attestation);
    let Further { lane, asker, issuer, purpose, scenario, .. } = further;
    println!("    {lane}  {asker} → {issuer}  {purpose:<5}{predicate:<57}{scenario:<20}{outcome:<25}{:>9}", milliseconds(took));
}

fn worded(predicate: &Predicate) -> String {
    match predicate {
        Predicate::NotListed { of, window_months: 0 } => format!("not listed on {of}"),
        Predicate::NotListed { of, window_months } => format!("not listed on {of} within {window_months} months"),
        Predicate::CountLe { of, severity, window_months, n } => {
            format!("at most {n} {of} records, {severity} or worse, in {window_months} months")
        }
        Predicate::StatusIn { statuses, .. } => {
            let states: Vec<_> = statuses.members().iter().map(|state| state.as_str()).collect();
            format!("registered and {}", states.join(" or "))
        }
        Predicate::ExistsValid { of } => format!("a valid {of}"),
        other => other.to_string(),
    }
}

fn reason(predicate: &Predicate, truth: Truth, issuer: &str) -> String {
    let said = match (truth, predicate) {
        (Truth::True, Predicate::NotListed { .. }) => "no listing is visible in any register named below",
        (Truth::False, Predicate::NotListed { .. }) => "a listing is visible today",
        (Truth::True, Predicate::CountLe { .. }) => "no more records than that are visible",
        (Truth::False, Predicate::CountLe { .. }) => "more records than that are visible",
        (Truth::True, Predicate::StatusIn { .. }) => "the register shows one of these states",
        (Truth::False, Predicate::StatusIn { .. }) => "the register shows another state",
        (Truth::True, _) => "such a record is visible today",
        (Truth::False, _) => "no such record is visible today",
        (Truth::Indeterminate(Indeterminate::NoSource), _) => {
            return format!("{issuer} holds no registration of it, so nothing can be said");
        }
        (Truth::Indeterminate(why), _) => return format!("it cannot be said: {why}"),
    };
    said.to_owned()
}

fn coverage(attestation: &Attestation) -> String {
    let registers: Vec<_> = attestation.content.coverage.iter().map(|coverage| coverage.register.as_str()).collect();
    let oldest = attestation.content.coverage.iter().map(|coverage| coverage.synchronised).min();
    match oldest {
        Some(oldest) => format!("{} synchronised {}", registers.join(" "), oldest.day()),
        None => "no register".to_owned(),
    }
}

/// Who signed the issuer's checkpoint beside the issuer.
fn cosigners(attestation: &Attestation) -> String {
    let lines = attestation.answer.tlog_proof.lines().filter_map(|line| line.strip_prefix("— ")?.split(' ').next());
    let own = attestation.answer.log.to_string();
    let others: Vec<_> = lines.filter(|name| *name != own).collect();
    if others.is_empty() { "nobody".to_owned() } else { others.join(", ") }
}

/// What an import counted, over all its files.
pub(crate) struct Imported {
    pub(crate) rows: u64,
    pub(crate) good: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    pub(crate) persons: u64,
    pub(crate) added: u64,
}

/// Adds up what `creditbay records import --json` said of each file.
pub(crate) fn import_counts(ended: &Ended) -> Result<Imported> {
    if ended.code != 0 && ended.code != 5 {
        bail!("creditbay records import ended with {}:\n{}{}", ended.code, ended.stdout, ended.stderr);
    }
    let files: Vec<Value> = serde_json::Deserializer::from_str(&ended.stdout).into_iter().collect::<Result<_, _>>()?;
    if let Some(failed) = files.iter().find(|file| file["done"].is_null()) {
        bail!("creditbay records import: {failed}");
    }
    let sum = |key: &str| files.iter().map(|file| file["done"][key].as_u64().unwrap_or(0)).sum();
    Ok(Imported {
        rows: sum("rows"),
        good: sum("good"),
        duplicates: sum("duplicates"),
        rejected: sum("rejected"),
        persons: sum("persons"),
        added: sum("added"),
    })
}
