//! Budgets and volumes.
//! (placeholder of the shape that the pack reads; replaced on merge)

/// Budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// a
    pub requester_per_day: u32,
    /// a
    pub peer_per_day: u32,
    /// a
    pub subject_per_day: u32,
    /// a
    pub types_per_subject_and_day: u32,
    /// a
    pub subjects_per_day: u32,
    /// a
    pub unknown_subjects_per_day: u32,
    /// a
    pub portfolio_subjects: u32,
    /// a
    pub portfolio_days: u32,
}

/// Volumes
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volumes {
    /// t
    pub thresholds: Vec<Threshold>,
    /// w
    pub warn_percent: u8,
}

/// Threshold
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// p
    pub persons: u64,
    /// s
    pub sensitive: bool,
    /// r
    pub refuse: bool,
}

use creditbay_protocol::calendar::Day;
static BUDGETS: Budgets = Budgets {
    requester_per_day: 20_000,
    peer_per_day: 50_000,
    subject_per_day: 50,
    types_per_subject_and_day: 16,
    subjects_per_day: 200,
    unknown_subjects_per_day: 20,
    portfolio_subjects: 5_000,
    portfolio_days: 31,
};
static VOLUMES: std::sync::LazyLock<Volumes> = std::sync::LazyLock::new(|| Volumes {
    thresholds: vec![
        Threshold { persons: 10, sensitive: true, refuse: false },
        Threshold { persons: 20, sensitive: true, refuse: true },
    ],
    warn_percent: 80,
});
impl super::RulePack {
    /// b
    pub fn budgets(&self) -> &Budgets {
        &BUDGETS
    }
    /// v
    pub fn volumes(&self) -> &Volumes {
        &VOLUMES
    }
    /// e
    pub fn effective_from(&self) -> Day {
        Day::new(2026, 1, 1).unwrap_or(Day::LAST)
    }
    /// o
    pub fn overlap_days(&self) -> u32 {
        30
    }
}
