//! The sources as the tidy checks read them: every `.rs` file of the workspace, and the same text without comments and literals.
//!
//! Not here: a parser. Words, braces and paths are enough for what is checked.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the workspace.
pub(super) struct Source {
    /// The path from the workspace's root, with `/`.
    pub(super) path: String,
    /// The text.
    pub(super) text: String,
    /// The text with comments, strings and characters blanked out; lines and columns stay.
    pub(super) code: String,
}

impl Source {
    /// A file with this text, as if it stood at `path`.
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blanked(text) }
    }

    /// The member that the file belongs to.
    pub(super) fn member(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The number of the line at this byte, from 1.
    pub(super) fn line_at(&self, position: usize) -> usize {
        self.text[..position].matches('\n').count() + 1
    }

    /// Where this word stands alone in the code.
    pub(super) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let part_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let bytes = self.code.as_bytes();
            let before = at.checked_sub(1).map(|before| bytes[before]);
            let after = bytes.get(at + word.len()).copied();
            !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
        })
    }
}

/// The workspace's root.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source file of the workspace.
pub(super) fn workspace() -> Vec<Source> {
    let mut sources = Vec::new();
    for member in ["crypto", "protocol", "configs", "node", "admin-cli", "tests"] {
        collect(&root().join(member), member, &mut sources);
    }
    assert!(sources.len() > 40, "only {} source files were found", sources.len());
    sources
}

fn collect(folder: &Path, shown: &str, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let shown = format!("{shown}/{name}");
        if path.is_dir() && name != "target" {
            collect(&path, &shown, sources);
        } else if name.ends_with(".rs") {
            sources.push(Source::new(&shown, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The text with everything blanked that is not code.
fn blanked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'/')) => find(&bytes, at, b"\n"),
            (b'/', Some(b'*')) => find(&bytes, at + 2, b"*/"),
            (b'r', Some(b'"' | b'#')) if !inside_word(&bytes, at) => raw_string(&bytes, at).unwrap_or(at),
            (b'"', _) => string(&bytes, at),
            (b'\'', _) => character(&bytes, at).unwrap_or(at),
            _ => at,
        };
        for byte in &mut bytes[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let found = bytes[from..].windows(what.len()).position(|window| window == what);
    found.map_or(bytes.len(), |found| from + found + what.len())
}

fn inside_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() && bytes[at - 1] != b'b' || bytes[at - 1] == b'_')
}

fn string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn raw_string(bytes: &[u8], open: usize) -> Option<usize> {
    let hashes = bytes[open + 1..].iter().take_while(|byte| **byte == b'#').count();
    let quote = open + 1 + hashes;
    (bytes.get(quote) == Some(&b'"')).then(|| find(bytes, quote + 1, &[b"\"".as_slice(), &vec![b'#'; hashes]].concat()))
}

/// The end of a character literal; `None` for a lifetime.
fn character(bytes: &[u8], open: usize) -> Option<usize> {
    if bytes.get(open + 1) == Some(&b'\\') {
        return Some(find(bytes, open + 3, b"'"));
    }
    let width = match bytes.get(open + 1)? {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (bytes.get(open + 1 + width) == Some(&b'\'')).then_some(open + 2 + width)
}

#[test]
fn what_is_not_code_is_blanked() {
    let text = "let a = \"fn x() { \\\" }\"; // fn y\nlet b = r#\"\"{\"#; /* { */ let c: &'a str = '{'; let d = b'\\''; fn z() {}\nlet r = '中';";
    let source = Source::new("crypto/src/x.rs", text);
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.words("fn").count(), 1);
    assert_eq!(source.code.matches('{').count(), 1);
    assert!(source.code.contains("&'a str") && !source.code.contains('中'));
    assert_eq!(source.line_at(source.words("z").next().unwrap()), 2);
}
