//! How much may be asked: budgets a day, portfolios, and volumes a year (PROTOCOL.md, "Rule pack").
//!
//! Not here: what was spent; that is a node's ledger.

/// What may be spent in a civil day (UTC+8), unless the name says otherwise. None of them is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Answers that an organisation gets.
    pub requester_per_day: u32,
    /// Answers that a peer gets.
    pub peer_per_day: u32,
    /// Answers about one subject that an organisation gets.
    pub subject_per_day: u32,
    /// Different types that an organisation may learn of one subject.
    pub types_per_subject_and_day: u32,
    /// Different subjects that an organisation may ask about without a portfolio.
    pub subjects_per_day: u32,
    /// Identifiers that no register holds, asked by one organisation.
    pub unknown_subjects_per_day: u32,
    /// The largest portfolio that may be declared.
    pub portfolio_subjects: u32,
    /// The longest time, in days, for which one may be declared.
    pub portfolio_days: u32,
}

impl Budgets {
    /// Each with its key in the file, in the file's order.
    pub fn named(&self) -> [(&'static str, u32); 8] {
        [
            ("requester_per_day", self.requester_per_day),
            ("peer_per_day", self.peer_per_day),
            ("subject_per_day", self.subject_per_day),
            ("types_per_subject_and_day", self.types_per_subject_and_day),
            ("subjects_per_day", self.subjects_per_day),
            ("unknown_subjects_per_day", self.unknown_subjects_per_day),
            ("portfolio_subjects", self.portfolio_subjects),
            ("portfolio_days", self.portfolio_days),
        ]
    }
}

/// Answers about natural persons that a peer gets in a calendar year (UTC+8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volumes {
    /// The thresholds, in the file's order.
    pub thresholds: Vec<Threshold>,
    /// From how many percent of a threshold on to warn, 1 to 100.
    pub warn_percent: u8,
}

/// One threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// How many persons.
    pub persons: u64,
    /// Whether only sensitive information counts.
    pub sensitive: bool,
    /// Whether the answer that would reach it is refused; otherwise it is only warned of.
    pub refuse: bool,
}
