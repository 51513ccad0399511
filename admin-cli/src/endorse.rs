//! One governance key's line in the note over a file that regions agree on (PROTOCOL 27).
//!
//! One note carries all lines, so signatures are gathered by appending. Not here: which files there are (`rules`, `network`).

use std::path::Path;

use anyhow::{Context, bail};
use creditbay_configs::endorsement;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, KeyName, Note, NoteSigner};

use crate::file;

/// A note with one more line.
pub struct Endorsed {
    /// The note.
    pub note: Note,
    /// Whether the line stood in it before.
    pub already: bool,
}

/// Who signs, and what.
pub struct Signing<'a> {
    /// The kind of file.
    pub label: Label,
    /// SHA-256 of the file.
    pub digest: &'a Digest,
    /// The file of the governance key.
    pub key: &'a Path,
    /// The key's name.
    pub name: &'a KeyName,
    /// The note's file.
    pub note: &'a Path,
}

/// The signer of a governance key.
pub fn signer(key: &Path, name: &KeyName) -> anyhow::Result<NoteSigner> {
    Ok(NoteSigner::new(name.clone(), KeyKind::Ed25519, file::read_key(key)?))
}

/// Adds the key's line to the note, which is made if there is none.
pub fn add(signing: &Signing<'_>) -> anyhow::Result<Endorsed> {
    let Signing { label, digest, key, name, note: path } = *signing;
    let text = endorsement::text(label, digest);
    let mut note = match file::read_if_there(path, file::MAX_TEXT_BYTES)? {
        None => Note { text: text.clone(), lines: Vec::new() },
        Some(bytes) => Note::parse(&bytes).with_context(|| format!("{} is no signed note", path.display()))?,
    };
    if note.text != text {
        bail!("{} is over another file, or another edition of this one; write to a new note", path.display());
    }
    let line = signer(key, name)?.sign(&text)?;
    let already = note.lines.contains(&line);
    if !already {
        note.lines.push(line);
        file::write(path, file::PUBLIC, note.to_string().as_bytes())?;
    }
    Ok(Endorsed { note, already })
}
