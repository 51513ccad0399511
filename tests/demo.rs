//! `cargo demo`: four cities on this machine, real daemons, real record files, answers that verify; what does not hold fails the run.
//!
//! `--once` ends after the summary, `--dir DIR` keeps everything below DIR. What must come is in `configs/samples/expected.json`, which
//! shares nothing with the product. Not here: how daemons are run (`harness`), and how an answer is told (`demo/telling.rs`).
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

#[path = "demo/evidence.rs"]
mod evidence;
#[path = "demo/lanes.rs"]
mod lanes;
#[path = "demo/telling.rs"]
mod telling;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use harness::build::Products;
use harness::hostile::Rogue;
use harness::network::{Network, Said};
use harness::samples::{Expected, Question, copy_records, today};
use serde_json::json;
use tokio::runtime::Runtime;

use self::telling::{field, head, note};

const CITIES: [&str; 4] = ["gz", "sz", "hk", "mo"];

/// The questions that are told in full; the rest of `expected.json` is asked too, and told in a line each.
const TOLD: [(&str, &str); 7] = [
    ("hk-gz-fin-not-listed-ser-any-0-gz-clean", "a clean company"),
    ("hk-gz-fin-not-listed-ser-any-0-gz-listed", "a company on the unpaid-wages list"),
    ("hk-gz-fin-not-listed-ser-any-0-gz-repaired", "a company whose listing was repaired: a repaired record does not exist"),
    ("hk-sz-proc-count-le-penalty-serious-36-0-sz-serious-penalty", "a company with a serious penalty"),
    ("sz-gz-proc-count-le-penalty-serious-36-0-gz-clean", "the clean company again, asked by another city"),
    ("mo-hk-inv-status-in-reg-status-hk-active", "a company of Hong Kong"),
    ("hk-gz-fin-not-listed-ser-any-0-gz-unknown", "a company that Guangzhou does not hold: not known is never clean"),
];

/// What was held so far.
#[derive(Default)]
struct Tally {
    answers: u32,
    refusals: u32,
    logs: u32,
    tamperings: u32,
    failures: Vec<String>,
}

impl Tally {
    /// Notes what did not hold.
    fn hold(&mut self, held: bool, what: impl FnOnce() -> String) {
        if !held {
            let what = what();
            println!("    !! {what}");
            self.failures.push(what.lines().next().unwrap_or_default().to_owned());
        }
    }
}

/// The network, and where the demo keeps what it gets.
struct Demo {
    network: Network,
    runtime: Runtime,
    expected: Expected,
    tally: Tally,
    attestations: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let (once, folder) = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            println!("{error:#}\nusage: cargo demo [--once] [--dir DIR]");
            return ExitCode::from(2);
        }
    };
    match demonstrate(once, folder.as_deref()) {
        Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
        Ok(failures) => {
            println!("\ndemo: FAILED ({})", failures.join("; "));
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("\ndemo: FAILED ({error:#})");
            ExitCode::FAILURE
        }
    }
}

fn arguments(given: impl Iterator<Item = String>) -> Result<(bool, Option<PathBuf>)> {
    let (mut once, mut folder) = (false, None);
    let mut given = given.peekable();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--once" => once = true,
            "--dir" => folder = Some(PathBuf::from(given.next().context("--dir needs a folder")?)),
            other => bail!("unknown argument {other}"),
        }
    }
    Ok((once, folder))
}

fn demonstrate(once: bool, folder: Option<&Path>) -> Result<Vec<String>> {
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or(temporary.path());
    std::fs::create_dir_all(folder)?;
    let folder = std::path::absolute(folder)?;
    let mut demo = Demo::start(&folder)?;
    demo.import()?;
    demo.ask_in_full()?;
    demo.ask_the_rest()?;
    lanes::ask(&mut demo)?;
    demo.decline()?;
    demo.refuse_a_rogue()?;
    demo.decline_a_person()?;
    evidence::examine(&mut demo)?;
    demo.summarise();
    if demo.tally.failures.is_empty() {
        demo.where_to_look(once)?;
    }
    for city in CITIES {
        demo.network.stop(city)?;
    }
    Ok(demo.tally.failures)
}

impl Demo {
    fn start(folder: &Path) -> Result<Self> {
        head("Four cities", "one daemon each: its own folder, keys and store; QUIC between them, on loopback");
        let expected = Expected::load()?;
        let since = Instant::now();
        Products::build()?;
        field("built", format!("creditbay-node and creditbay, by cargo, in {:.1} s", since.elapsed().as_secs_f64()));
        let since = Instant::now();
        let network = Network::start(folder, &CITIES)?;
        field("started", format!("four daemons, connected to one another, in {:.1} s", since.elapsed().as_secs_f64()));
        field("folder", folder.display());
        for city in CITIES {
            field(city, format!("services {}   auditors {}", network.services_url(city)?, network.auditors_url(city)?));
        }
        let runtime = Runtime::new()?;
        Ok(Self { network, runtime, expected, tally: Tally::default(), attestations: Vec::new() })
    }

    /// Imports every city's sample files, twice, and holds the counts against `expected.json`.
    fn import(&mut self) -> Result<()> {
        head("Records", "the sample files of each city, good rows in, bad rows reported, rows about persons set aside");
        note(&format!("files in the layout creditbay-register/1 were copied and their `as_of` set to today, {}", today()));
        println!(
            "    {:<6}{:>6}{:>8}{:>8}{:>11}{:>10}{:>9}   again",
            "city", "files", "rows", "good", "duplicate", "rejected", "persons"
        );
        for city in CITIES {
            let files = copy_records(city, &self.network.folder().join("records").join(city))?;
            let first = telling::import_counts(&self.network.import(city, &files)?)?;
            let again = telling::import_counts(&self.network.import(city, &files)?)?;
            let sum = |of: fn(&harness::samples::Counts) -> u64| self.expected.counts[city].values().map(of).sum::<u64>();
            let wanted = [sum(|c| c.rows), sum(|c| c.good), sum(|c| c.duplicates), sum(|c| c.rejected), sum(|c| c.persons)];
            let found = [first.rows, first.good, first.duplicates, first.rejected, first.persons];
            let [rows, good, duplicates, rejected, persons] = found;
            let changes = if again.added == 0 { "no change".to_owned() } else { format!("{} added", again.added) };
            println!("    {city:<6}{:>6}{rows:>8}{good:>8}{duplicates:>11}{rejected:>10}{persons:>9}   {changes}", files.len());
            self.tally.hold(found == wanted, || format!("{city}: imported {found:?}, expected {wanted:?}"));
            self.tally
                .hold(again.added == 0, || format!("{city}: a second import of the same files added {} records", again.added));
        }
        Ok(())
    }

    /// The questions of the tour, each told in full.
    fn ask_in_full(&mut self) -> Result<()> {
        head(
            "Questions and answers",
            "asked over HTTP at the asker's own node; each crosses by QUIC, is logged on both sides, and proved",
        );
        for (id, story) in TOLD {
            let question = self.expected.question(id)?.clone();
            let said = self.ask(&question)?;
            if let Some(attestation) = self.held(&question, &said)? {
                telling::answer(&question, story, &attestation, said.took);
            }
        }
        Ok(())
    }

    /// Every other question of `expected.json`, a line each.
    fn ask_the_rest(&mut self) -> Result<()> {
        head("All other questions of the samples", "with what an independent script says must come");
        let told: Vec<_> = TOLD.iter().map(|(id, _)| *id).collect();
        let rest: Vec<_> =
            self.expected.questions.iter().filter(|question| !told.contains(&question.id.as_str())).cloned().collect();
        for question in rest.iter().filter(|question| question.expect != "DECLINED") {
            let said = self.ask(question)?;
            if let Some(attestation) = self.held(question, &said)? {
                telling::line(question, &attestation, said.took);
            }
        }
        Ok(())
    }

    /// A purpose that may not ask this type: the asker's own node declines, a leaf there and nothing sent.
    fn decline(&mut self) -> Result<()> {
        head("A purpose that may not ask", "recognition of professionals (PROF) may ask no list: the asker's own node declines");
        let question = self.expected.question(TOLD[0].0)?.clone();
        let body = json!({"purpose": "PROF", "operator": "demo.operator", "predicates": [question.predicate],
            "subject": {"scheme": question.subject.scheme, "value": question.subject.value}});
        self.declined("mo", "gz", &body, "purpose_not_admitted")
    }

    /// The same question from a peer that does not ask its own rules: the issuer refuses, a leaf on both sides.
    fn refuse_a_rogue(&mut self) -> Result<()> {
        head(
            "The same from a peer that skips its own rules",
            "mo's daemon is stopped; a program with mo's keys and store asks gz regardless",
        );
        let before = (self.messages("mo")?, self.messages("gz")?);
        self.network.stop("mo")?;
        let subject = self.expected.question(TOLD[0].0)?.subject.value.clone();
        let config = self.network.config("mo");
        let rogue_runtime = Runtime::new()?;
        let asked = rogue_runtime.block_on(async {
            let rogue = Rogue::take_over(&config).await?;
            let query = forbidden(&rogue, &subject).await?;
            let answer = rogue.ask(query).await;
            rogue.withdraw().await;
            answer.map(|answer| answer.attestation())
        });
        rogue_runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        self.network.launch("mo")?;
        self.network.await_peers("mo")?;
        let attestation = asked?;
        let after = (self.messages("mo")?, self.messages("gz")?);
        match attestation.content.refusal {
            Some(refusal) => field("refused", format!("by gz: {refusal} ({})", refusal.name())),
            None => self.tally.hold(false, || "gz answered what its rules do not admit".to_owned()),
        }
        field(
            "leaves",
            format!(
                "of messages: mo's log {} → {} (the query), gz's log {} → {} (the refusal)",
                before.0, after.0, before.1, after.1
            ),
        );
        self.tally.hold(after == (before.0 + 1, before.1 + 1), || "a refusal is not one leaf on each side".to_owned());
        self.tally.refusals += u32::from(attestation.content.refusal.is_some());
        self.keep("rogue", &attestation)
    }

    /// A natural person's number: declined before anything leaves the node.
    fn decline_a_person(&mut self) -> Result<()> {
        head(
            "A natural person's number",
            "declined before anything leaves the node; searched for below in everything that was written",
        );
        let persons: Vec<_> = self.expected.questions.iter().filter(|question| question.expect == "DECLINED").cloned().collect();
        for question in &persons {
            self.declined(&question.asker, &question.issuer, &question.body(), "natural_person")?;
        }
        Ok(())
    }

    fn declined(&mut self, asker: &str, issuer: &str, body: &serde_json::Value, reason: &str) -> Result<()> {
        let before = (self.log_size(asker)?, self.log_size(issuer)?);
        let said = self.runtime.block_on(self.network.query(asker, body))?;
        let after = (self.log_size(asker)?, self.log_size(issuer)?);
        field("declined", format!("by {asker} itself: {}", said.body["detail"].as_str().unwrap_or_default()));
        field("leaves", format!("{asker}'s log {} → {}, {issuer}'s log {} → {}", before.0, after.0, before.1, after.1));
        field("took", telling::milliseconds(said.took));
        self.tally
            .hold(said.status == 403 && said.body["reason"] == reason, || format!("not declined as {reason}: {}", said.body));
        self.tally.hold(after == (before.0 + 1, before.1), || {
            format!("declined by {asker}, yet not one leaf there and none at {issuer}")
        });
        self.tally.refusals += 1;
        Ok(())
    }

    fn ask(&self, question: &Question) -> Result<Said> {
        self.runtime.block_on(self.network.query(&question.asker, &question.body()))
    }

    /// The attestation, kept, if the outcome is the expected one.
    fn held(&mut self, question: &Question, said: &Said) -> Result<Option<Attestation>> {
        let id = &question.id;
        if said.status != 200 {
            self.tally.hold(false, || format!("{id}: HTTP {} {}", said.status, said.body));
            return Ok(None);
        }
        let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).with_context(|| id.clone())?;
        let outcome = telling::outcome(&attestation);
        self.tally.hold(outcome == question.expect, || format!("{id}: {outcome}, expected {}", question.expect));
        self.tally.answers += 1;
        self.keep(id, &attestation)?;
        Ok(Some(attestation))
    }

    fn keep(&mut self, name: &str, attestation: &Attestation) -> Result<()> {
        let folder = self.network.folder().join("attestations");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{name}.attestation.json"));
        std::fs::write(&file, serde_json::to_string_pretty(attestation)?)?;
        self.attestations.push(file);
        Ok(())
    }

    fn log_size(&self, city: &str) -> Result<u64> {
        self.runtime.block_on(self.network.log_size(city))
    }

    /// Leaves of messages in a log: what a node notes of itself between them, retention at its start say, is left out.
    fn messages(&self, city: &str) -> Result<usize> {
        let copy = tempfile::tempdir()?;
        let leaves = self.runtime.block_on(self.network.export(city, copy.path()))?;
        let bodies = leaves.iter().map(|leaf| Ok(Leaf::parse(leaf)?.body)).collect::<Result<Vec<_>>>()?;
        Ok(bodies.iter().filter(|body| !matches!(body, LeafBody::Event(_))).count())
    }

    fn summarise(&self) {
        let Tally { answers, refusals, logs, tamperings, failures } = &self.tally;
        if failures.is_empty() {
            println!(
                "\ndemo: ok ({answers} answers, {refusals} refusals, {logs} logs verified, {tamperings} tamperings refused)"
            );
        }
    }

    fn where_to_look(&self, once: bool) -> Result<()> {
        let folder = self.network.folder().display();
        head(
            "Where to look next",
            if once { "the daemons end now; the files stay where --dir says" } else { "everything stays up until Ctrl-C" },
        );
        for city in CITIES {
            field(
                city,
                format!("{}/   {}/metrics   {folder}/{city}", self.network.auditors_url(city)?, self.network.services_url(city)?),
            );
        }
        field("evidence", format!("{folder}/attestations   {folder}/logs"));
        note("three commands to try:");
        println!("      cargo creditbay status --node {folder}/hk");
        println!("      cargo creditbay log show {folder}/logs/gz");
        println!("      cargo creditbay attestation verify {} --network {folder}/network.toml", self.attestations[0].display());
        if !once {
            self.runtime.block_on(tokio::signal::ctrl_c())?;
        }
        Ok(())
    }
}

/// A question that no rule admits, complete in all else.
async fn forbidden(rogue: &Rogue, subject: &str) -> Result<Query> {
    let exchange = rogue.exchange();
    let predicate = Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 };
    Ok(Query {
        asker: exchange.me,
        issuer: Region::new("gz")?,
        organisation: Name::new("bank.mo")?,
        operator: Name::new("demo.operator")?,
        purpose: Purpose::Prof,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, subject)?),
        predicates: Predicates::new(vec![predicate]).context("one predicate")?,
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: exchange.orders.read().await.pack().digest(),
        expires: Millis(exchange.clock.now().0 + 30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    })
}
