//! One exchange between two logs whose keys everybody here knows, so that targets have something that verifies.
//!
//! Whatever bytes verify under these keys and say something else than this exchange are a forgery: targets assert that there is none.

use std::sync::LazyLock;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency, inclusion, root};
use creditbay_crypto::note::{KeyKind, NoteLine, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::answer::{Answer, Reply, Truth, Verdict, Verdicts};
use creditbay_protocol::attestation::{Attestation, KnownLog, Proven};
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, SignedWithdrawal, Types, Uses, Withdrawal,
};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Origin};
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::query::{Query, Subject};

/// 2026-11-23T08:50:00Z.
pub(super) const NOW: Millis = Millis(1_795_423_800_000);
/// The entity that the exchange is about.
pub(super) const SUBJECT: &str = "91440101MA9XTEAT0A";
const SIZE: u64 = 13;
pub(super) const INDEX: u64 = 5;
/// Leaves of each log's tree when it signed for the first time.
pub(super) const EARLIER: u64 = 8;

/// A name that is one.
pub(super) fn name<const MAX: usize>(text: &str) -> Name<MAX> {
    Name::new(text).expect("a name")
}

/// A seed of one byte.
pub(super) fn seed(byte: u8) -> Seed {
    Seed::from_bytes([byte; 32])
}

/// A signer whose key is the seed of one byte.
pub(super) fn signer(name: &str, kind: KeyKind, byte: u8) -> NoteSigner {
    NoteSigner::new(name.parse().expect("a key name"), kind, SigningKey::from_seed(seed(byte)))
}

/// A log with the exchange's leaf in the middle of it.
pub(super) struct Log {
    /// Its origin.
    pub(super) origin: Origin,
    /// Its key's verifier.
    pub(super) verifier: NoteVerifier,
    /// Its region's witness.
    pub(super) witness: NoteSigner,
    /// Its checkpoint, cosigned by the witness of the other region.
    pub(super) signed: SignedCheckpoint,
    /// The proof of the exchange's leaf.
    pub(super) proof: TlogProof,
    /// That leaf's hash.
    pub(super) leaf: Digest,
    /// The checkpoint before that one.
    pub(super) earlier: SignedCheckpoint,
    /// Every node of the tree.
    pub(super) window: Window,
}

impl Log {
    fn new(region: &str, key: u8, leaf: Digest, cosigner: &NoteSigner) -> Self {
        let origin: Origin = format!("{region}.creditbay/log/1").parse().expect("an origin");
        let signing = signer(&origin.to_string(), KeyKind::Ed25519, key);
        let mut window = Window::from_frontier(&Frontier::empty());
        (0..SIZE).for_each(|index| window.push(if index == INDEX { leaf } else { leaf_hash(&index.to_le_bytes()) }));
        let root = root(EARLIER, &window).expect("the tree was that before");
        let earlier = Checkpoint { origin, size: EARLIER, root }.sign(&signing).expect("a checkpoint is signed");
        let checkpoint = Checkpoint { origin, size: SIZE, root: window.root() };
        let signed = checkpoint.sign(&signing).expect("a checkpoint is signed");
        let line = cosigner.cosign(&signed.note().text, NOW.0 / 1000).expect("a checkpoint is cosigned");
        let signed = signed.with_line(line);
        let path = inclusion(INDEX, SIZE, &window).expect("a leaf is in its tree");
        let proof = TlogProof { index: INDEX, path, note: signed.note_bytes() };
        Self { origin, verifier: signing.verifier().clone(), witness: witness(region, key), signed, proof, leaf, earlier, window }
    }

    /// What proves that the later tree continues the earlier one.
    pub(super) fn continues(&self) -> Vec<Digest> {
        consistency(EARLIER, SIZE, &self.window).expect("the tree was that before")
    }
}

fn witness(region: &str, key: u8) -> NoteSigner {
    signer(&format!("{region}.creditbay/witness"), KeyKind::CosignatureV1, 100 + key)
}

/// One exchange with all that proves it.
pub(super) struct Exchange {
    /// The question.
    pub(super) query: Query,
    /// The answer.
    pub(super) answer: Answer,
    /// The log of the asker, `gz`.
    pub(super) asker: Log,
    /// The log of the issuer, `hk`.
    pub(super) issuer: Log,
    /// The leaf of the question and that of the answer.
    pub(super) leaves: [Leaf; 2],
    /// What was erased, of which the leaf is [`Exchange::erasure`].
    pub(super) erased: ErasureList,
    /// A log that signed two histories, `mo`.
    pub(super) forked: [Log; 2],
    /// Both logs, as a directory gives them.
    pub(super) known: Vec<KnownLog>,
    /// What the service got.
    pub(super) attestation: Attestation,
    /// What the entity permitted.
    pub(super) authorisation: SignedAuthorisation,
    /// And took back.
    pub(super) withdrawal: SignedWithdrawal,
    /// The channel's key.
    pub(super) channel: SigningKey,
}

/// The exchange.
pub(super) static EXCHANGE: LazyLock<Exchange> = LazyLock::new(Exchange::new);

impl Exchange {
    fn new() -> Self {
        let query = query();
        let asked = Leaf::new(NOW, LeafBody::of_query(&query, &seed(0x33)));
        let query_leaf = asked.hash();
        let answer = Answer { query: query_leaf, reply: verdicts() };
        let answered = Leaf::new(NOW, LeafBody::of_answer(&query, &answer, &seed(0x44)));
        let answer_leaf = answered.hash();
        let leaves = [asked, answered];
        let entries = (0..5).map(|index| ErasedEntry { log: 1, index: 3 * index, part: ErasedPart::Exchange }).collect();
        let erased = ErasureList { seed: seed(0x77), entries };
        let asker = Log::new("gz", 11, query_leaf, &witness("hk", 12));
        let issuer = Log::new("hk", 12, answer_leaf, &witness("gz", 11));
        let forked = [query_leaf, answer_leaf].map(|leaf| Log::new("mo", 13, leaf, &witness("gz", 11)));
        let known = [("gz", &asker), ("hk", &issuer)].map(|(region, log)| KnownLog {
            origin: log.origin,
            region: name(region),
            log: log.verifier.clone(),
            witness: log.witness.verifier().clone(),
        });
        let (asked, answered) = (seed(0x33), seed(0x44));
        let attestation = Attestation::new(
            &Proven { message: &query, seed: &asked, time: NOW, log: asker.origin, proof: &asker.proof },
            &Proven { message: &answer, seed: &answered, time: NOW, log: issuer.origin, proof: &issuer.proof },
        );
        let channel = SigningKey::from_seed(seed(0x99));
        let authorisation = permitted().sign(&channel);
        let digest = authorisation.authorisation.digest();
        let withdrawal = Withdrawal { authorisation: digest, channel: name("portal.gz"), at: NOW }.sign(&channel);
        Self {
            query,
            answer,
            asker,
            issuer,
            leaves,
            erased,
            forked,
            known: known.to_vec(),
            attestation,
            authorisation,
            withdrawal,
            channel,
        }
    }
}

impl Exchange {
    /// The leaf of the erasure.
    pub(super) fn erasure(&self) -> Leaf {
        Leaf::new(NOW, LeafBody::Event(Event::Erased(self.erased.erased(ErasureGround::Order, ErasureScope::Leaf, false))))
    }

    /// A third party's policy: both logs, and one of both witnesses.
    pub(super) fn policy(&self) -> String {
        let logs: String = self.known.iter().map(|known| format!("log {} https://{}\n", known.log, known.region)).collect();
        let witnesses: String = self.known.iter().map(|known| format!("witness {} {}\n", known.region, known.witness)).collect();
        format!("# {}\n{logs}{witnesses}group regions 1 gz hk\nquorum regions\n", self.asker.origin)
    }
}

fn subject() -> Identifier {
    Identifier::parse(Scheme::Uscc, SUBJECT).expect("an identifier")
}

fn query() -> Query {
    let predicates = vec![
        Predicate::NotListed { of: AttestationType::SerAny, window_months: 36 },
        Predicate::ExistsValid { of: AttestationType::Permit },
    ];
    Query {
        asker: name("gz"),
        issuer: name("hk"),
        organisation: name("bank-01"),
        operator: name("staff.0007"),
        purpose: Purpose::Fin,
        subject: Subject::Entity(subject()),
        predicates: Predicates::new(predicates).expect("two predicates"),
        lane: Lane::Public,
        legal_basis: LegalBasis::HkPubreg,
        pack: Digest([0x11; 32]),
        expires: NOW.plus(60_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

fn verdicts() -> Reply {
    let verdict =
        Verdict { truth: Truth::True, band: None, contested: false, valid_until: Day::LAST.months_before(12), coverage: 0 };
    Reply::Answered(Verdicts {
        verdicts: vec![verdict, Verdict { truth: Truth::False, ..verdict }],
        coverage: Vec::new(),
        law_of_origin: LawOfOrigin::Hk,
        as_of: NOW.day(),
    })
}

fn permitted() -> Authorisation {
    Authorisation {
        nonce: [0x66; 16],
        channel: name("portal.gz"),
        subject: NamedSubject(subject()),
        issuer: name("hk"),
        asker: name("gz"),
        organisation: name("bank-01"),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade, AttestationType::ReportVerify]).expect("two types"),
        notice: Notice { version: 3, language: Language::ZhHant, digest: Digest([0x77; 32]) },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: NOW.minus(1_000),
        expires: NOW.plus(86_400_000),
        uses: Uses::new(3).expect("a number of uses"),
    }
}

/// A line that names a key which nobody here knows.
pub(super) fn strange_line(text: &str) -> NoteLine {
    signer("stranger.example/log/1", KeyKind::Ed25519, 200).sign(text).expect("a stranger signs")
}
