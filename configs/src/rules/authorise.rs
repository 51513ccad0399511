//! Whether an authorisation permits the query that presents it (PROTOCOL 28.1; domain R2).
//!
//! One pure function of directory, query and time that both sides run; the time is that of the query's leaf. What is checked, in this
//! order; the first that fails is the refusal:
//!
//! 1. an authorisation is there in lane A, and in no other
//! 2. its channel is one of the issuer's region, and signed it
//! 3. the subject, the regions, the recipient and the purpose are the query's; every type asked about is named
//! 4. the entity agreed to provide, and to export where the two regions' laws differ
//! 5. the time lies within its validity; the number of the use within its uses
//!
//! Not here: whether it was withdrawn, and which uses are spent; that is in the nodes' ledgers.

use creditbay_protocol::authorisation::Authorisation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::predicate::Lane;
use creditbay_protocol::query::{Presented, Query};
use creditbay_protocol::refusal::Refusal;

use crate::peers::Directory;

/// Whether the query's authorisation permits it at this time, or none is needed.
pub fn authorise(directory: &Directory, query: &Query, at: Millis) -> Result<(), Refusal> {
    let presented = match (&query.authorisation, query.lane) {
        (Some(presented), Lane::Authorised) => presented,
        (None, Lane::Public | Lane::Carried | Lane::Regulators) => return Ok(()),
        (None, Lane::Authorised) | (Some(_), _) => return Err(Refusal::AuthorisationMissing),
    };
    check_signature(directory, query, presented)?;
    let authorisation = &presented.signed.authorisation;
    check_scope(query, authorisation)?;
    check_agreed(directory, query, authorisation)?;
    if at < authorisation.granted || at >= authorisation.expires {
        return Err(Refusal::AuthorisationExpired);
    }
    if presented.number > authorisation.uses {
        return Err(Refusal::AuthorisationSpent);
    }
    Ok(())
}

fn check_signature(directory: &Directory, query: &Query, presented: &Presented) -> Result<(), Refusal> {
    match directory.channel(presented.signed.authorisation.channel) {
        Some((region, channel)) if region == query.issuer => {
            presented.signed.verify(&channel.key).map_err(|_| Refusal::AuthorisationForged)
        }
        _ => Err(Refusal::ChannelUnknown),
    }
}

fn check_scope(query: &Query, authorisation: &Authorisation) -> Result<(), Refusal> {
    if query.subject.entity() != Some(&authorisation.subject.0) {
        return Err(Refusal::OtherSubject);
    }
    let receiver = (authorisation.asker, authorisation.issuer, authorisation.organisation);
    if receiver != (query.asker, query.issuer, query.organisation) {
        return Err(Refusal::OtherReceiver);
    }
    if authorisation.purpose != query.purpose {
        return Err(Refusal::OtherPurpose);
    }
    if query.predicates.as_slice().iter().any(|predicate| !authorisation.types.contains(predicate.of())) {
        return Err(Refusal::OtherType);
    }
    Ok(())
}

/// Two regions under one law are one territory; a region that the directory does not have is under no law that is known.
fn check_agreed(directory: &Directory, query: &Query, authorisation: &Authorisation) -> Result<(), Refusal> {
    let law = |region| directory.entry(region).map(|entry| entry.law);
    let within = law(query.issuer).is_some_and(|issuer| law(query.asker) == Some(issuer));
    let agreed = authorisation.agreed;
    if agreed.provide && (within || agreed.export) { Ok(()) } else { Err(Refusal::NotAgreed) }
}

#[cfg(test)]
mod tests;
