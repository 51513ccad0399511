//! The sections of a rule pack, and who holds what they say (PROTOCOL.md, "Rule pack").
//!
//! Not here: the rules themselves.

use std::fmt;

use serde::Deserialize;

/// Who sees to it that a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Software, and everybody can check it from the leaves.
    Leaves,
    /// Software, and an auditor can check it where a message is opened.
    Openings,
    /// Nobody but the parties, by contract.
    Contract,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaves => "software, checkable from leaves",
            Self::Openings => "software, checkable by opening",
            Self::Contract => "contract only",
        })
    }
}

/// One section of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Its key in the file.
    pub name: &'static str,
    /// Whether its rules are a proposal, not law.
    pub illustrative: bool,
    /// Who holds them.
    pub held_by: Holder,
}

/// `ILL; held by software, checkable from leaves`; ILL marks a proposal.
impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}held by {}", if self.illustrative { "ILL; " } else { "" }, self.held_by)
    }
}
