//! `creditbay rules suspend` and `resume` against a door that gives prepared answers.

use std::fs;

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::AttestationType;

use super::{SuspensionArgs, SuspensionCommand, run};
use crate::authorisation::tests::socket;
use crate::exit::Exit;
use crate::node::AdminDoor;
use crate::print::Screen;

type Order = fn(SuspensionArgs) -> SuspensionCommand;

/// How an order ended, what was said, and what the node was sent.
fn ordered(
    order: Order,
    of: Option<AttestationType>,
    peer: Option<&str>,
    answer: (&str, &str),
    json: bool,
) -> (anyhow::Result<Exit>, String, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("admin.sock"), folder.path().join("out"));
    let serving = socket(&path, answer.0, answer.1);
    let door = AdminDoor { node: None, admin: Some(path) };
    let command = order(SuspensionArgs { door, of, peer: peer.map(|peer| Region::new(peer).unwrap()) });
    let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(&command, &mut screen));
    let asked = serving.join().unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/suspensions HTTP/1.1\r\n"), "{head}");
    (exit, fs::read_to_string(out).unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_peer_or_a_type_is_suspended_and_resumed() {
    let taken = ("200 OK", r#"{"leaf":9}"#);
    let (exit, text, sent) = ordered(SuspensionCommand::Suspend, Some(AttestationType::TaxGrade), None, taken, false);
    assert_eq!((exit.unwrap(), sent), (Exit::Done, serde_json::json!({ "type": "TAX_GRADE", "in_force": true })));
    assert!(text.contains("suspended") && text.contains("type TAX_GRADE") && text.contains("leaf 9"), "{text}");
    let (exit, text, sent) = ordered(SuspensionCommand::Resume, None, Some("hk"), taken, false);
    assert_eq!((exit.unwrap(), sent), (Exit::Done, serde_json::json!({ "peer": "hk", "in_force": false })));
    assert!(text.contains("resumed") && text.contains("peer hk"), "{text}");
    let (_, text, _) = ordered(SuspensionCommand::Suspend, None, Some("hk"), taken, true);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told, serde_json::json!({ "type": null, "peer": "hk", "in_force": true, "leaf": 9 }));
}

#[test]
fn what_the_node_does_not_take_is_a_failure_with_its_words() {
    let problem = ("400 Bad Request", r#"{"type":"no_peer","title":"No such peer","detail":"creditbay status lists the peers"}"#);
    let (exit, _, _) = ordered(SuspensionCommand::Suspend, None, Some("fs"), problem, false);
    let error = format!("{:#}", exit.unwrap_err());
    assert!(error.contains("400") && error.contains("No such peer"), "{error}");
    let (exit, _, _) = ordered(SuspensionCommand::Suspend, None, Some("hk"), ("200 OK", "{}"), false);
    assert!(format!("{:#}", exit.unwrap_err()).contains("another form"));
}
