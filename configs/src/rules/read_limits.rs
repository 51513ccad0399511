//! From the keys of a rule pack to retention, budgets, volumes and witnessed answers, with the checks between them.
//!
//! Not here: what is spent and kept; that is a node's.

use std::collections::BTreeMap;

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::Purpose;
use serde_spanned::Spanned;

use crate::error::Source;

use super::budgets::{Budgets, Threshold, Volumes};
use super::fault::RulesFault;
use super::purposes::PurposeRule;
use super::read::{Refused, not_zero, purpose};
use super::retention::{LEAST_AUDIT_MONTHS, Retention};
use super::witnessed::{LONGEST_WAIT_SECONDS, Witnessed};
use super::written::WrittenPack;

/// The periods for which something is kept; also that nothing is passed on.
pub(super) fn retention(source: Source<'_>, pack: &WrittenPack) -> Result<Retention, Refused> {
    let written = &pack.retention;
    if *pack.onward.permitted.get_ref() {
        return Err(source.fault(pack.onward.permitted.span(), "onward.permitted", RulesFault::OnwardPermitted));
    }
    if *written.audit_months.get_ref() < LEAST_AUDIT_MONTHS {
        return Err(source.fault(written.audit_months.span(), "retention.audit_months", RulesFault::AuditTooShort));
    }
    Ok(Retention {
        answer_days: written.answer_days,
        audit_months: *written.audit_months.get_ref(),
        authorisation_months: not_zero(source, "retention.authorisation_months", &written.authorisation_months)?,
        withdrawal_months: not_zero(source, "retention.withdrawal_months", &written.withdrawal_months)?,
    })
}

/// The budgets: none is 0, and no part is larger than its whole.
pub(super) fn budgets(source: Source<'_>, pack: &WrittenPack) -> Result<Budgets, Refused> {
    let written = &pack.budgets;
    let number = |key: &str, number: &Spanned<u32>| not_zero(source, &format!("budgets.{key}"), number);
    let budgets = Budgets {
        requester_per_day: number("requester_per_day", &written.requester_per_day)?,
        peer_per_day: number("peer_per_day", &written.peer_per_day)?,
        subject_per_day: number("subject_per_day", &written.subject_per_day)?,
        types_per_subject_and_day: number("types_per_subject_and_day", &written.types_per_subject_and_day)?,
        subjects_per_day: number("subjects_per_day", &written.subjects_per_day)?,
        unknown_subjects_per_day: number("unknown_subjects_per_day", &written.unknown_subjects_per_day)?,
        portfolio_subjects: number("portfolio_subjects", &written.portfolio_subjects)?,
        portfolio_days: number("portfolio_days", &written.portfolio_days)?,
    };
    let parts = [
        ("requester_per_day", &written.requester_per_day, "peer_per_day", &written.peer_per_day),
        ("subject_per_day", &written.subject_per_day, "requester_per_day", &written.requester_per_day),
        ("subjects_per_day", &written.subjects_per_day, "requester_per_day", &written.requester_per_day),
        ("unknown_subjects_per_day", &written.unknown_subjects_per_day, "subjects_per_day", &written.subjects_per_day),
    ];
    match parts.into_iter().find(|(_, part, _, whole)| part.get_ref() > whole.get_ref()) {
        Some((smaller, part, larger, _)) => {
            Err(source.fault(part.span(), format!("budgets.{smaller}"), RulesFault::BudgetsOutOfOrder { smaller, larger }))
        }
        None => Ok(budgets),
    }
}

/// The volumes of a year: at least one threshold, each once.
pub(super) fn volumes(source: Source<'_>, pack: &WrittenPack) -> Result<Volumes, Refused> {
    let written = &pack.volumes;
    let warn_percent = *written.warn_percent.get_ref();
    if !(1..=100).contains(&warn_percent) {
        return Err(source.fault(written.warn_percent.span(), "volumes.warn_percent", RulesFault::WarnPercent));
    }
    let mut thresholds: Vec<Threshold> = Vec::new();
    for (entry, written) in written.thresholds.get_ref().iter().enumerate() {
        let key = format!("volumes.thresholds[{entry}].persons");
        let persons = not_zero(source, &key, &written.persons)?;
        if thresholds.iter().any(|before| (before.persons, before.sensitive) == (persons, written.sensitive)) {
            return Err(source.fault(written.persons.span(), key, RulesFault::ThresholdTwice));
        }
        thresholds.push(Threshold { persons, sensitive: written.sensitive, refuse: written.refuse });
    }
    if thresholds.is_empty() {
        return Err(source.fault(written.thresholds.span(), "volumes.thresholds", RulesFault::NoThreshold));
    }
    Ok(Volumes { thresholds, warn_percent })
}

/// Which answers wait for witnesses: the quorum is of regions other than the two of the exchange, so that it can be met.
pub(super) fn witnessed(
    source: Source<'_>,
    pack: &WrittenPack,
    regions: &[Region],
    known: &BTreeMap<Purpose, PurposeRule>,
) -> Result<Option<Witnessed>, Refused> {
    let Some(written) = &pack.witnessed else { return Ok(None) };
    let mut purposes: Vec<Purpose> = Vec::new();
    for name in written.purposes.get_ref() {
        let of = purpose(source, "witnessed.purposes", name)?;
        if !known.contains_key(&of) || purposes.contains(&of) {
            return Err(source.fault(name.span(), "witnessed.purposes", RulesFault::WitnessedPurpose(of)));
        }
        purposes.push(of);
    }
    if purposes.is_empty() {
        return Err(source.fault(written.purposes.span(), "witnessed.purposes", RulesFault::ListEmpty));
    }
    let most = u32::try_from(regions.len()).unwrap_or(u32::MAX).saturating_sub(2);
    let quorum = not_zero(source, "witnessed.quorum", &written.quorum)?;
    if quorum > most {
        return Err(source.fault(written.quorum.span(), "witnessed.quorum", RulesFault::QuorumOutOfReach { most }));
    }
    let wait_seconds = not_zero(source, "witnessed.wait_seconds", &written.wait_seconds)?;
    if wait_seconds > LONGEST_WAIT_SECONDS {
        return Err(source.fault(written.wait_seconds.span(), "witnessed.wait_seconds", RulesFault::WaitTooLong));
    }
    Ok(Some(Witnessed { purposes, quorum, wait_seconds }))
}
