//! `creditbay-node run --config FILE`: the daemon; `creditbay-node restore`: its log put back from an archive; `creditbay-node succeed`:
//! the next log behind one whose end was lost.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use creditbay_node::host::telemetry::start_tracing;
use creditbay_node::node::{Node, Signals};
use creditbay_node::restore::{Restored, compact, restore, restore_predecessor};
use creditbay_node::succeed::{Succeeding, succeed};

/// A city's node of CreditBay (信用湾区).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Opens the store, hears the peers, opens the doors, and serves until SIGTERM or SIGINT.
    Run {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Puts the log back into an empty store, or into one that was rolled back, from a copy that `creditbay log archive` keeps. What
    /// opens the leaves (answers, receipts) is in no archive and does not come back.
    Restore {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The folder of the copy.
        #[arg(long, value_name = "DIR", required_unless_present = "predecessor")]
        archive: Option<PathBuf>,
        /// The store holds the beginning of the log: add what it lacks.
        #[arg(long, requires = "archive")]
        tail: bool,
        /// The folder of a copy of the log before this one, put back as this log's first leaf names it: peers that know that one alone
        /// are shown how this one goes on from it.
        #[arg(long, value_name = "DIR")]
        predecessor: Option<PathBuf>,
    },
    /// Begins the next log behind one whose end was lost, as the network directory lists it ([[region.orphaned]], signed by every region).
    /// What the directory says is left must be in the store, or in an archive. The daemon must not run; start it afterwards.
    Succeed {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The folder of a copy of the lost log, where the store has less of it than the directory says is left.
        #[arg(long, value_name = "DIR")]
        archive: Option<PathBuf>,
    },
    /// Rewrites the store, so that what was superseded or deleted takes no room any more. The daemon must not run; as much room again as
    /// the store takes must be free.
    Compact {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    start_tracing();
    match command {
        Command::Run { config } => run(&config),
        Command::Restore { config, archive, tail, predecessor } => {
            restored(&config, archive.as_deref(), tail, predecessor.as_deref())
        }
        Command::Succeed { config, archive } => succeeding(&config, archive.as_deref()),
        Command::Compact { config } => compacted(&config),
    }
}

fn restored(config: &Path, archive: Option<&Path>, tail: bool, predecessor: Option<&Path>) -> ExitCode {
    let own = archive.map(|archive| restore(config, archive, tail));
    let before = || predecessor.map(|archive| restore_predecessor(config, archive));
    let lines = own.transpose().and_then(|own| Ok([own, before().transpose()?])).map(|restored| {
        let line = |Restored { origin, stored, size, root }: Restored| {
            format!("restored log={origin} from={stored} size={size} root={}\n", root.to_base64())
        };
        restored.into_iter().flatten().map(line).collect::<String>()
    });
    match lines {
        Ok(lines) => say(&lines),
        Err(error) => fail(&error.to_string()),
    }
}

fn succeeding(config: &Path, archive: Option<&Path>) -> ExitCode {
    match succeed(config, archive) {
        Ok(Succeeding { origin, range }) => {
            say(&format!("succeeds log={origin} behind={} size={} orphaned={}\n", range.log, range.size, range.lost()))
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Lines for whoever started the program.
fn say(lines: &str) -> ExitCode {
    let mut out = std::io::stdout();
    if write!(out, "{lines}").is_ok() { ExitCode::SUCCESS } else { fail("standard output is closed") }
}

fn compacted(config: &Path) -> ExitCode {
    match compact(config) {
        Ok((before, after)) => say(&format!("compacted before={before} after={after}\n")),
        Err(error) => fail(&error.to_string()),
    }
}

fn run(config: &Path) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    runtime.block_on(async {
        let node = match Node::start(config).await {
            Ok(node) => node,
            Err(error) => return fail(&error.to_string()),
        };
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return fail(&format!("signals cannot be heard: {error}")),
        };
        let mut out = std::io::stdout();
        if writeln!(out, "{}", node.ready_line()).and_then(|()| out.flush()).is_err() {
            return fail("standard output is closed; nobody would learn that the node is ready");
        }
        signals.heard().await;
        node.shut_down().await;
        ExitCode::SUCCESS
    })
}

fn fail(reason: &str) -> ExitCode {
    tracing::error!("{reason}");
    ExitCode::FAILURE
}
