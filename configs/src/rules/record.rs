//! What a node keeps of a record: the facts that a predicate needs, and nothing else (PROTOCOL.md, "Records").
//!
//! Not here: names, document numbers, amounts and free text, which the importer drops; and whether a record is still visible (`visible`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::predicate::{AttestationType, RegistrationStatus, Severity};

/// One record of one register.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// The register, by the type it feeds.
    pub register: AttestationType,
    /// Which record it is: a hash of document number, authority, subject and date, made by the importer, so that the same decision that
    /// arrives twice is one record.
    pub key: Digest,
    /// What it says.
    pub fact: Fact,
}

/// What a record says. Days are civil dates in UTC+8; something repaired, withdrawn or delisted on a day is no longer visible on that day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Fact {
    /// The state of a registration.
    Registration {
        /// The state.
        status: RegistrationStatus,
        /// Since when.
        since: Day,
    },
    /// An entry in a list.
    Listing {
        /// The first day on the list.
        listed_on: Day,
        /// The day on which it was taken off.
        delisted_on: Option<Day>,
        /// The day on which credit was repaired.
        repaired_on: Option<Day>,
        /// The day on which the decision was revoked or found void.
        withdrawn_on: Option<Day>,
        /// Whether it is under objection.
        contested: bool,
    },
    /// An administrative penalty.
    Penalty {
        /// The day of the decision.
        decided_on: Day,
        /// How severe.
        severity: Severity,
        /// Whether the severity was derived because the record had none.
        severity_derived: bool,
        /// The last day of its publication, as the rules had it at import.
        published_until: Day,
        /// The day on which credit was repaired.
        repaired_on: Option<Day>,
        /// The day on which the decision was revoked or found void.
        withdrawn_on: Option<Day>,
        /// Whether it is under objection.
        contested: bool,
    },
    /// An administrative permit.
    Permit {
        /// The category (许可类别), by the importer's numbers.
        category: u8,
        /// The first day on which it is valid.
        valid_from: Day,
        /// The last day on which it is valid.
        valid_until: Day,
        /// The day on which it was revoked, withdrawn or given up.
        withdrawn_on: Option<Day>,
    },
    /// A rating, of one sector where the register rates by sector.
    Grade {
        /// The rank in the native scale of the issuer's law, 0 the worst.
        rank: u8,
        /// The day of the rating.
        rated_on: Day,
        /// The last day on which it holds, where it has one.
        valid_until: Option<Day>,
        /// The day on which it was revoked or found void.
        withdrawn_on: Option<Day>,
        /// Whether it is under objection.
        contested: bool,
    },
    /// The word of whoever rates that there is no rating: never a low one.
    Unrated {
        /// Since when.
        on: Day,
    },
    /// A commitment (信用承诺).
    Commitment {
        /// The day on which it was made.
        made_on: Day,
        /// What became of it.
        state: CommitmentState,
        /// The day on which the record was withdrawn.
        withdrawn_on: Option<Day>,
    },
}

/// What became of a commitment (履约状态).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum CommitmentState {
    /// It is not due yet.
    Pending,
    /// It was kept.
    Fulfilled,
    /// It was not.
    Broken,
}

/// A report that the node's body gave to its subject. The node keeps no file and no digest of one: a report is found by a keyed hash
/// of the digest of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Report {
    /// The type that it answers.
    pub of: AttestationType,
    /// The entity that it is about; `None` for a natural person, of whom nothing is kept.
    pub about: Option<SubjectTag>,
    /// The domains of law that it speaks for; none where its type has none.
    pub domains: Domains,
    /// The first day that it covers.
    pub from: Day,
    /// The day on which it was given out.
    pub issued_on: Day,
    /// The last day on which it may be relied on.
    pub valid_until: Day,
    /// The day on which it was taken back.
    pub withdrawn_on: Option<Day>,
}

/// The keyed hash under which a node finds a subject's records. It says nothing to whoever lacks the node's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct SubjectTag(pub Digest);

#[cfg(test)]
mod tests {
    use creditbay_protocol::wire;

    use super::{
        AttestationType, CommitmentState, Day, Digest, Domains, Fact, Record, RegistrationStatus, Report, Severity, SubjectTag,
    };

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn one_of_each() -> Vec<Record> {
        let (listed_on, delisted_on) = (day("2026-06-18"), Some(day("2026-09-01")));
        let penalty = Fact::Penalty {
            decided_on: day("2026-07-15"),
            severity: Severity::Serious,
            severity_derived: true,
            published_until: day("2029-07-15"),
            repaired_on: None,
            withdrawn_on: None,
            contested: false,
        };
        let grade = Fact::Grade {
            rank: 4,
            rated_on: day("2026-05-01"),
            valid_until: Some(day("2027-04-30")),
            withdrawn_on: None,
            contested: true,
        };
        let facts = [
            (AttestationType::RegStatus, Fact::Registration { status: RegistrationStatus::Active, since: day("2015-01-05") }),
            (
                AttestationType::SerTax,
                Fact::Listing { listed_on, delisted_on, repaired_on: None, withdrawn_on: None, contested: true },
            ),
            (AttestationType::Penalty, penalty),
            (
                AttestationType::Permit,
                Fact::Permit { category: 1, valid_from: day("2023-02-01"), valid_until: Day::LAST, withdrawn_on: None },
            ),
            (AttestationType::TaxGrade, grade),
            (AttestationType::EnvGrade, Fact::Unrated { on: day("2026-05-01") }),
            (
                AttestationType::Commit,
                Fact::Commitment { made_on: day("2026-05-01"), state: CommitmentState::Broken, withdrawn_on: None },
            ),
        ];
        facts.map(|(register, fact)| Record { register, key: Digest([7; 32]), fact }).into()
    }

    #[test]
    fn every_fact_is_read_back_and_no_truncation_of_it() {
        for record in one_of_each() {
            let bytes = wire::encode(&record);
            assert_eq!(wire::decode::<Record>(&bytes, 128).unwrap(), record);
            for cut in 0..bytes.len() {
                assert!(wire::decode::<Record>(&bytes[..cut], 128).is_err(), "{record:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_report_is_read_back_and_no_truncation_of_it() {
        for about in [None, Some(SubjectTag(Digest([9; 32])))] {
            let (from, issued_on, valid_until) = (day("2021-05-01"), day("2026-05-01"), day("2026-05-31"));
            let domains = Domains::of(&[1, 38]).unwrap();
            let of = AttestationType::NoViolReport;
            let report = Report { of, about, domains, from, issued_on, valid_until, withdrawn_on: Some(day("2026-05-20")) };
            let bytes = wire::encode(&report);
            assert_eq!(wire::decode::<Report>(&bytes, 128).unwrap(), report);
            for cut in 0..bytes.len() {
                assert!(wire::decode::<Report>(&bytes[..cut], 128).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_day_outside_the_calendar_or_an_unknown_fact_is_refused() {
        let bytes = wire::encode(&one_of_each()[0]);
        let mut late = bytes.clone();
        let last = late.len() - 4;
        late[last..].copy_from_slice(&i32::MAX.to_le_bytes());
        assert!(wire::decode::<Record>(&late, 128).is_err());
        let mut unknown = bytes;
        unknown[33] = 7;
        assert!(wire::decode::<Record>(&unknown, 128).is_err());
    }
}
