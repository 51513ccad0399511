//! What a node keeps of a record: the facts that a predicate needs, and nothing else (PROTOCOL.md, "Records").
//!
//! Not here: names, document numbers, amounts and free text, which the importer drops; and whether a record is still visible (`regimes`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
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
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::wire;

    use super::{AttestationType, Day, Digest, Fact, Record, RegistrationStatus, Severity};

    fn one_of_each() -> [Record; 4] {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let record = |register, fact| Record { register, key: Digest([7; 32]), fact };
        let (listed_on, delisted_on) = (day("2026-06-18"), Some(day("2026-09-01")));
        [
            record(
                AttestationType::RegStatus,
                Fact::Registration { status: RegistrationStatus::Active, since: day("2015-01-05") },
            ),
            record(AttestationType::SerTax, Fact::Listing { listed_on, delisted_on, repaired_on: None, withdrawn_on: None }),
            record(
                AttestationType::Penalty,
                Fact::Penalty {
                    decided_on: day("2026-07-15"),
                    severity: Severity::Serious,
                    severity_derived: true,
                    published_until: day("2029-07-15"),
                    repaired_on: None,
                    withdrawn_on: None,
                    contested: false,
                },
            ),
            record(
                AttestationType::Permit,
                Fact::Permit { category: 1, valid_from: day("2023-02-01"), valid_until: Day::LAST, withdrawn_on: None },
            ),
        ]
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
    fn a_day_outside_the_calendar_or_an_unknown_fact_is_refused() {
        let bytes = wire::encode(&one_of_each()[0]);
        let mut late = bytes.clone();
        let last = late.len() - 4;
        late[last..].copy_from_slice(&i32::MAX.to_le_bytes());
        assert!(wire::decode::<Record>(&late, 128).is_err());
        let mut unknown = bytes;
        unknown[33] = 4;
        assert!(wire::decode::<Record>(&unknown, 128).is_err());
    }
}
