//! `creditbay rules explain`: the rules that decide a question, who holds each, and which of them are proposals.
//!
//! Not here: the decision (`configs::rules::decide`); what an issuer still refuses for budgets, staleness or suspension.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::catalogue::Shape;
use creditbay_configs::rules::decide::{self, Permit, Question};
use creditbay_configs::rules::phrase::Asked;
use creditbay_configs::rules::standing::Standing;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::Uses;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{Predicate, Predicates, Purpose};
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::terms::{AuthorisedUse, Terms};

use crate::exit::{Exit, UsageError};
use crate::print::{Screen, Table};

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
    #[arg(long, value_parser = super::read_purpose)]
    pub purpose: Purpose,
    /// About what kind of subject: entity, household, public-body or natural-person
    #[arg(long, default_value = "entity", value_parser = read_kind)]
    pub kind: SubjectKind,
    /// The organisation for which it asks
    #[arg(long, default_value = "anybody", value_name = "ORGANISATION")]
    pub organisation: OrganisationId,
    /// Both sides are regulators by the network directory
    #[arg(long)]
    pub regulators: bool,
    /// No digest comes with the question, although one is to be matched
    #[arg(long)]
    pub without_digest: bool,
    /// Whether the entity's authorisation comes with the question; as the lane needs it if it is not said
    #[arg(long, value_enum)]
    pub authorisation: Option<Comes>,
    /// The day of the question; today if it is not said
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub on: Option<Day>,
    /// A predicate, as below; repeat for each
    #[arg(long, required = true, value_name = "PREDICATE")]
    pub ask: Vec<Asked>,
}

/// Whether something comes with the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Comes {
    /// It does.
    With,
    /// It does not.
    Without,
}

fn read_kind(text: &str) -> Result<SubjectKind, String> {
    SubjectKind::from_name(text).ok_or_else(|| "one of: entity, household, public-body, natural-person".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &ExplainArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let pack = super::read(&args.pack)?;
    let predicates: Vec<Predicate> = args.ask.iter().map(|asked| asked.0).collect();
    let asked = Predicates::new(predicates.clone()).ok_or_else(|| UsageError("--ask: one to eight predicates".to_owned()))?;
    let question = Question {
        asker: args.asker,
        organisation: args.organisation,
        standing: Standing { regulators: args.regulators },
        issuer: args.issuer,
        purpose: args.purpose,
        subject_kind: args.kind,
        with_digest: !args.without_digest && predicates.iter().any(|one| Shape::of(one) == Shape::HashMatches),
        predicates: &predicates,
    };
    let decision = decided(&pack, &question, &asked, args.authorisation);
    let mut steps = decide::explain(&pack, &question);
    if let (Err(refusal), Ok(_)) = (decision, decide::require(&pack, &question)) {
        steps.pop();
        steps.push(format!("refused: {refusal} ({})", refusal.name()));
    }
    let not_yet = super::not_yet(&pack, super::on(args.on)?);
    let kinds = SubjectKind::ALL.iter().map(|kind| {
        let of_kind = Question { subject_kind: *kind, ..question };
        (*kind, decided(&pack, &of_kind, &asked, args.authorisation))
    });
    let kinds: Vec<_> = kinds.collect();
    if screen.is_json() {
        let refusal = decision.as_ref().err().map(Refusal::name);
        let permit =
            decision.ok().map(|permit| serde_json::json!({ "lane": permit.lane(), "legal_basis": permit.legal_basis() }));
        let kinds: serde_json::Map<_, _> =
            kinds.iter().map(|(kind, decision)| (kind.to_string(), serde_json::json!(in_words(decision)))).collect();
        screen.json(&serde_json::json!({
            "admitted": decision.is_ok(), "refusal": refusal, "permit": permit, "steps": steps, "pack": pack.digest(),
            "in_effect": not_yet.is_none(), "effective_from": pack.effective_from(), "kinds": kinds,
        }))?;
    } else {
        let label = pack.purposes().get(&args.purpose).map_or("", |rule| rule.label.en.as_str());
        screen.line(format!("{} asks {} for {} ({label}), about: {}\n", args.asker, args.issuer, args.purpose, args.kind))?;
        for (number, step) in steps.iter().enumerate() {
            let mark = if number + 1 == steps.len() { "=>".to_owned() } else { format!("{}.", number + 1) };
            screen.line(format!("  {mark:<3} {step}"))?;
        }
        if steps.iter().any(|step| step.contains("[ILL;")) {
            screen.line("\nILL: an illustrative proposal, not law; lawyers of all regions have to settle it before real use.")?;
        }
        if let Some(not_yet) = not_yet {
            screen.line(format!("\n{} {not_yet}.", pack.id()))?;
        }
        let mut table = Table::new(&["about", "decision"]);
        kinds.iter().for_each(|(kind, decision)| table.row(vec![kind.to_string(), in_words(decision)]));
        screen.line(format!("\nThe same question about every kind of subject\n\n{table}"))?;
    }
    Ok(if decision.is_ok() { Exit::Done } else { Exit::Declined })
}

/// The decision over the query that would be made of the question, with or without an authorisation.
fn decided(
    pack: &RulePack,
    question: &Question<'_>,
    predicates: &Predicates,
    authorisation: Option<Comes>,
) -> Result<Permit, Refusal> {
    let permit = decide::require(pack, question)?;
    let Some(comes) = authorisation else { return Ok(permit) };
    // Any one will do: what stands in it is not the pack's to judge.
    let once = Uses::new(1).map(|once| AuthorisedUse { authorisation: Digest([0; 32]), number: once, of: once });
    let terms = Terms {
        asker: question.asker,
        issuer: question.issuer,
        organisation: question.organisation,
        purpose: question.purpose,
        subject_kind: question.subject_kind,
        lane: permit.lane(),
        legal_basis: permit.legal_basis(),
        pack: pack.digest(),
        predicates: predicates.clone(),
        with_digest: question.with_digest,
        authorisation: once.filter(|_| comes == Comes::With),
        portfolio: None,
    };
    decide::decide(pack, question.standing, &terms)
}

fn in_words(decision: &Result<Permit, Refusal>) -> String {
    match decision {
        Ok(permit) => format!("admitted in lane {} on {}", permit.lane(), permit.legal_basis()),
        Err(refusal) => format!("refused: {refusal} ({})", refusal.name()),
    }
}
