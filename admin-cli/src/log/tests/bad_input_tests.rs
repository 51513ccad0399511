//! Sources that give what they should not: every one ends with a named fault, in bounded time and memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use creditbay_protocol::tile::TilePath;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Bay, kinds};
use crate::exit::Exit;
use crate::log::sample::{of_entries, queries};
use crate::log::source::AuditorArgs;
use crate::log::{LogCommand, VerifyArgs};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn refused(kinds: &[&str]) -> (Exit, Vec<String>) {
    (Exit::Refuted, kinds.iter().map(|kind| (*kind).to_owned()).collect())
}

/// What is found after a file of a good log was changed.
fn found(path: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Exit, Vec<String>) {
    let bay = Bay::new(&of_entries(&queries(300)));
    let path = bay.path("log").join(path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, change(bytes)).unwrap();
    bay.verify(None)
}

#[test]
fn a_compressed_bundle_is_as_good_as_a_plain_one() {
    assert_eq!(found("tile/entries/000", |bytes| gzip(&bytes)), (Exit::Done, vec![]));
    let in_two = |bytes: Vec<u8>| [gzip(&bytes[..1000]), gzip(&bytes[1000..])].concat();
    assert_eq!(found("tile/entries/000", in_two), (Exit::Done, vec![]));
}

#[test]
fn a_compressed_bundle_is_unpacked_under_a_bound() {
    let cut = |bytes: Vec<u8>| gzip(&bytes)[..500].to_vec();
    assert_eq!(found("tile/entries/000", cut), refused(&["unreadable", "missing"]));
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(found("tile/entries/000", |_| bomb[..].to_vec()).1, ["unreadable", "missing"]);
    assert_eq!(found("tile/0/000", |bytes| gzip(&bytes)), refused(&["tile"]), "hash tiles are never compressed");
}

#[test]
fn an_entry_of_65_535_bytes_is_no_leaf_and_a_bundle_of_them_is_not_read() {
    let with = |entry: Vec<u8>| {
        let mut entries = queries(300);
        entries[7] = entry;
        let bay = Bay::new(&of_entries(&entries));
        bay.verify(None)
    };
    assert_eq!(with(vec![7; 65_535]), refused(&["leaf"]));
    let giant: Vec<u8> = std::iter::repeat_n([&[0xff, 0xff][..], &[7; 65_535]].concat(), 256).flatten().collect();
    assert_eq!(found("tile/entries/000", |_| giant).1, ["unreadable", "missing"]);
}

#[test]
fn a_missing_tile_and_one_of_another_width_are_named() {
    let bay = Bay::new(&of_entries(&queries(300)));
    fs::remove_file(bay.path("log/tile/0/000")).unwrap();
    fs::rename(bay.path("log/tile/entries/001.p/44"), bay.path("log/tile/entries/001.p/43")).unwrap();
    assert_eq!(bay.verify(None), refused(&["missing", "missing"]));
    assert_eq!(found("tile/1/000.p/1", |bytes| [bytes.clone(), bytes].concat()), refused(&["tile"]));
    assert_eq!(found("tile/0/001.p/44", |bytes| bytes[32..].to_vec()), refused(&["tile"]));
}

/// A server of these files that answers each request on a connection of its own.
fn serve(files: BTreeMap<String, Vec<u8>>, status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = match files.get(&path) {
                Some(body) if path == "checkpoint" => ("200 OK", body.as_slice()),
                Some(body) => (status, body.as_slice()),
                None => ("404 Not Found", &b""[..]),
            };
            let encoding = if body.starts_with(&[0x1f, 0x8b]) { "content-encoding: gzip\r\n" } else { "" };
            let head = format!("HTTP/1.1 {status}\r\n{encoding}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // Who has read enough goes away.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    url
}

/// The files of a good log as a server gives them.
fn files(bay: &Bay, size: u64, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let paths = TilePath::all(size).map(|path| path.to_string()).chain(["checkpoint".to_owned()]);
    paths.map(|path| (path.clone(), change(&path, fs::read(bay.path("log").join(&path)).unwrap()))).collect()
}

fn verify_at(bay: &Bay, url: String) -> (anyhow::Result<Exit>, String) {
    let auditor = AuditorArgs { auditor_key: Some(bay.path("net/auditor/auditor.pem")), ..super::auditor() };
    bay.run(&LogCommand::Verify(VerifyArgs { place: Some(url), auditor, ..bay.verify_args() }))
}

#[test]
fn a_server_may_compress_bundles_and_may_not_answer_wrongly() {
    let bay = Bay::new(&of_entries(&queries(300)));
    let at = |files, status| verify_at(&bay, serve(files, status));
    let compressed = |path: &str, bytes: Vec<u8>| if path.contains("entries") { gzip(&bytes) } else { bytes };
    let (exit, out) = at(files(&bay, 300, compressed), "200 OK");
    assert_eq!((exit.unwrap(), kinds(&out)), (Exit::Done, vec![]));
    let swollen = |path: &str, bytes: Vec<u8>| if path == "tile/0/000" { vec![0; 10 << 20] } else { bytes };
    let (exit, out) = at(files(&bay, 300, swollen), "200 OK");
    assert_eq!((exit.unwrap(), kinds(&out)), refused(&["unreadable", "missing"]));
    let garbage = |path: &str, bytes: Vec<u8>| if path == "checkpoint" { bytes } else { b"<html>sorry</html>".to_vec() };
    let (exit, out) = at(files(&bay, 300, garbage), "200 OK");
    assert!(
        exit.unwrap() == Exit::Refuted && kinds(&out).iter().all(|kind| ["tile", "root_unknown"].contains(&kind.as_str())),
        "{out}"
    );
    let (exit, _) = at(files(&bay, 300, |_, bytes| bytes), "500 Internal Server Error");
    let error = exit.unwrap_err().to_string();
    assert!(error.contains("try again later") && error.contains("tile/"), "{error}");
}
