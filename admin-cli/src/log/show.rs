//! Leaves as a table for people, and as objects for programs.
//!
//! A leaf names no subject, and neither does this. Not here: whether they stand in the signed tree (`creditbay log verify`).

use anyhow::{Context, bail};
use clap::Args;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::erasure::{Erased, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody, LeafError};
use creditbay_protocol::notified::Notified;
use creditbay_protocol::predicate::Predicates;
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::shown::Shown;
use creditbay_protocol::terms::Terms;
use creditbay_protocol::tile::{TILE_WIDTH, TilePath, decode_bundle};

use crate::exit::Exit;
use crate::print::{Screen, Table, entries};

use super::source::{AuditorArgs, Source, Tile};

/// Leaves of a log.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A folder of static files, or the URL of an auditors' door
    #[arg(value_name = "DIR|URL")]
    pub place: String,
    /// The first leaf; without it the last ones are shown
    #[arg(long, value_name = "INDEX")]
    pub from: Option<u64>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub count: u64,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// Runs the command.
pub async fn run(args: &ShowArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut source = Source::open(&args.place, &args.auditor)?;
    let note =
        Note::parse(&source.checkpoint().await?).with_context(|| format!("{}: the checkpoint cannot be read", args.place))?;
    let checkpoint = Checkpoint::parse(&note.text).with_context(|| format!("{}: the checkpoint cannot be read", args.place))?;
    let from = args.from.unwrap_or(checkpoint.size.saturating_sub(args.count)).min(checkpoint.size);
    let end = from.saturating_add(args.count).min(checkpoint.size);
    let mut table = Table::new(&[">leaf", "time", "kind", "from", "to", "organisation", "purpose", "outcome", "predicates"]);
    let mut index = from;
    while index < end {
        let number = index / TILE_WIDTH;
        let width = (checkpoint.size - number * TILE_WIDTH).min(TILE_WIDTH);
        let path = TilePath { level: None, index: number, width: u16::try_from(width).unwrap_or(u16::MAX) };
        let Tile::Whole(bundle) = source.tile(path).await? else {
            bail!("{}: {path} is missing or no bundle; `creditbay log verify` lists what is wrong", args.place)
        };
        let bundled = decode_bundle(&bundle, usize::from(path.width)).with_context(|| format!("{}: {path}", args.place))?;
        let inside = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        for entry in bundled.into_iter().skip(inside).take(usize::try_from(end - index).unwrap_or(usize::MAX)) {
            let leaf = Leaf::parse(entry);
            if screen.is_json() {
                screen.json(&as_json(index, &leaf))?;
            } else {
                table.row(row(index, &leaf));
            }
            index += 1;
        }
    }
    if !screen.is_json() {
        screen.line(format!(
            "{}, {}; not verified, `creditbay log verify` does that\n",
            checkpoint.origin,
            entries(checkpoint.size)
        ))?;
        screen.line(table)?;
    }
    Ok(Exit::Done)
}

/// What a leaf says, part by part.
struct Parts {
    from: String,
    to: String,
    organisation: String,
    purpose: String,
    outcome: String,
    predicates: String,
}

fn parts(body: &LeafBody) -> Parts {
    let list = |predicates: &Predicates| predicates.as_slice().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match body {
        LeafBody::Query { terms, .. } => Parts {
            from: terms.asker.to_string(),
            to: terms.issuer.to_string(),
            organisation: terms.organisation.to_string(),
            purpose: terms.purpose.to_string(),
            outcome: under(terms).join("; "),
            predicates: list(&terms.predicates),
        },
        LeafBody::Answer { terms, outcome, .. } => Parts {
            from: terms.issuer.to_string(),
            to: terms.asker.to_string(),
            organisation: terms.organisation.to_string(),
            purpose: terms.purpose.to_string(),
            outcome: match outcome {
                OutcomeClass::Answered => [vec!["answered".to_owned()], under(terms)].concat().join("; "),
                OutcomeClass::Refused(class) => format!("refused: {class}"),
            },
            predicates: list(&terms.predicates),
        },
        LeafBody::Declined { asker, issuer, organisation, purpose, predicates, class, .. } => Parts {
            from: asker.to_string(),
            to: issuer.map_or_else(|| "-".to_owned(), |issuer| issuer.to_string()),
            organisation: organisation.to_string(),
            purpose: purpose.to_string(),
            outcome: format!("not asked: {class}"),
            predicates: list(predicates),
        },
        LeafBody::Abandoned { query, issuer } => Parts {
            from: "-".to_owned(),
            to: issuer.to_string(),
            organisation: "-".to_owned(),
            purpose: "-".to_owned(),
            outcome: format!("query {query} never answered"),
            predicates: String::new(),
        },
        LeafBody::Event(event) => event_parts(event),
    }
}

/// Under what it was asked beside the rules: an authorisation, a portfolio.
fn under(terms: &Terms) -> Vec<String> {
    let used = terms
        .authorisation
        .map(|used| format!("use {} of {} of {}", used.number.get(), used.of.get(), begin(&used.authorisation)));
    let portfolio = terms.portfolio.map(|under| format!("portfolio {} of {} subjects", begin(&under.portfolio), under.size));
    [used, portfolio].into_iter().flatten().collect()
}

/// The first digits of a digest, enough to find it again.
fn begin(digest: &Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

fn event_parts(event: &Event) -> Parts {
    let none = || "-".to_owned();
    let about = |outcome: String| Parts {
        from: none(),
        to: none(),
        organisation: none(),
        purpose: none(),
        outcome,
        predicates: String::new(),
    };
    match event {
        Event::PackActivated { pack, serial, overlap: None } => about(format!("rule pack {serial}, {}", begin(pack))),
        Event::PackActivated { pack, serial, overlap: Some(before) } => {
            about(format!("rule pack {serial}, {}; {} answers until {}", begin(pack), begin(&before.pack), before.until))
        }
        Event::Suspension { of, in_force } => about(format!("{of} {}", if *in_force { "suspended" } else { "resumed" })),
        Event::AuthorisationWithdrawn { authorisation, channel } => {
            about(format!("{} withdrawn at {channel}", begin(authorisation)))
        }
        Event::PortfolioDeclared { portfolio, organisation, purpose, size, until } => Parts {
            organisation: organisation.to_string(),
            purpose: purpose.to_string(),
            ..about(format!("{size} subjects until {until}, {}", begin(portfolio)))
        },
        Event::LogRetired { ground } => about(format!("this log ends, for {ground}")),
        Event::LogBegun { predecessor, size, root } => {
            about(format!("this log goes on from {predecessor}, {size} leaves, root {}", root.to_base64()))
        }
        Event::LogBegunAfterLoss { range, serial, .. } => {
            about(format!("this log goes on behind the lost end of {range}; edition {serial} of the directory"))
        }
        Event::TurnedAway { peer, since, count } => {
            Parts { to: peer.to_string(), ..about(format!("{count} refusals without a leaf since {since}")) }
        }
        Event::Withheld { answer } => about(format!("answer {answer} was not released: no quorum of witnesses")),
        Event::TrustDecided { log, size, evidence, .. } => {
            about(format!("{log} is trusted again after an alarm at size {size}, evidence {}", begin(evidence)))
        }
        Event::Erased(erased) => about(erasure(erased)),
        Event::OpeningsShown(shown) => about(openings(shown)),
        Event::EarlierOpeningsShown { log, shown } => about(format!("{} of {log}", openings(shown))),
        Event::ErasureNotified(Notified { receiver, ground, count, .. }) => {
            Parts { to: receiver.to_string(), ..about(format!("{count} leaves erased: {ground}")) }
        }
    }
}

fn openings(Shown { first, last, count, fields, .. }: &Shown) -> String {
    let fields: Vec<_> = fields.members().iter().map(ToString::to_string).collect();
    format!("{} of {count} leaves from {first} to {last}", fields.join(", "))
}

fn erasure(erased: &Erased) -> String {
    let Erased { ground, scope, early, count, .. } = erased;
    let how = match scope {
        ErasureScope::Leaf => "one leaf".to_owned(),
        ErasureScope::Subject => "one subject".to_owned(),
        ErasureScope::Before(day) => format!("all of before {day}"),
        ErasureScope::Retention(day) => format!("overdue on {day}"),
        ErasureScope::Notice { peer, notice } => format!("notice {} of {peer}", begin(notice)),
        ErasureScope::Records => return format!("records: {ground}"),
    };
    let early = if *early { ", of which some could still be used" } else { "" };
    format!("{count} leaves, {how}: {ground}{early}")
}

fn row(index: u64, leaf: &Result<Leaf, LeafError>) -> Vec<String> {
    match leaf {
        Ok(leaf) => {
            let parts = parts(&leaf.body);
            let kind = leaf.body.kind().to_owned();
            vec![
                index.to_string(),
                leaf.time.to_string(),
                kind,
                parts.from,
                parts.to,
                parts.organisation,
                parts.purpose,
                parts.outcome,
                parts.predicates,
            ]
        }
        Err(error) => vec![index.to_string(), "-".to_owned(), format!("no leaf: {error}")],
    }
}

fn as_json(index: u64, leaf: &Result<Leaf, LeafError>) -> serde_json::Value {
    match leaf {
        Ok(leaf) => {
            let parts = parts(&leaf.body);
            serde_json::json!({
                "index": index, "time": leaf.time.to_string(), "kind": leaf.body.kind(), "hash": leaf.hash(), "from": parts.from, "to": parts.to,
                "organisation": parts.organisation, "purpose": parts.purpose, "outcome": parts.outcome, "predicates": parts.predicates,
            })
        }
        Err(error) => serde_json::json!({ "index": index, "error": error.to_string() }),
    }
}
