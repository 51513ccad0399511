//! `creditbay rules`: shows a rule pack, checks one, and explains what it decides of a question.
//!
//! The decision is the one that nodes make (`configs::rules::decide`). Not here: which packs a node has active.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use creditbay_configs::endorsement;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::decide::{self, Question};
use creditbay_configs::rules::phrase::{Asked, SHAPES};
use creditbay_configs::rules::standing::Standing;
use creditbay_crypto::label::Label;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{Predicate, Purpose};

use crate::exit::{Exit, HELP};
use crate::file;
use crate::print::{Fields, Screen, Table};
use crate::trust;

/// Rule packs.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Show what a rule pack admits
    Show(FileArgs),
    /// Check a rule pack, and with a directory and signatures also who signed it
    #[command(after_help = HELP)]
    Check(CheckArgs),
    /// Explain what a rule pack decides of a question
    #[command(after_help = format!("{SHAPES}\n\n{HELP}"))]
    Explain(ExplainArgs),
}

/// A rule pack.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The rule pack
    pub file: PathBuf,
}

/// A rule pack and its signatures.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The rule pack
    pub file: PathBuf,
    /// The signatures over it
    #[arg(long, value_name = "FILE", requires = "network")]
    pub note: Option<PathBuf>,
    /// The network directory with the governance keys
    #[arg(long, value_name = "FILE", requires = "note")]
    pub network: Option<PathBuf>,
}

/// A question.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The rule pack
    #[arg(long, value_name = "FILE")]
    pub pack: PathBuf,
    /// The region that asks
    #[arg(long, value_name = "REGION")]
    pub asker: Region,
    /// The region that answers
    #[arg(long, value_name = "REGION")]
    pub issuer: Region,
    /// What for: FIN, PROC, INV, CUST, LIST, PROF, REG or RND
    #[arg(long, value_parser = read_purpose)]
    pub purpose: Purpose,
    /// About what kind of subject: entity, household, public-body or natural-person
    #[arg(long, default_value = "entity", value_parser = read_kind)]
    pub kind: SubjectKind,
    /// The organisation for which it asks
    #[arg(long, default_value = "anybody", value_name = "ORGANISATION")]
    pub organisation: OrganisationId,
    /// A digest to be matched comes with the question
    #[arg(long)]
    pub with_digest: bool,
    /// A predicate, as below; repeat for each
    #[arg(long, required = true, value_name = "PREDICATE")]
    pub ask: Vec<Asked>,
}

/// Reads a purpose.
pub fn read_purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_name(text)
        .ok_or_else(|| format!("one of: {}", Purpose::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")))
}

fn read_kind(text: &str) -> Result<SubjectKind, String> {
    SubjectKind::from_name(text).ok_or_else(|| "one of: entity, household, public-body, natural-person".to_owned())
}

/// Runs a command.
pub fn run(command: &RulesCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::Show(args) => show(&read(&args.file)?, screen),
        RulesCommand::Check(args) => check(args, screen),
        RulesCommand::Explain(args) => explain(args, screen),
    }
}

fn read(path: &Path) -> anyhow::Result<RulePack> {
    Ok(RulePack::parse(&path.display().to_string(), &file::read_text(path)?)?)
}

fn show(pack: &RulePack, screen: &mut Screen) -> anyhow::Result<Exit> {
    let purposes: Vec<Purpose> = pack.purposes().keys().copied().collect();
    let regions = pack.regions().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if screen.is_json() {
        screen.json(&as_json(pack, &purposes))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields.add("pack", format!("{}, edition {}", pack.id(), pack.serial())).add("sha-256", pack.digest()).add("regions", regions);
    screen.line(format!(
        "{fields}\n\nWho may ask what, in which lane (P public, A authorised, C carried, R regulators, - refused)\n"
    ))?;
    let mut headings = vec!["type"];
    headings.extend(purposes.iter().map(|purpose| purpose.as_str()));
    headings.extend([">months", ">days", "shapes", "label"]);
    let mut table = Table::new(&headings);
    for (of, rule) in pack.catalogue().iter() {
        let mut row = vec![of.to_string()];
        row.extend(purposes.iter().map(|purpose| pack.matrix().cell(of, *purpose).map_or("-", |lane| lane.as_str()).to_owned()));
        row.push(rule.look_back_months.map_or_else(|| "today".to_owned(), |months| months.to_string()));
        row.push(rule.validity_days.to_string());
        row.push(rule.shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        row.push(rule.label.en.clone());
        table.row(row);
    }
    screen.line(format!("{table}\n\nOn which legal basis\n"))?;
    let mut table = Table::new(&["issuer", "asker", "basis"]);
    for issuer in pack.regions() {
        for asker in pack.regions().iter().filter(|asker| *asker != issuer) {
            let basis = pack
                .bases()
                .between(*issuer, *asker)
                .and_then(|pair| pair.public)
                .map_or("none: refused", |basis| basis.as_str());
            table.row(vec![issuer.to_string(), asker.to_string(), basis.to_owned()]);
        }
    }
    screen.line(format!("{table}\n\nWho sees to it\n"))?;
    let mut table = Table::new(&["section", "held by", ""]);
    for section in pack.sections() {
        let proposal = if section.illustrative { "a proposal, not law" } else { "" };
        table.row(vec![section.name.to_owned(), section.held_by.to_string(), proposal.to_owned()]);
    }
    screen.line(table)?;
    Ok(Exit::Done)
}

fn as_json(pack: &RulePack, purposes: &[Purpose]) -> serde_json::Value {
    let types: Vec<_> = pack
        .catalogue()
        .iter()
        .map(|(of, rule)| {
            let cells: serde_json::Map<_, _> =
                purposes.iter().map(|purpose| (purpose.to_string(), serde_json::json!(pack.matrix().cell(of, *purpose)))).collect();
            serde_json::json!({
                "type": of, "lane": rule.lane, "subjects": rule.subjects, "cells": cells,
                "shapes": rule.shapes.iter().map(ToString::to_string).collect::<Vec<_>>(), "origins": rule.origins,
                "look_back_months": rule.look_back_months, "registers": rule.registers, "severities": rule.severities, "counts": rule.counts,
                "validity_days": rule.validity_days, "stale_after_days": rule.stale_after_days, "label": rule.label,
            })
        })
        .collect();
    let sections: Vec<_> = pack
        .sections()
        .iter()
        .map(|section| serde_json::json!({ "name": section.name, "illustrative": section.illustrative, "held_by": section.held_by.to_string() }))
        .collect();
    serde_json::json!({
        "id": pack.id(), "serial": pack.serial(), "digest": pack.digest(), "regions": pack.regions(), "types": types, "sections": sections,
    })
}

fn check(args: &CheckArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let read = file::read_text(&args.file)?;
    let pack = match RulePack::parse(&args.file.display().to_string(), &read) {
        Ok(pack) => pack,
        Err(error) => return refuse(&error.to_string(), screen),
    };
    let mut signed = "not checked (--note, --network)".to_owned();
    if let (Some(note), Some(network)) = (&args.note, &args.network) {
        let directory = trust::read(network)?;
        // As a node does: every region of the network signs, whether or not the pack names more.
        let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
        match endorsement::verify(Label::RULES, &pack.digest(), file::read_text(note)?.as_bytes(), &regions) {
            Ok(endorsed) => {
                signed = endorsed.signers().iter().map(|(_, signer)| signer.name().to_string()).collect::<Vec<_>>().join(", ")
            }
            Err(error) => return refuse(&error.to_string(), screen),
        }
    }
    if screen.is_json() {
        screen.json(&serde_json::json!({ "ok": true, "id": pack.id(), "serial": pack.serial(), "digest": pack.digest(), "signed": signed }))?;
    } else {
        let mut fields = Fields::new();
        fields
            .add("pack", format!("{}, edition {}: holds", pack.id(), pack.serial()))
            .add("sha-256", pack.digest())
            .add("signed by", signed);
        screen.line(fields)?;
    }
    Ok(Exit::Done)
}

fn refuse(why: &str, screen: &mut Screen) -> anyhow::Result<Exit> {
    if screen.is_json() {
        screen.json(&serde_json::json!({ "ok": false, "faults": [why] }))?;
    } else {
        screen.line(format!("Refused, 1 fault:\n  {why}"))?;
    }
    Ok(Exit::Refuted)
}

fn explain(args: &ExplainArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let pack = read(&args.pack)?;
    let predicates: Vec<Predicate> = args.ask.iter().map(|asked| asked.0).collect();
    let question = Question {
        asker: args.asker,
        organisation: args.organisation,
        standing: Standing { regulators: false },
        issuer: args.issuer,
        purpose: args.purpose,
        subject_kind: args.kind,
        with_digest: args.with_digest,
        predicates: &predicates,
    };
    let decision = decide::require(&pack, &question);
    let steps = decide::explain(&pack, &question);
    if screen.is_json() {
        let refusal = decision.as_ref().err().map(|refusal| refusal.name());
        let permit = decision
            .as_ref()
            .ok()
            .map(|permit| serde_json::json!({ "lane": permit.lane(), "legal_basis": permit.legal_basis() }));
        screen.json(&serde_json::json!({ "admitted": decision.is_ok(), "refusal": refusal, "permit": permit, "steps": steps, "pack": pack.digest() }))?;
    } else {
        screen.line(format!("{} asks {} for {}, about: {}\n", args.asker, args.issuer, args.purpose, args.kind))?;
        for (number, step) in steps.iter().enumerate() {
            let mark = if number + 1 == steps.len() { "=>".to_owned() } else { format!("{}.", number + 1) };
            screen.line(format!("  {mark:<3} {step}"))?;
        }
    }
    Ok(if decision.is_ok() { Exit::Done } else { Exit::Declined })
}
