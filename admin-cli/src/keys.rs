//! `creditbay keys`: makes an Ed25519 key for one role, and shows its public half.
//!
//! The private half goes into a file of mode 0600 and is never shown. Not here: passwords; a key file is protected by its place.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use creditbay_crypto::hash::base64_encode;
use creditbay_crypto::key_file;
use creditbay_crypto::note::{KeyKind, NoteVerifier};
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_protocol::name::{Name, Origin};

use crate::exit::{Exit, UsageError};
use crate::file;
use crate::host;
use crate::print::{Fields, Screen};

/// Keys of one role each.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key; the file must not exist yet
    New(KeyArgs),
    /// Show the public half of a key
    Show(KeyArgs),
}

/// A key file and what it is for.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The private key: PKCS#8 in PEM, mode 0600
    pub file: PathBuf,
    /// What the key signs
    #[arg(long, value_enum)]
    pub role: Role,
    /// The key's name: of a log its origin (gz.creditbay/log/1), of an auditor or a channel the name it is listed under
    #[arg(long)]
    pub name: String,
}

/// What a key signs. One key has one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The checkpoints of a node's own log
    Log,
    /// Cosignatures on other logs' checkpoints
    Witness,
    /// The node's identity to its peers
    Tls,
    /// Network directories and rule packs
    Governance,
    /// An auditor's requests for entries
    Auditor,
    /// Authorisations that a channel takes down
    Channel,
}

/// Runs a command.
pub fn run(command: &KeysCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::New(args) => {
            check_name(args)?;
            let key = make(&args.file)?;
            show(args, &key.public(), screen)
        }
        KeysCommand::Show(args) => {
            check_name(args)?;
            show(args, &file::read_key(&args.file)?.public(), screen)
        }
    }
}

/// Makes a key in a file that must not exist yet.
pub fn make(path: &Path) -> anyhow::Result<SigningKey> {
    let key = SigningKey::from_seed(host::random_seed()?);
    file::write_new(path, file::PRIVATE, key_file::to_pem(&key).as_bytes())?;
    Ok(key)
}

/// The public half as others need it: a verifier key, or for TLS and channels the plain key in base64.
pub fn public_text(role: Role, name: &str, key: &PublicKey) -> anyhow::Result<String> {
    let kind = match role {
        Role::Tls | Role::Channel => return Ok(base64_encode(key.as_bytes())),
        Role::Witness => KeyKind::CosignatureV1,
        Role::Log | Role::Governance | Role::Auditor => KeyKind::Ed25519,
    };
    let name = name.parse().context("--name")?;
    Ok(NoteVerifier::new(name, kind, *key).to_string())
}

fn check_name(args: &KeyArgs) -> anyhow::Result<()> {
    let wrong = |why: String| UsageError(format!("--name: {why}"));
    match args.role {
        Role::Log => args.name.parse::<Origin>().map(|_| ()).map_err(|error| wrong(error.to_string()))?,
        Role::Auditor | Role::Channel => Name::<24>::new(&args.name).map(|_| ()).map_err(|error| wrong(error.to_string()))?,
        Role::Witness | Role::Tls | Role::Governance => {
            args.name.parse::<creditbay_crypto::note::KeyName>().map(|_| ()).map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(())
}

fn show(args: &KeyArgs, key: &PublicKey, screen: &mut Screen) -> anyhow::Result<Exit> {
    let public = public_text(args.role, &args.name, key)?;
    let role = args.role.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    if screen.is_json() {
        screen.json(&serde_json::json!({ "file": args.file, "role": role, "name": args.name, "public": public }))?;
        return Ok(Exit::Done);
    }
    let belongs = match args.role {
        Role::Auditor => "node.toml, [[auditors]] vkey",
        Role::Log => "network.toml, log",
        Role::Witness => "network.toml, witness",
        Role::Tls => "network.toml, tls",
        Role::Channel => "network.toml, [[region.channels]] key",
        Role::Governance => "network.toml, governance.signers; node.toml, network.pinned",
    };
    let mut fields = Fields::new();
    fields
        .add("file", args.file.display())
        .add("role", role)
        .add("name", &args.name)
        .add("public", public)
        .add("goes into", belongs);
    screen.line(fields)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use creditbay_crypto::note::{KeyKind, NoteVerifier};
    use creditbay_crypto::secret::Seed;
    use creditbay_crypto::sign::SigningKey;

    use super::{KeyArgs, KeysCommand, Role, make, public_text, run};
    use crate::exit;
    use crate::exit::Exit;
    use crate::file;
    use crate::print::Screen;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.pem");
        let key = make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file::read_key(&path).unwrap().public(), key.public());
        assert!(make(&path).err().unwrap().to_string().contains("exists already"));
        assert_eq!(file::read_key(&path).unwrap().public(), key.public());
    }

    #[test]
    fn each_role_has_its_kind_of_public_text() {
        let key = SigningKey::from_seed(Seed::from_bytes([7; 32])).public();
        let kind = |role| NoteVerifier::parse(&public_text(role, "gz.creditbay/x", &key).unwrap()).unwrap().kind();
        assert_eq!(kind(Role::Log), KeyKind::Ed25519);
        assert_eq!(kind(Role::Governance), KeyKind::Ed25519);
        assert_eq!(kind(Role::Witness), KeyKind::CosignatureV1);
        for role in [Role::Tls, Role::Channel] {
            assert_eq!(public_text(role, "x", &key).unwrap(), creditbay_crypto::hash::base64_encode(key.as_bytes()));
        }
    }

    #[test]
    fn a_name_that_the_role_cannot_have_is_a_wrong_command_line_and_makes_no_key() {
        let folder = tempfile::tempdir().unwrap();
        for (role, name) in
            [(Role::Log, "gz.creditbay"), (Role::Auditor, "An Auditor"), (Role::Channel, "A Portal"), (Role::Witness, "a+b")]
        {
            let file = folder.path().join("key.pem");
            let command = KeysCommand::New(KeyArgs { file: file.clone(), role, name: name.to_owned() });
            let error = run(&command, &mut Screen::over(Box::new(Vec::new()), false)).unwrap_err();
            assert_eq!(exit::of_error(&error), Exit::Usage);
            assert!(!file.exists());
        }
    }
}
