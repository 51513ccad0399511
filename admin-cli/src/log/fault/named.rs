//! What programs rely on of a fault: its kind, and its place.

use creditbay_protocol::tile::TilePath;

use super::Fault;

impl Fault {
    /// A name that programs can rely on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Cosignature(_) => "cosignature",
            Self::Policy(rejection) => rejection.kind(),
            Self::Missing(_) => "missing",
            Self::Unreadable { .. } => "unreadable",
            Self::ExportDiffers(_) => "export_differs",
            Self::Tile { .. } => "tile",
            Self::EntryChanged { .. } => "entry_changed",
            Self::HashChanged { .. } => "hash_changed",
            Self::EntryAndHashDiffer { .. } => "entry_and_hash_differ",
            Self::UpperHash { .. } => "upper_hash",
            Self::Strange(_) => "strange_tile",
            Self::Root { .. } => "root",
            Self::RootUnknown { .. } => "root_unknown",
            Self::GivenUp { .. } => "given_up",
            Self::Rewritten { .. } => "rewritten",
            Self::Shrunk { .. } => "shrunk",
            Self::OtherCheckpoint { .. } => "other_checkpoint",
            Self::SplitView { .. } => "split_view",
            Self::ConsistencyWithheld { .. } => "consistency_withheld",
            Self::Leaf { .. } => "leaf",
            Self::TimeBackwards { .. } => "time_backwards",
            Self::OtherSender { .. } => "other_sender",
            Self::AsksItself { .. } => "asks_itself",
            Self::AnswerWithoutQuery { .. } => "answer_without_query",
            Self::AnsweredTwice { .. } => "answered_twice",
            Self::AbandonsNoQuery { .. } => "abandons_no_query",
            Self::Rules { breach, .. } => breach.kind(),
            Self::Opened { fault, .. } => fault.kind(),
            Self::AbandonedTwice { .. } => "abandoned_twice",
            Self::NoBeginning { .. } => "no_beginning",
            Self::BeginsAgain { .. } => "begins_again",
            Self::BehindRetirement { .. } => "behind_retirement",
            Self::OtherPredecessor { .. } => "other_predecessor",
            Self::NotRetired { .. } => "not_retired",
            Self::NotDecided { .. } => "not_decided",
            Self::InPredecessor { .. } => "in_predecessor",
            Self::InLater { .. } => "in_later",
        }
    }

    /// The tile or bundle it is in.
    pub fn path(&self) -> Option<TilePath> {
        match self {
            Self::Missing(path)
            | Self::ExportDiffers(path)
            | Self::Strange(path)
            | Self::Unreadable { path, .. }
            | Self::Tile { path, .. }
            | Self::HashChanged { path, .. }
            | Self::EntryAndHashDiffer { path, .. }
            | Self::UpperHash { path, .. } => Some(*path),
            _ => None,
        }
    }

    /// The entry it is in.
    pub fn index(&self) -> Option<u64> {
        match self {
            Self::EntryChanged { index }
            | Self::HashChanged { index, .. }
            | Self::EntryAndHashDiffer { index, .. }
            | Self::Leaf { index, .. }
            | Self::TimeBackwards { index, .. }
            | Self::OtherSender { index, .. }
            | Self::AsksItself { index, .. }
            | Self::AnswerWithoutQuery { index }
            | Self::AnsweredTwice { index, .. }
            | Self::AbandonsNoQuery { index, .. }
            | Self::BeginsAgain { index }
            | Self::BehindRetirement { index, .. }
            | Self::Rules { index, .. }
            | Self::Opened { index, .. }
            | Self::AbandonedTwice { index, .. } => Some(*index),
            _ => None,
        }
    }
}
