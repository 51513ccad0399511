//! Records as golden cases write them: `SER_WAGE listed 2026-06-18 repaired 2026-09-01`, `TAX_GRADE B rated 2026-04-30`.
//!
//! One grammar for all: the type, bare words, then pairs of a key and its value; `contested` stands alone. Days are civil dates.
//! Not here: what is answered from them (`evaluate`).

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin, RegistrationStatus, Severity};

use super::super::RulePack;
use super::super::record::{CommitmentState, Fact, Record, Report};

/// The words that have a value after them.
const KEYS: [&str; 15] = [
    "since",
    "listed",
    "delisted",
    "repaired",
    "withdrawn",
    "decided",
    "of",
    "fine",
    "from",
    "until",
    "rated",
    "unrated",
    "made",
    "issued",
    "domains",
];

/// What a case's text stands for.
pub(super) enum Held {
    /// A record of a register.
    Record(Record),
    /// A report that was given out, and that the subject brought.
    Report(Report),
}

/// Reads a record under the law of the region that holds it.
pub(super) fn read(pack: &RulePack, law: LawOfOrigin, text: &str) -> Result<Held, &'static str> {
    let mut said = Said::split(text)?;
    let held = if said.pairs.contains_key("issued") {
        Held::Report(said.report()?)
    } else {
        Held::Record(Record { register: said.of, key: Digest::of(text.as_bytes()), fact: said.fact(pack, law)? })
    };
    if said.contested || !said.pairs.is_empty() || !said.bare.is_empty() {
        return Err("a word or key does not belong to this kind of record; remove it");
    }
    Ok(held)
}

struct Said<'a> {
    of: AttestationType,
    bare: Vec<&'a str>,
    pairs: BTreeMap<&'a str, &'a str>,
    contested: bool,
}

impl<'a> Said<'a> {
    fn split(text: &'a str) -> Result<Self, &'static str> {
        let mut words = text.split_whitespace();
        let of = words.next().and_then(AttestationType::from_name).ok_or("a record begins with a type of the catalogue")?;
        let mut said = Self { of, bare: Vec::new(), pairs: BTreeMap::new(), contested: false };
        while let Some(word) = words.next() {
            if word == "contested" {
                said.contested = true;
            } else if KEYS.contains(&word) {
                let value = words.next().ok_or("a key has no value after it; write one")?;
                if said.pairs.insert(word, value).is_some() {
                    return Err("a key stands there twice; keep one");
                }
            } else {
                said.bare.push(word);
            }
        }
        Ok(said)
    }

    fn fact(&mut self, pack: &RulePack, law: LawOfOrigin) -> Result<Fact, &'static str> {
        let kind = ["since", "listed", "decided", "from", "rated", "unrated", "made"];
        let key = kind.into_iter().find(|key| self.pairs.contains_key(key));
        let key = key.ok_or("a record has one of: since, listed, decided, from, rated, unrated, made, issued")?;
        let on = self.day(key)?;
        Ok(match key {
            "since" => {
                let status = RegistrationStatus::from_name(&self.words()).ok_or("no such registration state")?;
                Fact::Registration { status, since: on }
            }
            "listed" => Fact::Listing {
                listed_on: on,
                delisted_on: self.some_day("delisted")?,
                repaired_on: self.some_day("repaired")?,
                withdrawn_on: self.some_day("withdrawn")?,
                contested: self.contested(),
            },
            "decided" => self.penalty(pack, on)?,
            "from" => Fact::Permit {
                category: 1,
                valid_from: on,
                valid_until: self.day("until")?,
                withdrawn_on: self.some_day("withdrawn")?,
            },
            "rated" => {
                let name = self.words();
                let scale = pack.scales().scale(self.of, law).ok_or("the pack has no scale for this type under this law")?;
                let rank = scale.grades.iter().position(|grade| *grade == name).ok_or("the scale has no such grade")?;
                Fact::Grade {
                    rank: u8::try_from(rank).map_err(|_| "the scale has too many grades")?,
                    rated_on: on,
                    valid_until: self.some_day("until")?,
                    withdrawn_on: self.some_day("withdrawn")?,
                    contested: self.contested(),
                }
            }
            "unrated" => Fact::Unrated { on },
            _ => Fact::Commitment { made_on: on, state: commitment(&self.words())?, withdrawn_on: self.some_day("withdrawn")? },
        })
    }

    fn penalty(&mut self, pack: &RulePack, decided_on: Day) -> Result<Fact, &'static str> {
        let kinds = self.pairs.remove("of");
        let fine = self
            .pairs
            .remove("fine")
            .map(|yuan| fen(yuan).ok_or("a fine is a number of yuan, as in `500` or `500.05`"))
            .transpose()?;
        let severity = match kinds {
            Some(kinds) => {
                let kinds: Vec<&str> = kinds.split('|').collect();
                pack.regimes().derive_severity(&kinds, fine)
            }
            None => Severity::from_name(&self.words()).ok_or("a penalty has a severity, or kinds to derive it from")?,
        };
        let given = self.some_day("until")?;
        Ok(Fact::Penalty {
            decided_on,
            severity,
            severity_derived: kinds.is_some(),
            published_until: pack.regimes().publication_end(decided_on, severity, given),
            repaired_on: self.some_day("repaired")?,
            withdrawn_on: self.some_day("withdrawn")?,
            contested: self.contested(),
        })
    }

    fn report(&mut self) -> Result<Report, &'static str> {
        let issued_on = self.day("issued")?;
        let domains = self.pairs.remove("domains").map_or(Some(Domains::NONE), |text| {
            let numbers = text.split('|').map(str::parse).collect::<Result<Vec<u8>, _>>().ok()?;
            Domains::of(&numbers)
        });
        Ok(Report {
            of: self.of,
            about: None,
            domains: domains.ok_or("domains are numbers from 1 to 63, joined by `|`")?,
            from: self.some_day("from")?.unwrap_or(issued_on),
            issued_on,
            valid_until: self.some_day("until")?.unwrap_or(Day::LAST),
            withdrawn_on: self.some_day("withdrawn")?,
        })
    }

    fn day(&mut self, key: &str) -> Result<Day, &'static str> {
        self.some_day(key)?.ok_or("a day is missing, as in `until 2026-11-23`")
    }

    fn some_day(&mut self, key: &str) -> Result<Option<Day>, &'static str> {
        self.pairs.remove(key).map(|text| text.parse().map_err(|_| "a day is written YYYY-MM-DD")).transpose()
    }

    fn words(&mut self) -> String {
        std::mem::take(&mut self.bare).join(" ")
    }

    fn contested(&mut self) -> bool {
        std::mem::take(&mut self.contested)
    }
}

/// Yuan with no or two places, in fen.
fn fen(yuan: &str) -> Option<u64> {
    let (whole, cents) = yuan.split_once('.').unwrap_or((yuan, "00"));
    let cents = Some(cents).filter(|cents| cents.len() == 2)?;
    format!("{whole}{cents}").parse().ok()
}

fn commitment(name: &str) -> Result<CommitmentState, &'static str> {
    match name {
        "pending" => Ok(CommitmentState::Pending),
        "fulfilled" => Ok(CommitmentState::Fulfilled),
        "broken" => Ok(CommitmentState::Broken),
        _ => Err("a commitment is pending, fulfilled or broken"),
    }
}
