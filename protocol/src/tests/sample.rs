//! A log in memory, messages, and one whole exchange, for the tests of this crate.
//!
//! The log signs what a real one signs, out of `crypto::merkle`. Not here: a writer, a disk, a clock.

use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, inclusion, root};
use creditbay_crypto::note::{KeyKind, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;

use crate::answer::{Answer, Coverage, Indeterminate, Reply, Truth, Verdict, Verdicts};
use crate::authorisation::{Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses};
use crate::calendar::{Day, Millis};
use crate::chain::{Chain, TrustedRoot};
use crate::checkpoint::Checkpoint;
use crate::domains::Domains;
use crate::erasure::{Erased, ErasureGround, ErasureScope};
use crate::event::{Event, Overlap, RetirementGround, Suspended};
use crate::evidence::{Committed, DurableHead, SignedHead};
use crate::identifier::{Identifier, Scheme};
use crate::leaf::Leaf;
use crate::name::{Name, Origin, Region};
use crate::notified::Notified;
use crate::orphaned::OrphanedRange;
use crate::portfolio::UnderPortfolio;
use crate::predicate::{
    AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Predicates, Purpose, RegistrationStatus, Severity, Statuses,
};
use crate::query::{Presented, Query, Subject};
use crate::refusal::{Budget, Refusal};
use crate::requester::Asked;
use crate::responder::{Fresh, Judged, Received};
use crate::shown::{Field, Fields, Shown};

/// 2026-11-23T08:50:00Z.
pub(super) const NOW: Millis = Millis(1_795_423_800_000);

pub(super) fn name<const MAX: usize>(text: &str) -> Name<MAX> {
    Name::new(text).unwrap()
}

pub(super) fn seed(byte: u8) -> Seed {
    Seed::from_bytes([byte; 32])
}

pub(super) fn signer(name: &str, kind: KeyKind, byte: u8) -> NoteSigner {
    NoteSigner::new(name.parse().unwrap(), kind, SigningKey::from_seed(seed(byte)))
}

pub(super) fn origin(region: &str) -> Origin {
    format!("{region}.creditbay/log/1").parse().unwrap()
}

/// The folder `name` of published vectors, or nothing (and a notice) outside CI where it is missing.
#[allow(clippy::print_stderr, reason = "the notice of a skipped test")]
pub(super) fn published(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "published vectors are missing: {name}");
    eprintln!("notice: skipped, no published vectors {name}");
    None
}

/// One region's log, every leaf of it provable at every size.
pub(super) struct Log {
    pub(super) origin: Origin,
    pub(super) signer: NoteSigner,
    pub(super) window: Window,
}

impl Log {
    /// The empty log of a region; `key` tells its key from other logs' keys.
    pub(super) fn new(region: &str, key: u8) -> Self {
        let origin = origin(region);
        let signer = signer(&origin.to_string(), KeyKind::Ed25519, key);
        Self { origin, signer, window: Window::from_frontier(&Frontier::empty()) }
    }

    /// Adds leaves that only count.
    pub(super) fn fill(mut self, count: u64) -> Self {
        for _ in 0..count {
            self.window.push(leaf_hash(&self.window.size().to_le_bytes()));
        }
        self
    }

    pub(super) fn verifier(&self) -> NoteVerifier {
        self.signer.verifier().clone()
    }

    /// The signed head at an earlier size or the present one.
    pub(super) fn head_at(&self, size: u64) -> SignedHead {
        let root = root(size, &self.window).unwrap();
        DurableHead::after_flush(Checkpoint { origin: self.origin, size, root }).sign(&self.signer).unwrap()
    }

    pub(super) fn note_at(&self, size: u64) -> Vec<u8> {
        self.head_at(size).signed().note_bytes()
    }

    pub(super) fn consistency(&self, old: u64, new: u64) -> Vec<Digest> {
        consistency(old, new, &self.window).unwrap()
    }

    /// Adds a leaf and `after` more, and gives its place under the head over all of them.
    pub(super) fn commit(&mut self, leaf: &Leaf, after: u64) -> Committed {
        let index = self.window.size();
        self.window.push(leaf.hash());
        for more in 0..after {
            self.window.push(leaf_hash(&(index + 1 + more).to_le_bytes()));
        }
        let size = self.window.size();
        let path = inclusion(index, size, &self.window).unwrap();
        self.head_at(size).place(leaf.hash(), leaf.time, index, path).unwrap()
    }

    /// What a peer that saw nothing else of this log trusts.
    pub(super) fn trusted(&self, size: u64) -> TrustedRoot {
        Chain::unseen(self.origin, self.verifier()).advance(&self.note_at(size), &[], NOW).unwrap()
    }
}

/// One predicate of each shape.
pub(super) fn every_shape() -> [Predicate; 7] {
    let states = [RegistrationStatus::Active, RegistrationStatus::Suspended];
    [
        Predicate::ExistsValid { of: AttestationType::Permit },
        Predicate::GradeAtLeast { of: AttestationType::TaxGrade, grade: 3 },
        Predicate::BandAtLeast { of: AttestationType::PubGrade, band: 2, map: 7 },
        Predicate::NotListed { of: AttestationType::SerAny, window_months: 36 },
        Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::Serious, window_months: 24, n: 3 },
        Predicate::HashMatches { of: AttestationType::NoViolReport, domains: Domains::of(&[1, 38]).unwrap(), window_months: 36 },
        Predicate::StatusIn { of: AttestationType::RegStatus, statuses: Statuses::of(&states).unwrap() },
    ]
}

/// A query from Guangzhou to Hong Kong.
pub(super) fn query(predicates: &[Predicate]) -> Query {
    Query {
        asker: name("gz"),
        issuer: name("hk"),
        organisation: name("bank-01"),
        operator: name("staff.0007"),
        purpose: Purpose::Fin,
        subject: Subject::Entity(subject()),
        predicates: Predicates::new(predicates.to_vec()).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::HkPubreg,
        pack: Digest([0x11; 32]),
        expires: NOW.plus(60_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

/// The entity that the query is about.
pub(super) fn subject() -> Identifier {
    Identifier::parse(Scheme::HkBrn, "12345678").unwrap()
}

/// What that entity permitted, signed by a channel.
pub(super) fn authorisation() -> SignedAuthorisation {
    let authorisation = Authorisation {
        nonce: [0x66; 16],
        channel: name("portal.hk"),
        subject: NamedSubject(subject()),
        issuer: name("hk"),
        asker: name("gz"),
        organisation: name("bank-01"),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade, AttestationType::ReportVerify]).unwrap(),
        notice: Notice { version: 3, language: Language::ZhHant, digest: Digest([0x77; 32]) },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: NOW.minus(1_000),
        expires: NOW.plus(86_400_000),
        uses: Uses::new(3).unwrap(),
    };
    authorisation.sign(&channel_key())
}

/// The key of that channel.
pub(super) fn channel_key() -> SigningKey {
    SigningKey::from_seed(seed(0x88))
}

/// The query with the most bytes.
pub(super) fn largest_query() -> Query {
    Query {
        digest: Some(Digest([0x99; 32])),
        authorisation: Some(Presented { signed: authorisation(), number: Uses::new(2).unwrap() }),
        portfolio: Some(UnderPortfolio { portfolio: Digest([0xaa; 32]), size: 5_000 }),
        ..query(&[every_shape()[5]; 8])
    }
}

pub(super) fn verdicts(count: usize, registers: usize) -> Reply {
    let one = Verdict {
        truth: Truth::Indeterminate(Indeterminate::Objection),
        band: Some(4),
        contested: true,
        valid_until: Day::new(2026, 12, 23).unwrap(),
        coverage: 1,
    };
    let coverage = AttestationType::ALL.iter().take(registers);
    Reply::Answered(Verdicts {
        verdicts: vec![one; count],
        coverage: coverage.map(|register| Coverage { register: *register, synchronised: NOW.minus(3_600_000) }).collect(),
        law_of_origin: LawOfOrigin::Hk,
        as_of: Day::new(2026, 11, 23).unwrap(),
    })
}

/// The answer with the most bytes.
pub(super) fn largest_answer() -> Answer {
    Answer { query: Digest([0x22; 32]), reply: verdicts(8, 24) }
}

/// Every refusal there is.
pub(super) fn refusals() -> [Refusal; 33] {
    [
        Refusal::RulePack { named: Digest([0x11; 32]), active: Digest([0x12; 32]) },
        Refusal::TypeUnknown,
        Refusal::PurposeNotAdmitted,
        Refusal::ShapeNotAdmitted,
        Refusal::WindowTooLong,
        Refusal::SubjectKindNotAdmitted,
        Refusal::LaneWrong,
        Refusal::BasisWrong,
        Refusal::PairWithoutBasis,
        Refusal::NaturalPerson,
        Refusal::SubjectElsewhere,
        Refusal::PeerSuspended,
        Refusal::TypeSuspended,
        Refusal::BudgetSpent { budget: Budget::Enumeration },
        Refusal::Closing,
        Refusal::PurposeBetweenOthers,
        Refusal::NotRegulators,
        Refusal::GradeAcrossLaws,
        Refusal::GradeUnknown,
        Refusal::DigestMissing,
        Refusal::AuthorisationMissing,
        Refusal::ChannelUnknown,
        Refusal::AuthorisationForged,
        Refusal::OtherSubject,
        Refusal::OtherPurpose,
        Refusal::OtherReceiver,
        Refusal::OtherType,
        Refusal::NotAgreed,
        Refusal::AuthorisationExpired,
        Refusal::AuthorisationWithdrawn,
        Refusal::AuthorisationSpent,
        Refusal::PortfolioUnknown,
        Refusal::NotWitnessed,
    ]
}

/// Every event there is.
pub(super) fn every_event() -> Vec<Event> {
    let (pack, hk) = (Digest([0x11; 32]), name("hk"));
    let overlap = Overlap { pack: Digest([0x10; 32]), until: NOW.plus(86_400_000) };
    let (portfolio, organisation, purpose) = (Digest([0xaa; 32]), name("bank-01"), Purpose::Fin);
    vec![
        Event::PackActivated { pack, serial: 1, overlap: None },
        Event::PackActivated { pack, serial: 2, overlap: Some(overlap) },
        Event::Suspension { of: Suspended::Peer(hk), in_force: true },
        Event::Suspension { of: Suspended::Type(AttestationType::Penalty), in_force: false },
        Event::AuthorisationWithdrawn { authorisation: Digest([0xbb; 32]), channel: name("portal.hk") },
        Event::PortfolioDeclared { portfolio, organisation, purpose, size: 5_000, until: NOW.plus(86_400_000) },
        Event::TurnedAway { peer: hk, since: NOW, count: 17 },
        Event::Withheld { answer: 7 },
        Event::TrustDecided { log: origin("hk"), size: 40, evidence: Digest([0xcc; 32]), reason: Digest([0xdd; 32]) },
        Event::LogRetired { ground: RetirementGround::KeyChange },
        Event::LogBegun { predecessor: "gz.creditbay/log/1".parse().unwrap(), size: 1_000, root: Digest([0xcc; 32]) },
        Event::Erased(Erased {
            ground: ErasureGround::SubjectRequest,
            scope: ErasureScope::Subject,
            early: false,
            count: 3,
            list: Digest([0xcc; 32]),
        }),
        Event::Erased(Erased {
            ground: ErasureGround::PeerNotice,
            scope: ErasureScope::Notice { peer: hk, notice: Digest([0xdd; 32]) },
            early: false,
            count: 3,
            list: Digest([0xcc; 32]),
        }),
        Event::Erased(Erased::of_records(ErasureGround::Order)),
        Event::OpeningsShown(Shown {
            first: 3,
            last: 900,
            count: 40,
            indices: Digest([0xee; 32]),
            fields: Fields::of(&[Field::Message, Field::Operator]),
            ground: Digest([0xff; 32]),
        }),
        Event::ErasureNotified(Notified { receiver: hk, ground: ErasureGround::Order, count: 20, message: Digest([0xab; 32]) }),
        Event::LogBegunAfterLoss {
            range: OrphanedRange {
                log: "gz.creditbay/log/1".parse().unwrap(),
                size: 1_000,
                root: Digest([0xcc; 32]),
                seen: 1_017,
                note: Digest([0xdd; 32]),
            },
            serial: 3,
            directory: Digest([0xee; 32]),
        },
        Event::EarlierOpeningsShown {
            log: "gz.creditbay/log/1".parse().unwrap(),
            shown: Shown {
                first: 3,
                last: 900,
                count: 40,
                indices: Digest([0xee; 32]),
                fields: Fields::of(&[Field::Subject]),
                ground: Digest([0xff; 32]),
            },
        },
    ]
}

/// One exchange up to the answer's frame, with both logs; query and answer stand in the middle of them.
pub(super) struct Exchange {
    pub(super) asker: Log,
    pub(super) issuer: Log,
    pub(super) asked: Asked,
    pub(super) query: Committed,
    pub(super) query_frame: Vec<u8>,
    pub(super) judged: Judged,
    pub(super) answer: Committed,
    pub(super) answer_frame: Vec<u8>,
}

/// Leaves of each log in an [`Exchange`], and the index of the exchange's leaf in it.
pub(super) const SIZE: u64 = 13;
pub(super) const INDEX: u64 = 5;

pub(super) const GZ: u8 = 1;
pub(super) const HK: u8 = 2;

impl Exchange {
    pub(super) fn new(reply: Reply) -> Self {
        Self::of(query(&every_shape()[2..4]), reply)
    }

    pub(super) fn of(query: Query, reply: Reply) -> Self {
        let (mut asker, mut issuer) = (Log::new("gz", GZ).fill(INDEX), Log::new("hk", HK).fill(INDEX));
        let asked = Asked::new(query, seed(0x33));
        let query = asker.commit(&asked.leaf(NOW), SIZE - INDEX - 1);
        let query_frame = asked.release(&query).unwrap();
        let judged = fresh(&query_frame, &asker).judge(reply, seed(0x44));
        let answer = issuer.commit(&judged.leaf(NOW.plus(25)), SIZE - INDEX - 1);
        let answer_frame = judged.release(&answer).unwrap();
        Self { asker, issuer, asked, query, query_frame, judged, answer, answer_frame }
    }
}

pub(super) fn me() -> Region {
    name("hk")
}

pub(super) fn peer() -> Region {
    name("gz")
}

/// A query's frame after all steps before the judgement.
pub(super) fn fresh(frame: &[u8], log: &Log) -> Fresh {
    let identified = Received::parse(frame).ok().unwrap().identify(me(), peer(), &log.origin).ok().unwrap();
    let root = log.trusted(identified.size());
    identified.include(&root).ok().unwrap().fresh(NOW, Millis(0)).ok().unwrap()
}
