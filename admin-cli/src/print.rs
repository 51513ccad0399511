//! What a command says: aligned text for people, JSON for programs.
//!
//! Results go to standard output, errors and progress to standard error. A reader that closes the output early (`| head`) is no error.
//! Not here: what is said.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::exit::{self, Exit};

/// Where a command writes.
pub struct Screen {
    out: Box<dyn Write>,
    json: bool,
    closed: bool,
}

impl Screen {
    /// Standard output; with `json`, for a program.
    pub fn stdout(json: bool) -> Self {
        Self::over(Box::new(io::stdout()), json)
    }

    /// Any writer.
    pub fn over(out: Box<dyn Write>, json: bool) -> Self {
        Self { out, json, closed: false }
    }

    /// Whether a program reads.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One line, or several.
    pub fn line(&mut self, text: impl Display) -> anyhow::Result<()> {
        if self.closed {
            return Ok(());
        }
        match writeln!(self.out, "{text}").and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written.context("standard output cannot be written"),
        }
    }

    /// One value on one line.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value).context("the result has no form in JSON")?;
        self.line(text)
    }

    /// Tells an error on standard error, and with `--json` on standard output too; gives how the command ends.
    pub fn error(&mut self, error: &anyhow::Error) -> Exit {
        // Nothing is left to tell it to if both are closed.
        let _ = writeln!(io::stderr(), "error: {error:#}");
        let exit = exit::of_error(error);
        if self.json {
            let _ = self.json(&serde_json::json!({ "error": format!("{error:#}"), "exit": exit.code() }));
        }
        exit
    }
}

/// A bar on standard error where that is a terminal and a person reads; otherwise nothing is drawn.
pub fn progress(screen: &Screen, total: u64, template: &str) -> ProgressBar {
    if screen.is_json() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Labels and values, the values under one another.
#[derive(Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more. An empty label continues the value above.
    pub fn add(&mut self, label: impl Into<String>, value: impl Display) -> &mut Self {
        self.0.push((label.into(), value.to_string()));
        self
    }
}

impl Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(label, _)| columns(label)).max().unwrap_or(0);
        for (position, (label, value)) in self.0.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}  {label:<width$}  {value}")?;
        }
        Ok(())
    }
}

/// Rows under headings, each column as wide as its widest cell; columns whose heading begins with `>` stand to the right.
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// One more row, with a cell for each heading.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles: Vec<String> = self.headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.chain(titles.get(column)).map(|cell| columns(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        for (number, row) in std::iter::once(&titles).chain(&self.rows).enumerate() {
            let mut line = String::new();
            for ((cell, heading), width) in row.iter().zip(&self.headings).zip(&widths) {
                let fill = " ".repeat(width.saturating_sub(columns(cell)));
                let cell = if heading.starts_with('>') { format!("  {fill}{cell}") } else { format!("  {cell}{fill}") };
                line.push_str(&cell);
            }
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// How many columns of a terminal a text takes: two for each Chinese character and full-width form (UAX 11, wide and full-width).
fn columns(text: &str) -> usize {
    let wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x20000..=0x3fffd)
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// `1 row`, `2 rows`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `1 entry`, `2 entries`.
pub fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::{Fields, Screen, Table, count};

    #[test]
    fn columns_stand_under_one_another() {
        let mut table = Table::new(&["name", ">rows"]);
        table.row(vec!["a".to_owned(), "1000".to_owned()]);
        table.row(vec!["longer".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "  name    rows\n  a       1000\n  longer     1");
    }

    #[test]
    fn a_chinese_character_takes_two_columns() {
        let mut table = Table::new(&[">row", "column", "reason"]);
        table.row(vec!["7".to_owned(), "许可（类别）".to_owned(), "x".to_owned()]);
        table.row(vec!["8".to_owned(), "abc".to_owned(), "y".to_owned()]);
        assert_eq!(table.to_string(), "  row  column        reason\n    7  许可（类别）  x\n    8  abc           y");
    }

    #[test]
    fn values_stand_under_one_another() {
        let mut fields = Fields::new();
        fields.add("id", 1).add("region", "gz").add("", "more");
        assert_eq!(fields.to_string(), "  id      1\n  region  gz\n          more");
        assert_eq!((count(1, "row"), count(0, "row")), ("1 row".to_owned(), "0 rows".to_owned()));
    }

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
        let mut screen = Screen::over(Box::new(Closed(io::ErrorKind::BrokenPipe)), false);
        assert!(screen.line("one").is_ok() && screen.line("two").is_ok());
        let mut screen = Screen::over(Box::new(Closed(io::ErrorKind::StorageFull)), false);
        assert!(screen.line("one").is_err());
    }
}
