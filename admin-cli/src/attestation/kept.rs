//! An answer that was kept: its file read and written, and told to a person.
//!
//! Not here: verifying it (`verify`).

use std::path::Path;

use anyhow::Context;
use creditbay_crypto::note::Note;
use creditbay_protocol::attestation::{Attestation, BEARER, Content};
use creditbay_protocol::proof::TlogProof;

use crate::file;
use crate::print::{Fields, Screen, Table};

/// Reads the file.
pub fn read(path: &Path) -> anyhow::Result<Attestation> {
    let text = file::read_text(path)?;
    // serde's words may hold a value of the file, so only the place is told.
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "{}:{}:{}: not an attestation; take the file as the node gave it",
            path.display(),
            error.line(),
            error.column()
        )
    })
}

/// Writes an attestation as the file that is kept.
pub fn save(attestation: &Attestation, path: &Path) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(attestation).context("the attestation has no form in JSON")?;
    text.push('\n');
    // It names a subject and opens two commitments.
    file::write(path, file::PRIVATE, text.as_bytes())
}

/// Tells what an attestation says: who to whom, every verdict, what it rests on, where it is proved.
pub fn tell(attestation: &Attestation, screen: &mut Screen) -> anyhow::Result<()> {
    let content = &attestation.content;
    let asked = format!(
        "{} asked {} for {} ({}), purpose {}",
        content.asker, content.issuer, content.organisation, content.scheme, content.purpose
    );
    let subject = match content.digest {
        Some(digest) if content.scheme == BEARER => format!("whoever brought the report with SHA-256 {digest}"),
        _ => content.subject.clone(),
    };
    screen.line(format!("{asked}\n  subject  {subject}\n"))?;
    match &content.refusal {
        Some(refusal) => screen.line(format!("  refused  {refusal} ({})\n", refusal.name()))?,
        None => screen.line(format!("{}\n", verdicts(content)))?,
    }
    let mut fields = Fields::new();
    fields.add("answered", &content.answered_at);
    if let Some(day) = content.as_of {
        fields.add("as of", format!("{day} (UTC+8), law of origin {}", content.law_of_origin.map_or("-", |law| law.as_str())));
    }
    if let Some(day) = content.valid_until {
        fields.add("valid until", day);
    }
    for (position, covered) in content.coverage.iter().enumerate() {
        let label = if position == 0 { "rests on" } else { "" };
        fields.add(label, format!("{}, synchronised {}", covered.register, covered.synchronised));
    }
    fields.add("rule pack", &content.rule_pack);
    fields.add("proved by", proved_by(&attestation.answer.log.to_string(), &attestation.answer.tlog_proof));
    fields.add("question", proved_by(&attestation.query.log.to_string(), &attestation.query.tlog_proof));
    fields.add("id", &attestation.id);
    screen.line(fields)
}

fn verdicts(content: &Content) -> Table {
    let mut table = Table::new(&["question", "answer", "valid until", "why"]);
    for answered in &content.answers {
        let verdict = &answered.verdict;
        let covered = |position: usize| position < 32 && verdict.coverage & (1 << position) != 0;
        let registers: Vec<_> = content
            .coverage
            .iter()
            .enumerate()
            .filter(|(position, _)| covered(*position))
            .map(|(_, one)| one.register.to_string())
            .collect();
        let mut why = if registers.is_empty() { "no register".to_owned() } else { registers.join(", ") };
        if let Some(band) = verdict.band {
            why.push_str(&format!("; band {band}"));
        }
        if verdict.contested {
            why.push_str("; a record is under objection");
        }
        table.row(vec![answered.predicate.to_string(), verdict.truth.to_string(), verdict.valid_until.to_string(), why]);
    }
    table
}

/// `gz.creditbay/log/1, leaf 17, signed by …`: what the proof says of itself.
fn proved_by(log: &str, proof: &str) -> String {
    let read = TlogProof::parse(proof).ok().and_then(|proof| Note::parse(&proof.note).ok().map(|note| (proof.index, note)));
    let Some((index, note)) = read else { return format!("{log}, by a proof that cannot be read") };
    let signers: Vec<_> = note.lines.iter().map(|line| line.name.as_str()).filter(|name| *name != log).collect();
    let cosigned = if signers.is_empty() { String::new() } else { format!(", cosigned by {}", signers.join(", ")) };
    format!("{log}, leaf {index}{cosigned}")
}
