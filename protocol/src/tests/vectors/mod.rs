//! Every wire type against the files in `protocol/vectors`: annotated hex, one field per line with its name.
//!
//! A file is compared as text, its bytes are read back to the value, every shorter and one longer input is refused. With
//! `CREDITBAY_WRITE_VECTORS=1` the files are written instead of compared; a difference in one is a new protocol version.
//! Not here: what a message does (the other stories).
#![allow(clippy::disallowed_methods, reason = "the vectors are files")]

mod acts;
mod messages;
mod parts;

use std::fmt::Write;
use std::path::PathBuf;

use bincode::{Decode, Encode};

use crate::limits::MAX_WIRE_BYTES;
use crate::wire;

/// A field's name and its bytes on the wire.
type Field = (String, usize);

/// Fields that stand there or not, behind the byte that says so.
fn optional(name: &str, there: bool, what: Vec<Field>) -> Vec<Field> {
    let mut all = vec![(format!("{name} is there"), 1)];
    all.extend(what.into_iter().filter(|_| there));
    all
}

/// Reads bytes and writes them again; nothing if they are refused.
type Reread = Box<dyn Fn(&[u8]) -> Option<Vec<u8>>>;

/// One value of a file.
struct Case {
    title: String,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    reread: Reread,
}

/// A value of the wire, its fields in their order.
fn value<T>(title: &str, value: &T, fields: Vec<Field>) -> Case
where
    T: Encode + Decode<()> + PartialEq + 'static,
{
    let bytes = wire::encode(value);
    assert!(wire::decode::<T>(&bytes, MAX_WIRE_BYTES).is_ok_and(|read| read == *value), "{title} does not come back");
    let reread = |bytes: &[u8]| wire::decode::<T>(bytes, MAX_WIRE_BYTES).ok().map(|read| wire::encode(&read));
    Case { title: title.to_owned(), bytes, fields, reread: Box::new(reread) }
}

fn fields<const N: usize>(fields: [(&str, usize); N]) -> Vec<Field> {
    fields.map(|(name, width)| (name.to_owned(), width)).to_vec()
}

fn within(name: &str, fields: Vec<Field>) -> Vec<Field> {
    fields.into_iter().map(|(field, width)| (format!("{name}: {field}"), width)).collect()
}

/// Holds the cases against the file, and every forgery of a length against the reader.
fn check(file: &str, about: &str, cases: &[Case]) {
    let text = cases.iter().fold(format!("# {about}\n"), |text, case| text + "\n" + &annotate(case));
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")).join(file);
    if std::env::var("CREDITBAY_WRITE_VECTORS").as_deref() == Ok("1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == text, "{file} differs from what is encoded now:\n{text}");
    let read = read(&written);
    assert_eq!(read.len(), cases.len());
    for ((title, bytes), case) in read.iter().zip(cases) {
        assert_eq!((title, bytes), (&case.title, &case.bytes));
        assert_eq!((case.reread)(bytes).as_ref(), Some(bytes), "{file}: {title} is not read back");
        for cut in 0..bytes.len() {
            assert_eq!((case.reread)(&bytes[..cut]), None, "{file}: {title} cut at {cut}");
        }
        for more in [0, b'\n'] {
            assert_eq!((case.reread)(&[bytes.as_slice(), &[more]].concat()), None, "{file}: {title} and one byte more");
        }
    }
}

/// `== title`, then a line for each field; longer fields go on in lines without a name, runs of zeros are counted.
fn annotate(case: &Case) -> String {
    let mut text = format!("== {}\n", case.title);
    let mut rest = case.bytes.as_slice();
    for (name, width) in &case.fields {
        let (field, after) = rest.split_at_checked(*width).unwrap_or_else(|| panic!("{}: {name} is too wide", case.title));
        rest = after;
        let zeros = field.len() > 32 && field.iter().all(|byte| *byte == 0);
        let lines: Vec<String> = if zeros { vec![format!("00 * {width}")] } else { field.chunks(32).map(hex).collect() };
        for (number, line) in lines.iter().enumerate() {
            let comment = if number == 0 { format!("# {name}") } else { String::new() };
            writeln!(text, "{}", format!("{line:<64}  {comment}").trim_end()).unwrap();
        }
    }
    assert!(rest.is_empty(), "{}: {} bytes without a name", case.title, rest.len());
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Titles and bytes of a file.
fn read(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            cases.push((title.to_owned(), Vec::new()));
            continue;
        }
        let line = line.split('#').next().unwrap().trim();
        if line.is_empty() {
            continue;
        }
        let bytes = &mut cases.last_mut().unwrap().1;
        match line.strip_prefix("00 * ") {
            Some(count) => bytes.resize(bytes.len() + count.parse::<usize>().unwrap(), 0),
            None => {
                let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
                bytes.extend((0..line.len()).step_by(2).map(byte));
            }
        }
    }
    cases
}

#[test]
fn every_file_is_held_against_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let sources = [include_str!("parts.rs"), include_str!("messages.rs")].concat();
    for file in &files {
        assert!(sources.contains(&format!("\"{file}\"")), "{file} belongs to no test");
    }
    assert_eq!(files.len(), sources.matches(".hex\"").count());
}
