//! `creditbay network`: a development network of two to four cities on this machine, ready to run; a trust policy of any network; a
//! region's signature over a directory.
//!
//! All private keys of all cities lie in one folder: right for trials, wrong for anything else. Real regions make their keys with
//! `creditbay keys new` and sign one directory.
//! Not here: what stands in the files (`plan`, `policy`), signing (`sign`), starting the nodes.

pub mod cities;
pub mod codes;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod sign;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use creditbay_configs::node::fault::MAX_SOCKET_PATH_BYTES;
use creditbay_protocol::name::Region;

use crate::exit::Exit;
use crate::file;
use crate::host;
use crate::print::{Fields, Screen, Table};

use self::cities::City;
use self::plan::{AUDITOR, Plan, bank_of, channel_of, regulator_of};
use self::policy::PolicyArgs;
use self::ports::Ports;
use self::sign::SignArgs;

/// Networks.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Make a development network on this machine
    New(NewArgs),
    /// Write a trust policy (C2SP tlog-policy) out of a network directory, for verifiers that do not have one
    Policy(PolicyArgs),
    /// Sign a network directory with a governance key: agree to all that it says
    Sign(SignArgs),
}

/// A new network.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder; must be empty or not exist
    pub dir: PathBuf,
    /// Its cities, two or more of gz, sz, hk, mo
    #[arg(long, value_delimiter = ',', default_value = "gz,sz,hk,mo")]
    pub cities: Vec<Region>,
    /// Ports from here on, ten for each city; without it any free ports
    #[arg(long, value_name = "N")]
    pub base_port: Option<u16>,
    /// Codes that name no city, registered with the province say, and the city that answers for each: lines of `CITY SCHEME:CODE`
    #[arg(long, value_name = "FILE")]
    pub codes: Option<PathBuf>,
    /// The auditors' doors speak TLS under each city's own key, instead of HTTP in clear on loopback
    #[arg(long)]
    pub auditors_tls: bool,
}

/// Runs a command.
pub fn run(command: &NetworkCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        NetworkCommand::New(args) => new(args, screen),
        NetworkCommand::Policy(args) => policy::run(args, screen),
        NetworkCommand::Sign(args) => sign::run(args, screen),
    }
}

fn new(args: &NewArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let cities = cities::named(&args.cities)?;
    let dir = std::path::absolute(&args.dir).with_context(|| format!("{} is no path", args.dir.display()))?;
    check_folder(&dir, &cities)?;
    let ports = match args.base_port {
        Some(base) => ports::from_base(cities.len(), base)?,
        None => ports::free(cities.len())?,
    };
    let codes = args.codes.as_deref().map(codes::read).transpose()?.unwrap_or_default();
    let plan = Plan::new(&cities, &ports, &codes, args.auditors_tls, &mut host::random_seed)?;
    write(&dir, &plan)?;
    if screen.is_json() {
        tell_program(&dir, &cities, &ports, &plan, screen)?;
    } else {
        tell_person(&args.dir, &cities, &ports, &plan, screen)?;
    }
    Ok(Exit::Done)
}

/// Nothing is ever written over: a network's keys cannot be made again.
fn check_folder(dir: &Path, cities: &[&City]) -> anyhow::Result<()> {
    if dir.symlink_metadata().is_ok() {
        let mut inside = fs::read_dir(dir)
            .with_context(|| format!("{} exists and is no folder that can be read; choose another", dir.display()))?;
        if inside.next().is_some() {
            bail!("{} is not empty, and nothing is overwritten; choose another folder", dir.display());
        }
    }
    let longest = cities.iter().map(|city| dir.join(city.region).join("admin.sock").as_os_str().len()).max().unwrap_or(0);
    if longest > MAX_SOCKET_PATH_BYTES {
        bail!(
            "{}: the path of a node's admin socket would have {longest} bytes, at most {MAX_SOCKET_PATH_BYTES} are possible; choose a shorter folder",
            dir.display()
        );
    }
    Ok(())
}

fn write(dir: &Path, plan: &Plan) -> anyhow::Result<()> {
    for planned in &plan.files {
        let path = dir.join(&planned.path);
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        file::write_new(&path, planned.mode, &planned.bytes)?;
    }
    Ok(())
}

fn tell_program(dir: &Path, cities: &[&City], ports: &[Ports], plan: &Plan, screen: &mut Screen) -> anyhow::Result<()> {
    let nodes: Vec<_> = cities
        .iter()
        .zip(ports)
        .map(|(city, ports)| {
            serde_json::json!({
                "region": city.region,
                "node": dir.join(city.region),
                "services": format!("http://{}", ports.services),
                "auditors": format!("{}://{}", plan.auditors_scheme, ports.auditors),
                "peers": ports.peers.to_string(),
                "organisation": bank_of(city),
                "regulator": regulator_of(city),
                "channel": channel_of(city),
            })
        })
        .collect();
    let files: Vec<_> = plan.files.iter().map(|planned| &planned.path).collect();
    let network = dir.join("network.toml");
    screen.json(&serde_json::json!({
        "dir": dir, "network": network, "network_sha256": plan.directory, "auditor": plan.auditor, "codes": plan.codes, "nodes": nodes,
        "files": files,
    }))
}

fn tell_person(dir: &Path, cities: &[&City], ports: &[Ports], plan: &Plan, screen: &mut Screen) -> anyhow::Result<()> {
    screen.line(format!("Made a development network of {} cities in {}\n", cities.len(), dir.display()))?;
    let mut table = Table::new(&["city", "", "services", "auditors", "peers (UDP)"]);
    for (city, ports) in cities.iter().zip(ports) {
        let [_, _, _, english] = city.titles;
        table.row(vec![
            city.region.to_owned(),
            english.to_owned(),
            format!("http://{}", ports.services),
            format!("{}://{}", plan.auditors_scheme, ports.auditors),
            ports.peers.to_string(),
        ]);
    }
    screen.line(table)?;
    let mut fields = Fields::new();
    fields
        .add("directory", format!("network.toml, signed by all: {}", plan.directory))
        .add("rules", "rules/gba-2026.1.toml, signed by all")
        .add("services", "bank.CITY with CITY/service.token, regulator.CITY with CITY/regulator.token")
        .add("channels", "portal.CITY with CITY/channel.pem, which signs authorisations")
        .add("auditor", format!("auditor/auditor.pem, enrolled everywhere as `{AUDITOR}`"))
        .add("keys", "every private key is in this folder: for trials only");
    if plan.codes > 0 {
        fields.add("codes", format!("{} that name no city have their node", plan.codes));
    }
    screen.line(format!("\n{fields}\n"))?;
    let (first, second) = (cities[0].region, cities[1].region);
    let shown = dir.display();
    screen.line("Next, each in a terminal of its own:")?;
    screen.line(format!("  creditbay-node run --config {shown}/{first}/node.toml        (and so for every city)"))?;
    screen.line(format!("  creditbay records import FILE.csv --node {shown}/{first}"))?;
    screen.line(format!(
        "  creditbay query --node {shown}/{second} --issuer {first} --purpose FIN --subject uscc:CODE --ask 'not_listed(SER_ANY)'"
    ))
}

#[cfg(test)]
mod tests;
