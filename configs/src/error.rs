//! A fault in a configuration file, told with file, line, column and key, and what to do next.
//!
//! Two stages: [`parse`] turns text into a struct and names what the format refuses; a room then checks the meaning and points at a
//! value with [`Source::fault`]. Values are not repeated in what is said: a file may hold what was meant to stay secret.
//! Not here: the faults of meaning; each room has its own enum and puts it into [`ConfigError`].

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

/// Bytes of the largest configuration file: a rule pack with golden cases stays below a quarter of it.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Why a text is no configuration file of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// Longer than any such file.
    #[error("the file has {bytes} bytes, at most {MAX_FILE_BYTES} are read; check that it is the right file")]
    TooLarge {
        /// Bytes that were given.
        bytes: usize,
    },
    /// Not TOML, or a key written twice.
    #[error("not TOML: {what}; correct the line")]
    Syntax {
        /// The parser's words.
        what: String,
    },
    /// A key that this file does not have.
    #[error("no such key; {hint}")]
    UnknownKey {
        /// The keys that may stand there.
        hint: String,
    },
    /// A key that must be there is not.
    #[error("the key `{name}` is missing; add it here, as the annotated sample does")]
    MissingKey {
        /// The missing key, without the tables that it belongs to.
        name: String,
    },
    /// A value of the wrong type.
    #[error("{found} stands where {expected} belongs; write the value as the annotated sample does")]
    WrongType {
        /// What kind of value was found.
        found: String,
        /// What belongs there.
        expected: String,
    },
    /// A value of the right type that its field refuses.
    #[error("{what}; correct the value")]
    Value {
        /// The field's words.
        what: String,
    },
}

/// A fault and its place. Displayed as ``FILE:LINE:COLUMN: key `a.b`: what; what to do next``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError<F = ConfigFault>(Box<Told<F>>);

/// What is told. Boxed, so that a result that is good stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told<F> {
    file: String,
    position: Option<(usize, usize)>,
    key: Option<String>,
    fault: F,
}

impl<F> ConfigError<F> {
    fn new(file: &str, position: Option<(usize, usize)>, key: Option<String>, fault: F) -> Self {
        Self(Box::new(Told { file: file.to_owned(), position, key, fault }))
    }

    /// The file's name as it was given.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.0.position.map(|(line, _)| line)
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.0.position.map(|(_, column)| column)
    }

    /// The key with its tables, `a.b`; entries of a list are counted from 0, `a[0].b`, where a room's check found the fault.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What is wrong.
    pub fn fault(&self) -> &F {
        &self.0.fault
    }

    /// The same place under a room's own enum.
    pub fn map<G>(self, into: impl FnOnce(F) -> G) -> ConfigError<G> {
        let Told { file, position, key, fault } = *self.0;
        ConfigError(Box::new(Told { file, position, key, fault: into(fault) }))
    }
}

impl<F: fmt::Display> fmt::Display for ConfigError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { file, position, key, fault } = &*self.0;
        f.write_str(file)?;
        if let Some((line, column)) = position {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if let Some(key) = key {
            write!(f, "key `{key}`: ")?;
        }
        fault.fmt(f)
    }
}

impl<F: fmt::Debug + fmt::Display> std::error::Error for ConfigError<F> {}

/// A file's name and text, to point into.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// The text that was parsed, under the name that errors shall show.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// The name that errors show.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// A fault of the value at `span` (`serde_spanned::Spanned::span`, bytes) under `key`.
    pub fn fault<F>(&self, span: Range<usize>, key: impl Into<String>, fault: F) -> ConfigError<F> {
        ConfigError::new(self.file, Some(self.position(span.start)), Some(key.into()), fault)
    }

    /// A fault of the file as a whole.
    pub fn whole<F>(&self, fault: F) -> ConfigError<F> {
        ConfigError::new(self.file, None, None, fault)
    }

    /// Line and column, both from 1, of a byte. A byte outside the text, or inside a character, counts as the end of what is before it.
    fn position(&self, byte: usize) -> (usize, usize) {
        let mut end = byte.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Reads TOML into a struct. Unknown keys are refused where the struct says `deny_unknown_fields`, and every struct here does.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    let source = Source::new(file, text);
    if text.len() > MAX_FILE_BYTES {
        return Err(source.whole(ConfigFault::TooLarge { bytes: text.len() }));
    }
    let deserializer = toml::Deserializer::parse(text).map_err(|error| {
        let position = error.span().map(|span| source.position(span.start));
        ConfigError::new(file, position, None, ConfigFault::Syntax { what: error.message().to_owned() })
    })?;
    T::deserialize(deserializer).map_err(|error| refused(&source, error))
}

/// Sorts what serde refused. The words are serde's own for derived types; whatever they do not fit is a [`ConfigFault::Value`].
fn refused(source: &Source<'_>, mut error: toml::de::Error) -> ConfigError {
    let position = error.span().map(|span| source.position(span.start));
    let mut key = keys_of(&mut error);
    let fault = fault_of(error.message());
    if let (ConfigFault::UnknownKey { .. }, Some(name)) = (&fault, quoted(error.message())) {
        key = Some(key.map_or_else(|| name.to_owned(), |tables| format!("{tables}.{name}")));
    }
    ConfigError::new(source.file, position, key, fault)
}

/// The key's tables are shown by the parser's error only when it has no text to quote: message, newline, "in `a.b`".
fn keys_of(error: &mut toml::de::Error) -> Option<String> {
    error.set_input(None);
    let shown = error.to_string();
    let tail = shown.strip_prefix(error.message())?;
    Some(tail.trim().strip_prefix("in `")?.strip_suffix('`')?.to_owned())
}

fn fault_of(message: &str) -> ConfigFault {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let hint = match rest.split_once(", ") {
            Some((_, "there are no fields")) | None => "remove it".to_owned(),
            Some((_, expected)) => format!("{expected}: rename or remove it"),
        };
        return ConfigFault::UnknownKey { hint };
    }
    if let (true, Some(name)) = (message.starts_with("missing field "), quoted(message)) {
        return ConfigFault::MissingKey { name: name.to_owned() };
    }
    let refused = ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|start| message.strip_prefix(start));
    if let Some((found, expected)) = refused.and_then(|rest| rest.rsplit_once(", expected ")) {
        // Only the kind of what was found: the value itself may be one that nobody should read in a trace.
        let kind = found.split(['"', '`']).next().unwrap_or_default().trim();
        let found = if kind.is_empty() { "another value" } else { kind };
        return ConfigFault::WrongType { found: found.to_owned(), expected: expected.to_owned() };
    }
    if let Some((_, expected)) = message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected ")) {
        return ConfigFault::Value { what: format!("not one of the words known here, expected {expected}") };
    }
    ConfigFault::Value { what: message.to_owned() }
}

/// The first text between backquotes.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_spanned::Spanned;

    use super::{ConfigError, ConfigFault, MAX_FILE_BYTES, Source, parse};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what was read is not looked at; what was refused is")]
    struct Outer {
        name: Spanned<String>,
        inner: Inner,
        list: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what was read is not looked at; what was refused is")]
    struct Inner {
        count: u8,
        colour: Option<Colour>,
        region: Option<creditbay_protocol::name::Region>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    fn refusal(text: &str) -> ConfigError {
        parse::<Outer>("some.toml", text).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_tables_and_its_line() {
        let error = refusal("name = \"é\"\n[inner]\ncount = 1\n  typo = 2\n");
        assert_eq!(
            (error.file(), error.line(), error.column(), error.key()),
            ("some.toml", Some(4), Some(3), Some("inner.typo"))
        );
        assert_eq!(
            error.to_string(),
            "some.toml:4:3: key `inner.typo`: no such key; expected one of `count`, `colour`, `region`: rename or remove it"
        );
        let top = refusal("name = \"a\"\ntypo = 1\n[inner]\ncount = 1\n");
        assert_eq!((top.line(), top.key()), (Some(2), Some("typo")));
    }

    #[test]
    fn a_wrong_type_is_named_without_the_value() {
        let error = refusal("name = \"a\"\n[inner]\ncount = \"secret\"\n");
        assert_eq!((error.line(), error.column(), error.key()), (Some(3), Some(9), Some("inner.count")));
        assert_eq!(error.fault(), &ConfigFault::WrongType { found: "string".into(), expected: "u8".into() });
        assert!(!error.to_string().contains("secret"));
        let large = refusal("name = \"a\"\n[inner]\ncount = 256\n");
        assert!(matches!(large.fault(), ConfigFault::WrongType { .. }), "{large}");
        assert!(!large.to_string().contains("256"));
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = refusal("name = \"a\"\n[inner]\n");
        assert_eq!((error.line(), error.key()), (Some(2), Some("inner")));
        assert_eq!(error.fault(), &ConfigFault::MissingKey { name: "count".into() });
        let in_list = refusal("name = \"a\"\n[inner]\ncount = 1\n[[list]]\n");
        assert_eq!((in_list.line(), in_list.key()), (Some(4), Some("list")));
    }

    #[test]
    fn what_is_not_toml_is_refused_at_its_line() {
        let error = refusal("name = \"a\"\nname = \"b\"\n");
        assert!(matches!(error.fault(), ConfigFault::Syntax { .. }), "{error}");
        assert_eq!(error.line(), Some(2));
        assert!(matches!(refusal("name = \n").fault(), ConfigFault::Syntax { .. }));
    }

    #[test]
    fn a_value_that_its_field_refuses_is_named() {
        let error = refusal("name = \"a\"\n[inner]\ncount = 1\nregion = \"GZ\"\n");
        assert_eq!((error.line(), error.key()), (Some(4), Some("inner.region")));
        assert!(matches!(error.fault(), ConfigFault::Value { .. }), "{error}");
        let word = refusal("name = \"a\"\n[inner]\ncount = 1\ncolour = \"secret\"\n");
        assert!(matches!(word.fault(), ConfigFault::Value { .. }), "{word}");
        assert!(word.to_string().contains("`red` or `green`") && !word.to_string().contains("secret"), "{word}");
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let error = refusal(&"#".repeat(MAX_FILE_BYTES + 1));
        assert_eq!(error.fault(), &ConfigFault::TooLarge { bytes: MAX_FILE_BYTES + 1 });
        assert_eq!((error.line(), error.key()), (None, None));
        assert!(error.to_string().starts_with("some.toml: the file has "));
    }

    #[test]
    fn a_check_points_at_the_value_that_it_read() {
        let text = "# 粤\nname = \"gz\"\n[inner]\ncount = 1\n";
        let outer: Outer = parse("some.toml", text).unwrap();
        let error = Source::new("some.toml", text).fault(outer.name.span(), "name", "not ours; name ours");
        assert_eq!(error.to_string(), "some.toml:2:8: key `name`: not ours; name ours");
        assert_eq!(error.map(str::len).fault(), &19);
    }

    #[test]
    fn no_place_in_a_text_panics() {
        let source = Source::new("f", "粤\n港");
        assert_eq!(source.fault(1..2, "k", "w").column(), Some(1));
        assert_eq!(source.fault(99..100, "k", "w").line(), Some(2));
    }
}
