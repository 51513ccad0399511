//! `creditbay rules diff`: what changes from one pack to another, in words that a lawyer can read.
//!
//! Not here: whether the change is lawful; each region's governance decides that by signing.

mod catalogue;
mod terms;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use creditbay_configs::rules::RulePack;

use crate::exit::Exit;
use crate::file;
use crate::print::{Screen, Table};

/// Two rule packs.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The pack as it was
    pub before: PathBuf,
    /// The pack as it shall be
    pub after: PathBuf,
}

/// What a change does to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    /// Something is there that was not.
    Added,
    /// Something is gone.
    Removed,
    /// Less may be asked, or shorter, or for less long.
    Tightened,
    /// More may be asked, or longer, or for longer.
    Loosened,
    /// Neither of these, or it cannot be said.
    Changed,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Tightened => "tightened",
            Self::Loosened => "loosened",
            Self::Changed => "changed",
        })
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Change {
    /// The section.
    pub(super) section: &'static str,
    /// What it does.
    pub(super) effect: Effect,
    /// The key in the file, as far as there is one.
    pub(super) key: String,
    /// What changes, in words.
    pub(super) words: String,
}

/// The changes found so far.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, section: &'static str, effect: Effect, key: impl Into<String>, words: impl Into<String>) {
        self.0.push(Change { section, effect, key: key.into(), words: words.into() });
    }

    /// `what: before -> after`, if they differ.
    fn value(&mut self, section: &'static str, key: &str, what: &str, before: &str, after: &str) {
        if before != after {
            self.add(section, Effect::Changed, key, format!("{what}: {before} -> {after}"));
        }
    }

    /// The same for a number of which more is looser.
    fn number<T: PartialOrd + fmt::Display>(&mut self, section: &'static str, key: &str, what: &str, before: T, after: T) {
        if before != after {
            let effect = if after > before { Effect::Loosened } else { Effect::Tightened };
            self.add(section, effect, key, format!("{what}: {before} -> {after}"));
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &DiffArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let (before, _) = read(&args.before)?;
    let (after, accepted) = read(&args.after)?;
    let changes = changes(&before, &after);
    if screen.is_json() {
        screen.json(&serde_json::json!({ "before": before.digest(), "after": after.digest(), "changes": changes, "accepted": accepted.is_ok() }))?;
        return Ok(Exit::Done);
    }
    screen.line(format!(
        "From {}, edition {} ({})\nto   {}, edition {} ({})",
        before.id(),
        before.serial(),
        before.digest(),
        after.id(),
        after.serial(),
        after.digest()
    ))?;
    if let Err(why) = accepted {
        screen.line(format!("\nNo node accepts the pack as it shall be:\n  {why}"))?;
    }
    if changes.is_empty() {
        let words =
            if before.digest() == after.digest() { "The files are the same." } else { "No rule differs, only the files do." };
        screen.line(format!("\n{words}"))?;
        return Ok(Exit::Done);
    }
    let mut section = "";
    for group in changes.chunk_by(|one, next| one.section == next.section) {
        let mut table = Table::new(&["", "", ""]);
        for change in group {
            section = change.section;
            table.row(vec![change.effect.to_string(), change.words.clone(), change.key.clone()]);
        }
        screen.line(format!("\n{section}{table}"))?;
    }
    let count = |effect| changes.iter().filter(|change| change.effect == effect).count();
    let counts = [Effect::Added, Effect::Removed, Effect::Tightened, Effect::Loosened, Effect::Changed]
        .map(|effect| format!("{} {effect}", count(effect)));
    screen.line(format!("\n{} changes: {}", changes.len(), counts.join(", ")))?;
    Ok(Exit::Done)
}

/// A draft, and whether a node would accept it: two drafts can be compared before their golden cases follow their rules.
fn read(path: &Path) -> anyhow::Result<(RulePack, Result<(), String>)> {
    let (file, text) = (path.display().to_string(), file::read_text(path)?);
    let accepted = RulePack::parse(&file, &text).map(|_| ()).map_err(|error| error.to_string());
    Ok((RulePack::draft(&file, &text)?, accepted))
}

/// All changes, in the order of the file's sections.
pub(super) fn changes(before: &RulePack, after: &RulePack) -> Vec<Change> {
    let mut changes = Changes::default();
    terms::head(&mut changes, before, after);
    catalogue::purposes(&mut changes, before, after);
    catalogue::types(&mut changes, before, after);
    catalogue::persons(&mut changes, before, after);
    catalogue::cells(&mut changes, before, after);
    catalogue::grades(&mut changes, before, after);
    terms::bases(&mut changes, before, after);
    terms::regimes(&mut changes, before, after);
    terms::retention(&mut changes, before, after);
    terms::budgets(&mut changes, before, after);
    terms::timers(&mut changes, before, after);
    terms::calendars(&mut changes, before, after);
    terms::contract(&mut changes, before, after);
    terms::sections(&mut changes, before, after);
    changes.0
}
