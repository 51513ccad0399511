//! `creditbay portfolio` against a door that gives prepared answers.

use std::fs;

use super::{DeclareArgs, PortfolioCommand, run};
use crate::exit::Exit;
use crate::node::ServicesDoor;
use crate::print::Screen;
use crate::query::tests::door;

fn declared(status: &str, body: &str, json: bool) -> (anyhow::Result<Exit>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (url, serving) = door(status, body);
    let (token, out) = (folder.path().join("token"), folder.path().join("out"));
    fs::write(&token, "secret-token\n").unwrap();
    let door = ServicesDoor { node: None, services: Some(url), token_file: Some(token) };
    let command = PortfolioCommand::Declare(DeclareArgs {
        door,
        purpose: creditbay_protocol::predicate::Purpose::Fin,
        size: 500,
        days: 30,
    });
    let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(&command, &mut screen));
    (exit, fs::read_to_string(out).unwrap(), serving.join().unwrap())
}

#[test]
fn a_portfolio_is_declared_and_its_digest_told() {
    let digest = "ab".repeat(32);
    let body = format!(r#"{{"portfolio":"{digest}","purpose":"FIN","size":500,"until":"2026-12-24T00:00:00.000Z"}}"#);
    let (exit, text, asked) = declared("200 OK", &body, false);
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(text.contains(&format!("--portfolio {digest}")) && text.contains("2026-12-24T00:00:00.000Z"), "{text}");
    let (head, sent) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/portfolios HTTP/1.1\r\n") && head.contains("Bearer secret-token"), "{head}");
    let expected = serde_json::json!({ "purpose": "FIN", "size": 500, "days": 30 });
    assert_eq!(serde_json::from_str::<serde_json::Value>(sent).unwrap(), expected);
    let (_, text, _) = declared("200 OK", &body, true);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["portfolio"], digest);
}

#[test]
fn a_portfolio_that_the_node_does_not_take_is_a_failure_with_its_words() {
    let body = r#"{"type":"portfolio_too_large","title":"The portfolio is too large","detail":"from 1 to 300 subjects"}"#;
    let error = format!("{:#}", declared("400 Bad Request", body, false).0.unwrap_err());
    assert!(error.contains("400") && error.contains("from 1 to 300 subjects") && !error.contains("secret-token"), "{error}");
    let error = format!("{:#}", declared("200 OK", "{}", false).0.unwrap_err());
    assert!(error.contains("another form than this program knows"), "{error}");
}
