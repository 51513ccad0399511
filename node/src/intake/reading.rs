//! What a row is once it was read.

use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::{Fact, Record, Report};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::LawOfOrigin;

use super::text::compact;
use crate::store::documents::Amendment;
use crate::store::persons::PersonRow;
use crate::store::records::Records;

/// What rows are read under.
pub struct Under<'a> {
    /// The rules.
    pub pack: &'a RulePack,
    /// The law under which this node's registers record.
    pub law: LawOfOrigin,
    /// Where they go, and what makes tags and pseudonyms.
    pub records: &'a Records,
}

/// What a row says of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A record.
    Record(Record),
    /// What happened to one.
    Amendment(Amendment),
}

/// What a row is, if it is not rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// About an entity.
    Good(Identifier, Entry),
    /// A report that was given to its subject, under the digest of its file.
    Report(Digest, Report),
    /// About a natural person: what is kept, if the row has it.
    Person(Option<PersonRow>),
}

impl Reading {
    /// What two rows that say the same thing of the same document share; `None` of a person of whom nothing is kept.
    pub fn key(&self) -> Option<[u8; 16]> {
        let mut key = [0; 16];
        match self {
            Self::Good(_, Entry::Record(record)) => {
                key.copy_from_slice(&record.key.0[16..]);
                if let Fact::Grade { rated_on: on, .. } | Fact::Unrated { on } = record.fact {
                    key.iter_mut().zip(on.number().to_le_bytes()).for_each(|(byte, day)| *byte ^= day);
                }
            }
            Self::Good(_, Entry::Amendment(Amendment { document, action, on })) => {
                key = document.bytes();
                key[0] ^= *action as u8;
                if action.of_objection() {
                    key.iter_mut().skip(1).zip(on.number().to_le_bytes()).for_each(|(byte, day)| *byte ^= day);
                }
            }
            Self::Report(file, _) => key.copy_from_slice(&file.0[..16]),
            Self::Person(row) => key = row.as_ref()?.entry,
        }
        Some(key)
    }
}

/// A natural person's number in its canonical spelling: even, upper case, without `()-/`; `None` for what is no number.
pub fn person_number(cell: &str) -> Option<String> {
    let number: String = compact(cell).to_uppercase().chars().filter(|character| !"()-/".contains(*character)).collect();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (digits >= 5 && number.len() <= 64).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_number_has_one_spelling() {
        for cell in ["A123456(3)", "a123456（3）", " Ａ123456-3 "] {
            assert_eq!(person_number(cell).as_deref(), Some("A1234563"));
        }
        for cell in ["", "无", "1234", &"1".repeat(65)] {
            assert_eq!(person_number(cell), None);
        }
    }
}
