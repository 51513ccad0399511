//! A log judged by rule packs, and what of them can be judged how (PROTOCOL 33.2).
//!
//! Not here: the judgement (`configs::rules::replay`).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::replay::Replay;
use creditbay_configs::rules::section::Holder;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::opening::LeafOpening;
use serde_json::{Value, json};

use crate::exit::UsageError;
use crate::file;
use crate::print::{Fields, count};

use super::draw::{Draw, Drawn, Lottery};
use super::drawn::{MAX_DRAWN, SampleFile};
use super::fault::{Fault, Faults};
use super::opened::{self, Gone, Openings, Outcome};
use super::walk::Read;

/// Rule packs to judge by.
#[derive(Debug, Clone, Default, Args)]
pub struct RulesArgs {
    /// Replay the rules: every rule pack that the log has activated
    #[arg(long, value_name = "PACK", num_args = 1..)]
    pub rules: Vec<PathBuf>,
    /// The signatures over the packs, in any order: each pack must then be endorsed by every region of the directory
    #[arg(long, value_name = "NOTE", num_args = 1.., requires = "rules")]
    pub rules_note: Vec<PathBuf>,
    /// How many leaves to draw for openings
    #[arg(long, value_name = "N", default_value_t = 20, requires = "rules", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_DRAWN)))]
    pub sample: u32,
    /// The openings of the sample, as `creditbay log open --sample --out` wrote them on the node: every leaf that was drawn must be opened
    #[arg(long, value_name = "FILE", requires = "rules")]
    pub openings: Option<PathBuf>,
    /// The sample that they answer, as `creditbay log sample --out` wrote it; without it, the one that this checkpoint's root draws
    #[arg(long, value_name = "FILE", requires = "rules", conflicts_with_all = ["sample", "later"])]
    pub drawn: Option<PathBuf>,
}

/// A sample that was drawn earlier.
pub struct DrawnEarlier {
    /// The file.
    pub path: PathBuf,
    /// What stands in it.
    pub file: SampleFile,
    /// The checkpoint that draws it: the log must continue it.
    pub signed: SignedCheckpoint,
}

/// A replay under way.
pub struct Ruling<'a> {
    packs: Vec<Arc<RulePack>>,
    signed: &'static str,
    directory: &'a Directory,
    replay: Replay<'a>,
    draw: Draw,
    claimed: Option<Vec<u64>>,
    openings: Option<Openings>,
    faults: Faults,
}

/// What the rules say of a log.
pub struct Ruled {
    packs: Vec<Arc<RulePack>>,
    signed: &'static str,
    judged: Vec<(&'static str, u64)>,
    refused_though_admitted: Vec<(String, u64)>,
    breaches: u64,
    disclosures: u64,
    lottery: Lottery,
    drawn: Vec<Drawn>,
    opened: Option<Outcome>,
}

impl RulesArgs {
    /// The sample that was drawn earlier, if one was named.
    pub fn drawn_earlier(&self, entry: &RegionEntry) -> anyhow::Result<Option<DrawnEarlier>> {
        let Some(path) = &self.drawn else { return Ok(None) };
        let file = SampleFile::read(path)?;
        let signed = file.signed(entry).with_context(|| path.display().to_string())?;
        Ok(Some(DrawnEarlier { path: path.clone(), file, signed }))
    }

    /// The openings of the sample, if they were given.
    pub fn opening_lines(&self) -> anyhow::Result<Option<Vec<LeafOpening>>> {
        self.openings.as_deref().map(opened::read).transpose()
    }

    /// A replay over a log with this root and size; `None` where no rules were given.
    pub fn begin<'a>(
        &self,
        entry: &RegionEntry,
        directory: &'a Directory,
        (root, size): (Digest, u64),
        earlier: Option<DrawnEarlier>,
        openings: Option<Openings>,
    ) -> anyhow::Result<Option<Ruling<'a>>> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let read = |path: &PathBuf| -> anyhow::Result<Arc<RulePack>> {
            Ok(Arc::new(RulePack::parse(&path.display().to_string(), &file::read_text(path)?)?))
        };
        let packs = self.rules.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let signed = if self.rules_note.is_empty() {
            "not checked (--rules-note)"
        } else {
            self.check_signatures(&packs, directory)?;
            "by every region of the directory"
        };
        let replay = Replay::new(entry.name, directory, packs.clone());
        let lottery = match &earlier {
            Some(earlier) => earlier.file.lottery(&earlier.signed),
            None => Lottery { root, size, count: self.sample as usize },
        };
        let (draw, claimed) = (Draw::new(lottery), earlier.map(|earlier| earlier.file.leaves));
        Ok(Some(Ruling { packs, signed, directory, replay, draw, claimed, openings, faults: Faults::new() }))
    }

    fn check_signatures(&self, packs: &[Arc<RulePack>], directory: &Directory) -> anyhow::Result<()> {
        let notes = self.rules_note.iter().map(|path| file::read_text(path)).collect::<anyhow::Result<Vec<_>>>()?;
        let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
        for pack in packs {
            let text = endorsement::text(Label::RULES, &pack.digest());
            let note = notes.iter().find(|note| Note::parse(note.as_bytes()).is_ok_and(|note| note.text == text));
            let none = || UsageError(format!("--rules-note: none is over {}, edition {}", pack.id(), pack.serial()));
            endorsement::verify(Label::RULES, &pack.digest(), note.ok_or_else(none)?.as_bytes(), &regions)
                .with_context(|| format!("rule pack {}, edition {}, is not endorsed", pack.id(), pack.serial()))?;
        }
        Ok(())
    }
}

impl Ruling<'_> {
    /// Judges the next leaf.
    pub fn leaf(&mut self, read: &Read<'_>) {
        for breach in self.replay.leaf(read.index, read.leaf) {
            self.faults.add(Fault::Rules { index: read.index, breach });
        }
        self.draw.leaf(read);
        if let Some(openings) = &mut self.openings {
            openings.leaf(read);
        }
    }

    /// What was found, and the faults.
    pub fn end(mut self) -> (Ruled, Faults) {
        let judged = self.replay.judged();
        let (breaches, lottery, disclosures) = (self.faults.count(), *self.draw.lottery(), self.draw.disclosures());
        let (drawn, leaves) = (self.draw.drawn(), self.draw.into_leaves());
        let opened = self.openings.map(|openings| {
            let (outcome, faults) = openings.end(&leaves, self.claimed.as_deref(), self.directory, &self.packs);
            self.faults.extend(faults);
            outcome
        });
        let ruled = Ruled {
            packs: self.packs,
            signed: self.signed,
            judged: vec![
                ("queries", judged.queries),
                ("answers", judged.answers),
                ("refusals", judged.refusals),
                ("declined", judged.declined),
                ("uses", judged.uses),
                ("orders", judged.orders),
            ],
            refused_though_admitted: judged.refused_though_admitted.iter().map(|(class, of)| (class.to_string(), *of)).collect(),
            breaches,
            disclosures,
            lottery,
            drawn,
            opened,
        };
        (ruled, self.faults)
    }
}

impl Ruled {
    /// The sections of all packs that are held so.
    fn sections(&self, holder: Holder) -> Vec<&'static str> {
        let mut names: Vec<_> = self.packs.iter().flat_map(|pack| pack.sections()).collect();
        names.retain(|section| section.held_by == holder);
        let mut names: Vec<_> = names.into_iter().map(|section| section.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn contract(&self) -> Vec<&str> {
        let mut rules: Vec<_> = self.packs.iter().flat_map(|pack| pack.contract()).map(String::as_str).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let packs: Vec<_> =
            self.packs.iter().map(|pack| json!({ "id": pack.id(), "serial": pack.serial(), "digest": pack.digest() })).collect();
        let judged: serde_json::Map<_, _> = self.judged.iter().map(|(what, of)| ((*what).to_owned(), json!(of))).collect();
        let admitted: serde_json::Map<_, _> =
            self.refused_though_admitted.iter().map(|(class, of)| (class.clone(), json!(of))).collect();
        json!({
            "packs": packs, "signed": self.signed,
            "from_leaves": { "sections": self.sections(Holder::Leaves), "judged": judged, "breaches": self.breaches,
                "refused_though_admitted": admitted },
            "by_opening": { "sections": self.sections(Holder::Openings), "of": self.disclosures, "sample": self.drawn,
                "root": self.lottery.root, "size": self.lottery.size, "openings": self.opened },
            "contract": { "sections": self.sections(Holder::Contract), "rules": self.contract() },
        })
    }

    /// For people: the three parts.
    pub fn text(&self) -> String {
        let mut fields = Fields::new();
        for pack in &self.packs {
            fields.add("pack", format!("{}, edition {}, {}", pack.id(), pack.serial(), pack.digest()));
        }
        fields.add("signed", self.signed);
        let judged: Vec<_> = self.judged.iter().map(|(what, of)| format!("{what} {of}")).collect();
        fields.add("from leaves", format!("{}; {}", judged.join(", "), count_breaches(self.breaches)));
        fields.add("", self.sections(Holder::Leaves).join(", "));
        if !self.refused_though_admitted.is_empty() {
            let by_class: Vec<_> = self.refused_though_admitted.iter().map(|(class, of)| format!("{class} {of}")).collect();
            fields.add("", format!("refused though the pack's decision admits it (no fault): {}", by_class.join(", ")));
        }
        fields.add("by opening", format!("{} of {} drawn from the root", self.drawn.len(), count(self.disclosures, "message")));
        fields.add("", self.sections(Holder::Openings).join(", "));
        match &self.opened {
            Some(outcome) => outcome.add_to(&mut fields),
            None if self.drawn.is_empty() => {}
            None => {
                let indices: Vec<_> = self.drawn.iter().map(|drawn| drawn.index.to_string()).collect();
                fields.add("", format!("ask the operator to open (creditbay log sample --out): {}", indices.join(" ")));
            }
        }
        fields.add("contract only", format!("{} that no software holds", count(self.contract().len() as u64, "rule")));
        for rule in self.contract() {
            fields.add("", format!("- {rule}"));
        }
        fields.to_string()
    }
}

impl Outcome {
    /// For people.
    fn add_to(&self, fields: &mut Fields) {
        let Self { opened, erased, expired, missing, shown_beyond, faults } = self;
        let gone = format!("erased {}, expired {}, missing {}", erased.len(), expired.len(), missing.len());
        fields.add("", format!("opened {opened}, {gone}; {}", count(*faults, "fault")));
        for Gone { index, erasure, log, ground } in erased.iter().chain(expired) {
            let of = log.map(|log| format!(" of {log}")).unwrap_or_default();
            fields.add("", format!("- leaf {index} was erased by leaf {erasure}{of}: {}", ground.as_str()));
        }
        for shown in shown_beyond {
            fields.add("", format!("- that they were shown stands in leaf {shown}, behind the end of this copy"));
        }
    }
}

fn count_breaches(breaches: u64) -> String {
    if breaches == 1 { "1 breach".to_owned() } else { format!("{breaches} breaches") }
}
