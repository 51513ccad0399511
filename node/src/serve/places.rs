//! How many visitors the doors over HTTP have at once: the sum stays below the files that the process may open, so that a stranger's
//! connections never take what the store, the keys and the peers need.
//!
//! Who finds no place waits in the system's queue, and costs this process nothing. Not here: who holds the places (`bounded`), and
//! handshakes (`secured`).

/// Files that no visitor gets: 128 for handshakes and what waits behind them (`secured`), and as many again for the store, the keys, the
/// peers, the witnesses and the operator.
const KEPT: u64 = 256;
/// Files beyond those without which a node does not start: 32 visitors at each door.
const LEAST: u64 = 64;
/// Visitors of the services' door at most: a service has one for each question in flight.
const SERVICES: u64 = 512;
/// Visitors of the auditors' door at most.
const AUDITORS: u64 = 128;

/// A process may open too few files.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may open {allowed} files, and a node needs {} at least; raise the limit (LimitNOFILE= in the unit, or ulimit -n)",
    KEPT + LEAST
)]
pub struct TooFewFiles {
    /// How many it may open.
    pub allowed: u64,
}

/// How many visitors each door has at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The services' door: twice the questions in flight where that is fewer, so that one too many still hears that it is.
    pub services: usize,
    /// The auditors' door.
    pub auditors: usize,
}

impl Places {
    /// For a process that may open so many files.
    pub fn of(allowed: u64, max_in_flight: u32) -> Result<Self, TooFewFiles> {
        let left = allowed.checked_sub(KEPT).filter(|left| *left >= LEAST).ok_or(TooFewFiles { allowed })?;
        let auditors = AUDITORS.min(left / 2);
        let services = (2 * u64::from(max_in_flight)).min(SERVICES).min(left - auditors);
        let places = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Self { services: places(services), auditors: places(auditors) })
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Places, TooFewFiles};

    #[test]
    fn doors_share_what_the_process_may_open_and_the_rest_is_kept() {
        assert_eq!(Places::of(319, 1024), Err(TooFewFiles { allowed: 319 }));
        assert_eq!(Places::of(320, 1024), Ok(Places { services: 32, auditors: 32 }));
        assert_eq!(Places::of(512, 1024), Ok(Places { services: 128, auditors: 128 }));
        assert_eq!(Places::of(u64::MAX, 1024), Ok(Places { services: 512, auditors: 128 }));
        assert_eq!(Places::of(1024, 1), Ok(Places { services: 2, auditors: 128 }));
        for allowed in [320, 512, 1024, 5_000] {
            let places = Places::of(allowed, 65_536).unwrap();
            assert!((places.services + places.auditors) as u64 + KEPT <= allowed);
        }
    }
}
