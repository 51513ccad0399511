//! One region in the network directory: its names, its keys, where it is reached, for whom it answers.
//!
//! Not here: how an entry is written down (`written`), and what must hold between entries (`mod`).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use creditbay_crypto::note::NoteVerifier;
use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::identifier::{Area, Identifier};
use creditbay_protocol::name::{OrganisationId, Origin, Region};
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::predicate::LawOfOrigin;
use serde::{Deserialize, Serialize};

use crate::endorsement::Governance;

/// One region.
#[derive(Clone)]
pub struct RegionEntry {
    /// Its name on the wire.
    pub name: Region,
    /// The law under which its registers are kept.
    pub law: LawOfOrigin,
    /// Its name for people.
    pub title: Title,
    /// Its current log.
    pub log_origin: Origin,
    /// The key of that log, type 0x01, named as the log.
    pub log: NoteVerifier,
    /// The key with which it cosigns other logs, type 0x04.
    pub witness: NoteVerifier,
    /// The key of its TLS identity (RFC 7250).
    pub tls: PublicKey,
    /// Its peers' door, UDP.
    pub address: SocketAddr,
    /// Its auditors' door: a URL without a slash at its end.
    pub auditors: String,
    /// Where the organisations are registered for which it answers.
    pub areas: Vec<AreaPrefix>,
    /// Organisations for which it answers although their codes name another area, or none.
    pub codes: Vec<Identifier>,
    /// Who speaks for it.
    pub governance: Governance,
    /// Who takes down what its entities permit.
    pub channels: Vec<Channel>,
    /// Its organisations that supervise others.
    pub regulators: Vec<OrganisationId>,
    /// Its logs whose end was lost, as the other regions agreed by their signatures.
    pub orphaned: Vec<OrphanedRange>,
}

/// A channel that takes authorisations down and signs them: an enterprise service portal, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name, which no other channel has in any region.
    pub name: ChannelName,
    /// The key with which it signs authorisations and withdrawals.
    pub key: PublicKey,
}

/// A name for people in the four languages of the area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Simplified Chinese.
    #[serde(rename = "zh-Hans")]
    pub zh_hans: String,
    /// Traditional Chinese.
    #[serde(rename = "zh-Hant")]
    pub zh_hant: String,
    /// Portuguese.
    pub pt: String,
    /// English.
    pub en: String,
}

impl Title {
    /// All four texts.
    pub fn texts(&self) -> [&str; 4] {
        [&self.zh_hans, &self.zh_hant, &self.pt, &self.en]
    }
}

/// A part of the country: the beginning of a GB/T 2260 code (province `44`, city `4401`, district `440106`), `HK` or `MO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaPrefix(String);

/// Why a text is no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an area is `HK`, `MO`, or the first 2, 4 or 6 digits of a mainland GB/T 2260 code (10 to 69); correct it")]
pub struct AreaError;

impl AreaPrefix {
    /// Whether a code registered in `area` belongs here.
    pub fn covers(&self, area: Area) -> bool {
        match area {
            Area::Mainland(code) => format!("{code:06}").starts_with(&self.0),
            Area::HongKong => self.0 == "HK",
            Area::Macao => self.0 == "MO",
            Area::Unknown => false,
        }
    }

    /// Whether some code belongs to both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// The law in force there.
    pub fn law(&self) -> LawOfOrigin {
        match self.0.as_str() {
            "HK" => LawOfOrigin::Hk,
            "MO" => LawOfOrigin::Mo,
            _ => LawOfOrigin::Cn,
        }
    }
}

impl FromStr for AreaPrefix {
    type Err = AreaError;

    fn from_str(text: &str) -> Result<Self, AreaError> {
        let mainland = matches!(text.len(), 2 | 4 | 6)
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(text.as_bytes()[0], b'1'..=b'6');
        if mainland || matches!(text, "HK" | "MO") { Ok(Self(text.to_owned())) } else { Err(AreaError) }
    }
}

impl fmt::Display for AreaPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::identifier::Area;
    use creditbay_protocol::predicate::LawOfOrigin;

    use super::{AreaError, AreaPrefix};

    fn area(text: &str) -> AreaPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn an_area_covers_the_codes_that_begin_with_it() {
        assert!(area("4401").covers(Area::Mainland(440_106)));
        assert!(area("44").covers(Area::Mainland(440_000)));
        assert!(!area("4401").covers(Area::Mainland(440_000)));
        assert!(!area("4401").covers(Area::Mainland(440_300)));
        assert!(area("HK").covers(Area::HongKong) && !area("HK").covers(Area::Macao));
        assert!(area("MO").covers(Area::Macao) && !area("MO").covers(Area::Mainland(820_000)));
        assert!(!area("44").covers(Area::Unknown) && !area("HK").covers(Area::Unknown));
    }

    #[test]
    fn areas_overlap_if_one_begins_the_other() {
        assert!(area("44").overlaps(&area("4401")) && area("4401").overlaps(&area("44")));
        assert!(area("HK").overlaps(&area("HK")));
        assert!(!area("4401").overlaps(&area("4403")) && !area("HK").overlaps(&area("MO")));
    }

    #[test]
    fn an_area_has_one_law() {
        assert_eq!(["4401", "HK", "MO"].map(|text| area(text).law()), [LawOfOrigin::Cn, LawOfOrigin::Hk, LawOfOrigin::Mo]);
    }

    #[test]
    fn what_is_no_area_is_refused() {
        for text in ["", "4", "440", "44010", "4401061", "hk", "TW", "81", "820000", "71", "0401", "44é", "+4", " 44"] {
            assert_eq!(text.parse::<AreaPrefix>(), Err(AreaError), "{text:?}");
        }
    }
}
