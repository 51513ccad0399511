//! `creditbay rules`: shows a rule pack, checks one, compares two, signs one, and explains what it decides of a question.
//!
//! The decision is the one that nodes make (`configs::rules::decide`). Not here: which packs a node has active.

mod check;
mod diff;
mod explain;
mod show;
mod sign;
#[cfg(test)]
mod tests;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::phrase::SHAPES;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::Purpose;

use crate::exit::{Exit, HELP};
use crate::file;
use crate::host;
use crate::print::Screen;

/// Rule packs.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Show what a rule pack admits
    Show(FileArgs),
    /// Check a rule pack, and with a directory and signatures also who signed it
    #[command(after_help = HELP)]
    Check(check::CheckArgs),
    /// Compare two rule packs, in words
    Diff(diff::DiffArgs),
    /// Sign a rule pack with a governance key: one more line in its note
    #[command(after_help = HELP)]
    Sign(sign::SignArgs),
    /// Explain what a rule pack decides of a question
    #[command(after_help = format!("{SHAPES}\n\n{HELP}"))]
    Explain(explain::ExplainArgs),
}

/// A rule pack.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The rule pack
    pub file: PathBuf,
}

/// Reads a purpose.
pub fn read_purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_name(text)
        .ok_or_else(|| format!("one of: {}", Purpose::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")))
}

/// Runs a command.
pub fn run(command: &RulesCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::Show(args) => show::run(&read(&args.file)?, screen),
        RulesCommand::Check(args) => check::run(args, screen),
        RulesCommand::Diff(args) => diff::run(args, screen),
        RulesCommand::Sign(args) => sign::run(args, screen),
        RulesCommand::Explain(args) => explain::run(args, screen),
    }
}

fn read(path: &Path) -> anyhow::Result<RulePack> {
    Ok(RulePack::parse(&path.display().to_string(), &file::read_text(path)?)?)
}

/// The day that was given, or today.
fn on(day: Option<Day>) -> anyhow::Result<Day> {
    day.map_or_else(|| Ok(host::now()?.day()), Ok)
}

/// What is to be said of a pack on that day, if it is not yet in effect.
fn not_yet(pack: &RulePack, day: Day) -> Option<String> {
    let from = pack.effective_from();
    (day < from).then(|| format!("takes effect on {from}: on {day} no query may name it"))
}
