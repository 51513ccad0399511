//! Purposes: what a question may be for (PROTOCOL.md, "Rule pack").
//!
//! Not here: which types a purpose may ask (`matrix`).

use creditbay_protocol::name::Region;

use crate::peers::entry::Title;

/// What the pack says of one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeRule {
    /// What it means.
    pub meaning: String,
    /// Its name for people.
    pub label: Title,
    /// The regions that alone may use it between them; `None` for all.
    pub only_between: Option<Vec<Region>>,
}

impl PurposeRule {
    /// Whether these two regions may use it between them.
    pub fn admits(&self, asker: Region, issuer: Region) -> bool {
        self.only_between.as_ref().is_none_or(|regions| regions.contains(&asker) && regions.contains(&issuer))
    }
}
