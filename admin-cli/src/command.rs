//! The command line of `creditbay`, and the way from it to the room that does it.
//!
//! Not here: what a command does.

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::alarm::{self, TrustCommand};
use crate::attestation::{self, AttestationCommand};
use crate::authorisation::{self, AuthorisationCommand};
use crate::erase::{self, EraseArgs};
use crate::exit::{Exit, HELP};
use crate::keys::{self, KeysCommand};
use crate::log::{self, LogCommand};
use crate::network::{self, NetworkCommand};
use crate::portfolio::{self, PortfolioCommand};
use crate::print::Screen;
use crate::query::{self, QueryArgs};
use crate::records::{self, RecordsCommand};
use crate::rules::{self, RulesCommand};
use crate::status::{self, StatusArgs};
use crate::suspension::{self, SuspensionCommand};

/// CreditBay for operators and auditors
#[derive(Debug, Parser)]
#[command(name = "creditbay", version, about, after_help = HELP, propagate_version = true, max_term_width = 120)]
pub struct Cli {
    /// Write JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a development network on this machine; write a trust policy for those who only verify
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Make keys and show their public halves
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Hand records to a running node, show what it holds
    #[command(subcommand)]
    Records(RecordsCommand),
    /// Ask a question as a service does
    Query(Box<QueryArgs>),
    /// Write down what an entity permits, show it, withdraw it
    #[command(subcommand)]
    Authorisation(AuthorisationCommand),
    /// Declare about how many subjects questions will be
    #[command(subcommand)]
    Portfolio(PortfolioCommand),
    /// Show and verify answers that were kept, offline
    #[command(subcommand)]
    Attestation(AttestationCommand),
    /// Verify, export and show disclosure logs
    #[command(subcommand)]
    Log(Box<LogCommand>),
    /// Erase what opens leaves of a running node's log, and tell the other side
    Erase(EraseArgs),
    /// Show, check and explain rule packs; suspend what they admit
    #[command(subcommand)]
    Rules(Ruling),
    /// Show why a peer's log is trusted no more, verify the evidence, trust it again
    #[command(subcommand)]
    Trust(TrustCommand),
    /// What a running node says of itself
    Status(StatusArgs),
}

/// What rule packs say, and the operator's word over it.
#[derive(Debug, Subcommand)]
pub enum Ruling {
    /// Rule packs.
    #[command(flatten)]
    Pack(RulesCommand),
    /// Suspensions.
    #[command(flatten)]
    Suspension(SuspensionCommand),
}

/// Runs a command.
pub fn run(command: Command, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        Command::Network(command) => network::run(&command, screen),
        Command::Keys(command) => keys::run(&command, screen),
        Command::Rules(Ruling::Pack(command)) => rules::run(&command, screen),
        Command::Rules(Ruling::Suspension(command)) => wait_for(suspension::run(&command, screen)),
        Command::Authorisation(command) => wait_for(authorisation::run(&command, screen)),
        Command::Portfolio(command) => wait_for(portfolio::run(&command, screen)),
        Command::Records(command) => wait_for(records::run(&command, screen)),
        Command::Erase(args) => wait_for(erase::run(&args, screen)),
        Command::Query(args) => wait_for(query::run(&args, screen)),
        Command::Attestation(command) => wait_for(attestation::run(&command, screen)),
        Command::Log(command) => wait_for(log::run(&command, screen)),
        Command::Trust(command) => wait_for(alarm::run(&command, screen)),
        Command::Status(args) => wait_for(status::run(&args, screen)),
    }
}

fn wait_for(task: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the program cannot wait for connections")?;
    runtime.block_on(Box::pin(task))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, Command};

    #[test]
    fn the_command_line_fits_together_and_documents_its_exit_codes() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        assert!(help.contains("3  verification failed"), "{help}");
        for path in [
            vec!["log", "verify"],
            vec!["log", "export"],
            vec!["log", "archive"],
            vec!["log", "retire"],
            vec!["log", "open"],
            vec!["log", "check-opening"],
            vec!["erase"],
            vec!["query"],
            vec!["records", "import"],
            vec!["attestation", "verify"],
            vec!["attestation", "refresh"],
            vec!["rules", "explain"],
            vec!["rules", "suspend"],
            vec!["rules", "resume"],
            vec!["authorisation", "new"],
            vec!["authorisation", "show"],
            vec!["authorisation", "withdraw"],
            vec!["portfolio", "declare"],
            vec!["trust", "show"],
            vec!["trust", "restore"],
            vec!["trust", "export"],
            vec!["trust", "verify"],
        ] {
            let mut found = &mut command;
            for name in path {
                found = found.find_subcommand_mut(name).unwrap();
            }
            let help = found.render_long_help().to_string();
            assert!(help.contains("Exit codes:") && help.contains("4  declined"), "{help}");
        }
    }

    #[test]
    fn a_log_is_copied_from_the_door_that_the_directory_names_unless_another_is_named() {
        use crate::log::LogCommand;
        use clap::Parser;
        for (places, door) in [("copy", None), ("http://127.0.0.1:1 copy", Some("http://127.0.0.1:1"))] {
            let line = format!("creditbay log export {places} --region gz --network n");
            let Command::Log(command) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("{line}") };
            let LogCommand::Export(args) = *command else { panic!("{line}") };
            assert_eq!((args.place.as_deref(), args.dir.to_str()), (door, Some("copy")), "{line}");
        }
    }

    #[test]
    fn a_wrong_command_line_ends_with_2() {
        use clap::Parser;
        for line in [
            "creditbay",
            "creditbay nothing",
            "creditbay query --ask x",
            "creditbay query --node n --purpose FIN --bearer --ask hash_matches(REPORT_VERIFY)",
            "creditbay query --node n --purpose FIN --bearer --issuer gz --subject uscc:x --ask hash_matches(REPORT_VERIFY)",
            "creditbay query --node n --purpose FIN --bearer --issuer gz --digest 00 --ask hash_matches(REPORT_VERIFY)",
            "creditbay query --node n --purpose FIN --ask not_listed(SER_ANY)",
            "creditbay attestation verify x",
            "creditbay attestation verify x --query-too --network n",
            "creditbay attestation verify x --policy p --network-note n",
            "creditbay attestation refresh x",
            "creditbay rules suspend --node n",
            "creditbay log open 5 --node n",
            "creditbay log open --node n --for audit",
            "creditbay erase --node n --ground order",
            "creditbay erase --node n --index 5",
            "creditbay erase --node n --index 5 --before 2026-01-01 --ground order",
            "creditbay erase --node n --index 5 --ground peer_notice",
            "creditbay erase --node n --before yesterday --ground order",
            "creditbay erase --node n --outstanding --index 5 --ground order",
            "creditbay erase --node n --index 5 --records --ground order",
            "creditbay erase --node n --person-from f --records --ground order",
            "creditbay rules suspend --node n --type ANY",
            "creditbay rules resume --node n --type TAX_GRADE --peer hk",
            "creditbay portfolio declare --node n --purpose FIN --size many --days 3",
            "creditbay rules explain --pack p --asker hk --issuer gz --purpose NONE --ask not_listed(SER_ANY)",
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
