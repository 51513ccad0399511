//! `creditbay-node run --config FILE`: the daemon; `creditbay-node restore`: its log put back from an archive.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use creditbay_node::host::telemetry::start_tracing;
use creditbay_node::node::{Node, Signals};
use creditbay_node::restore::{Restored, compact, restore};

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
        #[arg(long, value_name = "DIR")]
        archive: PathBuf,
        /// The store holds the beginning of the log: add what it lacks.
        #[arg(long)]
        tail: bool,
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
        Command::Restore { config, archive, tail } => restored(&config, &archive, tail),
        Command::Compact { config } => compacted(&config),
    }
}

fn restored(config: &Path, archive: &Path, tail: bool) -> ExitCode {
    match restore(config, archive, tail) {
        Ok(Restored { origin, stored, size, root }) => {
            let line = format!("restored log={origin} from={stored} size={size} root={}", root.to_base64());
            if writeln!(std::io::stdout(), "{line}").is_ok() { ExitCode::SUCCESS } else { fail("standard output is closed") }
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn compacted(config: &Path) -> ExitCode {
    match compact(config) {
        Ok((before, after)) => {
            let line = format!("compacted before={before} after={after}");
            if writeln!(std::io::stdout(), "{line}").is_ok() { ExitCode::SUCCESS } else { fail("standard output is closed") }
        }
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
