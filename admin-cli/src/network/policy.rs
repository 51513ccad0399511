//! `creditbay network policy`: a trust policy (C2SP tlog-policy) out of a network directory, for verifiers that do not have one.
//!
//! It lists the log and the witness of every region, and witnesses from outside that are named. Not here: reading a policy
//! (`protocol::policy`).

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use creditbay_configs::peers::Directory;
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::policy::Policy;

use crate::exit::{Exit, UsageError};
use crate::file;
use crate::print::{Fields, Screen};
use crate::trust::{TrustArgs, Trusted};

/// What a policy is made of.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// The file to write; must not exist
    pub file: PathBuf,
    /// The directory that it is made of
    #[command(flatten)]
    pub trust: TrustArgs,
    /// A witness from outside the network (a verifier key of type 0x04; repeat for each)
    #[arg(long, value_name = "VKEY")]
    pub witness: Vec<String>,
    /// How many witnesses must have cosigned; by default all that can: every region but the log's own, and all from outside
    #[arg(long, value_name = "K")]
    pub quorum: Option<usize>,
}

/// Writes it.
pub fn run(args: &PolicyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let keys = args.witness.iter().map(|text| NoteVerifier::parse(text)).collect::<Result<Vec<_>, _>>();
    let outside = keys.map_err(|error| UsageError(format!("--witness: {error}")))?;
    let cosigners = trusted.directory.regions().len() - 1 + outside.len();
    let quorum = args.quorum.unwrap_or(cosigners);
    if !(1..=cosigners).contains(&quorum) {
        return Err(UsageError(format!(
            "--quorum: {quorum} is not a number from 1 to {cosigners}, the witnesses that a log here can have"
        ))
        .into());
    }
    let text = policy(&trusted, &outside, cosigners, quorum);
    let read = Policy::parse(text.as_bytes()).context("no policy can be made of this directory and these witnesses")?;
    file::write_new(&args.file, file::PUBLIC, text.as_bytes())?;
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "file": args.file, "logs": read.logs().len(), "witnesses": read.witnesses().len(), "cosigners": cosigners,
            "quorum": quorum, "both_sides_of_a_fork": both_sides(cosigners, quorum), "trust": trusted.because,
        }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("policy", args.file.display())
        .add("logs", read.logs().len())
        .add("quorum", format!("{quorum} of the {cosigners} witnesses that a log can have"))
        .add("what it means", meaning(cosigners, quorum))
        .add("directory", &trusted.because);
    screen.line(fields)?;
    Ok(Exit::Done)
}

/// Of `n` cosigners with a quorum of `k`, how many at least must cosign both of two trees that contradict each other.
fn both_sides(n: usize, k: usize) -> usize {
    (2 * k).saturating_sub(n)
}

fn meaning(n: usize, k: usize) -> String {
    match both_sides(n, k) {
        0 => format!("with {k} of {n}, two halves of the witnesses can each accept another history: no fork is kept out"),
        1 => "two histories of one log pass only if 1 witness or more cosigned both: one dishonest witness is enough".to_owned(),
        both => format!("two histories of one log pass only if {both} witnesses or more cosigned both"),
    }
}

fn policy(trusted: &Trusted, outside: &[NoteVerifier], cosigners: usize, quorum: usize) -> String {
    let mut text = String::new();
    heading(&trusted.directory, cosigners, quorum, &mut text);
    text.push_str("\n# The logs: a checkpoint of any of them is believed if the quorum has cosigned it.\n");
    for region in trusted.directory.regions() {
        put(&mut text, format_args!("log {} {}", region.log, region.auditors));
    }
    text.push_str("\n# The witnesses. A region does not cosign its own log.\n");
    let mut names = Vec::new();
    for region in trusted.directory.regions() {
        put(&mut text, format_args!("witness {} {}", region.name, region.witness));
        names.push(region.name.to_string());
    }
    for witness in outside {
        put(&mut text, format_args!("witness {} {witness}", witness.name()));
        names.push(witness.name().to_string());
    }
    put(&mut text, format_args!("\ngroup cosigners {quorum} {}\nquorum cosigners", names.join(" ")));
    text
}

fn heading(directory: &Directory, n: usize, k: usize, text: &mut String) {
    put(text, format_args!("# Whom to believe about the logs of a CreditBay network: C2SP tlog-policy."));
    put(text, format_args!("# Made of edition {} of its directory, SHA-256 {}.", directory.serial(), directory.digest()));
    put(
        text,
        format_args!(
            "#\n# With n cosigners and a quorum of k, two histories of one log can both be accepted only if 2k - n of the cosigners"
        ),
    );
    put(text, format_args!("# or more cosigned both. Here n = {n} (no region cosigns its own log) and k = {k}:"));
    put(text, format_args!("# {}.", meaning(n, k)));
    put(
        text,
        format_args!(
            "# A third party should count neither the issuer of an answer nor who asked for it; `creditbay attestation verify`"
        ),
    );
    put(text, format_args!("# says when one of them was needed. Witnesses from outside the network are better than a higher k."));
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("invariant: a string takes every line");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use creditbay_crypto::note::{KeyKind, NoteVerifier};
    use creditbay_protocol::policy::Policy;

    use super::{PolicyArgs, both_sides, meaning, run};
    use crate::attestation::tests::network;
    use crate::exit::{self, Exit};
    use crate::file;
    use crate::print::Screen;
    use crate::trust::TrustArgs;

    fn args(net: &std::path::Path, file: &str, witness: Vec<String>, quorum: Option<usize>) -> PolicyArgs {
        let trust = TrustArgs { network: net.join("network.toml"), network_note: None, pin: Vec::new() };
        PolicyArgs { file: net.join(file), trust, witness, quorum }
    }

    fn screen() -> Screen {
        Screen::over(Box::new(Vec::new()), false)
    }

    #[test]
    fn a_policy_of_a_directory_names_its_logs_and_witnesses_and_says_what_it_means() {
        let folder = tempfile::tempdir().unwrap();
        let net = network(folder.path());
        let stranger = file::read_key(&net.join("auditor/auditor.pem")).unwrap().public();
        let outside = NoteVerifier::new("witness.example.org".parse().unwrap(), KeyKind::CosignatureV1, stranger);
        let args = args(&net, "p.policy", vec![outside.to_string()], None);
        assert_eq!(run(&args, &mut screen()).unwrap(), Exit::Done);
        let text = fs::read_to_string(&args.file).unwrap();
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let names: Vec<_> = policy.logs().iter().map(|log| log.key.name().to_string()).collect();
        assert_eq!(names, ["gz.creditbay/log/1", "hk.creditbay/log/1"]);
        assert!(policy.logs()[0].url.as_ref().unwrap().to_string().starts_with("http://"));
        let names: Vec<_> = policy.witnesses().iter().map(|witness| witness.name.to_string()).collect();
        assert_eq!(names, ["gz", "hk", "witness.example.org"]);
        assert!(
            text.contains("n = 2") && text.contains("k = 2:\n# two histories of one log pass only if 2 witnesses or more"),
            "{text}"
        );
        assert!(policy.is_quorum(|at| at > 0) && !policy.is_quorum(|at| at == 2));
        let error = run(&args, &mut screen()).unwrap_err();
        assert!(error.to_string().contains("is not overwritten"), "{error}");
    }

    #[test]
    fn a_quorum_that_cannot_be_is_a_wrong_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let net = network(folder.path());
        for quorum in [0, 2] {
            let error = run(&args(&net, "p.policy", Vec::new(), Some(quorum)), &mut screen()).unwrap_err();
            assert_eq!(exit::of_error(&error), Exit::Usage, "{error}");
        }
        let log = fs::read_to_string(net.join("auditor/auditor.vkey")).unwrap().trim().to_owned();
        let error = run(&args(&net, "p.policy", vec![log], None), &mut screen()).unwrap_err();
        assert!(format!("{error:#}").contains("a witness has a key of type 0x04"), "{error:#}");
        let error = run(&args(&net, "p.policy", vec!["x".to_owned()], None), &mut screen()).unwrap_err();
        assert_eq!(exit::of_error(&error), Exit::Usage);
    }

    #[test]
    fn what_a_quorum_keeps_out_is_told() {
        assert_eq!([both_sides(3, 3), both_sides(3, 2), both_sides(4, 2), both_sides(4, 1)], [3, 1, 0, 0]);
        assert!(meaning(4, 2).contains("no fork is kept out"));
        assert!(meaning(3, 2).contains("one dishonest witness is enough"));
    }
}
