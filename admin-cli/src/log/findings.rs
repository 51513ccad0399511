//! What an audit found, for people and for programs.
//!
//! Not here: finding it.

use std::path::PathBuf;

use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::name::Origin;
use creditbay_protocol::orphaned::OrphanedRange;

use crate::exit::Exit;
use crate::print::{Fields, Screen, Table, count, entries};

use super::fault::{Fault, Faults};
use super::leaves::Leaves;
use super::orphan;
use super::predecessor::Checked;
use super::ruled::Ruled;

/// What was found of a log.
pub struct Findings {
    /// Where it was read.
    pub place: String,
    /// Its checkpoint, as far as it can be read.
    pub checkpoint: Option<Checkpoint>,
    /// The checkpoint's note.
    pub note: Vec<u8>,
    /// The checkpoint, where the log signed it.
    pub signed: Option<SignedCheckpoint>,
    /// The other regions that cosigned it.
    pub cosigned_by: Vec<String>,
    /// Its leaves.
    pub leaves: Leaves,
    /// What is wrong.
    pub faults: Faults,
    /// Why the directory is believed.
    pub because: String,
    /// Checkpoints that were seen before and that it was held against.
    pub held_against: usize,
    /// Files with notes that contradict one another.
    pub evidence: Vec<PathBuf>,
    /// The retired logs that it goes on from.
    pub goes_on_from: Vec<Checked>,
    /// The logs that go on from it, each with its leaves, where it has ended.
    pub goes_on_in: Vec<(Origin, u64)>,
    /// What was lost of the region's earlier logs, as the directory lists it.
    pub orphaned: Vec<OrphanedRange>,
    /// What the rules say of it, where they were given.
    pub ruled: Option<Ruled>,
}

impl Findings {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        if self.faults.is_empty() { Exit::Done } else { Exit::Refuted }
    }

    /// Says it.
    pub fn tell(&self, good: &str, screen: &mut Screen) -> anyhow::Result<Exit> {
        let exit = self.exit();
        if screen.is_json() {
            screen.json(&self.as_json())?;
            return Ok(exit);
        }
        match (&self.checkpoint, exit) {
            (Some(checkpoint), Exit::Done) => {
                screen.line(format!("{good}: {} of {}\n", entries(checkpoint.size), checkpoint.origin))?
            }
            _ => screen.line(format!("Refused, {}: the log at {}\n", count(self.faults.count(), "fault"), self.place))?,
        }
        tell_faults(&self.faults, screen)?;
        screen.line(self.fields())?;
        if let Some(ruled) = &self.ruled {
            screen.line(format!("\nBy the rules\n\n{}", ruled.text()))?;
        }
        if !self.faults.is_empty() {
            screen.line(
                "\nKeep the folder, or export the log with `creditbay log export`, as evidence, and tell the other regions.",
            )?;
        }
        Ok(exit)
    }

    fn fields(&self) -> Fields {
        let mut fields = Fields::new();
        if let Some(checkpoint) = &self.checkpoint {
            fields.add("log", format!("{}, {}", checkpoint.origin, entries(checkpoint.size))).add("root", checkpoint.root);
        }
        let kinds: Vec<_> = self.leaves.counts().iter().map(|(kind, number)| format!("{kind} {number}")).collect();
        fields.add("kinds", if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") });
        if let Some((first, last)) = self.leaves.span() {
            fields.add("time", format!("{first} to {last}"));
        }
        for Checked { origin, size, seen, found } in &self.goes_on_from {
            let how = match (seen, found) {
                (false, _) => "not looked at (--predecessor)".to_owned(),
                (true, None | Some(0)) => "held against it".to_owned(),
                (true, Some(found)) => format!("held against it, with {found} leaves behind them"),
            };
            fields.add("goes on from", format!("{origin}, {}, {how}", entries(*size)));
        }
        for (origin, size) in &self.goes_on_in {
            fields.add("goes on in", format!("{origin}, {}, verified", entries(*size)));
        }
        for range in &self.orphaned {
            fields.add("orphaned", orphan::told(range));
        }
        let cosigned_by = if self.cosigned_by.is_empty() { "no other region".to_owned() } else { self.cosigned_by.join(", ") };
        fields.add("cosigned by", cosigned_by);
        fields.add("held against", format!("{} seen before", count(self.held_against as u64, "checkpoint")));
        for path in &self.evidence {
            fields.add("evidence", path.display());
        }
        fields.add("directory", &self.because);
        fields
    }

    /// For programs.
    pub fn as_json(&self) -> serde_json::Value {
        let checkpoint = self.checkpoint.as_ref();
        let span = self.leaves.span();
        let before = |Checked { origin, size, seen, found }: &Checked| {
            let mut said = serde_json::json!({ "origin": origin, "size": size, "checked": seen });
            if let Some(found) = found {
                said["orphaned_found"] = (*found).into();
            }
            said
        };
        let goes_on_from: Vec<_> = self.goes_on_from.iter().map(before).collect();
        let goes_on_in: Vec<_> =
            self.goes_on_in.iter().map(|(origin, size)| serde_json::json!({ "origin": origin, "size": size })).collect();
        let orphaned: Vec<_> = self.orphaned.iter().map(orphan::as_json).collect();
        serde_json::json!({
            "ok": self.faults.is_empty(), "place": self.place,
            "origin": checkpoint.map(|checkpoint| checkpoint.origin), "size": checkpoint.map(|checkpoint| checkpoint.size),
            "root": checkpoint.map(|checkpoint| checkpoint.root), "cosigned_by": self.cosigned_by, "kinds": self.leaves.counts(),
            "first_time": span.map(|(first, _)| first.to_string()), "last_time": span.map(|(_, last)| last.to_string()),
            "goes_on_from": goes_on_from, "goes_on_in": goes_on_in, "orphaned": orphaned, "faults": faults_as_json(&self.faults),
            "fault_count": self.faults.count(), "held_against": self.held_against, "evidence": self.evidence, "rules": self.ruled.as_ref().map(Ruled::as_json), "directory": self.because,
        })
    }
}

/// The faults as a table, where there are any.
pub fn tell_faults(faults: &Faults, screen: &mut Screen) -> anyhow::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["fault", "what"]);
    for fault in faults.listed() {
        table.row(vec![fault.kind().to_owned(), fault.to_string()]);
    }
    screen.line(table)?;
    let beyond = faults.count() - faults.listed().len() as u64;
    if beyond > 0 {
        screen.line(format!("  and {beyond} more"))?;
    }
    screen.line("")
}

/// The listed faults for programs.
pub fn faults_as_json(faults: &Faults) -> Vec<serde_json::Value> {
    let fault = |fault: &Fault| {
        let path = fault.path().map(|path| path.to_string());
        serde_json::json!({ "kind": fault.kind(), "path": path, "index": fault.index(), "text": fault.to_string() })
    };
    faults.listed().iter().map(fault).collect()
}
