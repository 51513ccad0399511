//! The bytes of a file as UTF-8 text: UTF-8 with or without BOM, or GB18030, told apart by content. The one room of `encoding_rs`.
//!
//! Memory is flat: a window of 64 KiB and its text. A carriage return is dropped wherever it stands, so that lines end in one way.
//! Not here: what a row is (`table`), beyond the bound on its length, which has to hold before a row exists.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, GB18030, UTF_8};

use super::limits::MAX_ROW_BYTES;

/// Bytes that are looked at to tell the encoding, from the first that is not ASCII.
const WINDOW_BYTES: usize = 64 * 1024;
/// Characters beyond ASCII that, well-formed before the first fault, make a window UTF-8 with a fault rather than GB18030.
const SURELY_UTF_8: usize = 16;

/// Why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// A zero byte.
    #[error("a zero byte in line {line}: this is a spreadsheet or UTF-16, not CSV; save it as CSV in UTF-8 or GB18030")]
    Nul {
        /// The line, from 1.
        line: u64,
    },
    /// Bytes that are no character of the encoding.
    #[error("line {line} is not {encoding}; the file was cut or mixes encodings: export it again as UTF-8 or GB18030")]
    Encoding {
        /// The line, from 1.
        line: u64,
        /// The encoding that the bytes before it have.
        encoding: &'static str,
    },
    /// A row that does not end.
    #[error(
        "the row that begins near line {line} is longer than {MAX_ROW_BYTES} bytes; look for a quotation mark that is never closed"
    )]
    Row {
        /// The last line that was seen to begin, from 1.
        line: u64,
    },
}

impl TextFault {
    /// The fault that came as an error of reading.
    pub fn within(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Text out of bytes.
pub struct Text<R> {
    source: R,
    raw: Vec<u8>,
    source_ended: bool,
    begun: bool,
    decoder: Option<Decoder>,
    text: Vec<u8>,
    given: usize,
    lines: u64,
    row_bytes: Cell<usize>,
    ended: Cell<bool>,
}

impl<R: Read> Text<R> {
    /// The text of these bytes.
    pub fn new(source: R) -> Self {
        Self {
            source,
            raw: Vec::with_capacity(WINDOW_BYTES),
            source_ended: false,
            begun: false,
            decoder: None,
            text: Vec::new(),
            given: 0,
            lines: 1,
            row_bytes: Cell::new(0),
            ended: Cell::new(false),
        }
    }

    /// A row begins: its length is counted from here.
    pub fn begin_row(&self) {
        self.row_bytes.set(0);
    }

    /// Whether whoever reads was told that nothing follows. A row that is complete only then was not ended by the file.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Fills the window and turns it into text; leaves none at the end of the file.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        while self.text.is_empty() && !(self.source_ended && self.raw.is_empty()) {
            self.fill_window()?;
            if self.decoder.is_none() {
                let ascii = self.raw.iter().position(|byte| !byte.is_ascii()).unwrap_or(self.raw.len());
                self.take_ascii(ascii);
                if self.raw.is_empty() {
                    continue;
                }
                self.fill_window()?;
                self.decoder = Some(tell_encoding(&self.raw, self.source_ended));
            }
            self.decode()?;
        }
        Ok(())
    }

    fn fill_window(&mut self) -> io::Result<()> {
        let before = self.raw.len();
        let room = (WINDOW_BYTES - before) as u64;
        let read = self.source.by_ref().take(room).read_to_end(&mut self.raw)?;
        self.source_ended |= (read as u64) < room;
        if !self.begun {
            self.begun = true;
            if self.raw.starts_with(&[0xef, 0xbb, 0xbf]) {
                self.raw.drain(..3);
                self.decoder = Some(UTF_8.new_decoder_without_bom_handling());
            }
        }
        if let Some(at) = self.raw.iter().position(|byte| *byte == 0) {
            let line = self.lines + self.raw[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            return Err(io::Error::other(TextFault::Nul { line }));
        }
        Ok(())
    }

    fn take_ascii(&mut self, len: usize) {
        self.text.extend(self.raw.drain(..len).filter(|byte| *byte != b'\r'));
        self.lines += count_lines(&self.text);
    }

    fn decode(&mut self) -> io::Result<()> {
        let decoder = self.decoder.as_mut().expect("invariant: told before anything is decoded");
        let encoding = decoder.encoding().name();
        let before = self.text.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(self.raw.len()).unwrap_or(4 * WINDOW_BYTES);
        self.text.resize(before + room, 0);
        let (result, _, written) =
            decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.text[before..], self.source_ended);
        self.raw.clear();
        self.text.truncate(before + written);
        if self.text.contains(&b'\r') {
            self.text.retain(|byte| *byte != b'\r');
        }
        self.lines += count_lines(&self.text[before..]);
        match result {
            DecoderResult::InputEmpty => Ok(()),
            _ => Err(io::Error::other(TextFault::Encoding { line: self.lines, encoding })),
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            self.refill()?;
        }
        let rest = &self.text[self.given..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.given += len;
        self.ended.set(len == 0 && !buffer.is_empty());
        self.row_bytes.set(self.row_bytes.get() + len);
        if self.row_bytes.get() > MAX_ROW_BYTES + WINDOW_BYTES {
            return Err(io::Error::other(TextFault::Row { line: self.lines }));
        }
        Ok(len)
    }
}

fn count_lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// `window` begins with the first byte that is not ASCII.
fn tell_encoding(window: &[u8], complete: bool) -> Decoder {
    let is_utf_8 = match std::str::from_utf8(window) {
        Ok(_) => true,
        Err(error) => {
            let well_formed = String::from_utf8_lossy(&window[..error.valid_up_to()]).chars().filter(|c| !c.is_ascii()).count();
            well_formed >= SURELY_UTF_8 || (!complete && error.error_len().is_none())
        }
    };
    if is_utf_8 { UTF_8.new_decoder_without_bom_handling() } else { GB18030.new_decoder_without_bom_handling() }
}

/// A cell without the ways in which exporters differ: full-width ASCII made narrow, spaces around it dropped.
pub fn even(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    if cell.chars().any(|character| narrow(character) != character) {
        cell.chars().map(narrow).collect()
    } else {
        Cow::Borrowed(cell)
    }
}

/// A text that is compared, not read: even, and without any space.
pub fn compact(cell: &str) -> String {
    cell.chars().map(narrow).filter(|character| !character.is_whitespace() && *character != '\u{feff}').collect()
}

fn narrow(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{3000}' | '\u{a0}' => ' ',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, TextFault> {
        let mut text = String::new();
        match Text::new(bytes).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(*error.get_ref().unwrap().downcast_ref().unwrap()),
        }
    }

    fn gb18030(text: &str) -> Vec<u8> {
        GB18030.encode(text).0.into_owned()
    }

    #[test]
    fn the_encoding_is_told_by_content() {
        let text = "行政相对人名称,备注\n广州样例𠮷㐀商行,€\n";
        assert_eq!(read(text.as_bytes()).unwrap(), text);
        assert_eq!(read(&["\u{feff}", text].concat().into_bytes()).unwrap(), text);
        assert_eq!(read(&gb18030(text)).unwrap(), text);
        assert_eq!(read(&gb18030(&text.replace('\n', "\r\n"))).unwrap(), text);
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn it_is_told_wherever_the_first_character_beyond_ascii_stands() {
        for before in [0, 1, WINDOW_BYTES - 2, WINDOW_BYTES - 1, WINDOW_BYTES, 3 * WINDOW_BYTES + 1] {
            let text = format!("{}{}", "x".repeat(before), "样例".repeat(WINDOW_BYTES / 2));
            assert_eq!(read(text.as_bytes()).unwrap(), text, "{before}");
            assert_eq!(read(&gb18030(&text)).unwrap(), text, "{before}");
        }
    }

    #[test]
    fn a_zero_byte_is_refused_with_its_line() {
        assert_eq!(read(b"a,b\nc\0d\n"), Err(TextFault::Nul { line: 2 }));
        let utf16: Vec<u8> = "a,b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16), Err(TextFault::Nul { line: 1 }));
    }

    #[test]
    fn a_cut_or_mixed_file_is_refused_and_not_read_as_something_else() {
        let text = "行政相对人名称,行政相对人类别,备注\n样例\n".repeat(2);
        let mut mixed = text.clone().into_bytes();
        mixed.extend(gb18030("处罚"));
        assert_eq!(read(&mixed), Err(TextFault::Encoding { line: 5, encoding: "UTF-8" }));
        assert_eq!(read(&text.as_bytes()[..text.len() - 2]), Err(TextFault::Encoding { line: 4, encoding: "UTF-8" }));
        let cut = gb18030(&text);
        assert_eq!(read(&cut[..cut.len() - 2]), Err(TextFault::Encoding { line: 4, encoding: "gb18030" }));
    }

    #[test]
    fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
        let endless = io::repeat(b'x');
        let error = io::copy(&mut Text::new(endless), &mut io::sink()).unwrap_err();
        assert!(matches!(error.get_ref().unwrap().downcast_ref(), Some(TextFault::Row { line: 1 })));
    }

    #[test]
    fn widths_and_spaces_are_evened_out() {
        assert_eq!(even("　罚款金额（万元） "), "罚款金额(万元)");
        assert_eq!(even("处罚 类别"), "处罚 类别");
        assert_eq!(compact("行政相对人代码＿1 （统一 社会信用代码）"), "行政相对人代码_1(统一社会信用代码)");
    }
}
