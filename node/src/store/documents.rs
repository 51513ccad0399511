//! Which document a record comes from, as a hash, and what happened to that document afterwards (PROTOCOL 22).
//!
//! A repair, withdrawal or objection is kept beside the record that it is about, so that a second import of the record does not undo
//! it, and one that comes first is not lost. Not here: how either is stored (`records`).

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;

/// Which document of which authority about which subject, as a hash. A record's key begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    /// The hash of a document's number, its authority's code and its subject; number and code already evened out by the importer.
    pub fn of(number: &str, authority: &str, subject: &Identifier) -> Self {
        let lengths = [number.len() as u64, authority.len() as u64].map(u64::to_le_bytes).concat();
        let parts = [
            b"creditbay record document".as_slice(),
            &lengths,
            number.as_bytes(),
            authority.as_bytes(),
            &subject.canonical_bytes(),
        ];
        Self(half(Digest::concat(&parts)))
    }

    /// The key of the record that this document put into a register on a day.
    pub fn record_key(&self, register: AttestationType, on: Day) -> Digest {
        self.followed_by(Digest::concat(&[b"creditbay record key", &self.0, &[register.code()], &on.number().to_le_bytes()]))
    }

    /// The key of a rating: of all ratings of a subject in one register and sector only the newest is kept, whichever document it is.
    pub fn rating_key(&self, register: AttestationType, sector: &str, subject: &Identifier) -> Digest {
        let parts = [b"creditbay rating key".as_slice(), &[register.code()], &subject.canonical_bytes(), sector.as_bytes()];
        self.followed_by(Digest::concat(&parts))
    }

    /// The hash.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// Whether the record of this key comes from this document.
    pub fn made(&self, key: &Digest) -> bool {
        key.0[..16] == self.0
    }

    fn followed_by(&self, rest: Digest) -> Digest {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.0);
        key[16..].copy_from_slice(&half(rest));
        Digest(key)
    }
}

fn half(digest: Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.0[..16]);
    half
}

/// What happened to a document after it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Credit was repaired.
    Repaired,
    /// The decision was revoked or found void.
    Withdrawn,
    /// The subject objected to it.
    ObjectionRaised,
    /// The objection was found right: the record does not exist from that day on.
    ObjectionUpheld,
    /// The objection was found wrong.
    ObjectionRejected,
}

impl Action {
    /// Whether it belongs to an objection, of which the newest counts; of a repair or a withdrawal it is the earliest.
    pub fn of_objection(self) -> bool {
        matches!(self, Self::ObjectionRaised | Self::ObjectionUpheld | Self::ObjectionRejected)
    }
}

/// A change to whatever a document put into a register.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Amendment {
    /// The document.
    pub document: DocumentId,
    /// What happened.
    pub action: Action,
    /// On which day. A record that was repaired or withdrawn is no longer visible from it on.
    pub on: Day,
}

/// Applies to a record what happened to its document. The earliest day of a repair or withdrawal counts, the register's own word
/// included. An objection is pending from the day on which it was raised until one on which it was decided. A permit, a rating and a
/// commitment can be withdrawn, not repaired; a registration is neither.
pub fn amend<'a>(record: &mut Record, amendments: impl Iterator<Item = &'a Amendment>) {
    let (mut raised, mut decided) = (None, None);
    for Amendment { action, on, .. } in amendments {
        match action {
            Action::Repaired => end(repaired_on(&mut record.fact), *on),
            Action::Withdrawn => end(withdrawn_on(&mut record.fact), *on),
            Action::ObjectionRaised => raised = raised.max(Some(*on)),
            Action::ObjectionRejected => decided = decided.max(Some(*on)),
            Action::ObjectionUpheld => {
                decided = decided.max(Some(*on));
                end(withdrawn_on(&mut record.fact), *on);
            }
        }
    }
    if let Some(contested) = contested(&mut record.fact).filter(|_| raised.is_some() || decided.is_some()) {
        *contested = raised > decided;
    }
}

fn end(day: Option<&mut Option<Day>>, on: Day) {
    if let Some(day) = day {
        *day = Some(day.map_or(on, |known| known.min(on)));
    }
}

fn repaired_on(fact: &mut Fact) -> Option<&mut Option<Day>> {
    match fact {
        Fact::Listing { repaired_on, .. } | Fact::Penalty { repaired_on, .. } => Some(repaired_on),
        _ => None,
    }
}

fn withdrawn_on(fact: &mut Fact) -> Option<&mut Option<Day>> {
    match fact {
        Fact::Listing { withdrawn_on, .. }
        | Fact::Penalty { withdrawn_on, .. }
        | Fact::Permit { withdrawn_on, .. }
        | Fact::Grade { withdrawn_on, .. }
        | Fact::Commitment { withdrawn_on, .. } => Some(withdrawn_on),
        Fact::Registration { .. } | Fact::Unrated { .. } => None,
    }
}

fn contested(fact: &mut Fact) -> Option<&mut bool> {
    match fact {
        Fact::Listing { contested, .. } | Fact::Penalty { contested, .. } | Fact::Grade { contested, .. } => Some(contested),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::identifier::Scheme;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn company() -> Identifier {
        Identifier::parse(Scheme::HkBrn, "00000001").unwrap()
    }

    fn document() -> DocumentId {
        DocumentId::of("7", "11440100YL910001XF", &company())
    }

    fn listing() -> Record {
        let fact = Fact::Listing {
            listed_on: day("2026-06-18"),
            delisted_on: None,
            repaired_on: None,
            withdrawn_on: None,
            contested: false,
        };
        let register = AttestationType::SerWage;
        Record { register, key: document().record_key(register, day("2026-06-18")), fact }
    }

    /// Contested, repaired and withdrawn after this.
    fn after(happened: &[(Action, &str)]) -> (bool, Option<Day>, Option<Day>) {
        let amendments: Vec<_> =
            happened.iter().map(|(action, on)| Amendment { document: document(), action: *action, on: day(on) }).collect();
        let mut record = listing();
        amend(&mut record, amendments.iter());
        let Fact::Listing { contested, repaired_on, withdrawn_on, .. } = record.fact else { unreachable!() };
        (contested, repaired_on, withdrawn_on)
    }

    #[test]
    fn an_objection_is_pending_until_it_is_decided_and_may_be_raised_again() {
        use Action::{ObjectionRaised as Raised, ObjectionRejected as Rejected, ObjectionUpheld as Upheld};
        assert_eq!(after(&[]), (false, None, None));
        assert_eq!(after(&[(Raised, "2026-07-01")]), (true, None, None));
        assert_eq!(after(&[(Rejected, "2026-07-03"), (Raised, "2026-07-01")]), (false, None, None));
        assert_eq!(after(&[(Raised, "2026-08-01"), (Rejected, "2026-07-03")]), (true, None, None));
        let upheld = Some(day("2026-07-03"));
        assert_eq!(after(&[(Raised, "2026-07-01"), (Upheld, "2026-07-03")]), (false, None, upheld));
    }

    #[test]
    fn the_earliest_repair_and_withdrawal_count() {
        let found =
            after(&[(Action::Repaired, "2026-08-02"), (Action::Repaired, "2026-08-01"), (Action::Withdrawn, "2026-09-01")]);
        assert_eq!(found, (false, Some(day("2026-08-01")), Some(day("2026-09-01"))));
    }

    #[test]
    fn a_registration_and_the_lack_of_a_rating_are_not_amended() {
        use creditbay_protocol::predicate::RegistrationStatus::Active;
        for fact in [Fact::Registration { status: Active, since: day("2020-01-01") }, Fact::Unrated { on: day("2020-01-01") }] {
            let mut record = Record { fact: fact.clone(), ..listing() };
            let amendments = [Action::Repaired, Action::Withdrawn, Action::ObjectionRaised, Action::ObjectionUpheld]
                .map(|action| Amendment { document: document(), action, on: day("2026-07-01") });
            amend(&mut record, amendments.iter());
            assert_eq!(record.fact, fact);
        }
    }

    #[test]
    fn ratings_of_one_sector_share_the_second_half_of_their_keys() {
        let other = DocumentId::of("8", "11440100YL910001XF", &company());
        let key = |document: &DocumentId, sector| document.rating_key(AttestationType::QualGrade, sector, &company()).0;
        assert_eq!(key(&document(), "食品")[16..], key(&other, "食品")[16..]);
        assert_ne!(key(&document(), "食品")[..16], key(&other, "食品")[..16]);
        assert_ne!(key(&document(), "食品")[16..], key(&document(), "药品")[16..]);
    }
}
