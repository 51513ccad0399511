//! Columns by what they mean, whatever they are called, and cells as values (domain 7.4).
//!
//! Headers are matched after brackets, underscores, spaces and three known misspellings were evened out. What no rule needs is not
//! even looked at: names, representatives, documents of persons, free text. Not here: which columns a layout has.

use creditbay_protocol::calendar::Day;

use super::fault::{IntakeError, Rejection, RowFault};
use super::limits::MAX_COLUMNS;
use super::table;
use super::text::{compact, even};

/// Characters of the longest cell that is repeated when its row is rejected.
const MAX_SHOWN: usize = 64;

/// One column of a layout.
#[derive(Debug)]
pub struct Column {
    /// Its usual name.
    pub name: &'static str,
    /// Every name it is known by, evened out.
    pub aliases: &'static [&'static str],
    /// Whether a file without it is refused.
    pub needed: bool,
    /// Whether its cells may be repeated when their row is rejected. Never true of a column that can name or number anybody.
    pub shown: bool,
}

/// A kind of file.
#[derive(Debug)]
pub struct Layout {
    /// Its name.
    pub name: &'static str,
    /// The columns that are read, in the order in which rows are asked for them.
    pub columns: &'static [Column],
}

/// Where the columns of a layout stand in a file.
pub struct Columns {
    layout: &'static Layout,
    places: Vec<Option<usize>>,
    count: usize,
}

impl Columns {
    /// Finds the layout's columns in a header.
    ///
    /// # Errors
    /// [`IntakeError::Layout`] with what is missing, [`IntakeError::ColumnTwice`], [`IntakeError::TooManyColumns`].
    pub fn find(layout: &'static Layout, header: &[&str]) -> Result<Self, IntakeError> {
        if header.len() > MAX_COLUMNS {
            return Err(IntakeError::TooManyColumns(header.len()));
        }
        let names: Vec<String> = header.iter().map(|header| header_name(header)).collect();
        let mut places = Vec::new();
        for column in layout.columns {
            let mut found = (0..names.len()).filter(|place| column.aliases.contains(&names[*place].as_str()));
            places.push(found.next());
            if found.next().is_some() {
                return Err(IntakeError::ColumnTwice(column.name));
            }
        }
        let lacks = |(column, place): &(&Column, &Option<usize>)| column.needed && place.is_none();
        let missing: Vec<_> = layout.columns.iter().zip(&places).filter(lacks).map(|(column, _)| column.name).collect();
        if missing.is_empty() {
            Ok(Self { layout, places, count: header.len() })
        } else {
            Err(IntakeError::Layout { nearest: layout.name, missing })
        }
    }

    /// The layout.
    pub fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// A row under this header.
    pub fn row<'a>(&'a self, cells: &'a [&'a str]) -> Result<Row<'a>, Rejection> {
        match cells.len() == self.count {
            true => Ok(Row { columns: self, cells }),
            false => Err(Rejection { column: "", fault: RowFault::Cells { found: cells.len(), expected: self.count } }),
        }
    }

    /// A rejected row as a line of CSV: the cells of columns that may be shown, every other one blank. Nothing of a row whose cells do
    /// not stand under their columns is shown.
    pub fn blanked(&self, cells: &[&str]) -> String {
        let shown = |place: usize| {
            let column = self.places.iter().position(|known| *known == Some(place));
            column.is_some_and(|column| self.layout.columns[column].shown) && cells.len() == self.count
        };
        table::line_of(cells.iter().enumerate().map(|(place, cell)| if shown(place) && is_harmless(cell) { *cell } else { "" }))
    }
}

/// Short, no formula, and with too few digits for a number that could identify, unless they make a date or an amount.
fn is_harmless(cell: &str) -> bool {
    let even = compact(cell);
    let digits = even.bytes().filter(u8::is_ascii_digit).count();
    let separator = |place: usize| matches!(even.as_bytes().get(place), Some(b'-' | b'/'));
    let is_date = even.len() <= 19 && separator(4) && separator(7);
    let is_amount = even.split_once('.').is_some_and(|(whole, _)| whole.len() <= 6);
    even.chars().count() <= MAX_SHOWN && (digits < 6 || is_date || is_amount) && !even.starts_with(['=', '+', '-', '@'])
}

fn header_name(header: &str) -> String {
    let name = compact(header).to_ascii_uppercase();
    name.replace("财务", "财物").replace("决定文书号", "决定书文号").replace("登记码", "登记号")
}

/// A row whose cells stand under their columns. Columns are asked for by their position in the layout.
pub struct Row<'a> {
    columns: &'a Columns,
    cells: &'a [&'a str],
}

impl<'a> Row<'a> {
    /// A cell as it stands; empty where the file lacks the column.
    pub fn cell(&self, column: usize) -> &'a str {
        self.columns.places.get(column).copied().flatten().and_then(|place| self.cells.get(place)).copied().unwrap_or("")
    }

    /// A cell evened out.
    pub fn text(&self, column: usize) -> String {
        even(self.cell(column)).into_owned()
    }

    /// A cell that must hold something, without any space.
    pub fn needed(&self, column: usize) -> Result<String, Rejection> {
        Some(compact(self.cell(column))).filter(|text| !text.is_empty()).ok_or_else(|| self.reject(column, RowFault::Empty))
    }

    /// A document's number, with one kind of brackets around the year.
    pub fn document(&self, column: usize) -> Result<String, Rejection> {
        Ok(document_number(&self.needed(column)?))
    }

    /// An authority's code.
    pub fn authority(&self, column: usize) -> Result<String, Rejection> {
        Ok(authority_code(&self.needed(column)?))
    }

    /// A day that must be there.
    pub fn day(&self, column: usize) -> Result<Day, Rejection> {
        self.optional_day(column)?.ok_or_else(|| self.reject(column, RowFault::Empty))
    }

    /// A day, if there is one.
    pub fn optional_day(&self, column: usize) -> Result<Option<Day>, Rejection> {
        match self.text(column) {
            text if text.is_empty() => Ok(None),
            text => read_day(&text).map(Some).ok_or_else(|| self.reject(column, RowFault::Date)),
        }
    }

    /// A fault in a column.
    pub fn reject(&self, column: usize, fault: impl Into<RowFault>) -> Rejection {
        Rejection { column: self.columns.layout.columns[column].name, fault: fault.into() }
    }
}

/// The number of a document as it is compared: without spaces, one kind of brackets around the year.
pub fn document_number(text: &str) -> String {
    compact(text).replace(['(', '[', '【', '﹝', '〈'], "〔").replace([')', ']', '】', '﹞', '〉'], "〕")
}

/// The code of an authority as it is compared.
pub fn authority_code(text: &str) -> String {
    compact(text).to_ascii_uppercase().replace(['(', ')', '-', '/'], "")
}

/// `yyyy-MM-dd` or `yyyy/MM/dd`, alone or with a time of day after a space or `T`.
fn read_day(text: &str) -> Option<Day> {
    let (date, time) = text.split_once([' ', 'T']).map_or((text, None), |(date, time)| (date, Some(time)));
    if !time.is_none_or(is_time_of_day) || (date.contains('-') && date.contains('/')) {
        return None;
    }
    date.replace('/', "-").parse().ok()
}

/// `HH:mm`, `HH:mm:ss` or `HH:mm:ss.fff`.
fn is_time_of_day(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').map_or((text, "0"), |(clock, fraction)| (clock, fraction));
    let mut parts = clock.split(':');
    let mut below =
        |limit: u8| parts.next().is_some_and(|part| part.len() == 2 && part.parse::<u8>().is_ok_and(|value| value < limit));
    let begins = below(24) && below(60);
    let ends = clock.len() == 5 || below(60);
    begins && ends && parts.next().is_none() && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// An amount in 万元 (10 000 yuan) with at most six decimals, which is a whole number of 分: 1 万元 = 10 000 × 100 分.
pub fn read_fen(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 12) || !digits(part, 6) {
        return None;
    }
    Some(whole.parse::<u64>().ok()? * 1_000_000 + format!("{part:0<6}").parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_numbers_of_fen() {
        for (text, fen) in [
            ("0", 0),
            ("0.000001", 1),
            ("12.345678", 12_345_678),
            ("100", 100_000_000),
            ("99.999999", 99_999_999),
            ("0.35", 350_000),
        ] {
            assert_eq!(read_fen(text), Some(fen), "{text}");
        }
        assert_eq!(read_fen("999999999999.999999"), Some(999_999_999_999_999_999));
        for bad in ["", ".", "1.", ".5", "0.0000001", "-1", "+1", "1,000", "1e3", "壹", "1000000000000", "1.5.0"] {
            assert_eq!(read_fen(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_come_in_three_forms() {
        let day: Day = "2026-05-01".parse().unwrap();
        for text in ["2026-05-01", "2026/05/01", "2026-05-01 00:00:00", "2026/05/01 23:59", "2026-05-01T08:30:00.123"] {
            assert_eq!(read_day(text), Some(day), "{text}");
        }
        for bad in [
            "2026.5.1",
            "2026-5-1",
            "2026-02-30",
            "2026/05-01",
            "2026-05-01 24:00:00",
            "2026-05-01 8:00",
            "2026-05-01T",
            "2026-05-01T08:00:00Z",
            "2026-05-01 00:00:00:00",
            "待定",
        ] {
            assert_eq!(read_day(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_are_known_in_every_spelling() {
        for header in ["行政处罚决定书文号", "行政处罚决定文书号 ", "\u{feff}行政处罚决定书文号"] {
            assert_eq!(header_name(header), "行政处罚决定书文号");
        }
        assert_eq!(header_name("cf_xdr＿mc"), "CF_XDR_MC");
        assert_eq!(header_name("没收非法财务的金额（万元）"), "没收非法财物的金额(万元)");
    }

    #[test]
    fn what_could_identify_is_not_repeated() {
        for kept in ["2026/02/30", "2026-02-30 00:00:00", "待定", "壹万元", "12.345678", "罚款;没收违法所得", "轻微"]
        {
            assert!(is_harmless(kept), "{kept}");
        }
        for dropped in [
            "440106190001049997",
            "A123456(3)",
            "91440101MA9XTEAT0A",
            "99000001",
            "99000001.0",
            "4401-0619900307123",
            "=cmd()",
            " -1+1",
        ] {
            assert!(!is_harmless(dropped), "{dropped}");
        }
    }
}
