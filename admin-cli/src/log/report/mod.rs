//! `creditbay log report`: what a verified log asked and disclosed, as a table, as CSV and as a chart.
//!
//! Not here: the sums (`tally`), the drawing (`chart`), whether it was permitted (`ruled`).

pub mod tally;

pub mod chart;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use creditbay_protocol::name::Region;
use serde_json::json;

use crate::exit::Exit;
use crate::file;
use crate::print::{Screen, Table, count};
use crate::trust::{self, TrustArgs};

use super::auditing::{Auditing, Place, Vouched};
use super::later::LaterArgs;
use super::prepare::Wanted;
use super::source::{AuditorArgs, Source};

use self::tally::{Cell, Outcome, Tally};

/// A log and where its numbers go.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A folder of static files, or the URL of an auditors' door
    #[arg(value_name = "DIR|URL")]
    pub place: String,
    /// Whose log it is
    #[arg(long, value_name = "REGION")]
    pub region: Region,
    /// Write a line for each day, region, purpose, set of types and outcome
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draw the messages over time
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// The logs after it, where it has ended
    #[command(flatten)]
    pub later: LaterArgs,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// The tables: a heading, what a message is counted under, and whether it can be several things.
type Heading = (&'static str, fn(&Cell) -> Vec<String>);
const TABLES: [Heading; 4] = [
    ("peer", |cell| vec![cell.peer()]),
    ("purpose", |cell| vec![cell.purpose.to_string()]),
    ("type", |cell| cell.types().into_iter().map(str::to_owned).collect()),
    ("day", |cell| vec![cell.day.to_string()]),
];

/// Runs the command.
pub async fn run(args: &ReportArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let later = args.later.read(&args.auditor, entry, &BTreeSet::new(), screen).await?;
    let mut source = Source::open_expecting(&args.place, &args.auditor, Some(entry.tls))?;
    let place = Place {
        place: args.place.clone(),
        source: &mut source,
        entry,
        earlier: &[],
        vouched: Vouched::by(later.as_ref()),
        wanted: Wanted::Leaves,
    };
    let mut auditing = Auditing::begin(place, &trusted, screen).await?;
    let mut tally = Tally::default();
    while let Some(batch) = auditing.next().await? {
        batch.reads().try_for_each(|read| tally.add(read.leaf))?;
    }
    let mut findings = auditing.finish();
    findings.faults.extend(later.map(|later| later.faults).unwrap_or_default());
    if !findings.faults.is_empty() {
        return findings.tell("", screen);
    }
    let origin = findings.checkpoint.map_or(entry.log_origin, |checkpoint| checkpoint.origin);
    if let Some(path) = &args.csv {
        file::write(path, file::PUBLIC, csv(&tally).as_bytes())?;
    }
    if let Some(path) = &args.svg {
        let title = format!("{}, {}", origin, count(tally.total(), "message"));
        file::write(path, file::PUBLIC, chart::chart(&title, &tally).as_bytes())?;
    }
    if screen.is_json() {
        let sums: serde_json::Map<_, _> =
            TABLES.iter().map(|(heading, of)| ((*heading).to_owned(), as_json(&tally.by(of)))).collect();
        screen.json(&json!({
            "ok": true, "origin": origin, "size": findings.checkpoint.map(|checkpoint| checkpoint.size),
            "kinds": findings.leaves.counts(), "messages": tally.total(), "by": sums,
        }))?;
        return Ok(Exit::Done);
    }
    screen.line(format!("{}: {}\n", origin, count(tally.total(), "message")))?;
    for (heading, of) in TABLES {
        screen.line(table(heading, &tally.by(of)))?;
        screen.line(if heading == "type" { "  a message counts once for each type that it asks\n" } else { "" })?;
    }
    for path in [&args.csv, &args.svg].into_iter().flatten() {
        screen.line(format!("written: {}", path.display()))?;
    }
    Ok(Exit::Done)
}

fn table(heading: &'static str, sums: &BTreeMap<String, [u64; 4]>) -> Table {
    let mut table = Table::new(&[heading, ">answered", ">refused", ">asked", ">declined", ">messages"]);
    for (name, sums) in sums {
        let mut cells = vec![name.clone()];
        cells.extend(sums.iter().map(u64::to_string));
        cells.push(sums.iter().sum::<u64>().to_string());
        table.row(cells);
    }
    table
}

fn as_json(sums: &BTreeMap<String, [u64; 4]>) -> serde_json::Value {
    let of = |sums: &[u64; 4]| -> serde_json::Map<String, serde_json::Value> {
        Outcome::ALL.iter().zip(sums).map(|(outcome, count)| (outcome.name().to_owned(), json!(count))).collect()
    };
    let by: serde_json::Map<_, _> = sums.iter().map(|(name, sums)| (name.clone(), json!(of(sums)))).collect();
    json!(by)
}

/// No name holds a comma or a quote, so none is quoted.
fn csv(tally: &Tally) -> String {
    let mut csv = "day,peer,purpose,types,outcome,messages\n".to_owned();
    for (cell, count) in tally.cells() {
        let (types, outcome) = (cell.types().join("+"), cell.outcome.name());
        let _ = writeln!(csv, "{},{},{},{types},{outcome},{count}", cell.day, cell.peer(), cell.purpose);
    }
    csv
}
