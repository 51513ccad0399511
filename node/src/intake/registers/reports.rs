//! Reports that the body gave to their subjects: the digest of each file, and what the report speaks for.
//!
//! A row about a natural person's report names nobody: its first two cells are empty. Not here: how a digest is kept (`store::records`).

use creditbay_configs::rules::record::Report;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::predicate::AttestationType;

use super::super::columns::Row;
use super::super::fault::{Rejection, RowFault};
use super::super::reading::{Reading, Under};
use super::layouts::{IDENTIFIER, SCHEME};

const DIGEST: usize = 2;
const TYPE: usize = 3;
const DOMAINS: usize = 4;
const FROM: usize = 5;
const ISSUED_ON: usize = 6;
const VALID_UNTIL: usize = 7;
const WITHDRAWN_ON: usize = 8;

/// Reads a row of a register of reports.
pub(super) fn read(row: &Row<'_>, register: AttestationType, under: &Under<'_>) -> Result<Reading, Rejection> {
    let names_nobody = row.text(SCHEME).is_empty() && row.text(IDENTIFIER).is_empty();
    let about = if names_nobody {
        None
    } else {
        let subject = super::read_subject(row)?.ok_or_else(|| row.reject(IDENTIFIER, RowFault::Person))?;
        Some(under.records.tag(&subject))
    };
    let file = Digest::from_hex(&row.needed(DIGEST)?.to_ascii_lowercase()).map_err(|_| row.reject(DIGEST, RowFault::Digest))?;
    let of = read_type(row, register)?;
    let issued_on = row.day(ISSUED_ON)?;
    let from = row.day(FROM)?;
    if issued_on < from {
        return Err(row.reject(ISSUED_ON, RowFault::BeforeItBegins));
    }
    let valid_until = super::ended(row, VALID_UNTIL, issued_on)?.ok_or_else(|| row.reject(VALID_UNTIL, RowFault::Empty))?;
    let withdrawn_on = super::ended(row, WITHDRAWN_ON, issued_on)?;
    let report = Report { of, about, domains: read_domains(row, of, under)?, from, issued_on, valid_until, withdrawn_on };
    Ok(Reading::Report(file, report))
}

/// The type that the report answers. The register for reports of any type says it row by row.
fn read_type(row: &Row<'_>, register: AttestationType) -> Result<AttestationType, Rejection> {
    use AttestationType as Type;
    let written = row.text(TYPE);
    match AttestationType::from_name(&written) {
        None if written.is_empty() => Ok(register),
        Some(of) if of == register => Ok(of),
        Some(of @ (Type::CourtDishonest | Type::SecFile | Type::Insolvency)) if register == Type::ReportVerify => Ok(of),
        _ => Err(row.reject(TYPE, RowFault::ReportType)),
    }
}

/// Numbers with `|` between them. A no-violation report speaks for some that the pack knows, every other one for none.
fn read_domains(row: &Row<'_>, of: AttestationType, under: &Under<'_>) -> Result<Domains, Rejection> {
    let written = row.text(DOMAINS);
    let numbers: Option<Vec<u8>> =
        written.split('|').filter(|number| !number.is_empty()).map(|number| number.parse().ok()).collect();
    let domains = numbers.and_then(|numbers| Domains::of(&numbers)).ok_or_else(|| row.reject(DOMAINS, RowFault::Domains))?;
    let known = under.pack.catalogue().get(of).map_or(Domains::NONE, |rule| rule.domains);
    let expected = domains.is_empty() != (of == AttestationType::NoViolReport);
    if expected && known.covers(domains) { Ok(domains) } else { Err(row.reject(DOMAINS, RowFault::Domains)) }
}
