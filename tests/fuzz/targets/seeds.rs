//! Inputs to begin from, each one that its target takes: the vectors, the samples, and the exchange of the fixture.

use creditbay_configs::endorsement;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file::{spki_der, to_pem};
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::tree::inclusion;
use creditbay_crypto::note::{KeyKind, Note};
use creditbay_crypto::sign::SigningKey;
use creditbay_node::quic::identity::{Form, certified};
use creditbay_protocol::fork::{Alarm, Evidence, Position, Positions};
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::opening::{FieldOpening, Held, LeafOpening};
use creditbay_protocol::shown::Field;
use creditbay_protocol::tile::encode_bundle;
use creditbay_protocol::wire;
use creditbay_protocol::witness::Submission;

use super::configs::{EDITS, PACK};
use super::fixture::{EARLIER, EXCHANGE, INDEX, Log, seed, signer};
use super::notes::{ENDORSED, SIGNERS};
use super::policies::identity;

/// The target, and its input.
pub(crate) type Seed = (&'static str, Vec<u8>);

/// Vectors with the target that reads them.
const VECTORS: [(&str, &str); 9] = [
    ("leaf", include_str!("../../../protocol/vectors/leaf.hex")),
    ("notice", include_str!("../../../protocol/vectors/notice.hex")),
    ("query", include_str!("../../../protocol/vectors/query.hex")),
    ("answer", include_str!("../../../protocol/vectors/answer.hex")),
    ("frame", include_str!("../../../protocol/vectors/frame.hex")),
    ("control", include_str!("../../../protocol/vectors/control.hex")),
    ("authorisation", include_str!("../../../protocol/vectors/authorisation.hex")),
    ("identifier", include_str!("../../../protocol/vectors/identifier.hex")),
    ("tlog_proof", include_str!("../../../protocol/vectors/tlog-proof.hex")),
];
/// Vectors of one file that are taken as seeds at most: all but the refusals that differ in one byte.
const VECTORS_OF_ONE: usize = 10;

const NETWORK: &str = include_str!("../../../configs/samples/network/network.toml");
const NODE: &str = include_str!("../../../configs/samples/node.toml");
const RECORDS: [&[u8]; 14] = [
    include_bytes!("../../../configs/samples/records/gz/penalties-4-2016.csv"),
    include_bytes!("../../../configs/samples/records/gz/permits-3-2016.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-abn-list.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-commit.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-no-viol-report.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-objection.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-qual-grade.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-reg-status-province.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-repair.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-report-verify.csv"),
    include_bytes!("../../../configs/samples/records/gz/register-tax-grade.csv"),
    include_bytes!("../../../configs/samples/records/hk/register-insolvency.csv"),
    include_bytes!("../../../configs/samples/records/hk/register-permit.csv"),
    include_bytes!("../../../configs/samples/records/mo/register-reg-status.csv"),
];
/// The long samples, of which some rows are enough.
const LONG_RECORDS: [&[u8]; 2] = [
    include_bytes!("../../../configs/samples/records/gz/penalties-1-history.csv"),
    include_bytes!("../../../configs/samples/records/gz/permits-1.csv"),
];
const ROWS_OF_ONE: usize = 8;
/// Lines of the bundled rules in one input, and bytes of a line that is left out.
const EDITS_OF_ONE: usize = 40;
const LONG_LINE: usize = 300;

const QUESTIONS: [&str; 3] = [
    r#"{"purpose":"FIN","operator":"a.chan","subject":{"scheme":"uscc","value":"91440101MA9XTEAT0A"},"predicates":[{"shape":"not_listed","of":"SER_ANY","window_months":36},{"shape":"status_in","of":"REG_STATUS","statuses":["active"]}]}"#,
    r#"{"purpose":"PROC","operator":"a.chan","issuer":"gz","subject":{"scheme":"bearer"},"predicates":[{"shape":"hash_matches","of":"NO_VIOL_REPORT","domains":[1,38],"window_months":36}],"digest":"2222222222222222222222222222222222222222222222222222222222222222"}"#,
    r#"{"purpose":"REG","operator":"a.chan","subject":{"scheme":"uscc","value":"440106199003071231"},"predicates":[{"shape":"count_le","of":"PENALTY","severity":"serious","window_months":36,"n":0}]}"#,
];

/// All of them.
pub(crate) fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (target, vectors) in VECTORS {
        seeds.extend(cases(vectors).into_iter().take(VECTORS_OF_ONE).map(|bytes| (target, bytes)));
    }
    seeds.extend(of_the_exchange());
    seeds.extend(of_forks());
    seeds.extend(of_leaves());
    seeds.extend(of_names());
    seeds.extend(of_proofs());
    seeds.extend([("directory", NETWORK.as_bytes().to_vec()), ("node_toml", NODE.as_bytes().to_vec())]);
    seeds.extend(edits().into_iter().map(|edits| ("rule_pack", edits)));
    seeds.extend(QUESTIONS.map(|question| ("question", question.as_bytes().to_vec())));
    seeds.push(("question", authorised()));
    seeds.extend(RECORDS.map(|file| ("records_csv", file.to_vec())));
    seeds.extend(LONG_RECORDS.map(|file| ("records_csv", first_rows(file))));
    seeds.extend([envelope(RECORDS[0]), envelope(LONG_RECORDS[1])].map(|file| ("records_xml", file)));
    seeds
}

fn of_the_exchange() -> Vec<Seed> {
    let (asker, issuer) = (&EXCHANGE.asker, &EXCHANGE.issuer);
    let json = |text: serde_json::Result<String>| text.expect("it has a form in JSON").into_bytes();
    vec![
        ("query", wire::encode(&EXCHANGE.query)),
        ("answer", wire::encode(&EXCHANGE.answer)),
        ("authorisation", wire::encode(&EXCHANGE.authorisation)),
        ("authorisation", wire::encode(&EXCHANGE.withdrawal)),
        ("authorisation_json", json(serde_json::to_string_pretty(&EXCHANGE.authorisation))),
        ("attestation", json(serde_json::to_string_pretty(&EXCHANGE.attestation))),
        ("tlog_proof", issuer.proof.to_string().into_bytes()),
        ("note", asker.signed.note_bytes()),
        ("note", issuer.signed.note_bytes()),
        ("checkpoint", asker.signed.note_bytes()),
        ("checkpoint", asker.signed.note().text.clone().into_bytes()),
        ("cosignature", asker.signed.note().lines[1].to_string().into_bytes()),
        ("cosignature", asker.signed.note().lines[0].to_string().into_bytes()),
        ("verifier_key", asker.verifier.to_string().into_bytes()),
        ("verifier_key", asker.witness.verifier().to_string().into_bytes()),
        ("policy", EXCHANGE.policy().into_bytes()),
        ("policy", format!("log {}\nquorum none\n", issuer.verifier).into_bytes()),
        ("certificate", shown(Form::RawPublicKey)),
        ("certificate", shown(Form::SelfSigned)),
        ("submission", Submission::new(EARLIER, asker.continues(), asker.signed.note_bytes()).body()),
        ("submission", Submission::new(0, Vec::new(), asker.earlier.note_bytes()).body()),
        ("cosignatures", format!("{}\n", asker.signed.note().lines[1]).into_bytes()),
        ("endorsement", endorsed(&SIGNERS)),
        ("endorsement", endorsed(&[2, 9, 3, 5])),
    ]
}

/// Leaves in a row, some with terms that stood before; openings of the exchange's, and of one that was erased.
fn of_leaves() -> Vec<Seed> {
    let vectors = cases(VECTORS[0].1);
    let leaves = EXCHANGE.leaves.each_ref().map(Leaf::bytes);
    let row = encode_bundle(leaves.iter().chain(&vectors).chain(&leaves).chain(&vectors).map(Vec::as_slice));
    let (log, query) = (EXCHANGE.asker.origin, &EXCHANGE.query);
    let fields = [
        (Field::Message, wire::encode(query)),
        (Field::Subject, query.subject_bytes()),
        (Field::Operator, wire::encode(&query.operator)),
    ];
    let fields = fields.map(|(field, bytes)| FieldOpening::of(field, &seed(0x33), &bytes)).to_vec();
    let answered = FieldOpening::of(Field::Message, &seed(0x44), &wire::encode(&EXCHANGE.answer));
    let proof = EXCHANGE.erased.prove(1, 3).expect("leaf 3 was erased");
    let holds = [(5, Held::Fields(fields)), (5, Held::Fields(vec![answered])), (3, Held::Erased { log: None, leaf: 9, proof })];
    let openings = holds.map(|(index, holds)| LeafOpening::new(log, index, 12, holds));
    let json = |opening: &LeafOpening| serde_json::to_string(opening).expect("it has a form in JSON").into_bytes();
    let mut seeds: Vec<Seed> = openings.iter().map(|opening| ("opening", json(opening))).collect();
    seeds.push(("leaf_reader", row));
    seeds
}

/// Evidence of two roots and of two leaves, and of a proof that is missing where nothing is wrong.
fn of_forks() -> Vec<Seed> {
    let [one, other] = &EXCHANGE.forked;
    let roots = Evidence::new(Alarm::Fork, &one.verifier, [&one.signed, &other.signed], &[]);
    let position = |log: &Log, size: u64| {
        let path = inclusion(INDEX, size, &log.window).expect("the leaf is in the tree");
        Position { leaf: log.leaf, path }
    };
    let leaves = [position(one, EARLIER), position(other, other.window.size())];
    let positions = Some(Positions { index: INDEX, leaves });
    let leaves = Evidence { positions, ..Evidence::new(Alarm::Fork, &one.verifier, [&one.earlier, &other.signed], &[]) };
    let honest = &EXCHANGE.asker;
    let withheld = Evidence::new(Alarm::ConsistencyWithheld, &honest.verifier, [&honest.earlier, &honest.signed], &[honest.leaf]);
    let json = |evidence: &Evidence| serde_json::to_string_pretty(evidence).expect("it has a form in JSON").into_bytes();
    [roots, leaves, withheld].map(|evidence| ("evidence", json(&evidence))).to_vec()
}

/// A question with what its subject permitted.
fn authorised() -> Vec<u8> {
    let mut question: serde_json::Value = serde_json::from_str(QUESTIONS[0]).expect("a question");
    question["authorisation"] = serde_json::to_value(&EXCHANGE.authorisation).expect("it has a form in JSON");
    question.to_string().into_bytes()
}

fn shown(form: Form) -> Vec<u8> {
    certified(&identity(), form).expect("a key is shown").cert[0].to_vec()
}

fn endorsed(signers: &[u8]) -> Vec<u8> {
    let text = endorsement::text(Label::NETWORK, &Digest::of(ENDORSED));
    let line = |byte: &u8| signer(&format!("signer/{byte}"), KeyKind::Ed25519, *byte).sign(&text).expect("a text is signed");
    let lines = signers.iter().map(line).collect();
    Note { text, lines }.to_string().into_bytes()
}

fn of_names() -> Vec<Seed> {
    let key = SigningKey::from_seed(seed(7));
    let mut seeds = vec![("key_file", to_pem(&key).as_bytes().to_vec()), ("key_file", spki_der(&key.public()))];
    let names = ["gz", "bank-01.hk", "gz.creditbay/log/1", "2026-11-23", "9999-12-31"];
    seeds.extend(names.map(|name| ("name", name.as_bytes().to_vec())));
    let identifiers = ["\x0191440101MA9XTEAT0A", "\x01 91440101－ma9xteat0a", "\x02F0001234", "\x0389900001SO"];
    seeds.extend(identifiers.map(|text| ("identifier", text.as_bytes().to_vec())));
    let predicates = [
        "not_listed(SER_ANY, 36)",
        "count_le(PENALTY, serious, 36, 0)",
        "status_in(REG_STATUS, active|suspended)",
        "hash_matches(NO_VIOL_REPORT, 1|2, 36)",
        "band_at_least(PUB_GRADE, 4, 1)",
        "grade_at_least(TAX_GRADE,3)",
        "{\"shape\":\"exists_valid\",\"of\":\"PERMIT\"}",
    ];
    seeds.extend(predicates.map(|text| ("predicate", text.as_bytes().to_vec())));
    seeds
}

fn of_proofs() -> Vec<Seed> {
    let paths = ["tile/0/x001/x234/067", "tile/1/000.p/17", "tile/entries/273.p/112", "tile/63/000", "tile/0/003"];
    let mut seeds: Vec<Seed> = paths.iter().map(|path| ("tile_path", path.as_bytes().to_vec())).collect();
    let bundle = encode_bundle([b"one".as_slice(), b"", b"three"]);
    seeds.extend(
        [(3u16, bundle), (0, Vec::new())].map(|(count, bundle)| ("bundle", [&count.to_le_bytes()[..], &bundle].concat())),
    );
    // Flags, then numbers with how far each is shifted: index 5 of 13 leaves, 2^61 leaves; old size 8 of 13.
    let numbers =
        |flags: u8, first: u64, second: u64| [&[flags, 0][..], &first.to_be_bytes(), &[0], &second.to_be_bytes()].concat();
    seeds.extend([(5, 13), (1 << 60, 1 << 61), (0, 1)].map(|(index, size)| ("merkle_inclusion", numbers(0, index, size))));
    seeds.extend([(7, 13), (2, 13), (1 << 60, 1 << 61)].map(|(old, new)| ("merkle_consistency", numbers(0, old, new))));
    let side_by_side = |long: u8| [&[long][..], &vec![0x5a; usize::from(long) * 11]].concat().repeat(9);
    seeds.extend([0u8, 5, 20].map(|long| ("merkle_bulk", side_by_side(long))));
    seeds.extend([13u8, 63, 64].map(|size| ("merkle_tree", (0..200).map(|byte: u8| byte.wrapping_mul(size)).collect())));
    seeds
}

/// The bytes of each value in a file of annotated hex.
fn cases(text: &str) -> Vec<Vec<u8>> {
    let mut cases: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("== ") {
            cases.push(Vec::new());
        } else if let (Some(case), Some(line)) = (cases.last_mut(), line.split('#').next().map(str::trim)) {
            match line.strip_prefix("00 * ") {
                Some(count) => case.resize(case.len() + count.parse::<usize>().expect("a number of zeros"), 0),
                None => case.extend(line.as_bytes().chunks(2).map(|pair| {
                    let pair = std::str::from_utf8(pair).expect("hex is ASCII");
                    u8::from_str_radix(pair, 16).expect("hex")
                })),
            }
        }
    }
    cases
}

/// Lines of the bundled rules as edits that change nothing, so that whoever mutates them changes rules.
fn edits() -> Vec<Vec<u8>> {
    let rules = PACK.split("\n[golden]").next().unwrap_or_default();
    let lines =
        rules.split('\n').enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#') && line.len() < LONG_LINE);
    let lines: Vec<String> = lines.map(|(number, line)| format!("{number}:{line}\n")).collect();
    lines.chunks(EDITS_OF_ONE).map(|lines| format!("{EDITS}{}", lines.concat()).into_bytes()).collect()
}

fn first_rows(file: &[u8]) -> Vec<u8> {
    file.split_inclusive(|byte| *byte == b'\n').take(ROWS_OF_ONE).flatten().copied().collect()
}

/// The rows of a file as an envelope carries them.
fn envelope(file: &[u8]) -> Vec<u8> {
    let file = String::from_utf8_lossy(file);
    let mut lines = file.trim_start_matches('\u{feff}').lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut text =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ExchangeMessage>\n<Header><sender>33</sender><sn/></Header>\n<Body>"
            .to_owned();
    for line in lines.filter(|line| !line.contains('"')).take(ROWS_OF_ONE) {
        text.push_str("<fields>");
        for (name, cell) in header.iter().zip(line.split(',')) {
            text.push_str(&format!("<{name}>{}</{name}>", cell.replace('&', "&amp;").replace('<', "&lt;")));
        }
        text.push_str("</fields>\n");
    }
    (text + "</Body>\n</ExchangeMessage>\n").into_bytes()
}
