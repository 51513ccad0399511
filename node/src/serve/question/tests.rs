//! What a service writes and what is read of it; nothing that could identify somebody is ever repeated.

use axum::body::Body as HttpBody;
use axum::extract::FromRequest;
use axum::http::{Request, header};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::authorisation::NamedSubject as Permitting;
use creditbay_protocol::authorisation::{Agreed, Authorisation, Language, Notice, Types, Uses};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::{Domains, MAX_DOMAIN};
use creditbay_protocol::predicate::{AttestationType, Predicate};
use serde_json::{Value, json};

use super::*;

const SUBJECT: &str = "91440101MA9XTEAT0A";
const PERSON: &str = "440106199001049997";

fn bank() -> OrganisationId {
    OrganisationId::new("bank.hk").unwrap()
}

async fn body<T: serde::de::DeserializeOwned>(kind: &str, text: String) -> Body<T> {
    let request = Request::builder().header(header::CONTENT_TYPE, kind).body(HttpBody::from(text)).unwrap();
    Json::from_request(request, &()).await
}

async fn read(question_json: &Value) -> Result<Question, Problem> {
    question(bank(), body("application/json", question_json.to_string()).await)
}

/// The question with these keys set, or taken out where they are null.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut question = json!({
        "purpose": "FIN", "operator": "a.chan", "subject": { "scheme": "uscc", "value": SUBJECT },
        "predicates": [{ "shape": "not_listed", "of": "SER_ANY", "window_months": 0 }],
    });
    for (key, value) in changes {
        question[key] = value.clone();
    }
    question
}

fn authorisation() -> SignedAuthorisation {
    let authorisation = Authorisation {
        nonce: [1; 16],
        channel: "portal.gz".parse().unwrap(),
        subject: Permitting(Identifier::parse(Scheme::Uscc, SUBJECT).unwrap()),
        issuer: "gz".parse().unwrap(),
        asker: "hk".parse().unwrap(),
        organisation: bank(),
        purpose: Purpose::Fin,
        types: Types::of(AttestationType::ALL).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest([2; 32]) },
        agreed: Agreed { provide: true, sensitive: true, export: true },
        granted: Millis(1),
        expires: Millis(2),
        uses: Uses::new(63).unwrap(),
    };
    authorisation.sign(&SigningKey::from_seed(Seed::from_bytes([3; 32])))
}

/// The problem's name and all of its words.
async fn refused(question_json: &Value) -> (&'static str, String) {
    let Err(problem) = read(question_json).await else { panic!("{question_json} was read") };
    (problem.name, serde_json::to_string(&problem).unwrap())
}

#[tokio::test]
async fn a_question_about_an_entity_needs_no_more_than_before() {
    let question = read(&with(&[])).await.unwrap();
    let About::Entity(identifier) = question.subject else { panic!("no entity") };
    assert_eq!((identifier.expose(), question.organisation), (SUBJECT, bank()));
    assert!(question.authorisation.is_none() && question.digest.is_none() && question.portfolio.is_none());
}

#[tokio::test]
async fn authorisation_digest_and_portfolio_are_handed_on_as_they_came() {
    let (digest, portfolio) = (Digest([4; 32]), Digest([5; 32]));
    let all = [("authorisation", json!(authorisation())), ("digest", json!(digest)), ("portfolio", json!(portfolio))];
    let question = read(&with(&all)).await.unwrap();
    assert_eq!(question.authorisation, Some(authorisation()));
    assert_eq!((question.digest, question.portfolio), (Some(digest), Some(portfolio)));
}

#[tokio::test]
async fn a_bearer_has_no_number() {
    let matches = json!([{ "shape": "hash_matches", "of": "REPORT_VERIFY" }]);
    let bearer = |value: Value| {
        with(&[("subject", value), ("digest", json!(Digest([4; 32]))), ("predicates", matches.clone()), ("issuer", json!("gz"))])
    };
    let question = read(&bearer(json!({ "scheme": "bearer" }))).await.unwrap();
    assert!(matches!(question.subject, About::Bearer));
    for named in [PERSON, ""] {
        let (name, words) = refused(&bearer(json!({ "scheme": "bearer", "value": named }))).await;
        assert_eq!(name, "bad_identifier");
        assert!(words.contains("leave `value` out") && !words.contains(PERSON), "{words}");
    }
    let (name, words) = refused(&bearer(json!({ "scheme": "uscc" }))).await;
    assert!(name == "bad_identifier" && words.contains("`value` is missing"), "{words}");
    let numbered = read(&bearer(json!({ "scheme": "ric", "value": PERSON }))).await.unwrap();
    assert!(matches!(numbered.subject, About::NaturalPerson), "a number is a person's still, and goes nowhere");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_by_its_place_and_never_repeated() {
    let mut forged = json!(authorisation());
    forged["authorisation"]["subject"] = json!(format!("ric:{PERSON}"));
    let mut more = json!(authorisation());
    more["authorisation"]["wildcard"] = json!(PERSON);
    let mut unsigned = json!(authorisation());
    unsigned["signature"] = json!("AAAA");
    let mut unlimited = json!(authorisation());
    unlimited["authorisation"]["uses"] = json!(64);
    let mut untyped = json!(authorisation());
    untyped["authorisation"]["types"] = json!([]);
    for (key, value) in [
        ("authorisation", forged),
        ("authorisation", more),
        ("authorisation", unsigned),
        ("authorisation", unlimited),
        ("authorisation", untyped),
        ("authorisation", json!("text")),
        ("digest", json!(PERSON)),
        ("digest", json!("A".repeat(64))),
        ("portfolio", json!("0".repeat(63))),
        ("person", json!(PERSON)),
    ] {
        let (name, words) = refused(&with(&[(key, value.clone())])).await;
        assert_eq!(name, "bad_request", "{key} {value}");
        assert!(words.contains("line 1, column ") && !words.contains(PERSON) && !words.contains("wildcard"), "{words}");
    }
}

#[tokio::test]
async fn the_largest_question_is_far_below_the_bound() {
    let domains: Vec<u8> = (1..=MAX_DOMAIN).collect();
    let of = AttestationType::NoViolReport;
    let predicate = Predicate::HashMatches { of, domains: Domains::of(&domains).unwrap(), window_months: 60 };
    let long = "a".repeat(24);
    let largest = with(&[
        ("operator", json!(long)),
        ("issuer", json!("a".repeat(8))),
        ("predicates", json!(vec![predicate; 8])),
        ("authorisation", json!(authorisation())),
        ("digest", json!(Digest([4; 32]))),
        ("portfolio", json!(Digest([5; 32]))),
    ]);
    assert!(read(&largest).await.is_ok());
    assert!(largest.to_string().len() < 4096 && 4 * 4096 <= MAX_BODY_BYTES, "{}", largest.to_string().len());
}

#[tokio::test]
async fn a_declaration_has_purpose_size_and_days() {
    let declared = |value: Value| async move { declaration(body("application/json", value.to_string()).await) };
    let read = declared(json!({ "purpose": "FIN", "size": 500, "days": 30 })).await.unwrap();
    assert_eq!((read.purpose, read.size, read.days), (Purpose::Fin, 500, 30));
    for wrong in [
        json!({ "purpose": "FIN", "size": 500 }),
        json!({ "purpose": "FIN", "size": -1, "days": 30 }),
        json!({ "purpose": "FIN", "size": 500, "days": 30, "subjects": [SUBJECT] }),
        json!({ "purpose": "ALL", "size": 500, "days": 30 }),
    ] {
        let Err(problem) = declared(wrong.clone()).await else { panic!("{wrong} was read") };
        let words = serde_json::to_string(&problem).unwrap();
        assert!(problem.name == "bad_request" && words.contains("a declaration holds") && !words.contains(SUBJECT), "{words}");
    }
}

#[tokio::test]
async fn another_kind_of_body_is_refused() {
    let Err(problem) = question(bank(), body("text/plain", with(&[]).to_string()).await) else { panic!("text was read") };
    assert!(problem.name == "bad_request" && problem.detail.contains("Content-Type: application/json"), "{}", problem.detail);
}
