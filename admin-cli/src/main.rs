//! `creditbay`: the program. Reads the command line, runs one command, tells how it ended.
//!
//! Not here: the commands (`command` and the rooms below it).

use std::process::ExitCode;

use clap::Parser;

use creditbay_admin_cli::command::{self, Cli};
use creditbay_admin_cli::print::Screen;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut screen = Screen::stdout(cli.json);
    let exit = command::run(cli.command, &mut screen).unwrap_or_else(|error| screen.error(&error));
    ExitCode::from(exit.code())
}
