//! The lanes beside the public one: what an entity permitted, what a subject brought, what regulators ask one another.
//!
//! Not here: what is refused in them (`tests/lanes.rs`).

use std::fs;

use anyhow::{Context, Result, ensure};
use creditbay_protocol::attestation::Attestation;
use harness::network::Said;
use harness::samples::Further;
use serde_json::{Value, json};

use super::Demo;
use super::telling::{self, head, note};

/// What the entity was told before it said yes.
const NOTICE: &str = "The answer goes to the bank that you name, for the purpose that you name, and leaves the territory.\n";

/// Every question of the samples that needs a permission, a report or a regulator.
pub(super) fn ask(demo: &mut Demo) -> Result<()> {
    head(
        "The other lanes",
        "the entity's signed authorisation (A), a report that the subject brought (C), regulators among themselves (R)",
    );
    note("lane A: signed by the issuer's channel with `creditbay authorisation new`, good once, for this bank and purpose alone");
    note("lane C: the node gets the SHA-256 of the file; nobody is named, and the file stays where it is");
    fs::write(demo.network.folder().join("notice.txt"), NOTICE)?;
    for further in demo.expected.further.clone() {
        let body = body(demo, &further)?;
        let said = demo.runtime.block_on(asking(demo, &further, &body))?;
        hold(demo, &further, &said)?;
    }
    Ok(())
}

async fn asking(demo: &Demo, further: &Further, body: &Value) -> Result<Said> {
    let services = match further.lane.as_str() {
        "R" => demo.network.regulator(&further.asker)?,
        _ => demo.network.services(&further.asker)?,
    };
    services.ask(body).await
}

fn body(demo: &Demo, further: &Further) -> Result<Value> {
    let subject = match &further.subject {
        Some(subject) => json!({"scheme": subject.scheme, "value": subject.value}),
        None => json!({"scheme": "bearer"}),
    };
    let mut body = json!({"purpose": further.purpose, "operator": "demo.operator", "subject": subject,
        "predicates": [further.predicate], "issuer": further.issuer});
    if let Some(digest) = &further.digest {
        body["digest"] = json!(digest);
    }
    if further.lane == "A" {
        body["authorisation"] = authorisation(demo, further)?;
    }
    Ok(body)
}

/// What the entity permits, written down and signed by the issuer's channel.
fn authorisation(demo: &Demo, further: &Further) -> Result<Value> {
    let folder = demo.network.folder();
    fs::create_dir_all(folder.join("authorisations"))?;
    let shown = |path: &str| folder.join(path).display().to_string();
    let subject = further.subject.as_ref().context("lane A is about an entity")?;
    let of = further.predicate["of"].as_str().context("a predicate has a type")?;
    let (issuer, asker) = (&further.issuer, &further.asker);
    let file = shown(&format!("authorisations/{}.json", further.id));
    let arguments = [
        ("--subject", format!("{}:{}", subject.scheme, subject.value)),
        ("--issuer", issuer.clone()),
        ("--asker", asker.clone()),
        ("--organisation", format!("bank.{asker}")),
        ("--purpose", further.purpose.clone()),
        ("--types", of.to_owned()),
        ("--days", "1".to_owned()),
        ("--uses", "1".to_owned()),
        ("--notice", shown("notice.txt")),
        ("--language", "en".to_owned()),
        ("--key", shown(&format!("{issuer}/channel.pem"))),
        ("--channel", format!("portal.{issuer}")),
        ("--network", shown("network.toml")),
        ("--out", file.clone()),
    ];
    let flags = ["authorisation", "new", "--provide", "--export"].map(str::to_owned);
    let arguments = arguments.into_iter().flat_map(|(key, value)| [key.to_owned(), value]);
    let ended = demo.network.creditbay(flags.into_iter().chain(arguments))?;
    ensure!(ended.code == 0, "creditbay authorisation new ended with {}: {}", ended.code, ended.stderr);
    serde_json::from_str(&fs::read_to_string(&file)?).with_context(|| file)
}

fn hold(demo: &mut Demo, further: &Further, said: &Said) -> Result<()> {
    let id = &further.id;
    if said.status != 200 {
        demo.tally.hold(false, || format!("{id}: HTTP {} {}", said.status, said.body));
        return Ok(());
    }
    let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).with_context(|| id.clone())?;
    let outcome = telling::outcome(&attestation);
    demo.tally.hold(outcome == further.expect, || format!("{id}: {outcome}, expected {}", further.expect));
    demo.tally.answers += 1;
    telling::lane(further, &attestation, said.took);
    demo.keep(id, &attestation)
}
