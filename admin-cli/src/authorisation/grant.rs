//! `creditbay authorisation new`: an authorisation, signed with a channel's key and written to a file of its owner's alone.
//!
//! Not here: asking the entity; each flag says what it was asked apart from the others.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::peers::Directory;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, ChannelName, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses,
};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::limits::MAX_USES;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{AttestationType, Purpose};

use crate::exit::{Exit, UsageError};
use crate::file;
use crate::host;
use crate::print::Screen;
use crate::rules::read_purpose;
use crate::trust;

use super::show::{self, Verified};

const DAY_MS: u64 = 86_400_000;
/// Days that an authorisation may hold at most: ten years, so that a slip of the hand is noticed.
const MAX_DAYS: i64 = 3_660;

/// What an entity permits.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// The entity: SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei
    #[arg(long, value_name = "SCHEME:CODE")]
    pub subject: String,
    /// The region whose node may answer
    #[arg(long, value_name = "REGION")]
    pub issuer: Region,
    /// The region whose node may ask
    #[arg(long, value_name = "REGION")]
    pub asker: Region,
    /// The organisation that receives the answer
    #[arg(long, value_name = "NAME")]
    pub organisation: OrganisationId,
    /// What for: FIN, PROC, INV, CUST, LIST, PROF, REG or RND
    #[arg(long, value_parser = read_purpose)]
    pub purpose: Purpose,
    /// What may be asked, each type by its name: TAX_GRADE,PUB_GRADE
    #[arg(long, required = true, value_delimiter = ',', value_name = "TYPE", value_parser = read_type)]
    pub types: Vec<AttestationType>,
    /// For how many days from now on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS as u64))]
    pub days: u64,
    /// How often it may be used
    #[arg(long, value_name = "N", value_parser = read_uses)]
    pub uses: Uses,
    /// The notice that the entity was shown; its digest becomes part of the authorisation
    #[arg(long, value_name = "FILE")]
    pub notice: PathBuf,
    /// The notice's version
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub notice_version: u16,
    /// The language in which the entity was shown it: zh-Hans, zh-Hant, pt or en
    #[arg(long, value_parser = read_language)]
    pub language: Language,
    /// It agreed that the answer is given to the organisation
    #[arg(long)]
    pub provide: bool,
    /// It agreed that the answer may concern what is sensitive
    #[arg(long)]
    pub sensitive: bool,
    /// It agreed that the answer leaves the issuer's territory
    #[arg(long)]
    pub export: bool,
    /// The channel's private key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The channel's name in the network directory
    #[arg(long, value_name = "NAME")]
    pub channel: ChannelName,
    /// Hold it against this network directory before it is written
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// Where to write it; without it to DIGEST.authorisation.json here, by the first digits of its digest
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Reads the name of a type.
pub fn read_type(text: &str) -> Result<AttestationType, String> {
    let names = || AttestationType::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>().join(", ");
    AttestationType::from_name(text).ok_or_else(|| format!("there is no wildcard; one of: {}", names()))
}

fn read_language(text: &str) -> Result<Language, String> {
    Language::from_name(text).ok_or_else(|| "one of: zh-Hans, zh-Hant, pt, en".to_owned())
}

fn read_uses(text: &str) -> Result<Uses, String> {
    text.parse().ok().and_then(Uses::new).ok_or_else(|| format!("a number from 1 to {MAX_USES}"))
}

/// Runs the command.
pub fn run(args: &GrantArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let directory = args.network.as_deref().map(trust::read).transpose()?;
    let signed = sign(args, directory.as_ref(), screen)?;
    let digest = signed.authorisation.digest();
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.authorisation.json", &digest.to_string()[..16])));
    let text = serde_json::to_string_pretty(&signed).context("the authorisation has no form in JSON")?;
    file::write_new(&out, file::PRIVATE, format!("{text}\n").as_bytes())?;
    let verified = directory.map_or(Verified::Unknown, |_| Verified::Good);
    if screen.is_json() {
        screen.json(&serde_json::json!({ "file": out, "digest": digest, "authorisation": signed.authorisation }))?;
        return Ok(Exit::Done);
    }
    screen.line(show::fields(&signed, &verified))?;
    screen.line(format!("\n  written to {}: give it to {} alone", out.display(), args.organisation))?;
    Ok(Exit::Done)
}

fn sign(args: &GrantArgs, directory: Option<&Directory>, screen: &Screen) -> anyhow::Result<SignedAuthorisation> {
    if !args.provide {
        let why = "--provide is missing: an entity that did not agree to the answer being given has authorised nothing";
        return Err(UsageError(why.to_owned()).into());
    }
    if args.issuer == args.asker {
        return Err(UsageError("--issuer and --asker are one region; nothing crosses a border between them".to_owned()).into());
    }
    let types = Types::of(&args.types).ok_or_else(|| UsageError("--types: name at least one".to_owned()))?;
    let notice = file::digest(&args.notice, screen)?;
    let key = file::read_key(&args.key)?;
    let granted = host::now()?;
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&host::random_32()?[..16]);
    let authorisation = Authorisation {
        nonce,
        channel: args.channel,
        subject: NamedSubject(subject(&args.subject)?),
        issuer: args.issuer,
        asker: args.asker,
        organisation: args.organisation,
        purpose: args.purpose,
        types,
        notice: Notice { version: args.notice_version, language: args.language, digest: notice },
        agreed: Agreed { provide: args.provide, sensitive: args.sensitive, export: args.export },
        granted,
        expires: granted.plus(args.days * DAY_MS),
        uses: args.uses,
    };
    let signed = authorisation.sign(&key);
    if let Some(directory) = directory {
        let faults = show::faults(directory, &signed, granted);
        if !faults.is_empty() {
            bail!("the nodes of this directory would refuse it, so it was not written: {}", faults.join("; "));
        }
    }
    Ok(signed)
}

/// The text is never repeated: it may name a person.
fn subject(text: &str) -> anyhow::Result<Identifier> {
    let wrong = |why: String| UsageError(format!("--subject: {why}"));
    let (scheme, code) = text
        .split_once(':')
        .ok_or_else(|| wrong("write SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei".to_owned()))?;
    let scheme: Scheme = scheme.parse().map_err(|error| wrong(format!("{error}")))?;
    Ok(Identifier::parse(scheme, code).map_err(|error| wrong(error.to_string()))?)
}
