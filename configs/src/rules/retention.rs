//! How long what was exchanged is kept (PROTOCOL.md, "Rule pack").
//!
//! Not here: the erasure.

/// Months for which the record of a disclosure is kept at least (深圳经济特区社会信用条例 art 45: five years).
pub const LEAST_AUDIT_MONTHS: u32 = 60;

/// The periods of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of an answer, in days after the last day on which it may be used.
    pub answer_days: u32,
    /// Of the audit record of a disclosure, in months.
    pub audit_months: u32,
    /// Of an authorisation, in months after the last disclosure under it.
    pub authorisation_months: u32,
    /// Of a withdrawal, in months.
    pub withdrawal_months: u32,
}
