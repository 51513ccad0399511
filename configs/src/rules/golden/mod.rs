//! Golden cases: what the rules say, as examples in the pack itself, run whenever it is read (PROTOCOL 29.3).
//!
//! A case is a question with what the issuer holds, and the refusal or the verdicts that follow from the law. `a|b` in a field stands for
//! a case each. A pack whose rules decide one of its cases otherwise is no pack. Not here: the rules (`decide`, `evaluate`).

mod facts;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod tests;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::{Coverage, Truth, Verdict};
use creditbay_protocol::authorisation::Uses;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicates, Purpose};
use creditbay_protocol::terms::{AuthorisedUse, Terms};
use serde_spanned::Spanned;

use crate::error::{ConfigError, Source};

use self::facts::Held;
use super::RulePack;
use super::decide::decide;
use super::evaluate::{Facts, evaluate};
use super::fault::RulesFault;
use super::phrase;
use super::standing::Standing;
use super::written::WrittenCase;

const DAY_MS: u64 = 86_400_000;
/// Noon in UTC+8, from the beginning of the day in UTC.
const NOON_MS: u64 = 4 * 3_600_000;
/// The day of asking where a case names none.
const DAY: &str = "2026-11-23";
/// What every subject has, unless a case says otherwise.
const REGISTERED: &str = "REG_STATUS active since 2015-01-05";
/// Readings of one case: eight purposes between all pairs of four regions come to 96.
const MAX_READINGS: usize = 128;

/// What is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It cannot be read: the key, and why.
    Form(&'static str, String),
    /// The rules say something else.
    Decided { question: String, expected: String, found: String },
}

/// Runs all cases. Every type and every purpose of the pack has at least one.
pub(super) fn check(
    source: Source<'_>,
    pack: &RulePack,
    cases: &Spanned<Vec<WrittenCase>>,
) -> Result<(), ConfigError<RulesFault>> {
    let mut asked = Vec::new();
    for (position, case) in cases.get_ref().iter().enumerate() {
        asked.extend(run(pack, case).map_err(|wrong| {
            let name = case.name.get_ref().clone();
            let (key, fault) = match wrong {
                Wrong::Form(key, what) => (key, RulesFault::GoldenForm { name, what }),
                Wrong::Decided { question, expected, found } => {
                    ("expect", RulesFault::GoldenCase { name, question, expected, found })
                }
            };
            source.fault(case.name.span(), format!("golden.cases[{position}].{key}"), fault)
        })?);
    }
    let of_types = pack.catalogue().iter().find(|(of, _)| !asked.iter().any(|(asked, _)| asked == of)).map(|(of, _)| of.as_str());
    let of_purposes = pack.purposes().keys().find(|purpose| !asked.iter().any(|(_, asked)| asked == *purpose));
    match of_types.or(of_purposes.map(|purpose| purpose.as_str())) {
        Some(missing) => Err(source.fault(cases.span(), "golden.cases", RulesFault::GoldenMissing(missing))),
        None => Ok(()),
    }
}

/// Runs one case in each of its readings; the types and purposes that it asks.
pub(super) fn run(pack: &RulePack, written: &WrittenCase) -> Result<Vec<(AttestationType, Purpose)>, Wrong> {
    let case = Case::read(written)?;
    let mut asked = Vec::new();
    for asker in &case.askers {
        for issuer in &case.issuers {
            for purpose in &case.purposes {
                for subject in &case.subjects {
                    case.hold(pack, *asker, *issuer, *purpose, *subject)?;
                }
                asked.extend(case.predicates.as_slice().iter().map(|predicate| (predicate.of(), *purpose)));
            }
        }
    }
    Ok(asked)
}

struct Case<'a> {
    written: &'a WrittenCase,
    askers: Vec<Region>,
    issuers: Vec<Region>,
    purposes: Vec<Purpose>,
    subjects: Vec<SubjectKind>,
    predicates: Predicates,
    lane: Lane,
    basis: LegalBasis,
    authorisation: Option<AuthorisedUse>,
    organisation: OrganisationId,
    now: Millis,
    registers: Vec<Coverage>,
}

impl<'a> Case<'a> {
    fn read(written: &'a WrittenCase) -> Result<Self, Wrong> {
        let form = |key, what: &str| Wrong::Form(key, what.to_owned());
        let region = |name: &str| Region::new(name).map_err(|error| form("asker", &error.to_string()));
        let mut predicates = Vec::new();
        for text in &written.ask {
            predicates.push(phrase::parse(text).map_err(|error| form("ask", &error.to_string()))?);
        }
        let under =
            written.under.split_once(' ').and_then(|(lane, basis)| Some((Lane::from_name(lane)?, LegalBasis::from_name(basis)?)));
        let (lane, basis) = under.ok_or_else(|| form("under", "a lane and a legal basis, as in `P CN-PUB`"))?;
        let day = match written.day {
            Some(day) => day,
            None => DAY.parse().expect("invariant: a day of the calendar"),
        };
        if written.pack.as_deref().is_some_and(|pack| pack != "another") {
            return Err(form("pack", "a case names this pack (no key) or `another`"));
        }
        let case = Self {
            written,
            askers: each("asker", &written.asker, region)?,
            issuers: each("issuer", &written.issuer, region)?,
            purposes: each("purpose", &written.purpose, |name| {
                Purpose::from_name(name).ok_or_else(|| form("purpose", "no such purpose"))
            })?,
            subjects: each("subject", written.subject.as_deref().unwrap_or("entity"), subject)?,
            predicates: Predicates::new(predicates).ok_or_else(|| form("ask", "one to eight questions"))?,
            lane,
            basis,
            authorisation: written.authorised.as_deref().map(authorised).transpose()?,
            organisation: OrganisationId::new("golden").expect("invariant: a name"),
            now: noon(day).ok_or_else(|| form("day", "a day from 1970 on"))?,
            registers: registers(day, &written.synchronised)?,
        };
        let parts = [case.askers.len(), case.issuers.len(), case.purposes.len(), case.subjects.len()];
        let readings = parts.into_iter().try_fold(1usize, usize::checked_mul);
        if readings.is_none_or(|readings| readings > MAX_READINGS) {
            return Err(form("asker", &format!("stands for more than {MAX_READINGS} cases with the other fields; write two")));
        }
        Ok(case)
    }

    fn hold(
        &self,
        pack: &RulePack,
        asker: Region,
        issuer: Region,
        purpose: Purpose,
        subject_kind: SubjectKind,
    ) -> Result<(), Wrong> {
        let terms = Terms {
            asker,
            issuer,
            organisation: self.organisation,
            purpose,
            subject_kind,
            lane: self.lane,
            legal_basis: self.basis,
            pack: if self.written.pack.is_some() { Digest([0; 32]) } else { pack.digest() },
            predicates: self.predicates.clone(),
            with_digest: self.written.digest,
            authorisation: self.authorisation,
            portfolio: self.written.portfolio.map(|size| UnderPortfolio { portfolio: Digest([0; 32]), size }),
        };
        let found = match decide(pack, Standing { regulators: self.written.regulators }, &terms) {
            Err(refusal) => vec![format!("refused: {}", refusal.name())],
            Ok(_) => self.verdicts(pack, issuer)?,
        };
        let expected = &self.written.expect;
        if expected.len() == found.len() && expected.iter().zip(&found).all(|(expected, found)| agree(expected, found)) {
            return Ok(());
        }
        let question = format!("{asker} asks {issuer} about {subject_kind} for {purpose}");
        Err(Wrong::Decided { question, expected: expected.join(", "), found: found.join(", ") })
    }

    fn verdicts(&self, pack: &RulePack, issuer: Region) -> Result<Vec<String>, Wrong> {
        let law = pack.law(issuer).ok_or_else(|| Wrong::Form("issuer", format!("{issuer} has no law in the pack")))?;
        let (mut records, mut report) = (Vec::new(), None);
        let own = self.written.records.iter().any(|text| text.starts_with(AttestationType::RegStatus.as_str()));
        let registered = (!own && self.written.held != Some(false)).then_some(REGISTERED);
        for text in registered.into_iter().chain(self.written.records.iter().map(String::as_str)) {
            match facts::read(pack, law, text).map_err(|what| Wrong::Form("records", format!("{text}: {what}")))? {
                Held::Record(record) => records.push(record),
                Held::Report(found) => report = Some(found),
            }
        }
        let facts = Facts { records: &records, report: report.as_ref() };
        let said = evaluate(pack, self.predicates.as_slice(), law, &facts, &self.registers, self.now);
        Ok(said.verdicts.iter().map(told).collect())
    }
}

/// Whether the rules say what is expected; an expectation without a day leaves it open.
fn agree(expected: &str, found: &str) -> bool {
    expected == found || (!expected.contains(" until ") && found.split(" until ").next() == Some(expected))
}

/// `FALSE contested until 2026-11-30`; an answer that is none has no day.
fn told(verdict: &Verdict) -> String {
    let Verdict { truth, band, contested, valid_until, .. } = verdict;
    let band = band.map_or_else(String::new, |band| format!(" band {band}"));
    let contested = if *contested { " contested" } else { "" };
    match truth {
        Truth::Indeterminate(_) => format!("{truth}{band}{contested}"),
        Truth::True | Truth::False => format!("{truth}{band}{contested} until {valid_until}"),
    }
}

fn each<T>(key: &'static str, text: &str, read: impl Fn(&str) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
    let all = text.split('|').map(|one| {
        read(one.trim()).map_err(|wrong| match wrong {
            Wrong::Form(_, what) => Wrong::Form(key, what),
            decided @ Wrong::Decided { .. } => decided,
        })
    });
    all.collect()
}

fn subject(name: &str) -> Result<SubjectKind, Wrong> {
    match name {
        "bearer" => Ok(SubjectKind::NaturalPerson),
        name => SubjectKind::from_name(name)
            .filter(|kind| *kind != SubjectKind::NaturalPerson)
            .ok_or_else(|| Wrong::Form("subject", "entity, household, public-body or bearer".to_owned())),
    }
}

/// `2/3`.
fn authorised(text: &str) -> Result<AuthorisedUse, Wrong> {
    let uses = |text: &str| text.parse().ok().and_then(Uses::new);
    let numbers = text.split_once('/').and_then(|(number, of)| Some((uses(number)?, uses(of)?)));
    let (number, of) =
        numbers.ok_or_else(|| Wrong::Form("authorised", "the use and how many there are, as in `2/3`".to_owned()))?;
    Ok(AuthorisedUse { authorisation: Digest([0; 32]), number, of })
}

/// Every register as of noon of the day of asking, but for those that the case names with another day or `never`.
fn registers(day: Day, named: &[String]) -> Result<Vec<Coverage>, Wrong> {
    let wrong = || Wrong::Form("synchronised", "a type and a day, or never, as in `SER_WAGE never`".to_owned());
    let mut days: Vec<(AttestationType, Option<Day>)> = AttestationType::ALL.iter().map(|of| (*of, Some(day))).collect();
    for text in named {
        let (of, on) = text.split_once(' ').ok_or_else(wrong)?;
        let of = AttestationType::from_name(of).ok_or_else(wrong)?;
        let on = if on == "never" { None } else { Some(on.parse().map_err(|_| wrong())?) };
        days.iter_mut().filter(|(register, _)| *register == of).for_each(|entry| entry.1 = on);
    }
    let taken = days.into_iter().filter_map(|(register, on)| Some((register, on?)));
    taken.map(|(register, on)| Ok(Coverage { register, synchronised: noon(on).ok_or_else(wrong)? })).collect()
}

fn noon(day: Day) -> Option<Millis> {
    Some(Millis(u64::try_from(day.number()).ok()? * DAY_MS + NOON_MS))
}
