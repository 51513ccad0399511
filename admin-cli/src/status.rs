//! `creditbay status`: what a running node says of itself.
//!
//! Not here: metrics, which Prometheus reads at the services' door.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::client::Problem;
use crate::erase::{self, Standing};
use crate::exit::{Exit, HELP};
use crate::node::AdminDoor;
use crate::print::{Fields, Screen, Table};

/// Bytes of a status at most.
const MAX_BYTES: usize = 1 << 20;

/// Whose status.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct StatusArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
}

/// What the admin door says.
#[derive(Debug, Serialize, Deserialize)]
struct Status {
    region: String,
    origin: String,
    log: LogState,
    #[serde(default)]
    published: Option<Published>,
    peers: Vec<Peer>,
    registers: Vec<Register>,
    rule_pack: serde_json::Value,
    #[serde(default, skip_serializing)]
    erasure: Option<Standing>,
    #[serde(default)]
    orphaned: Vec<Orphaned>,
    uptime_seconds: u64,
    version: String,
    disk_free_mib: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LogState {
    size: u64,
    root: String,
    state: String,
}

/// The head at the auditors' door, and who cosigned it.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    size: u64,
    cosigned_by: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Peer {
    region: String,
    connected: bool,
    seen_size: Option<u64>,
    suspended: serde_json::Value,
}

/// A range of an earlier log of a region that was lost.
#[derive(Debug, Serialize, Deserialize)]
struct Orphaned {
    region: String,
    log: String,
    size: u64,
    seen: u64,
}

/// A register and how far it is synchronised.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Register {
    /// The register, by the type it feeds.
    pub register: String,
    /// When it was last taken over whole.
    pub synchronised: Option<serde_json::Value>,
    /// How many rows it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether it is past the rule pack's bound, so that every answer from it is INDETERMINATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<bool>,
    /// That bound, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_after_days: Option<u16>,
}

/// Runs the command.
pub async fn run(args: &StatusArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut client = args.door.client()?;
    let reply = client.get("/v1/status", &[], MAX_BYTES).await?;
    if reply.status != 200 {
        anyhow::bail!("{} gives no status: {}", client.door(), Problem::of(&reply));
    }
    if screen.is_json() {
        let status: serde_json::Value = serde_json::from_slice(&reply.body)?;
        screen.json(&status)?;
        return Ok(Exit::Done);
    }
    let status: Status = serde_json::from_slice(&reply.body).map_err(|error| {
        anyhow::anyhow!("{} answers in another form than this program knows ({error}); use the node's own version", client.door())
    })?;
    let mut fields = Fields::new();
    fields
        .add("node", format!("{}, version {}, up {}", status.region, status.version, duration(status.uptime_seconds)))
        .add("log", format!("{}, {} leaves, {}", status.origin, status.log.size, status.log.state))
        .add("root", &status.log.root)
        .add("rules", text(&status.rule_pack))
        .add("disk", format!("{} MiB free", status.disk_free_mib));
    if let Some(Published { size, cosigned_by }) = &status.published {
        let by = if cosigned_by.is_empty() { "nobody yet".to_owned() } else { cosigned_by.join(", ") };
        fields.add("published", format!("{size} leaves, cosigned by {by}"));
    }
    for Orphaned { region, log, size, seen } in &status.orphaned {
        fields.add("orphaned", format!("{region} lost the end of {log}: {size} of {seen} leaves are left"));
    }
    screen.line(fields)?;
    let mut table = Table::new(&["peer", "connected", ">seen size", "trust"]);
    for peer in &status.peers {
        let suspended = !matches!(&peer.suspended, serde_json::Value::Null | serde_json::Value::Bool(false));
        let trust = if suspended { format!("suspended: {}", text(&peer.suspended)) } else { "good".to_owned() };
        let connected = if peer.connected { "yes" } else { "no" };
        table.row(vec![
            peer.region.clone(),
            connected.to_owned(),
            peer.seen_size.map_or("-".to_owned(), |size| size.to_string()),
            trust,
        ]);
    }
    screen.line(format!("\n{table}"))?;
    screen.line(format!("\n{}", registers(&status.registers)))?;
    if let Some(standing) = &status.erasure {
        screen.line(format!("\n{}", erase::fields(standing)))?;
    }
    Ok(Exit::Done)
}

/// Registers as a table.
pub fn registers(registers: &[Register]) -> Table {
    let counted = registers.iter().any(|register| register.rows.is_some());
    let headings: &[&'static str] =
        if counted { &["register", "synchronised", ">rows", "answers"] } else { &["register", "synchronised"] };
    let mut table = Table::new(headings);
    for register in registers {
        let synchronised = register.synchronised.as_ref().map_or_else(|| "never".to_owned(), text);
        let mut row = vec![register.register.clone(), synchronised];
        if counted {
            row.push(register.rows.map_or_else(String::new, |rows| rows.to_string()));
            row.push(answers(register));
        }
        table.row(row);
    }
    table
}

/// What a question that needs the register gets.
fn answers(register: &Register) -> String {
    match (&register.synchronised, register.stale, register.stale_after_days) {
        (_, None, _) => String::new(),
        (None, ..) => "no_source".to_owned(),
        (Some(_), Some(true), Some(days)) => format!("stale: older than {} days", days),
        (Some(_), Some(true), None) => "stale".to_owned(),
        (Some(_), Some(false), _) => "yes".to_owned(),
    }
}

/// A JSON value for people: text without its quotes.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Register, Status, duration, registers, text};

    #[test]
    fn the_interfaces_status_is_read() {
        let status: Status = serde_json::from_str(
            r#"{"region":"gz","origin":"gz.creditbay/log/1","log":{"size":3,"root":"ab","state":"running"},
                "peers":[{"region":"hk","connected":true,"seen_size":7,"suspended":false}],
                "registers":[{"register":"PENALTY","synchronised":"2026-11-23T00:00:00.000Z"}],
                "rule_pack":"gba-2026.1","uptime_seconds":5,"version":"0.1.0","disk_free_mib":900}"#,
        )
        .unwrap();
        assert_eq!((status.log.size, status.peers[0].seen_size), (3, Some(7)));
        assert_eq!(text(&status.rule_pack), "gba-2026.1");
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!([5, 65, 3_700, 90_000].map(duration), ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]);
        let never =
            Register { register: "PERMIT".to_owned(), synchronised: None, rows: None, stale: None, stale_after_days: None };
        assert_eq!(registers(std::slice::from_ref(&never)).to_string(), "  register  synchronised\n  PERMIT    never");
        let counted = |synchronised: Option<&str>, stale| {
            let synchronised = synchronised.map(serde_json::Value::from);
            registers(&[Register {
                synchronised,
                rows: Some(7),
                stale: Some(stale),
                stale_after_days: Some(45),
                ..never.clone()
            }])
            .to_string()
        };
        assert!(counted(None, true).ends_with("7  no_source"));
        assert!(counted(Some("2026-11-01"), true).ends_with("7  stale: older than 45 days"));
        assert!(counted(Some("2026-11-01"), false).ends_with("7  yes"));
    }
}
