//! `creditbay records` against a door that gives prepared answers.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::{ImportArgs, RecordsCommand, numbers, percent_encoded, run};
use crate::exit::Exit;
use crate::node::AdminDoor;
use crate::print::Screen;

/// An admin door that reads one request of which the body ends in `end`, and answers with these lines.
fn door(socket: &Path, end: &'static str, lines: &'static str) -> std::thread::JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        while !asked.ends_with(end.as_bytes()) {
            let read = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..read]);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
        stream.write_all(format!("{head}{lines}").as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    })
}

fn import(lines: &'static str, strict: bool) -> (anyhow::Result<Exit>, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, file) = (folder.path().join("s"), folder.path().join("a b.csv"));
    std::fs::write(&file, "h\n1\nend").unwrap();
    let serving = door(&socket, "end", lines);
    let args = ImportArgs { files: vec![file], door: AdminDoor { node: None, admin: Some(socket) }, strict };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let out = Box::new(std::fs::File::create(folder.path().join("out")).unwrap());
    let exit = runtime.block_on(run(&RecordsCommand::Import(args), &mut Screen::over(out, false)));
    (exit, serving.join().unwrap(), folder)
}

#[test]
fn rejected_rows_are_written_beside_the_file_for_its_owner_alone() {
    let (exit, asked, folder) = import(
        "{\"rejected_header\":\"code,name\"}\n{\"rejected\":{\"row\":2,\"column\":\"code\",\"reason\":\"length\"}}\n{\"rejected_csv\":\",x\"}\n\
         {\"done\":{\"layout\":\"l\",\"register\":\"PERMIT\",\"rows\":1,\"good\":0,\"added\":0,\"unchanged\":0,\"duplicates\":0,\"rejected\":1,\"persons\":0,\"unmatched\":0,\"synchronised\":null}}\n",
        true,
    );
    assert_eq!(exit.unwrap(), Exit::RowsRejected);
    assert!(asked.starts_with("POST /v1/import?file=a%20b.csv&strict=true HTTP/1.1\r\n"), "{asked}");
    let rejected = folder.path().join("a b.csv.rejected.csv");
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), "code,name\n,x\n");
    assert_eq!(std::fs::metadata(&rejected).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_without_rejected_rows_leaves_none() {
    let (exit, _, folder) = import(
        "{\"rejected_header\":\"code,name\"}\n{\"done\":{\"layout\":\"l\",\"register\":\"PERMIT\",\"rows\":1,\"good\":1,\"added\":1,\"unchanged\":0,\"duplicates\":0,\"rejected\":0,\"persons\":0,\"unmatched\":0,\"synchronised\":\"x\"}}\n",
        false,
    );
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(!folder.path().join("a b.csv.rejected.csv").exists());
}

#[test]
fn repairs_that_match_nothing_yet_are_told_by_row_and_count() {
    let (exit, _, folder) = import(
        "{\"unmatched\":{\"row\":3}}\n{\"unmatched\":{\"row\":7}}\n{\"done\":{\"layout\":\"l\",\"register\":\"REPAIR\",\"rows\":5,\"good\":5,\"added\":5,\"unchanged\":0,\"duplicates\":0,\"rejected\":0,\"persons\":0,\"unmatched\":2,\"synchronised\":null}}\n",
        false,
    );
    assert_eq!(exit.unwrap(), Exit::Done, "they are no fault of the file: the record may come later");
    let told = std::fs::read_to_string(folder.path().join("out")).unwrap();
    assert!(told.contains("2 rows of repairs and withdrawals match no record that is here: rows 3, 7;"), "{told}");
    assert_eq!(numbers(&[3, 7], 2), "3, 7");
    assert_eq!(numbers(&[3, 7], 9), "3, 7 and 7 more");
}

#[test]
fn a_file_that_was_not_taken_over_is_a_failure() {
    assert_eq!(import("{\"failed\":{\"reason\":\"unknown layout\"}}\n", false).0.unwrap(), Exit::Failed);
    let cut = import("{\"progress\":{\"rows\":1000}}\n", false).0.unwrap_err();
    assert!(format!("{cut:#}").contains("before it said what became"), "{cut:#}");
}

#[test]
fn names_are_encoded() {
    assert_eq!(percent_encoded("许可&a=b.csv"), "%E8%AE%B8%E5%8F%AF%26a%3Db.csv");
}
