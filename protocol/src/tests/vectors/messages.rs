//! Whole messages: query, answer, leaf, control message, frame, and the two texts that carry a log's signature.

use creditbay_crypto::hash::Digest;

use super::acts::event_fields;
use super::parts::predicates_fields;
use super::{Case, Field, check, fields, optional, value, within};
use crate::answer::{Answer, Indeterminate, Reply, Truth, Verdict};
use crate::authorisation::Withdrawal;
use crate::calendar::Millis;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::control::{Control, Hashes, Hello, NoteBytes};
use crate::domains::Domains;
use crate::frame;
use crate::leaf::{Leaf, LeafBody};
use crate::limits::PROTOCOL_VERSION;
use crate::name::Region;
use crate::portfolio::Portfolio;
use crate::predicate::{AttestationType, Lane, Predicate, Purpose};
use crate::proof::TlogProof;
use crate::query::{Declined, DeclinedSubject, Query, Subject};
use crate::refusal::{Budget, Refusal};
use crate::terms::Terms;
use crate::tests::sample::{
    Exchange, Log, NOW, authorisation, channel_key, every_event, every_shape, largest_query, name, query, refusals, seed,
    subject, verdicts,
};

fn query_fields(query: &Query) -> Vec<Field> {
    let mut all = fields([("asker", 8), ("issuer", 8), ("organisation", 24), ("operator", 24), ("purpose", 1)]);
    all.extend(fields([("subject", 4)]));
    all.extend(fields([("subject: scheme", 1), ("subject: value", 20)]).into_iter().filter(|_| query.subject.entity().is_some()));
    all.extend(predicates_fields(query.predicates.as_slice()));
    all.extend(fields([("lane", 1), ("legal basis", 1), ("rule pack", 32), ("expires", 8)]));
    all.extend(optional("digest", query.digest.is_some(), fields([("digest", 32)])));
    let mut presented = within("authorisation", authorisation_fields());
    presented.extend(fields([("authorisation: signature", 64), ("number of this use", 2)]));
    all.extend(optional("authorisation", query.authorisation.is_some(), presented));
    all.extend(optional("portfolio", query.portfolio.is_some(), fields([("portfolio", 32), ("portfolio: size", 4)])));
    all
}

/// A byte that says whether something follows, and that something.
fn authorisation_fields() -> Vec<Field> {
    let mut all = fields([("nonce", 16), ("channel", 24), ("subject: scheme", 1), ("subject: value", 20)]);
    all.extend(fields([("issuer", 8), ("asker", 8), ("organisation", 24), ("purpose", 1), ("types", 4)]));
    all.extend(fields([("notice: version", 2), ("notice: language", 1), ("notice: digest", 32)]));
    all.extend(fields([("provide", 1), ("sensitive", 1), ("export", 1), ("granted", 8), ("expires", 8), ("uses", 2)]));
    all
}

/// Lane C: a bearer's report.
fn carried() -> Query {
    let of = AttestationType::ReportVerify;
    let matches = Predicate::HashMatches { of, domains: Domains::NONE, window_months: 0 };
    Query { subject: Subject::Bearer, lane: Lane::Carried, digest: Some(Digest([0x99; 32])), ..query(&[matches]) }
}

fn answer_fields(answer: &Answer) -> Vec<Field> {
    let mut all = fields([("query's leaf", 32), ("reply", 4)]);
    let verdicts = match &answer.reply {
        Reply::Answered(verdicts) => verdicts,
        Reply::Refused(refusal) => {
            all.extend(fields([("refusal", 4)]));
            match refusal {
                Refusal::RulePack { .. } => all.extend(fields([("pack named", 32), ("pack active", 32)])),
                Refusal::BudgetSpent { .. } => all.extend(fields([("budget", 1)])),
                _ => {}
            }
            return all;
        }
    };
    all.extend(fields([("verdicts", 8)]));
    for (number, verdict) in verdicts.verdicts.iter().enumerate() {
        let mut one = fields([("truth", 4)]);
        one.extend(fields([("reason", 1)]).into_iter().filter(|_| matches!(verdict.truth, Truth::Indeterminate(_))));
        one.extend(fields([("band is there", 1)]));
        one.extend(fields([("band", 1)]).into_iter().filter(|_| verdict.band.is_some()));
        one.extend(fields([("contested", 1), ("valid until", 4), ("coverage bits", 4)]));
        all.extend(within(&format!("verdict {}", number + 1), one));
    }
    all.extend(fields([("coverage", 8)]));
    for number in 1..=verdicts.coverage.len() {
        all.extend(within(&format!("coverage {number}"), fields([("register", 1), ("synchronised", 8)])));
    }
    all.extend(fields([("law of origin", 1), ("as of", 4)]));
    all
}

/// TRUE, FALSE and each reason for neither.
fn every_truth() -> Answer {
    let Reply::Answered(mut all) = verdicts(8, 2) else { panic!("an answer") };
    let neither = Indeterminate::ALL.iter().map(|reason| Truth::Indeterminate(*reason));
    for (verdict, truth) in all.verdicts.iter_mut().zip([Truth::True, Truth::False].into_iter().chain(neither)) {
        *verdict = Verdict { truth, band: (truth == Truth::True).then_some(3), contested: truth == Truth::False, ..*verdict };
    }
    Answer { query: Digest([0x22; 32]), reply: Reply::Answered(all) }
}

fn refused(refusal: Refusal) -> Answer {
    Answer { query: Digest([0x22; 32]), reply: Reply::Refused(refusal) }
}

#[test]
fn queries() {
    let all = query(&every_shape());
    let (authorised, carried) = (Query { lane: Lane::Authorised, ..largest_query() }, carried());
    let cases = [
        value("all shapes", &all, query_fields(&all)),
        value("authorised, under a portfolio", &authorised, query_fields(&authorised)),
        value("carried", &carried, query_fields(&carried)),
    ];
    check("query.hex", "The question that crosses the border (PROTOCOL 7)", &cases);
}

#[test]
fn answers() {
    let all = every_truth();
    let mut cases = vec![value("answered: every truth", &all, answer_fields(&all))];
    for refusal in refusals() {
        let answer = refused(refusal);
        cases.push(value(&format!("refused: {}", refusal.name()), &answer, answer_fields(&answer)));
    }
    check("answer.hex", "Verdicts with their coverage, or a refusal (PROTOCOL 8 and 9)", &cases);
}

fn leaf_case(title: &str, body: LeafBody) -> Case {
    let terms = |of: &Terms| {
        let mut all = fields([("asker", 8), ("issuer", 8), ("organisation", 24), ("purpose", 1), ("subject kind", 1)]);
        all.extend(fields([("lane", 1), ("legal basis", 1), ("rule pack", 32)]));
        all.extend(predicates_fields(of.predicates.as_slice()));
        all.extend(fields([("with a digest", 1)]));
        let used = fields([("authorisation", 32), ("number of this use", 2), ("of", 2)]);
        all.extend(optional("authorisation", of.authorisation.is_some(), used));
        all.extend(optional("portfolio", of.portfolio.is_some(), fields([("portfolio", 32), ("portfolio: size", 4)])));
        all
    };
    let commitments = || within("commitment", fields([("message", 32), ("subject", 32), ("operator", 32)]));
    let mut all = fields([("version", 2), ("time", 8), ("kind", 4)]);
    match &body {
        LeafBody::Query { terms: of, .. } => {
            all.extend(terms(of));
            all.extend(commitments());
        }
        LeafBody::Answer { terms: of, .. } => {
            all.extend(terms(of));
            all.extend(fields([("outcome", 4)]));
            all.extend(fields([("class", 1)]).into_iter().filter(|_| body.kind() == "refusal"));
            all.extend(fields([("query's leaf", 32)]));
            all.extend(commitments());
        }
        LeafBody::Declined { issuer, predicates, .. } => {
            all.extend(fields([("asker", 8), ("issuer is there", 1)]));
            all.extend(fields([("issuer", 8)]).into_iter().filter(|_| issuer.is_some()));
            all.extend(fields([("organisation", 24), ("purpose", 1), ("subject kind", 1), ("rule pack", 32)]));
            all.extend(predicates_fields(predicates.as_slice()));
            all.extend(fields([("class", 1), ("commitment: subject", 32), ("commitment: operator", 32)]));
        }
        LeafBody::Abandoned { .. } => all.extend(fields([("query's index", 8), ("issuer", 8)])),
        LeafBody::Event(event) => all.extend(event_fields(event)),
    }
    let leaf = Leaf::new(NOW, body);
    let mut case = value(title, &leaf, all);
    case.reread = Box::new(|bytes| Leaf::parse(bytes).ok().map(|leaf| leaf.bytes()));
    case
}

#[test]
fn leaves() {
    let asked = query(&every_shape()[3..5]);
    let declined = |issuer: Option<Region>, subject, refusal| Declined {
        asker: asked.asker,
        issuer,
        organisation: asked.organisation,
        operator: asked.operator,
        purpose: asked.purpose,
        subject,
        predicates: asked.predicates.clone(),
        pack: asked.pack,
        refusal,
    };
    let known = declined(Some(asked.issuer), DeclinedSubject::Known(subject()), Refusal::PairWithoutBasis);
    let person = declined(None, DeclinedSubject::NaturalPerson, Refusal::NaturalPerson);
    let answer = Answer { query: Digest([0x22; 32]), reply: verdicts(2, 1) };
    check(
        "leaf.hex",
        "Leaves: what an auditor may read, and commitments to the rest (PROTOCOL 10); all seeds are 32 bytes of 55",
        &[
            leaf_case("query", LeafBody::of_query(&asked, &seed(0x55))),
            leaf_case("answer", LeafBody::of_answer(&asked, &answer, &seed(0x55))),
            leaf_case("refusal", LeafBody::of_answer(&asked, &refused(Refusal::Closing), &seed(0x55))),
            leaf_case("declined", LeafBody::of_declined(&known, &seed(0x55))),
            leaf_case("declined: a natural person", LeafBody::of_declined(&person, &seed(0x55))),
            leaf_case("query: authorised, under a portfolio", LeafBody::of_query(&largest_query(), &seed(0x55))),
            leaf_case("query: carried", LeafBody::of_query(&carried(), &seed(0x55))),
            leaf_case("abandoned", LeafBody::Abandoned { query: 7, issuer: name("hk") }),
        ],
    );
}

#[test]
fn events() {
    let cases: Vec<_> = every_event().into_iter().map(|event| leaf_case(event.kind(), LeafBody::Event(event))).collect();
    check("event.hex", "Leaves that are no messages: what a node or its operator did (PROTOCOL 10.3)", &cases);
}

#[test]
fn authorisations() {
    let signed = authorisation();
    let withdrawal = Withdrawal { authorisation: signed.authorisation.digest(), channel: name("portal.hk"), at: NOW };
    let (granted, withdrawn) = (signed, withdrawal.sign(&channel_key()));
    let mut fields_of_granted = authorisation_fields();
    fields_of_granted.extend(fields([("signature", 64)]));
    let fields_of_withdrawn = fields([("authorisation", 32), ("channel", 24), ("at", 8), ("signature", 64)]);
    check(
        "authorisation.hex",
        "What an entity permitted, and its withdrawal (PROTOCOL 7.2); the channel's seed is 32 bytes of 88",
        &[value("granted", &granted, fields_of_granted), value("withdrawn", &withdrawn, fields_of_withdrawn)],
    );
}

#[test]
fn portfolios() {
    let portfolio =
        Portfolio { nonce: 7, organisation: name("bank-01"), purpose: Purpose::Fin, size: 5_000, until: NOW.plus(86_400_000) };
    let all = fields([("nonce", 16), ("organisation", 24), ("purpose", 1), ("size", 4), ("until", 8)]);
    check("portfolio.hex", "A declared portfolio (PROTOCOL 7.3)", &[value("of 5 000 subjects", &portfolio, all)]);
}

#[test]
fn control_messages() {
    let log = Log::new("gz", 1).fill(9);
    let (note, seen) = (NoteBytes::new(log.note_at(9)).unwrap(), NoteBytes::new(log.note_at(5)).unwrap());
    let (note_len, seen_len) = (note.as_slice().len(), seen.as_slice().len());
    let hashes = log.consistency(5, 9);
    let count = hashes.len();
    let consistency = Hashes::new(hashes).unwrap();
    let hello =
        |seen| Control::Hello(Hello { version: PROTOCOL_VERSION, region: name("gz"), now: NOW, note: note.clone(), seen });
    let head = || fields([("kind", 4), ("version", 2), ("region", 8), ("now", 8), ("note's length", 8), ("note", note_len)]);
    let proof = || [fields([("hashes", 8)]), vec![("hash".to_owned(), 32); count]].concat();
    let with_seen = fields([("seen is there", 1), ("seen note's length", 8), ("seen note", seen_len)]);
    check(
        "control.hex",
        "Control messages, without the length before them (PROTOCOL 16)",
        &[
            value("hello: nothing seen", &hello(None), [head(), fields([("seen is there", 1)])].concat()),
            value("hello: a note seen", &hello(Some(seen)), [head(), with_seen].concat()),
            value("link", &Control::Link { consistency: consistency.clone() }, [fields([("kind", 4)]), proof()].concat()),
            value(
                "checkpoint",
                &Control::Checkpoint { note: note.clone(), consistency: consistency.clone() },
                [fields([("kind", 4), ("note's length", 8), ("note", note_len)]), proof()].concat(),
            ),
            value(
                "succession",
                &Control::Succession { leaf: note.clone(), inclusion: consistency.clone(), consistency },
                [fields([("kind", 4), ("leaf's length", 8), ("leaf", note_len)]), proof(), proof()].concat(),
            ),
        ],
    );
}

fn frame_case<M>(title: &str, bytes: &[u8], message: Vec<Field>, hashes: usize) -> Case
where
    M: frame::Message + bincode::Decode<()> + 'static,
{
    let mut all = fields([("version", 2), ("levels", 2), ("body's length", 4), ("time", 8), ("seed", 32)]);
    all.extend(fields([("origin: owner", 32), ("origin: number", 4), ("index", 8), ("size", 8)]));
    all.extend(message);
    let named: usize = all.iter().map(|(_, width)| width).sum();
    all.push(("padding".to_owned(), 8 + 1024 - named));
    all.extend(vec![("hash".to_owned(), 32); hashes]);
    let unused = bytes.len() - 8 - 1024 - 32 * hashes;
    all.extend(fields([("unused slots", unused)]).into_iter().filter(|_| unused > 0));
    let reread = |bytes: &[u8]| {
        let read = frame::decode::<M>(bytes).ok()?;
        Some(frame::encode(&read.message, read.time, &read.seed, &read.place))
    };
    Case { title: title.to_owned(), bytes: bytes.to_vec(), fields: all, reread: Box::new(reread) }
}

#[test]
fn frames() {
    let asked = query(&every_shape()[3..5]);
    let answered = Exchange::of(asked.clone(), verdicts(2, 1));
    let refused = Exchange::of(asked.clone(), Reply::Refused(Refusal::BudgetSpent { budget: Budget::Peer }));
    let mut edge = Log::new("gz", 1).fill(12);
    let last = edge.commit(&answered.asked.leaf(NOW), 0);
    let frame_at_the_edge = answered.asked.release(&last).unwrap();
    check(
        "frame.hex",
        "Frames of leaf 5 of 13, and of leaf 12, whose path has 2 of 4 hashes (PROTOCOL 15)",
        &[
            frame_case::<Query>("query", &answered.query_frame, query_fields(&asked), 4),
            frame_case::<Answer>("answer", &answered.answer_frame, answer_fields(answered.judged.answer()), 4),
            frame_case::<Answer>("refusal", &refused.answer_frame, answer_fields(refused.judged.answer()), 4),
            frame_case::<Query>("query at the edge", &frame_at_the_edge, query_fields(&asked), last.place().path.len()),
        ],
    );
}

/// The lines of a text as fields.
fn lines(text: &str, names: &[&str]) -> Vec<Field> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    assert_eq!(lines.len(), names.len(), "{text}");
    lines.iter().zip(names).map(|(line, name)| ((*name).to_owned(), line.len())).collect()
}

#[test]
fn checkpoints() {
    let log = Log::new("gz", 1).fill(13);
    let signed = log.head_at(13).signed().clone();
    let text = signed.checkpoint().text();
    let note = signed.note().to_string();
    let (origin, key) = (log.origin, log.verifier());
    let body = Case {
        title: "text".to_owned(),
        fields: lines(&text, &["origin", "size", "root"]),
        bytes: text.into_bytes(),
        reread: Box::new(|bytes| Some(Checkpoint::parse(std::str::from_utf8(bytes).ok()?).ok()?.text().into_bytes())),
    };
    let whole = Case {
        title: "signed note".to_owned(),
        fields: lines(&note, &["origin", "size", "root", "empty line", "the log's signature"]),
        bytes: note.into_bytes(),
        reread: Box::new(move |bytes| Some(SignedCheckpoint::verify(bytes, &origin, &key).ok()?.note_bytes())),
    };
    check("checkpoint.hex", "A tree head of 13 leaves, in UTF-8; the key's seed is 32 bytes of 01 (PROTOCOL 11)", &[body, whole]);
}

#[test]
fn proofs() {
    let exchange = Exchange::of(query(&every_shape()[3..5]), verdicts(2, 1));
    let place = exchange.query.place();
    let proof = TlogProof { index: place.index, path: place.path.clone(), note: exchange.asker.note_at(place.size) };
    let text = proof.to_string();
    let names =
        ["header", "index", "hash", "hash", "hash", "hash", "empty line", "origin", "size", "root", "empty line", "signature"];
    let (leaf, origin, key) = (*exchange.query.leaf(), exchange.asker.origin, exchange.asker.verifier());
    let case = Case {
        title: "the first leaf of frame.hex, proved".to_owned(),
        fields: lines(&text, &names),
        bytes: text.into_bytes(),
        reread: Box::new(move |bytes| {
            let proof = TlogProof::parse(std::str::from_utf8(bytes).ok()?).ok()?;
            proof.verify(&leaf, &origin, &key).ok().map(|_| proof.to_string().into_bytes())
        }),
    };
    check("tlog-proof.hex", "A proof that can be kept, in UTF-8 (PROTOCOL 17)", &[case]);
    assert_eq!(exchange.query.time(), Millis(NOW.0));
}
