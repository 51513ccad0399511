//! `creditbay log sample`: the leaves that the operator is to open, drawn from the signed root of a log that verifies.
//!
//! Not here: the lots (`draw`), and the openings.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use creditbay_protocol::name::Region;

use crate::exit::Exit;
use crate::print::{Screen, Table, count};
use crate::trust::{self, TrustArgs};

use super::auditing::{Auditing, Place, Vouched};
use super::draw::{Draw, Lottery};
use super::drawn::SampleFile;
use super::later::LaterArgs;
use super::prepare::Wanted;
use super::source::{AuditorArgs, Source};

/// A log and how many of its leaves to draw.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// A folder of static files, or the URL of an auditors' door
    #[arg(value_name = "DIR|URL")]
    pub place: String,
    /// Whose log it is
    #[arg(long, value_name = "REGION")]
    pub region: Region,
    /// How many queries, answers and refusals to draw
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Write the sample to this file: the operator opens it by `creditbay log open --sample`, and `creditbay log verify --openings` holds
    /// the openings against it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
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

/// Runs the command.
pub async fn run(args: &SampleArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
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
    let mut draw = Draw::new(Lottery { root: auditing.root(), size: auditing.size(), count: args.count as usize });
    while let Some(batch) = auditing.next().await? {
        batch.reads().for_each(|read| draw.leaf(&read));
    }
    let (root, mut findings) = (auditing.root(), auditing.finish());
    findings.faults.extend(later.map(|later| later.faults).unwrap_or_default());
    if !findings.faults.is_empty() {
        return findings.tell("", screen);
    }
    let drawn = draw.drawn();
    if let (Some(path), Some(checkpoint)) = (&args.out, &findings.checkpoint) {
        SampleFile::new(checkpoint, &findings.note, args.count, &drawn).write(path)?;
    }
    if screen.is_json() {
        screen.json(&serde_json::json!({ "ok": true, "root": root, "of": draw.disclosures(), "sample": drawn }))?;
    } else {
        screen.line(format!("{} of {}, drawn from {root}\n", drawn.len(), count(draw.disclosures(), "message")))?;
        let mut table = Table::new(&[">leaf", "kind"]);
        drawn.iter().for_each(|one| table.row(vec![one.index.to_string(), one.kind.to_owned()]));
        screen.line(table)?;
        if let Some(path) = &args.out {
            screen.line(format!("\nWritten to {}; the operator opens it by `creditbay log open --sample`.", path.display()))?;
        }
    }
    Ok(Exit::Done)
}
