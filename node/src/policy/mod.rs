//! What this node may ask and may answer: the pure decision of the rule pack, then the node's own veto (design 6).
//!
//! Deny by default; the strictest rule wins. `packs` says by which pack, `orders` what is suspended or withdrawn, `ledger` what may still
//! be spent, `budget` what a peer's refusals may cost. Not here: the decision itself, which both sides and the auditor share
//! (`configs::rules`).

pub mod packs;

pub mod orders;

pub mod budget;
pub mod ledger;
pub mod tags;

use std::sync::Arc;

use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::authorise::authorise;
use creditbay_configs::rules::decide::{Permit, Question, decide, require};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::Lane;
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::Refusal;

use self::orders::InForce;

/// Whether this node may put the question, and on which lane and basis; suspensions hold for asking, too.
pub fn may_ask(in_force: &InForce<'_>, question: &Question<'_>) -> Result<Permit, Refusal> {
    let permit = require(in_force.pack(), question)?;
    in_force.check_suspensions(question.issuer, question.predicates)?;
    Ok(permit)
}

/// Whether the authorisation that came with a query fits it at the time of the query's leaf, and was not withdrawn here.
pub fn check_authorisation(in_force: &InForce<'_>, directory: &Directory, query: &Query, at: Millis) -> Result<(), Refusal> {
    if query.lane == Lane::Authorised || query.authorisation.is_some() {
        authorise(directory, query, at)?;
    }
    match &query.authorisation {
        Some(presented) => in_force.check_withdrawal(&presented.signed.authorisation),
        None => Ok(()),
    }
}

/// Whether this node may answer the query, and by which pack: the same decision as the asker's, an authorisation where the lane needs
/// one, a subject of this node's register; then what this node suspended.
pub fn may_answer<'a>(
    in_force: &'a InForce<'_>,
    directory: &Directory,
    me: Region,
    query: &Query,
    asked: Millis,
) -> Result<&'a Arc<RulePack>, Refusal> {
    let pack = in_force.pack_for(query.pack, asked)?;
    decide(pack, directory.standing(query.asker, query.organisation, query.issuer), &query.terms())?;
    check_authorisation(in_force, directory, query, asked)?;
    if let Subject::Entity(subject) = &query.subject
        && directory.issuer_of(subject) != Some(me)
    {
        return Err(Refusal::SubjectElsewhere);
    }
    in_force.check_suspensions(query.asker, query.predicates.as_slice())?;
    Ok(pack)
}
