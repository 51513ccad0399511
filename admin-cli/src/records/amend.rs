//! `creditbay records repair|withdraw|object`: what an authority decided about a document after it was recorded.
//!
//! The node keeps it beside the record and answers accordingly from that day on. Not here: deciding.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use serde::{Deserialize, Serialize};

use crate::client::Problem;
use crate::exit::{Exit, UsageError};
use crate::file;
use crate::node::AdminDoor;
use crate::print::{Screen, Table};

/// Bytes of an answer at most.
const MAX_BYTES: usize = 1 << 16;
/// Bytes of a report's file at most.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// Which document of which authority about which company.
#[derive(Debug, Args)]
pub struct DocumentArgs {
    /// The company, its scheme one of uscc, hk-brn, mo-entity, lei
    #[arg(long, value_name = "SCHEME:CODE")]
    pub subject: Option<String>,
    /// The document's number (文号)
    #[arg(long, value_name = "NUMBER")]
    pub document: Option<String>,
    /// The code of the authority that decided, or of whoever keeps the register
    #[arg(long, value_name = "CODE")]
    pub authority: Option<String>,
    /// As of which day; today where nothing is said
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub on: Option<Day>,
}

/// Credit was repaired.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The document
    #[command(flatten)]
    pub document: DocumentArgs,
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
}

/// A decision was revoked, or a report taken back.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The document
    #[command(flatten)]
    pub document: DocumentArgs,
    /// A report that was given out, by its file; instead of a document
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "document", "authority", "report_digest"])]
    pub report: Option<PathBuf>,
    /// The same by the SHA-256 of its file, in hex
    #[arg(long, value_name = "HEX", conflicts_with_all = ["subject", "document", "authority"])]
    pub report_digest: Option<String>,
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
}

/// An objection was raised, or decided.
#[derive(Debug, Args)]
pub struct ObjectArgs {
    /// What happened
    pub state: Objection,
    /// The document
    #[command(flatten)]
    pub document: DocumentArgs,
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
}

/// The state of an objection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Objection {
    /// The subject objected: answers are marked as contested
    Raised,
    /// It was right: the record is answered from no more
    Upheld,
    /// It was wrong: the mark is taken off
    Rejected,
}

#[derive(Debug, Serialize)]
struct Happened<'a> {
    scheme: &'a str,
    identifier: &'a str,
    document: &'a str,
    authority: &'a str,
    action: &'static str,
    on: Option<Day>,
}

#[derive(Debug, Deserialize)]
struct Amended {
    outcome: String,
    matched: bool,
    on: Day,
    due: Vec<Due>,
}

#[derive(Debug, Deserialize)]
struct Due {
    act: String,
    timer: String,
    by: String,
    extended: Option<String>,
}

/// Tells the node of a repair.
pub async fn repair(args: &RepairArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    amend(&args.document, "repaired", &args.door, screen).await
}

/// Tells the node of a withdrawal.
pub async fn withdraw(args: &WithdrawArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let digest = match (&args.report, &args.report_digest) {
        (Some(path), _) => {
            let bytes = file::read_if_there(path, MAX_REPORT_BYTES)?;
            Digest::of(&bytes.with_context(|| format!("{}: there is no such file", path.display()))?)
        }
        (None, Some(hex)) => {
            Digest::from_hex(&hex.to_ascii_lowercase()).map_err(|error| UsageError(format!("--report-digest: {error}")))?
        }
        (None, None) => return amend(&args.document, "withdrawn", &args.door, screen).await,
    };
    #[derive(Deserialize)]
    struct Withdrawn {
        on: Day,
    }
    let asked = serde_json::json!({ "digest": digest, "on": args.document.on });
    let reply = post(&args.door, "/v1/records/reports/withdrawals", &asked, screen).await?;
    if let Some(body) = reply {
        let Withdrawn { on } = serde_json::from_slice(&body)?;
        screen.line(format!("The report is taken back as of {on}: whoever asks from then on hears INDETERMINATE(withdrawn)."))?;
    }
    Ok(Exit::Done)
}

/// Tells the node of an objection.
pub async fn object(args: &ObjectArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let action = match args.state {
        Objection::Raised => "raised",
        Objection::Upheld => "upheld",
        Objection::Rejected => "rejected",
    };
    amend(&args.document, action, &args.door, screen).await
}

async fn amend(args: &DocumentArgs, action: &'static str, door: &AdminDoor, screen: &mut Screen) -> anyhow::Result<Exit> {
    let (Some(subject), Some(document), Some(authority)) = (&args.subject, &args.document, &args.authority) else {
        return Err(UsageError("name the document: --subject SCHEME:CODE --document NUMBER --authority CODE".to_owned()).into());
    };
    let Some((scheme, identifier)) = subject.split_once(':') else {
        return Err(UsageError("--subject: write SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei".to_owned()).into());
    };
    let happened = Happened { scheme, identifier, document, authority, action, on: args.on };
    let Some(body) = post(door, "/v1/records/amendments", &happened, screen).await? else { return Ok(Exit::Done) };
    let amended: Amended = serde_json::from_slice(&body)?;
    let known = if amended.outcome == "unchanged" { "was known already" } else { "is kept" };
    screen.line(format!("{action} as of {}: {known}.", amended.on))?;
    if !amended.matched {
        let hint =
            "No record of this document is here; it applies to one that comes later. Compare document, authority and subject.";
        screen.line(hint)?;
    }
    if !amended.due.is_empty() {
        let mut table = Table::new(&["to be done", "within", "by", "at the latest"]);
        for due in amended.due {
            table.row(vec![due.act, due.timer, due.by, due.extended.unwrap_or_else(|| "-".to_owned())]);
        }
        screen.line(format!("\n{table}"))?;
    }
    Ok(Exit::Done)
}

/// The body of the answer, unless it was written as JSON already.
async fn post(door: &AdminDoor, target: &str, asked: &impl Serialize, screen: &mut Screen) -> anyhow::Result<Option<Vec<u8>>> {
    let mut client = door.client()?;
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post(target, &headers, serde_json::to_vec(asked)?, MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("the node did not take it: {}", Problem::of(&reply));
    }
    if screen.is_json() {
        screen.json(
            &serde_json::from_slice::<serde_json::Value>(&reply.body).map_err(|error| anyhow!("{}: {error}", client.door()))?,
        )?;
        return Ok(None);
    }
    Ok(Some(reply.body))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixListener;

    use clap::Parser;

    use super::*;
    use crate::command::{Cli, Command};
    use crate::records::RecordsCommand;

    /// Runs a command line against a door that answers so; what was sent, what was told.
    fn run(arguments: &str, status: &str, answer: &str) -> (anyhow::Result<Exit>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        );
        let door = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).unwrap() > 2 {
                let last = head.lines().last().unwrap().to_ascii_lowercase();
                if let Some(value) = last.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            head.lines().next().unwrap().to_owned() + "\n" + &String::from_utf8(body).unwrap()
        });
        let line = format!("creditbay records {arguments} --admin {}", socket.display());
        let Command::Records(command) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("{line}") };
        let told = folder.path().join("out");
        let mut screen = Screen::over(Box::new(std::fs::File::create(&told).unwrap()), false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let exit = runtime.block_on(super::super::run(&command, &mut screen));
        drop(screen);
        let _: &RecordsCommand = &command;
        (exit, door.join().unwrap(), std::fs::read_to_string(told).unwrap())
    }

    const DOCUMENT: &str = "--subject uscc:91440101MA9XTEAT0A --document 1号 --authority 11440100YL910001XF";

    #[test]
    fn an_objection_tells_what_is_due() {
        let answer = r#"{"outcome":"added","matched":true,"on":"2026-12-11","due":[{"act":"objection_check","timer":"1 working days","by":"2026-12-14","extended":null}]}"#;
        let (exit, sent, told) = run(&format!("object raised {DOCUMENT} --on 2026-12-11"), "200 OK", answer);
        assert_eq!(exit.unwrap(), Exit::Done);
        assert!(sent.starts_with("POST /v1/records/amendments"), "{sent}");
        assert!(sent.contains(r#""action":"raised","on":"2026-12-11""#) && sent.contains(r#""document":"1号""#), "{sent}");
        assert!(told.contains("raised as of 2026-12-11: is kept.") && told.contains("2026-12-14"), "{told}");
    }

    #[test]
    fn a_repair_of_what_is_not_here_says_so() {
        let answer = r#"{"outcome":"unchanged","matched":false,"on":"2026-12-11","due":[]}"#;
        let (exit, sent, told) = run(&format!("repair {DOCUMENT}"), "200 OK", answer);
        assert_eq!(exit.unwrap(), Exit::Done);
        assert!(sent.contains(r#""action":"repaired","on":null"#), "{sent}");
        assert!(told.contains("was known already") && told.contains("No record of this document is here"), "{told}");
    }

    #[test]
    fn what_the_node_refuses_is_an_error_with_its_words() {
        let answer = r#"{"type":"repair_too_early","title":"The shortest publication is not over","status":409,"detail":"from 2027-01-01 on"}"#;
        let (exit, _, _) = run(&format!("repair {DOCUMENT}"), "409 Conflict", answer);
        assert!(exit.unwrap_err().to_string().contains("from 2027-01-01 on"));
    }

    #[test]
    fn a_report_is_taken_back_by_its_digest() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let (exit, sent, told) = run(&format!("withdraw --report-digest {digest}"), "200 OK", r#"{"on":"2026-12-11"}"#);
        assert_eq!(exit.unwrap(), Exit::Done);
        assert!(sent.starts_with("POST /v1/records/reports/withdrawals") && sent.contains(digest), "{sent}");
        assert!(told.contains("taken back as of 2026-12-11"));
    }

    #[test]
    fn a_document_is_named_whole() {
        for arguments in
            ["repair --subject uscc:1 --document 1", "repair --subject 91440101MA9XTEAT0A --document 1 --authority 2"]
        {
            let line = format!("creditbay records {arguments} --admin /nowhere");
            let Command::Records(command) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("{line}") };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let ended = runtime.block_on(super::super::run(&command, &mut Screen::over(Box::new(Vec::new()), false)));
            assert_eq!(crate::exit::of_error(&ended.unwrap_err()), Exit::Usage, "{arguments}");
        }
    }
}
