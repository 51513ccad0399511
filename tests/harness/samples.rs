//! The bundled sample records, and what a right node must count and answer (`configs/samples/README.md`).
//!
//! The expected outcomes are derived from the record files by `expect.py`, which shares nothing with the product.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use creditbay_protocol::calendar::{Day, Millis};
use serde::Deserialize;
use serde_json::{Value, json};

/// `expected.json`.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The first day on which the outcomes hold.
    pub as_of_from: String,
    /// The last day on which they hold.
    pub as_of_until: String,
    /// Subjects by the name of their story.
    pub scenarios: BTreeMap<String, Subject>,
    /// What to ask, and what must come.
    pub questions: Vec<Question>,
    /// What to ask in the lanes beside the public one, and what must come.
    pub further: Vec<Further>,
    /// What an import must count, by city and file.
    pub counts: BTreeMap<String, BTreeMap<String, Counts>>,
    /// Codes registered with the province, for which Guangzhou answers.
    pub province_codes: Vec<String>,
}

/// An identifier with its scheme.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// The scheme.
    pub scheme: String,
    /// The value.
    pub value: String,
}

/// One question with the outcome that must come.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    /// Its name.
    pub id: String,
    /// Who asks.
    pub asker: String,
    /// Who is asked.
    pub issuer: String,
    /// What for.
    pub purpose: String,
    /// Whose story.
    pub scenario: String,
    /// About whom.
    pub subject: Subject,
    /// What.
    pub predicate: Value,
    /// `TRUE`, `FALSE`, `INDETERMINATE(reason)` or `DECLINED`.
    pub expect: String,
}

/// One question in a lane beside the public one.
#[derive(Debug, Clone, Deserialize)]
pub struct Further {
    /// Its name.
    pub id: String,
    /// `A`, `C` or `R`.
    pub lane: String,
    /// Who asks.
    pub asker: String,
    /// Who is asked.
    pub issuer: String,
    /// What for.
    pub purpose: String,
    /// Whose story.
    pub scenario: String,
    /// About whom; nobody is named where a bearer brought a report.
    pub subject: Option<Subject>,
    /// What.
    pub predicate: Value,
    /// SHA-256 of the file that the subject brought, in hex.
    pub digest: Option<String>,
    /// `TRUE`, `FALSE` or `INDETERMINATE(reason)`.
    pub expect: String,
}

/// What an import of one file must count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Rows, without head and explanations.
    pub rows: u64,
    /// Rows that became records.
    pub good: u64,
    /// Rows that did not.
    pub rejected: u64,
    /// Rows that were there before.
    pub duplicates: u64,
    /// Rows about natural persons.
    pub persons: u64,
    /// Rejected rows by reason.
    pub reasons: BTreeMap<String, u64>,
}

impl Question {
    /// The question as the services' door reads it.
    pub fn body(&self) -> Value {
        json!({
            "purpose": self.purpose,
            "operator": "demo.operator",
            "subject": {"scheme": self.subject.scheme, "value": self.subject.value},
            "predicates": [self.predicate],
        })
    }
}

impl Expected {
    /// Reads the bundled file.
    pub fn load() -> Result<Self> {
        let path = folder().join("expected.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let expected: Self = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let today = today().to_string();
        if today < expected.as_of_from || today > expected.as_of_until {
            bail!("the sample outcomes hold from {} to {}, today is {today}", expected.as_of_from, expected.as_of_until);
        }
        Ok(expected)
    }

    /// The question with this name.
    pub fn question(&self, id: &str) -> Result<&Question> {
        self.questions.iter().find(|question| question.id == id).with_context(|| format!("expected.json has no question {id}"))
    }
}

/// The folder of the samples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/samples")
}

/// Today in UTC+8.
pub fn today() -> Day {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(since.as_millis() as u64).day()
}

/// A city's record files, copied to a folder so that nothing is written beside the originals. The files in the layout
/// `creditbay-register/1` say as of when they are; here they say today, so that the registers are not stale.
pub fn copy_records(city: &str, to: &Path) -> Result<Vec<PathBuf>> {
    let from = folder().join("records").join(city);
    fs::create_dir_all(to)?;
    let mut names: Vec<_> = fs::read_dir(&from)
        .with_context(|| from.display().to_string())?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<_>>()?;
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let bytes = fs::read(from.join(&name))?;
        let file = to.join(&name);
        fs::write(&file, as_of_today(&bytes))?;
        files.push(file);
    }
    Ok(files)
}

fn as_of_today(bytes: &[u8]) -> Vec<u8> {
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = std::str::from_utf8(head).ok().filter(|line| line.starts_with("#creditbay-register/1")) else {
        return bytes.to_vec();
    };
    let dated: Vec<_> = line
        .split(',')
        .map(|part| if part.starts_with("as_of=") { format!("as_of={}", today()) } else { part.to_owned() })
        .collect();
    [dated.join(",").as_bytes(), &bytes[head.len()..]].concat()
}
