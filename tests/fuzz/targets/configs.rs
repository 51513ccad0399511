//! Files that operators exchange or write: network directory, rule pack, a node's own file (PROTOCOL 28 and 29).
//!
//! What is read is written and read again; a comment changes nothing; a fault names its file and a line that is there.

use std::fmt::{Debug, Display};
use std::path::Path;
use std::sync::LazyLock;

use creditbay_configs::error::ConfigError;
use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::decide::decide;
use creditbay_configs::rules::standing::Standing;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::predicate::{AttestationType, Lane, Predicate, Predicates};

use super::fixture::EXCHANGE;

/// The bundled pack.
pub(super) const PACK: &str = include_str!("../../../configs/samples/rules/gba-2026.1.toml");
/// The rules of the bundled pack, without its golden cases.
static RULES: LazyLock<Vec<&str>> = LazyLock::new(|| PACK.split("\n[golden]").next().unwrap_or_default().split('\n').collect());
/// What an input begins with that is edits of the bundled rules and no whole file.
pub(super) const EDITS: &str = "edits\n";
/// Bytes of the longest pack whose golden cases are run: a case may stand for 128 questions.
const GOLDEN_BYTES: usize = 32 * 1024;

fn placed<F: Debug + Display>(error: &ConfigError<F>, file: &str, text: &str) {
    let lines = text.split('\n').count();
    assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "line {:?} of {lines}", error.line());
    assert!(error.to_string().starts_with(file) && error.file() == file);
}

/// A network directory.
pub(super) fn directory(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let parse = |text: &str| Directory::parse("network.toml", text).map_err(|error| placed(&error, "network.toml", text));
    let Ok(directory) = parse(text) else { return false };
    let written = Directory::to_toml(directory.serial(), directory.regions());
    let again = parse(&written).expect("a directory that is written is read");
    assert_eq!(Directory::to_toml(again.serial(), again.regions()), written);
    let commented = parse(&format!("# 注\n{text}\n# end")).expect("a comment changes nothing");
    assert_eq!(Directory::to_toml(commented.serial(), commented.regions()), written);
    for (scheme, code) in [(Scheme::Uscc, "91440101MA9XTEAT0A"), (Scheme::HkBrn, "12345678"), (Scheme::MoEntity, "89900001")] {
        let subject = Identifier::parse(scheme, code).expect("an identifier");
        let area = subject.registering_area();
        let covering = directory.regions().iter().filter(|region| region.areas.iter().any(|prefix| prefix.covers(area)));
        assert!(covering.count() <= 1, "two regions answer for one area");
        assert_eq!(directory.issuer_of(&subject), again.issuer_of(&subject));
    }
    true
}

/// A rule pack: a whole file, or `edits` and then lines `NUMBER:TEXT` that take the place of lines of the bundled rules.
pub(super) fn rule_pack(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.strip_prefix(EDITS).map_or_else(|| text.to_owned(), edited);
    if text.len() <= GOLDEN_BYTES
        && let Err(error) = RulePack::parse("rules.toml", &text)
    {
        placed(&error, "rules.toml", &text);
    }
    let pack = match RulePack::draft("rules.toml", &text) {
        Ok(pack) => pack,
        Err(error) => {
            placed(&error, "rules.toml", &text);
            return false;
        }
    };
    let commented = RulePack::draft("rules.toml", &format!("{text}\n# end")).expect("a comment changes nothing");
    assert_ne!(commented.digest(), pack.digest());
    let (mine, others) = (decisions(&pack), decisions(&commented));
    assert_eq!(mine, others);
    true
}

fn edited(edits: &str) -> String {
    let mut lines = RULES.clone();
    for edit in edits.split('\n') {
        if let Some((number, text)) = edit.split_once(':')
            && let Some(line) = number.parse::<usize>().ok().and_then(|number| lines.get_mut(number))
        {
            *line = text;
        }
    }
    lines.join("\n")
}

/// What the pack says to questions of every type, for every purpose, between its first two regions and in every lane.
fn decisions(pack: &RulePack) -> Vec<String> {
    let mut said = Vec::new();
    let [asker, issuer, ..] = pack.regions() else { return said };
    for purpose in pack.purposes().keys() {
        for of in AttestationType::ALL {
            let predicates = Predicates::new(vec![Predicate::NotListed { of: *of, window_months: 36 }]).expect("one predicate");
            for lane in Lane::ALL {
                let terms = EXCHANGE.query.terms();
                let (purpose, lane, predicates) = (*purpose, *lane, predicates.clone());
                let terms = creditbay_protocol::terms::Terms {
                    asker: *asker,
                    issuer: *issuer,
                    pack: pack.digest(),
                    purpose,
                    lane,
                    predicates,
                    ..terms
                };
                let decided = decide(pack, Standing { regulators: true }, &terms);
                said.push(decided.map_or_else(|refusal| refusal.name().to_owned(), |permit| format!("{permit:?}")));
            }
        }
    }
    said
}

/// A node's own file.
pub(super) fn node_toml(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let parse = |text: &str| NodeConfig::parse(Path::new("node.toml"), text).map_err(|error| placed(&error, "node.toml", text));
    let Ok(config) = parse(text) else { return false };
    let written = config.to_toml().expect("paths that were read are UTF-8");
    assert_eq!(parse(&written).as_ref(), Ok(&config));
    assert_eq!(parse(&format!("# 注\n{text}\n# end")).as_ref(), Ok(&config));
    true
}
