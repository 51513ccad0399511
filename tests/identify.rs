//! A program that says of each line of its input, `SCHEME VALUE`, what the product's checks make of it: `entity`, the scheme of the natural
//! person whose number it is, or `refused`.
//!
//! `.ci/identifiers.py` holds it against an implementation that shares nothing with ours. Not here: the values.

use std::io::{self, BufRead, Write};

use anyhow::{Context, Result};
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};

fn main() -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (scheme, value) = line.split_once(' ').context("a line is SCHEME VALUE")?;
        writeln!(out, "{}", verdict(scheme.parse()?, value))?;
    }
    Ok(out.flush()?)
}

fn verdict(scheme: Scheme, value: &str) -> &'static str {
    match Identifier::parse(scheme, value) {
        Ok(_) => "entity",
        Err(IdentifierError::NaturalPerson { scheme }) => scheme.as_str(),
        Err(_) => "refused",
    }
}
