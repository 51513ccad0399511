//! `creditbay query` against a door that gives prepared answers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;

use super::{QueryArgs, run};
use crate::attestation::tests::{SUBJECT, attestation, network};
use crate::authorisation::{self, tests::answer_once};
use crate::exit::{self, Exit};
use crate::node::ServicesDoor;
use crate::print::Screen;

/// A services' door that takes one question and gives one answer; gives what it was asked.
pub(crate) fn door(status: &str, body: &str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, answer_once(move || listener.accept().unwrap().0, status, body))
}

fn args(folder: &Path, url: String, subject: &str) -> QueryArgs {
    let token = folder.join("token");
    fs::write(&token, "secret-token\n").unwrap();
    QueryArgs {
        door: ServicesDoor { node: None, services: Some(url), token_file: Some(token) },
        purpose: creditbay_protocol::predicate::Purpose::Fin,
        subject: Some(subject.to_owned()),
        bearer: false,
        ask: vec!["not_listed(SER_ANY)".parse().unwrap()],
        operator: "a.chan".parse().unwrap(),
        issuer: Some("gz".parse().unwrap()),
        authorisation: None,
        digest: None,
        report: None,
        portfolio: None,
        out: Some(folder.join("kept.json")),
        network: None,
    }
}

fn told(args: &QueryArgs, folder: &Path, json: bool) -> (anyhow::Result<Exit>, String) {
    let out: PathBuf = folder.join("out");
    let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(args, &mut screen));
    (exit, fs::read_to_string(out).unwrap())
}

#[test]
fn an_answer_is_told_kept_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let body = serde_json::json!({ "outcome": "answered", "attestation": attestation(&net) }).to_string();
    let (url, serving) = door("200 OK", &body);
    let mut args = args(folder.path(), url, &format!("uscc:{SUBJECT}"));
    args.network = Some(net.join("network.toml"));
    let (exit, text) = told(&args, folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    assert!(text.contains("TRUE") && text.contains("verified: query and answer") && text.contains(" ms"), "{text}");
    assert_eq!(fs::metadata(folder.path().join("kept.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let asked = serving.join().unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /v1/queries HTTP/1.1\r\n") && head.contains("authorization: Bearer secret-token\r\n"),
        "{head}"
    );
    let expected = serde_json::json!({
        "purpose": "FIN", "operator": "a.chan", "issuer": "gz", "subject": { "scheme": "uscc", "value": SUBJECT },
        "predicates": [{ "shape": "not_listed", "of": "SER_ANY", "window_months": 0 }],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), expected);
}

#[test]
fn an_answer_that_does_not_verify_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let mut forged = attestation(&net);
    forged.id = "0".repeat(64);
    let body = serde_json::json!({ "outcome": "answered", "attestation": forged }).to_string();
    let (url, serving) = door("200 OK", &body);
    let mut args = args(folder.path(), url, &format!("uscc:{SUBJECT}"));
    args.network = Some(net.join("network.toml"));
    let (exit, text) = told(&args, folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Refuted, "{text}");
    serving.join().unwrap();
}

#[test]
fn a_refusal_of_the_issuer_and_one_of_the_own_node_end_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let body = serde_json::json!({ "outcome": "refused", "attestation": attestation(&net) }).to_string();
    let (url, serving) = door("200 OK", &body);
    assert_eq!(told(&args(folder.path(), url, &format!("uscc:{SUBJECT}")), folder.path(), true).0.unwrap(), Exit::Declined);
    serving.join().unwrap();
    let problem = r#"{"type":"declined","title":"not asked","status":403,"detail":"the purpose may not ask this type","reason":"purpose_not_admitted","leaf":17}"#;
    let (url, serving) = door("403 Forbidden", problem);
    let (exit, text) = told(&args(folder.path(), url, &format!("uscc:{SUBJECT}")), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Declined);
    assert!(text.contains("purpose_not_admitted") && text.contains("leaf 17") && !text.contains(SUBJECT), "{text}");
    serving.join().unwrap();
}

#[test]
fn what_the_door_says_otherwise_is_a_failure_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    for (status, hint) in
        [("401 Unauthorized", "check the token"), ("503 Service Unavailable", "creditbay status"), ("404 Not Found", "--issuer")]
    {
        let (url, serving) = door(status, r#"{"type":"x","title":"no","detail":"why"}"#);
        let error = told(&args(folder.path(), url, &format!("uscc:{SUBJECT}")), folder.path(), false).0.unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains(hint) && text.contains("no: why") && !text.contains(SUBJECT) && !text.contains("secret-token"),
            "{text}"
        );
        assert_eq!(exit::of_error(&error), Exit::Failed);
        serving.join().unwrap();
    }
}

#[test]
fn a_subject_without_a_known_scheme_is_a_wrong_command_line_that_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    for subject in [SUBJECT.to_owned(), format!("code:{SUBJECT}")] {
        let error = told(&args(folder.path(), "http://127.0.0.1:1".to_owned(), &subject), folder.path(), false).0.unwrap_err();
        assert_eq!(exit::of_error(&error), Exit::Usage);
        assert!(!format!("{error:#}").contains(SUBJECT));
    }
}

/// What the door is asked.
fn asked(change: impl FnOnce(&mut QueryArgs)) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let (url, serving) = door("403 Forbidden", r#"{"type":"declined","title":"not asked","detail":"why"}"#);
    let mut args = args(folder.path(), url, &format!("uscc:{SUBJECT}"));
    change(&mut args);
    assert_eq!(told(&args, folder.path(), false).0.unwrap(), Exit::Declined);
    let asked = serving.join().unwrap();
    serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_bearer_is_asked_about_by_the_digest_of_a_file_that_does_not_leave() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.pdf");
    fs::write(&report, b"the report of a person who is named in it").unwrap();
    let matches = || vec!["hash_matches(REPORT_VERIFY)".parse().unwrap()];
    let by_file =
        asked(|args| (args.subject, args.bearer, args.ask, args.report) = (None, true, matches(), Some(report.clone())));
    let digest = Digest::of(b"the report of a person who is named in it");
    assert_eq!(
        (&by_file["subject"], &by_file["digest"]),
        (&serde_json::json!({ "scheme": "bearer" }), &serde_json::json!(digest))
    );
    assert!(!by_file.to_string().contains("person"), "{by_file}");
    let by_digest = asked(|args| (args.subject, args.bearer, args.ask, args.digest) = (None, true, matches(), Some(digest)));
    assert_eq!(by_digest, by_file);
}

#[test]
fn authorisation_and_portfolio_go_with_the_question() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = authorisation::tests::written(&net, folder.path());
    let portfolio = Digest([7; 32]);
    let asked = asked(|args| (args.authorisation, args.portfolio) = (Some(file.clone()), Some(portfolio)));
    let kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&asked["authorisation"], &asked["portfolio"]), (&kept, &serde_json::json!(portfolio)));
    assert!(asked.get("digest").is_none(), "{asked}");
}

#[test]
fn a_file_that_is_no_authorisation_or_not_there_asks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    fs::write(&file, format!("{{\"authorisation\":{{\"subject\":\"uscc:{SUBJECT}\"}}}}")).unwrap();
    for (name, words) in [("x.json", "cannot be read at line 1"), ("none.json", "does not exist")] {
        let mut args = args(folder.path(), "http://127.0.0.1:1".to_owned(), &format!("uscc:{SUBJECT}"));
        args.authorisation = Some(folder.path().join(name));
        let error = format!("{:#}", told(&args, folder.path(), false).0.unwrap_err());
        assert!(error.contains(words) && !error.contains(SUBJECT), "{error}");
    }
}
