//! `creditbay log reconcile`: two verified logs side by side, every message of one to the other with its counterpart (PROTOCOL 33.5).
//!
//! Not here: matching (`pairs`), verification (`auditing`).

pub mod mismatch;
pub mod pairs;

use std::collections::BTreeSet;

use clap::Args;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_protocol::name::Region;
use serde_json::json;

use crate::exit::{Exit, UsageError};
use crate::print::{Fields, Screen, Table, count, entries};
use crate::trust::{self, TrustArgs};

use super::auditing::{Auditing, Place, Vouched};
use super::fault::MAX_LISTED;
use super::findings::Findings;
use super::later::{Later, LaterArgs};
use super::orphan;
use super::prepare::Wanted;
use super::source::{AuditorArgs, Source};
use super::walk::Batch;

use self::mismatch::Mismatch;
use self::pairs::{Counts, Pairs};

/// Two logs.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// One log: a folder of static files, or the URL of an auditors' door
    #[arg(value_name = "DIR|URL")]
    pub a: String,
    /// The other
    #[arg(value_name = "DIR|URL")]
    pub b: String,
    /// Whose log the one is
    #[arg(long, value_name = "REGION")]
    pub region_a: Region,
    /// Whose log the other is
    #[arg(long, value_name = "REGION")]
    pub region_b: Region,
    /// The one has ended: its region's logs after it, as with `log verify --later`
    #[arg(long, value_name = "DIR|URL")]
    pub later_a: Vec<String>,
    /// The other has ended: its region's logs after it
    #[arg(long, value_name = "DIR|URL")]
    pub later_b: Vec<String>,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// What was found: the first mismatches, and how many there are.
#[derive(Default)]
struct Found {
    listed: Vec<Mismatch>,
    count: u64,
}

impl Found {
    fn add(&mut self, found: Vec<Mismatch>) {
        self.count += found.len() as u64;
        let room = MAX_LISTED - self.listed.len();
        self.listed.extend(found.into_iter().take(room));
    }

    /// Leaves of the one log (0) or of the other (1); each direction has its pairs.
    fn read(&mut self, pairs: &mut [Pairs; 2], side: usize, batch: &Batch) {
        for read in batch.reads() {
            self.add(pairs[side].of_asker(read.index, read.hash, read.leaf));
            self.add(pairs[1 - side].of_issuer(read.index, read.leaf));
        }
    }
}

/// Runs the command.
pub async fn run(args: &ReconcileArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let (a, b) = (args.region_a, args.region_b);
    if a == b {
        return Err(UsageError("--region-a and --region-b are the same: name two regions".to_owned()).into());
    }
    let trusted = args.trust.load()?;
    let (entry_a, entry_b) = (trust::entry(&trusted.directory, a)?, trust::entry(&trusted.directory, b)?);
    let open = |place: &str, entry: &RegionEntry| Source::open_expecting(place, &args.auditor, Some(entry.tls));
    let (mut source_a, mut source_b) = (open(&args.a, entry_a)?, open(&args.b, entry_b)?);
    let later_a = later(&args.later_a, &args.auditor, entry_a, screen).await?;
    let later_b = later(&args.later_b, &args.auditor, entry_b, screen).await?;
    let (vouched_a, vouched_b) = (Vouched::by(later_a.as_ref()), Vouched::by(later_b.as_ref()));
    let wanted = Wanted::Leaves;
    let place_a =
        Place { place: args.a.clone(), source: &mut source_a, entry: entry_a, earlier: &[], vouched: vouched_a, wanted };
    let place_b =
        Place { place: args.b.clone(), source: &mut source_b, entry: entry_b, earlier: &[], vouched: vouched_b, wanted };
    let mut logs = [Auditing::begin(place_a, &trusted, screen).await?, Auditing::begin(place_b, &trusted, screen).await?];
    let (mut pairs, mut found, mut ended) = ([Pairs::new(a, b), Pairs::new(b, a)], Found::default(), [false; 2]);
    while ended != [true; 2] {
        // Always the log that is behind, so that little waits.
        let side = match ended {
            [true, _] => 1,
            [_, true] => 0,
            _ => usize::from(logs[1].read_up_to() < logs[0].read_up_to()),
        };
        match logs[side].next().await? {
            Some(batch) => found.read(&mut pairs, side, &batch),
            None => ended[side] = true,
        }
        let (up_to_a, up_to_b) = (logs[0].read_up_to(), logs[1].read_up_to());
        found.add(pairs[0].read_up_to(up_to_a, up_to_b));
        found.add(pairs[1].read_up_to(up_to_b, up_to_a));
    }
    let (as_of_a, as_of_b) = (logs[0].as_of(), logs[1].as_of());
    let mut findings = logs.map(Auditing::finish);
    for (findings, later) in findings.iter_mut().zip([later_a, later_b]) {
        let (goes_on_in, _, faults) = later.map(Later::into_parts).unwrap_or_default();
        findings.faults.extend(faults);
        findings.goes_on_in = goes_on_in.into_iter().collect();
    }
    let [ab, ba] = pairs;
    let ((rest_ab, counts_ab), (rest_ba, counts_ba)) = (ab.end(as_of_a, as_of_b), ba.end(as_of_b, as_of_a));
    found.add(rest_ab);
    found.add(rest_ba);
    tell(&findings, &found, [(a, b, counts_ab), (b, a, counts_ba)], screen)
}

/// The logs after one that has ended. What they hold is not matched: messages of theirs are others.
async fn later(places: &[String], auditor: &AuditorArgs, entry: &RegionEntry, screen: &Screen) -> anyhow::Result<Option<Later>> {
    LaterArgs { later: places.to_vec() }.read(auditor, entry, &BTreeSet::new(), screen).await
}

fn tell(
    findings: &[Findings; 2],
    found: &Found,
    counts: [(Region, Region, Counts); 2],
    screen: &mut Screen,
) -> anyhow::Result<Exit> {
    let verified = findings.iter().all(|findings| findings.faults.is_empty());
    let exit = if verified && found.count == 0 { Exit::Done } else { Exit::Refuted };
    let orphaned: Vec<_> = findings.iter().flat_map(|findings| &findings.orphaned).collect();
    if screen.is_json() {
        let orphaned: Vec<_> = orphaned.iter().map(|range| orphan::as_json(range)).collect();
        let listed = |mismatch: &Mismatch| {
            let (query, answer) = mismatch.leaves();
            json!({ "kind": mismatch.kind(), "query": query, "answer": answer, "text": mismatch.to_string() })
        };
        let directions = counts.map(|(asker, issuer, counts)| json!({ "asker": asker, "issuer": issuer, "counts": counts }));
        screen.json(&json!({
            "ok": exit == Exit::Done, "logs": findings.iter().map(Findings::as_json).collect::<Vec<_>>(), "exchanges": directions,
            "orphaned": orphaned, "mismatches": found.listed.iter().map(listed).collect::<Vec<_>>(), "mismatch_count": found.count,
        }))?;
        return Ok(exit);
    }
    for findings in findings.iter().filter(|findings| !findings.faults.is_empty()) {
        findings.tell("", screen)?;
        screen.line("")?;
    }
    screen.line(match exit {
        Exit::Done => "Reconciled: both logs say the same\n".to_owned(),
        _ => format!("Refused, {} between the logs\n", plural(found.count)),
    })?;
    if !found.listed.is_empty() {
        let mut table = Table::new(&["mismatch", "what"]);
        found.listed.iter().for_each(|one| table.row(vec![one.kind().to_owned(), one.to_string()]));
        screen.line(table)?;
        let beyond = found.count - found.listed.len() as u64;
        screen.line(if beyond > 0 { format!("  and {beyond} more\n") } else { String::new() })?;
    }
    let mut fields = Fields::new();
    for findings in findings {
        if let Some(checkpoint) = &findings.checkpoint {
            fields.add("log", format!("{}, {}", checkpoint.origin, entries(checkpoint.size)));
        }
    }
    for range in orphaned {
        fields.add("orphaned", orphan::told(range));
    }
    for (asker, issuer, Counts { matched, not_delivered, abandoned, in_flight, earlier }) in counts {
        let before = if earlier > 0 { format!(", {earlier} in an earlier log, if anywhere") } else { String::new() };
        let told = format!(
            "{} matched ({not_delivered} of them never came through), {abandoned} abandoned, {in_flight} in flight{before}",
            self::count(matched, "exchange")
        );
        fields.add(format!("{asker} asks {issuer}"), told);
    }
    screen.line(fields)?;
    Ok(exit)
}

fn plural(number: u64) -> String {
    if number == 1 { "1 mismatch".to_owned() } else { format!("{number} mismatches") }
}
