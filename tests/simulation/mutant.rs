//! Nodes with one thing wrong, so that the model is seen to fail: what a node of the house must never be.
//!
//! Each is made at a seam (store, clock, network, start), never inside the node's rooms.

/// What is wrong with every node of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Its disk says that a batch is durable before it is.
    ReleasesBeforeDurable,
    /// It starts again without the table of the queries that it answered.
    ForgetsReplayKeys,
    /// It pronounces an answer whenever a query comes, answered before or not.
    AnswersTwice,
    /// What it wrote last is gone when it starts again.
    LosesTheTail,
    /// It starts again with untouched budgets.
    ForgetsWhatWasSpent,
    /// It writes leaves whatever its clock does.
    BelievesAnyClock,
    /// It starts again without what was suspended and withdrawn.
    ForgetsOrders,
    /// It does not take up queries that a crash left open.
    LeavesQueriesOpen,
    /// Keys that it destroyed come back when it starts again, as out of a backup.
    KeepsKeys,
    /// It starts again without the notices that wait.
    ForgetsNotices,
    /// It lets an answer out before any witness saw it.
    WaitsForNoWitness,
    /// Its witness says that what it cosigned is durable before it is.
    CosignsBeforeDurable,
    /// Its next log begins without what the one before it spent and forbade.
    CarriesNothingOver,
    /// It goes on believing the keys that the channels had first.
    KeepsOldChannels,
    /// It starts again without what it holds against others.
    ForgetsAlarms,
}

impl Mutant {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::ReleasesBeforeDurable,
        Self::ForgetsReplayKeys,
        Self::AnswersTwice,
        Self::LosesTheTail,
        Self::ForgetsWhatWasSpent,
        Self::BelievesAnyClock,
        Self::ForgetsOrders,
        Self::LeavesQueriesOpen,
        Self::KeepsKeys,
        Self::ForgetsNotices,
        Self::WaitsForNoWitness,
        Self::CosignsBeforeDurable,
        Self::CarriesNothingOver,
        Self::KeepsOldChannels,
        Self::ForgetsAlarms,
    ];
}
