//! How a command ended, as the number that a script sees.
//!
//! Not here: what is said about it (`print`).

/// The list of codes, as `--help` shows it.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failed: a file, a connection, or the server said no
  2  the command line is wrong
  3  verification failed; the faults are listed
  4  declined or refused by rules
  5  done, but rows were rejected";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Done,
    /// A file, a connection, or the server said no.
    Failed,
    /// The command line asks for something that cannot be.
    Usage,
    /// What was to be verified does not verify; its faults were listed.
    Refuted,
    /// The rules do not admit it.
    Declined,
    /// Done, but some rows were rejected.
    RowsRejected,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refuted => 3,
            Self::Declined => 4,
            Self::RowsRejected => 5,
        }
    }
}

/// An error of the command line that is found after it was read; ends with [`Exit::Usage`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// How a command ends that failed with this error.
pub fn of_error(error: &anyhow::Error) -> Exit {
    if error.chain().any(|cause| cause.is::<UsageError>()) { Exit::Usage } else { Exit::Failed }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::{Exit, HELP, UsageError, of_error};

    #[test]
    fn every_code_is_documented_under_its_number() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Refuted, Exit::Declined, Exit::RowsRejected];
        for (number, exit) in all.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number);
            assert!(HELP.contains(&format!("\n  {number}  ")), "{number}");
        }
        assert!(!HELP.contains("\n  6  "));
    }

    #[test]
    fn a_wrong_command_line_is_told_apart_from_a_failure() {
        let usage: anyhow::Error = UsageError("no".to_owned()).into();
        assert_eq!(of_error(&usage.context("while reading")), Exit::Usage);
        let failed = std::fs::read("/nonexistent/x").context("reading").unwrap_err();
        assert_eq!(of_error(&failed), Exit::Failed);
    }
}
