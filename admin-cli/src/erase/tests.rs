//! `creditbay erase` against a door that gives prepared answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

use creditbay_protocol::erasure::ErasureGround;

use super::{EraseArgs, Standing, fields, run};
use crate::exit::{self, Exit};
use crate::node::AdminDoor;
use crate::print::Screen;

fn door(socket: &Path, answer: String) -> std::thread::JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
        while !asked.ends_with(b"}") {
            let read = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{answer}").as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    })
}

fn args(socket: &Path) -> EraseArgs {
    EraseArgs {
        door: AdminDoor { node: None, admin: Some(socket.to_owned()) },
        subject: Some("uscc:91440101MA9XTEAT0A".to_owned()),
        before: None,
        index: None,
        log: None,
        person_from: None,
        records: false,
        outstanding: false,
        ground: Some(ErasureGround::SubjectRequest),
        force_early: false,
    }
}

fn ended(answer: &str) -> (anyhow::Result<Exit>, String, String) {
    ended_with(answer, |args| args)
}

fn ended_with(answer: &str, change: impl Fn(EraseArgs) -> EraseArgs) -> (anyhow::Result<Exit>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, out) = (folder.path().join("s"), folder.path().join("out"));
    let args = |socket: &Path| change(args(socket));
    let serving = door(&socket, answer.to_owned());
    let mut screen = Screen::over(Box::new(std::fs::File::create(&out).unwrap()), false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(&args(&socket), &mut screen));
    (exit, serving.join().unwrap(), std::fs::read_to_string(out).unwrap())
}

#[test]
fn what_was_erased_is_told_with_what_lies_outside() {
    let (exit, asked, said) = ended(
        "{\"progress\":{\"leaves\":5,\"of\":9}}\n\"working\"\n{\"done\":{\"leaves\":[7],\"exchanges\":2,\"receipts\":0,\"told\":2,\
         \"waits_for_peers\":false,\"keys_destroyed\":1,\"sealed_anew\":3}}\n",
    );
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(asked.starts_with("POST /v1/erasures HTTP/1.1\r\n") && asked.contains(r#""ground":"subject_request""#), "{asked}");
    assert!(asked.contains(r#""subject":{"identifier":"91440101MA9XTEAT0A","scheme":"uscc"}"#), "{asked}");
    assert!(said.contains("2 leaves") && said.contains("leaf 7") && said.contains("outside the nodes"), "{said}");
}

#[test]
fn records_are_named_as_such_and_a_person_by_a_file_alone() {
    let answer = r#"{"records_done":{"leaf":9,"records":3,"reports":1,"persons":0,"keys_destroyed":2}}"#.to_owned() + "\n";
    let (exit, asked, said) = ended_with(&answer, |args| EraseArgs { records: true, ..args });
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(asked.contains(r#""records":true"#) && asked.contains("91440101MA9XTEAT0A"), "{asked}");
    assert!(said.contains("3 x record, 1 x report") && said.contains("leaf 9") && said.contains("imported"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("number");
    std::fs::write(&file, "440106199003071231\n").unwrap();
    let nothing = r#"{"records_done":{"leaf":null,"records":0,"reports":0,"persons":0,"keys_destroyed":0}}"#.to_owned() + "\n";
    let (exit, asked, said) = ended_with(&nothing, |args| EraseArgs { subject: None, person_from: Some(file.clone()), ..args });
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(asked.contains(r#""person":"440106199003071231""#), "{asked}");
    assert!(said.contains("Nothing is recorded") && !said.contains("440106"), "{said}");
}

#[test]
fn an_answer_that_says_no_or_ends_early_is_a_failure_with_its_reason() {
    let problem = r#"{"failed":{"type":"still_usable","title":"Answers may still be used","status":409,"detail":"wait"}}"#;
    let (exit, ..) = ended(&format!("{problem}\n"));
    let error = exit.unwrap_err();
    assert_eq!((exit::of_error(&error), format!("{error:#}").contains("Answers may still be used: wait")), (Exit::Failed, true));
    assert!(format!("{error:#}").starts_with("nothing was erased"));
    let (exit, ..) = ended(&format!("{}\n", problem.replace("still_usable", "log_stopped")));
    assert!(format!("{:#}", exit.unwrap_err()).starts_with("not finished"));
    let (exit, ..) = ended("\"working\"\n");
    assert!(format!("{:#}", exit.unwrap_err()).contains("carried through"));
    let (exit, ..) = ended("something else\n");
    assert!(format!("{:#}", exit.unwrap_err()).contains("another form"));
}

#[test]
fn how_erasure_stands_is_told_in_two_lines() {
    let standing = |text: &str| fields(&serde_json::from_str::<Standing>(text).unwrap()).to_string();
    let good = standing(
        r#"{"pending":0,"outstanding":[{"peer":"hk","notices":2,"oldest_leaf":7}],"retention_done":"2026-11-24","retention_erased":3,"retention_failed":null}"#,
    );
    assert!(good.contains("2 notices not acknowledged") && good.contains("done on 2026-11-24, 3 erased"), "{good}");
    let bad = standing(r#"{"pending":1,"outstanding":[],"retention_done":null,"retention_erased":0,"retention_failed":"disk"}"#);
    assert!(bad.contains("1 not carried through") && bad.contains("LAGS: disk"), "{bad}");
}
