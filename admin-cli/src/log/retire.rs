//! `creditbay log retire`: ends a node's log for ever, so that the region can begin the next number (PROTOCOL 35.5).
//!
//! Not here: the leaf, which is the node's, and the network directory that names the next log, which all regions sign.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use creditbay_protocol::event::RetirementGround;
use creditbay_protocol::name::Origin;
use serde::Deserialize;

use crate::client::Problem;
use crate::exit::Exit;
use crate::file;
use crate::node::AdminDoor;
use crate::print::{Fields, Screen, entries};

/// Bytes of an answer at most.
const MAX_BYTES: usize = 1 << 16;

/// The log that ends.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// The log, as a check that it is the one that is meant: gz.creditbay/log/1
    #[arg(long, value_name = "ORIGIN")]
    pub log: Origin,
    /// Why: key-change, key-compromise, store, succession or closure
    #[arg(long)]
    pub ground: RetirementGround,
    /// Where the final note is kept, too
    #[arg(long, value_name = "FILE")]
    pub final_note: Option<PathBuf>,
}

/// The log's last word.
#[derive(Deserialize)]
struct Retired {
    leaf: u64,
    size: u64,
    root: String,
    note: String,
}

/// Runs the command.
pub async fn run(args: &RetireArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut client = args.door.client()?;
    let body = serde_json::json!({ "log": args.log, "ground": args.ground.to_string() });
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post("/v1/log/retirement", &headers, body.to_string().into_bytes(), MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let Retired { leaf, size, root, note } = serde_json::from_slice(&reply.body).map_err(|_| {
        anyhow::anyhow!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    if let Some(path) = &args.final_note {
        file::write_new(path, file::PUBLIC, note.as_bytes())?;
    }
    if screen.is_json() {
        let said = serde_json::json!({
            "log": args.log, "ground": args.ground.to_string(), "leaf": leaf, "size": size, "root": root, "note": note,
        });
        screen.json(&said)?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("retired", format!("{}, {}", args.log, entries(size)))
        .add("root", root)
        .add("recorded", format!("leaf {leaf}, its last"));
    screen.line(fields)?;
    screen.line("\nBring the archive up to date now (`creditbay log archive`), while the node still serves this log. Then have the network")?;
    screen.line("directory name the next log (log_origin, log), have every region sign it, and start the node again.")?;
    Ok(Exit::Done)
}
