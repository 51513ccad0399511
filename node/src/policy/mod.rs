//! What this node may ask and may answer: the pure decision of the rule pack, then the node's own veto (design 6).
//!
//! Deny by default; the strictest rule wins. Not here: the decision itself, which both sides and the auditor share (`configs::rules`).

pub mod budget;

use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::decide::{Permit, Question, decide, require};
use creditbay_configs::rules::standing::Standing;
use creditbay_protocol::name::Region;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Refusal;

/// Whether this node may put the question, and on which lane and basis.
pub fn may_ask(pack: &RulePack, question: &Question<'_>) -> Result<Permit, Refusal> {
    require(pack, question)
}

/// Whether this node may answer the query: the same decision as the asker's, and the subject must be of this node's register.
pub fn may_answer(pack: &RulePack, directory: &Directory, me: Region, query: &Query) -> Result<Permit, Refusal> {
    let permit = decide(pack, Standing { regulators: false }, &query.terms())?;
    let Some(subject) = query.subject.entity() else { return Err(Refusal::NaturalPerson) };
    match directory.issuer_of(subject) {
        Some(issuer) if issuer == me => Ok(permit),
        _ => Err(Refusal::SubjectElsewhere),
    }
}
