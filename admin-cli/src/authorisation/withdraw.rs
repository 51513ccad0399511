//! `creditbay authorisation withdraw`: the end of an authorisation, signed with its channel's key and handed to the nodes' operators' doors.
//!
//! Nodes of other cities are on other machines: `--out` keeps the signed withdrawal, and their operators hand it in the same way,
//! without the key. Not here: what a node does with it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_protocol::authorisation::{SignedWithdrawal, Withdrawal};
use serde::Deserialize;

use crate::client::{Client, Problem};
use crate::exit::{Exit, UsageError};
use crate::file;
use crate::host;
use crate::node;
use crate::print::{Fields, Screen, Table};

use super::show::read;

/// Bytes of a node's answer at most.
const MAX_BYTES: usize = 1 << 16;

/// What is to end, and who is told.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The authorisation, to be withdrawn with --key; or a withdrawal that the channel signed
    pub file: PathBuf,
    /// The private key of the channel that signed the authorisation
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The folder of a node's node.toml; repeat for each node
    #[arg(long, value_name = "DIR")]
    pub node: Vec<PathBuf>,
    /// A node's admin socket; repeat for each node
    #[arg(long, value_name = "SOCKET")]
    pub admin: Vec<PathBuf>,
    /// Keep the signed withdrawal in this file, for nodes on other machines
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What a node says that took it.
#[derive(Deserialize)]
struct Taken {
    leaf: u64,
}

/// Runs the command. Every node is told, whatever the others say.
pub async fn run(args: &WithdrawArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    if args.node.is_empty() && args.admin.is_empty() && args.out.is_none() {
        return Err(UsageError("name the nodes that are told (--node DIR), or keep it for them (--out FILE)".to_owned()).into());
    }
    let signed = signed(args)?;
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&signed).context("the withdrawal has no form in JSON")?;
        file::write_new(path, file::PUBLIC, format!("{text}\n").as_bytes())?;
    }
    let body = serde_json::to_vec(&signed).context("the withdrawal has no form in JSON")?;
    let mut told = Vec::new();
    for folder in &args.node {
        let client = node::read(folder).map(|config| Client::at_socket(&config.doors.admin));
        told.push((folder.display().to_string(), tell(client, body.clone()).await));
    }
    for socket in &args.admin {
        told.push((socket.display().to_string(), tell(Ok(Client::at_socket(socket)), body.clone()).await));
    }
    let failed = told.iter().any(|(_, said)| said.is_err());
    report(args, &signed, &told, screen)?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn signed(args: &WithdrawArgs) -> anyhow::Result<SignedWithdrawal> {
    let Some(key) = &args.key else {
        let text = file::read_text(&args.file)?;
        let read = serde_json::from_str(&text).ok();
        return read.ok_or_else(|| {
            let shown = args.file.display();
            UsageError(format!("{shown} is no signed withdrawal; to withdraw an authorisation, name the channel's key (--key)"))
                .into()
        });
    };
    let authorisation = read(&args.file)?;
    let key = file::read_key(key)?;
    if authorisation.verify(&key.public()).is_err() {
        bail!("this key did not sign the authorisation, so nodes would refuse the withdrawal; name the key of channel {}", {
            authorisation.authorisation.channel
        });
    }
    let (digest, channel) = (authorisation.authorisation.digest(), authorisation.authorisation.channel);
    Ok(Withdrawal { authorisation: digest, channel, at: host::now()? }.sign(&key))
}

/// The index of the leaf that records it at one node.
async fn tell(client: anyhow::Result<Client>, body: Vec<u8>) -> anyhow::Result<u64> {
    let mut client = client?;
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post("/v1/authorisations/withdrawals", &headers, body, MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let taken: Option<Taken> = serde_json::from_slice(&reply.body).ok();
    let taken = taken.with_context(|| {
        format!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    Ok(taken.leaf)
}

fn report(
    args: &WithdrawArgs,
    signed: &SignedWithdrawal,
    told: &[(String, anyhow::Result<u64>)],
    screen: &mut Screen,
) -> anyhow::Result<()> {
    let withdrawal = &signed.withdrawal;
    if screen.is_json() {
        let nodes: Vec<_> = told
            .iter()
            .map(|(node, said)| match said {
                Ok(leaf) => serde_json::json!({ "node": node, "leaf": leaf }),
                Err(error) => serde_json::json!({ "node": node, "error": format!("{error:#}") }),
            })
            .collect();
        return screen.json(&serde_json::json!({ "withdrawal": withdrawal, "kept": args.out, "nodes": nodes }));
    }
    let mut fields = Fields::new();
    fields.add("withdrawn", withdrawal.authorisation).add("by channel", withdrawal.channel).add("at", withdrawal.at);
    if let Some(path) = &args.out {
        fields.add("kept in", path.display());
    }
    screen.line(fields)?;
    if told.is_empty() {
        return screen.line("\nNo node was told; it is good until each node has taken this in.");
    }
    let mut table = Table::new(&["node", "said"]);
    for (node, said) in told {
        let words = match said {
            Ok(leaf) => format!("good for nothing from leaf {leaf} on"),
            Err(error) => format!("NOT TAKEN: {error:#}"),
        };
        table.row(vec![node.clone(), words]);
    }
    screen.line(format!("\n{table}"))
}
