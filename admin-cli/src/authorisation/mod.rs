//! `creditbay authorisation`: what an entity permits, written down and signed by a channel, shown to people, and withdrawn.
//!
//! The channel is whoever shows the entity its notice and hears what it agrees to: an enterprise portal, a counter. Not here: how it
//! knows the entity, and what a node does with an authorisation.

pub mod grant;
pub mod show;
pub mod withdraw;

use clap::Subcommand;

use crate::exit::{Exit, HELP};
use crate::print::Screen;

use self::grant::GrantArgs;
use self::show::ShowArgs;
use self::withdraw::WithdrawArgs;

/// Authorisations of entities.
#[derive(Debug, Subcommand)]
pub enum AuthorisationCommand {
    /// Write down and sign what an entity permits
    #[command(after_help = HELP)]
    New(Box<GrantArgs>),
    /// Show an authorisation in words, and what is wrong with it
    #[command(after_help = HELP)]
    Show(ShowArgs),
    /// Sign the end of an authorisation and hand it to nodes
    #[command(after_help = HELP)]
    Withdraw(WithdrawArgs),
}

/// Runs a command.
pub async fn run(command: &AuthorisationCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        AuthorisationCommand::New(args) => grant::run(args, screen),
        AuthorisationCommand::Show(args) => show::run(args, screen),
        AuthorisationCommand::Withdraw(args) => withdraw::run(args, screen).await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
