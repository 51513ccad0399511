//! `creditbay-node run --config FILE`: the daemon.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use creditbay_node::host::telemetry::start_tracing;
use creditbay_node::node::Node;

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
}

fn main() -> ExitCode {
    let Arguments { command: Command::Run { config } } = Arguments::parse();
    start_tracing();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    runtime.block_on(async {
        let node = match Node::start(&config).await {
            Ok(node) => node,
            Err(error) => return fail(&error.to_string()),
        };
        let mut out = std::io::stdout();
        if writeln!(out, "{}", node.ready_line()).and_then(|()| out.flush()).is_err() {
            return fail("standard output is closed; nobody would learn that the node is ready");
        }
        node.until_signal().await;
        node.shut_down().await;
        ExitCode::SUCCESS
    })
}

fn fail(reason: &str) -> ExitCode {
    tracing::error!("{reason}");
    ExitCode::FAILURE
}
