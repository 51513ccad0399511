//! What a node answers from its records: TRUE, FALSE or INDETERMINATE, for how long, and on which registers it rests (PROTOCOL.md, "Answer").
//!
//! Pure: records, the report that was found, synchronisation times and the time of asking are arguments. A subject is *held* if a
//! registration record exists; of one that is not held nothing is said, except whether a report was given out. What is repaired,
//! withdrawn, delisted or past its publication does not exist for any question (`visible`). Windows are calendar months and include
//! their first day: 36 months on 2026-11-23 begin with 2023-11-23. The rooms: what is said on one day, by the kind of fact.
//! Not here: whether the question may be asked (`decide`).

mod question;

mod status;

mod counts;

mod grades;

mod reports;

#[cfg(test)]
mod tests;

use creditbay_protocol::answer::{Coverage, Indeterminate, Truth, Verdict, Verdicts};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin, Predicate};

use self::question::{Question, Said};
use self::reports::Wanted;
use super::RulePack;
use super::record::{Fact, Record, Report};

const DAY_MS: u64 = 86_400_000;

/// What a node holds that a question may be answered from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// All records of the subject, visible or not; none of a bearer, whom nobody names.
    pub records: &'a [Record],
    /// The report whose file has the digest that came with the question, if it was given out to this subject.
    pub report: Option<&'a Report>,
}

/// The verdicts on a subject, one for each predicate.
///
/// `law` is the issuer's law of origin, `registers` all registers of the node with the time of their last whole synchronisation, `now`
/// the time of asking. The reasons of INDETERMINATE, the first that holds: the type, form or law is outside what the pack's registers
/// cover (`out_of_scope`); the subject is not held or a register is missing (`no_source`); a register is past its bound (`stale`); the
/// subject has no rating (`not_rated`); the report was taken back (`withdrawn`).
pub fn evaluate(
    pack: &RulePack,
    predicates: &[Predicate],
    law: LawOfOrigin,
    facts: &Facts<'_>,
    registers: &[Coverage],
    now: Millis,
) -> Verdicts {
    let asked = Asked { pack, law, now, today: now.day(), registers, facts };
    let mut coverage: Vec<Coverage> = predicates.iter().flat_map(|predicate| asked.coverage(predicate)).collect();
    coverage.sort_by_key(|entry| entry.register);
    coverage.dedup_by_key(|entry| entry.register);
    let verdicts = predicates.iter().map(|predicate| asked.verdict(predicate, &coverage)).collect();
    Verdicts { verdicts, coverage, law_of_origin: law, as_of: asked.today }
}

struct Asked<'a> {
    pack: &'a RulePack,
    law: LawOfOrigin,
    now: Millis,
    today: Day,
    registers: &'a [Coverage],
    facts: &'a Facts<'a>,
}

/// What the pack says of a predicate's type.
pub(super) struct Scope<'a> {
    registers: &'a [AttestationType],
    reports: Option<AttestationType>,
    /// For how many days an answer holds at most.
    pub(super) validity_days: u16,
    look_back_months: Option<u16>,
}

impl<'a> Scope<'a> {
    /// What the pack says of the predicate's type, if the issuer's law has it and the form is admitted. A digest is looked for among
    /// reports, whose register must be there too; of a type that has no such form for entities the persons' row counts.
    pub(super) fn of(pack: &'a RulePack, law: LawOfOrigin, predicate: &Predicate) -> Option<Self> {
        let of = predicate.of();
        if let Some(rule) = pack.catalogue().get(of).filter(|rule| rule.admits_shape(predicate)) {
            let (validity_days, look_back_months) = (rule.validity_days, rule.look_back_months);
            let scope = Self { registers: &rule.registers, reports: None, validity_days, look_back_months };
            return rule.origins.contains(&law).then_some(scope);
        }
        let rule = pack.catalogue().person(of).filter(|rule| rule.admits_shape(predicate))?;
        let own = pack.catalogue().get(of).map_or(&[][..], |rule| &rule.registers);
        let (validity_days, look_back_months) = (rule.validity_days, rule.look_back_months);
        let scope = Self { registers: own, reports: Some(AttestationType::ReportVerify), validity_days, look_back_months };
        rule.origins.contains(&law).then_some(scope)
    }

    /// Every register that an answer rests on.
    pub(super) fn registers(&self) -> impl Iterator<Item = AttestationType> {
        self.registers.iter().copied().chain(self.reports)
    }
}

/// Whether a register was taken over longer ago than the pack admits for an answer of this time.
pub(super) fn is_stale(pack: &RulePack, entry: &Coverage, now: Millis) -> bool {
    let bound = pack.catalogue().get(entry.register).and_then(|rule| rule.stale_after_days).unwrap_or(0);
    entry.synchronised < now.minus(u64::from(bound) * DAY_MS)
}

impl<'a> Asked<'a> {
    fn scope(&self, predicate: &Predicate) -> Option<Scope<'a>> {
        Scope::of(self.pack, self.law, predicate)
    }

    fn synchronised(&self, register: AttestationType) -> Option<Coverage> {
        self.registers.iter().find(|entry| entry.register == register).copied()
    }

    /// The registers that a predicate names and the node has.
    fn coverage(&self, predicate: &Predicate) -> Vec<Coverage> {
        let scope = self.scope(predicate);
        let named = scope.iter().flat_map(Scope::registers);
        named.filter_map(|register| self.synchronised(register)).collect()
    }

    fn verdict(&self, predicate: &Predicate, coverage: &[Coverage]) -> Verdict {
        let bit =
            |entry: &Coverage| coverage.iter().position(|known| known.register == entry.register).map_or(0, |bit| 1u32 << bit);
        let bits = self.coverage(predicate).iter().fold(0, |bits, entry| bits | bit(entry));
        let verdict = Verdict { truth: Truth::True, band: None, contested: false, valid_until: self.today, coverage: bits };
        match self.judge(predicate) {
            Err(reason) => Verdict { truth: Truth::Indeterminate(reason), ..verdict },
            Ok((Said { holds, contested }, valid_until)) => {
                Verdict { truth: if holds { Truth::True } else { Truth::False }, contested, valid_until, ..verdict }
            }
        }
    }

    /// What is said today, and the last day on which it holds.
    fn judge(&self, predicate: &Predicate) -> Result<(Said, Day), Indeterminate> {
        let scope = self.scope(predicate).ok_or(Indeterminate::OutOfScope)?;
        let held = || self.facts.records.iter().any(|record| matches!(record.fact, Fact::Registration { .. }));
        if !matches!(predicate, Predicate::HashMatches { .. }) && !held() {
            return Err(Indeterminate::NoSource);
        }
        let found: Option<Vec<Coverage>> = scope.registers().map(|register| self.synchronised(register)).collect();
        if found.ok_or(Indeterminate::NoSource)?.iter().any(|entry| is_stale(self.pack, entry, self.now)) {
            return Err(Indeterminate::Stale);
        }
        let of_registers: Vec<&Record> =
            self.facts.records.iter().filter(|record| scope.registers.contains(&record.register)).collect();
        let question = Question {
            pack: self.pack,
            predicate,
            law: self.law,
            look_back_months: scope.look_back_months,
            records: &of_registers,
            report: self.facts.report,
        };
        Ok((on(&question, self.today)?, unchanged_until(&question, self.today, scope.validity_days)))
    }
}

/// What is said on a day, were nothing more recorded.
fn on(question: &Question<'_>, day: Day) -> Result<Said, Indeterminate> {
    match *question.predicate {
        Predicate::StatusIn { statuses, .. } => status::on(question, statuses, day),
        Predicate::ExistsValid { .. } | Predicate::NotListed { .. } | Predicate::CountLe { .. } => Ok(counts::on(question, day)),
        Predicate::GradeAtLeast { .. } | Predicate::BandAtLeast { .. } => grades::on(question, day),
        Predicate::HashMatches { of, domains, window_months } => {
            let holds = reports::on(question.report, &Wanted { of, domains, window_months }, day)?;
            Ok(Said { holds, contested: false })
        }
    }
}

/// The last day, at most `days` from today, up to which time alone does not change what is said.
fn unchanged_until(question: &Question<'_>, today: Day, days: u16) -> Day {
    let last = today.plus_days(u32::from(days));
    let holds = |day: Day| on(question, day).map(|said| said.holds);
    let mut turns = turns(question);
    turns.retain(|day| today < *day && *day <= last);
    turns.sort_unstable();
    turns.dedup();
    let now = holds(today);
    let changed = turns.into_iter().find(|day| holds(*day) != now);
    let unchanged_days = changed.map(|day| day.number() - today.number() - 1);
    unchanged_days.map_or(last, |days| today.plus_days(u32::try_from(days).unwrap_or(0)))
}

/// Every day on which something else may be said than on the day before.
fn turns(question: &Question<'_>) -> Vec<Day> {
    let of_records = question.records.iter().flat_map(|record| question.pack.regimes().turns(record));
    match question.predicate {
        Predicate::StatusIn { .. } => of_records.collect(),
        Predicate::ExistsValid { .. } | Predicate::NotListed { .. } | Predicate::CountLe { .. } => {
            of_records.chain(counts::turns(question)).collect()
        }
        Predicate::GradeAtLeast { .. } | Predicate::BandAtLeast { .. } => of_records.chain(grades::turns(question)).collect(),
        Predicate::HashMatches { .. } => reports::turns(question.report).collect(),
    }
}
