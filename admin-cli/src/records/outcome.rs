//! What the admin door says about a file that it takes over: one JSON object a line.
//!
//! Lines are read as they come and counted; only the first rejected rows are kept. Not here: the connection, and files.

use serde::{Deserialize, Serialize};

/// Bytes of one line at most: a rejected row with its cells.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Rejected rows that are shown.
pub const SHOWN: usize = 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far it is.
    Progress {
        /// Rows that were read.
        rows: u64,
    },
    /// A row that is not taken over.
    Rejected(Rejected),
    /// The heading of the file of rejected rows.
    RejectedHeader(String),
    /// A rejected row, identifying cells blanked.
    RejectedCsv(String),
    /// A row about a natural person, set aside.
    Person {
        /// Its line in the file.
        row: u64,
    },
    /// A repair or withdrawal of which the node has no record yet; it is kept.
    Unmatched {
        /// Its line in the file.
        row: u64,
    },
    /// The end: taken over.
    Done(Done),
    /// The end: nothing was taken over.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A row that is not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its line in the file; the heading is line 1.
    pub row: u64,
    /// Which column is wrong.
    #[serde(default)]
    pub column: String,
    /// What is wrong.
    pub reason: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The layout that was recognised.
    pub layout: String,
    /// The register that it feeds.
    pub register: String,
    /// Rows in the file.
    pub rows: u64,
    /// Rows that hold.
    pub good: u64,
    /// Records that are new.
    pub added: u64,
    /// Records that took the place of an older one.
    #[serde(default)]
    pub replaced: u64,
    /// Records that were there already.
    pub unchanged: u64,
    /// Rows that say nothing new: twice in the file, or there already.
    pub duplicates: u64,
    /// Rows that were rejected.
    pub rejected: u64,
    /// Rows about natural persons, set aside.
    pub persons: u64,
    /// Repairs and withdrawals of which the node has no record yet.
    pub unmatched: u64,
    /// The time as of which the register is synchronised.
    pub synchronised: Option<String>,
}

/// What was heard of one file so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// The first rejected rows.
    pub shown: Vec<Rejected>,
    /// How many were rejected.
    pub rejected: u64,
    /// The first rows about natural persons, by number only.
    pub persons: Vec<u64>,
    /// The first repairs and withdrawals that match no record yet, by number only.
    pub unmatched: Vec<u64>,
    /// How it ended.
    pub end: Option<End>,
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// Taken over.
    Done(Done),
    /// Nothing was taken over.
    Failed(String),
}

impl Heard {
    /// Takes a line in. Gives back what belongs into the file of rejected rows, and how far it is.
    pub fn take(&mut self, line: Line) -> Told {
        match line {
            Line::Progress { rows } => return Told::Rows(rows),
            Line::RejectedHeader(text) | Line::RejectedCsv(text) => return Told::Csv(text),
            Line::Rejected(rejected) => {
                self.rejected += 1;
                if self.shown.len() < SHOWN {
                    self.shown.push(rejected);
                }
            }
            Line::Person { row } => {
                if self.persons.len() < SHOWN {
                    self.persons.push(row);
                }
            }
            Line::Unmatched { row } => {
                if self.unmatched.len() < SHOWN {
                    self.unmatched.push(row);
                }
            }
            Line::Done(done) => self.end = Some(End::Done(done)),
            Line::Failed { reason } => self.end = Some(End::Failed(reason)),
        }
        Told::Nothing
    }
}

/// What a line asks of its reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// So many rows were read.
    Rows(u64),
    /// A line for the file of rejected rows.
    Csv(String),
}

/// Bytes as they come, cut into lines.
#[derive(Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes bytes in and gives every line that they complete. A line that is too long or no such object ends it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Line>, LineError> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.0.len() + part.len() > MAX_LINE_BYTES {
                return Err(LineError::TooLong);
            }
            self.0.extend_from_slice(part);
            if part.ends_with(b"\n") {
                lines.extend(parse(&std::mem::take(&mut self.0))?);
            }
        }
        Ok(lines)
    }

    /// The last line, if it was not ended.
    pub fn finish(self) -> Result<Option<Line>, LineError> {
        parse(&self.0)
    }
}

fn parse(line: &[u8]) -> Result<Option<Line>, LineError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|_| LineError::Unknown)
}

/// Why the answer cannot be followed. The line itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("the node answers with a line of more than {MAX_LINE_BYTES} bytes; use the node's own version of this program")]
    TooLong,
    /// Not one of the objects above.
    #[error("the node answers with a line that this program does not know; use the node's own version of it")]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::{End, Heard, Line, LineError, Lines, MAX_LINE_BYTES, SHOWN, Told};

    const ANSWER: &str = r#"{"progress":{"rows":1000}}
{"rejected_header":"row,code"}
{"rejected":{"row":7,"column":"code","reason":"check character"}}
{"rejected_csv":"7,"}
{"person":{"row":9}}
{"unmatched":{"row":11}}
{"done":{"layout":"penalties-2018","register":"PENALTY","rows":1003,"good":1001,"added":1000,"unchanged":1,"duplicates":0,"rejected":1,"persons":1,"unmatched":1,"synchronised":"2026-11-23T00:00:00.000Z"}}
"#;

    #[test]
    fn lines_are_read_however_they_are_cut() {
        for step in [1, 7, 64, ANSWER.len()] {
            let (mut lines, mut heard, mut csv) = (Lines::default(), Heard::default(), Vec::new());
            for piece in ANSWER.as_bytes().chunks(step) {
                for line in lines.take(piece).unwrap() {
                    if let Told::Csv(text) = heard.take(line) {
                        csv.push(text);
                    }
                }
            }
            assert_eq!(lines.finish(), Ok(None));
            assert_eq!(csv, ["row,code", "7,"]);
            assert_eq!((heard.rejected, heard.shown[0].row, heard.persons.as_slice()), (1, 7, [9].as_slice()));
            assert_eq!(heard.unmatched, [11]);
            assert!(matches!(heard.end, Some(End::Done(done)) if done.added == 1000));
        }
    }

    #[test]
    fn only_the_first_rejected_rows_are_kept() {
        let mut heard = Heard::default();
        for row in 0..100 {
            let line =
                serde_json::from_value(serde_json::json!({"rejected": {"row": row, "column": "c", "reason": "r"}})).unwrap();
            heard.take(line);
        }
        assert_eq!((heard.shown.len(), heard.rejected), (SHOWN, 100));
    }

    #[test]
    fn an_answer_that_cannot_be_followed_is_refused() {
        assert_eq!(Lines::default().take(b"{\"other\":1}\n"), Err(LineError::Unknown));
        assert_eq!(Lines::default().take(&vec![b'x'; MAX_LINE_BYTES + 1]), Err(LineError::TooLong));
        let mut cut = Lines::default();
        cut.take(b"{\"done\":").unwrap();
        assert_eq!(cut.finish(), Err(LineError::Unknown));
        let mut unended = Lines::default();
        unended.take(b"{\"failed\":{\"reason\":\"no\"}}").unwrap();
        assert_eq!(unended.finish(), Ok(Some(Line::Failed { reason: "no".to_owned() })));
    }
}
