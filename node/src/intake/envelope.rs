//! Rows out of `ExchangeMessage`, the envelope in which Guangdong's exchange of 2016 carries records (domain 7.3). The one room of `quick_xml`.
//!
//! `<ExchangeMessage><Header>…</Header><Body><fields><CF_WSH>…</CF_WSH>…</fields>…</Body></ExchangeMessage>`: each `fields` is a row, the
//! names of its elements are the header. What the header of the message says (sender, receiver, operator) is not looked at. Nothing is
//! fetched or expanded: a document type is refused, and of entities only the five of XML and numbers of characters are known.

use std::io::{self, BufReader, Read};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use super::fault::{EnvelopeFault, IntakeError};
use super::limits::{MAX_CELL_BYTES, MAX_COLUMNS};
use super::table::Cells;
use super::text::{Text, TextFault};

/// Names of the elements around a row, from the outside.
const AROUND: [&str; 3] = ["ExchangeMessage", "Body", "fields"];
/// The element beside the body.
const HEADER: &str = "Header";

/// Elements of one row with their text, in the order in which they stand.
type Fields = Vec<(String, String)>;

/// The rows of an envelope.
pub struct Envelope<R> {
    reader: Reader<BufReader<Text<R>>>,
    buffer: Vec<u8>,
    line: u64,
    names: Vec<String>,
    cells: Vec<String>,
    /// The first row's cells wait here while its names are given out.
    first: Option<u64>,
    ended: bool,
}

impl<R: Read> Envelope<R> {
    /// The rows of these bytes.
    pub fn new(source: R) -> Self {
        let mut reader = Reader::from_reader(BufReader::new(Text::new(source)));
        reader.config_mut().expand_empty_elements = true;
        let (names, cells) = (Vec::new(), Vec::new());
        Self { reader, buffer: Vec::new(), line: 1, names, cells, first: None, ended: false }
    }

    /// The names of the first row's elements, then each row; `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Cells<'_>>, IntakeError> {
        if let Some(line) = self.first.take() {
            return Ok(Some(Cells { line, cells: self.cells.iter().map(String::as_str).collect() }));
        }
        let begins = self.names.is_empty();
        let Some((line, row)) = self.read_row()? else { return Ok(None) };
        if begins {
            (self.names, self.cells) = row.into_iter().unzip();
            self.first = Some(line);
            return Ok(Some(Cells { line, cells: self.names.iter().map(String::as_str).collect() }));
        }
        self.cells = self.names.iter().map(|_| String::new()).collect();
        for (name, cell) in row {
            let place = self.names.iter().position(|known| *known == name);
            let place = place.ok_or(IntakeError::Envelope { line, fault: EnvelopeFault::OtherElement })?;
            self.cells[place] = cell;
        }
        Ok(Some(Cells { line, cells: self.cells.iter().map(String::as_str).collect() }))
    }

    /// The next `fields`, with its line.
    fn read_row(&mut self) -> Result<Option<(u64, Fields)>, IntakeError> {
        if self.ended {
            return Ok(None);
        }
        let (mut depth, mut begun, mut row) = (if self.names.is_empty() { 0 } else { 2 }, self.line, Vec::new());
        self.reader.get_ref().get_ref().begin_row();
        loop {
            let line = self.line;
            let refuse = |fault| Err(IntakeError::Envelope { line, fault });
            match self.next_event()? {
                Step::Opens(name) => match (depth, AROUND.get(depth)) {
                    (1, _) if name == HEADER => self.skip(HEADER)?,
                    (_, Some(expected)) if name != *expected => return refuse(EnvelopeFault::NoEnvelope),
                    (_, Some(_)) => {
                        depth += 1;
                        begun = line;
                        self.reader.get_ref().get_ref().begin_row();
                    }
                    (3, None) if row.len() == MAX_COLUMNS => return Err(IntakeError::TooManyColumns(row.len() + 1)),
                    (3, None) if row.iter().any(|(known, _)| *known == name) => return refuse(EnvelopeFault::ElementTwice),
                    (3, None) => {
                        row.push((name, String::new()));
                        depth += 1;
                    }
                    _ => return refuse(EnvelopeFault::TooDeep),
                },
                Step::Closes => {
                    depth -= 1;
                    if depth == 2 && !row.is_empty() {
                        return Ok(Some((begun, row)));
                    }
                }
                Step::Says(text) => match row.last_mut().filter(|_| depth == 4) {
                    Some((_, cell)) if cell.len() + text.len() > MAX_CELL_BYTES => {
                        return Err(IntakeError::Cell { line, number: row.len() });
                    }
                    Some((_, cell)) => cell.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return refuse(EnvelopeFault::NoEnvelope),
                },
                Step::Ends if depth > 0 => return Err(IntakeError::Cut { line: begun }),
                Step::Ends => {
                    self.ended = true;
                    return Ok(None);
                }
            }
        }
    }

    /// Reads over an element that was opened, to its end.
    fn skip(&mut self, name: &str) -> Result<(), IntakeError> {
        let mut depth = 1;
        while depth > 0 {
            match self.next_event()? {
                Step::Opens(_) => depth += 1,
                Step::Closes => depth -= 1,
                Step::Says(_) => {}
                Step::Ends => return Err(IntakeError::Envelope { line: self.line, fault: EnvelopeFault::Open(name.to_owned()) }),
            }
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Step, IntakeError> {
        loop {
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) => {
                    let copied = || IntakeError::Read(io::Error::new(error.kind(), error.to_string()));
                    return Err(TextFault::within(&error).map_or_else(copied, IntakeError::Text));
                }
                // The library's words may repeat names and text of the file.
                Err(_) => return Err(IntakeError::Envelope { line: self.line, fault: EnvelopeFault::NotXml }),
            };
            let line = self.line;
            self.line += event.bytes().filter(|byte| *byte == b'\n').count() as u64;
            let unknown = || IntakeError::Envelope { line, fault: EnvelopeFault::Entity };
            return Ok(match event {
                Event::Start(tag) => Step::Opens(tag.local_name().as_ref().to_owned()),
                Event::End(_) => Step::Closes,
                Event::Text(text) => Step::Says(text.into_inner().into_owned()),
                Event::CData(text) => Step::Says(text.into_inner().into_owned()),
                Event::GeneralRef(named) => match named.resolve_char_ref() {
                    Ok(Some(character)) => Step::Says(character.to_string()),
                    Ok(None) => Step::Says(resolve_predefined_entity(&named).ok_or_else(unknown)?.to_owned()),
                    Err(_) => return Err(unknown()),
                },
                Event::DocType(_) => return Err(IntakeError::Envelope { line, fault: EnvelopeFault::DocumentType }),
                Event::Eof => Step::Ends,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }
}

/// What comes next.
enum Step {
    Opens(String),
    Closes,
    Says(String),
    Ends,
}

#[cfg(test)]
mod tests;
