//! Orphaned ranges as an auditor is told of them, for people and for programs (PROTOCOL 35.8).
//!
//! A range is no fault of the log that goes on behind it: the other regions signed that it is lost. It is shown for ever all the same.
//! Not here: what a folder still holds of it (`predecessor`).

use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::succession::Beginning;
use serde_json::{Value, json};

use super::fault::{Fault, Faults};

/// For programs.
pub fn as_json(range: &OrphanedRange) -> Value {
    let OrphanedRange { log, size, root, seen, note } = range;
    json!({ "log": log, "size": size, "root": root, "seen": seen, "lost": range.lost(), "note": note })
}

/// For people.
pub fn told(range: &OrphanedRange) -> String {
    format!("{range}; seen by others, lost, and given up by a directory that they signed")
}

/// What the first leaf says of the end of the log before it must be what the directory says, which the other regions signed.
pub fn not_decided(began: &Beginning, decided: &[OrphanedRange]) -> Faults {
    let mut faults = Faults::new();
    let listed = decided.iter().find(|range| range.log == began.log);
    if listed != began.lost.as_ref() {
        faults.add(Fault::NotDecided { log: began.log, said: began.lost.map(Box::new), listed: listed.copied().map(Box::new) });
    }
    faults
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_protocol::orphaned::OrphanedRange;
    use creditbay_protocol::succession::Beginning;

    use super::{as_json, not_decided, told};

    fn range(size: u64) -> OrphanedRange {
        let log = "gz.creditbay/log/1".parse().unwrap();
        OrphanedRange { log, size, root: Digest([1; 32]), seen: 23, note: Digest([2; 32]) }
    }

    fn began(lost: Option<OrphanedRange>) -> Beginning {
        let OrphanedRange { log, size, root, .. } = range(17);
        Beginning { log, size, root, lost }
    }

    #[test]
    fn what_a_log_says_of_a_lost_end_is_what_the_directory_says_or_a_fault() {
        let other = OrphanedRange { log: "gz.creditbay/log/3".parse().unwrap(), ..range(17) };
        assert!(not_decided(&began(Some(range(17))), &[other, range(17)]).is_empty());
        assert!(not_decided(&began(None), &[other]).is_empty(), "an earlier loss is another log's");
        for (said, listed) in [(Some(range(17)), vec![]), (Some(range(17)), vec![range(16)]), (None, vec![range(17)])] {
            let faults = not_decided(&began(said), &listed);
            assert_eq!(faults.listed().first().map(|fault| fault.kind()), Some("not_decided"), "{said:?} {listed:?}");
        }
        let alone = not_decided(&began(Some(range(17))), &[]);
        let words = "the first leaf says that 17 of 23 leaves are left, and the directory that nothing is lost";
        assert!(alone.listed()[0].to_string().contains(words), "{}", alone.listed()[0]);
    }

    #[test]
    fn a_range_is_told_to_people_and_to_programs() {
        assert!(told(&range(17)).starts_with("gz.creditbay/log/1: leaves 17 to 22; "));
        assert!(told(&range(22)).starts_with("gz.creditbay/log/1: leaf 22; "));
        assert!(told(&range(23)).contains("none of which is lost"));
        assert_eq!((as_json(&range(17))["lost"].as_u64(), as_json(&range(0))["size"].as_u64()), (Some(6), Some(0)));
    }
}
