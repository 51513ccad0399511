//! What all trials stand on and none changes: the sample network, two editions of the rule pack, keys, and the report of a person.
//!
//! Not here: what is asked under them (`steps`).

use std::sync::{Arc, OnceLock};

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;

use super::super::altered::altered_text;
use super::super::bay::{directory, sample_pack};

/// SHA-256 of the file that a natural person brings.
pub(super) const REPORT: Digest = Digest([5; 32]);
/// Answers for one purpose wait for a witness.
const WITNESSED: &str =
    "[witnessed]\nillustrative = true\nheld_by = \"leaves\"\npurposes = [\"INV\"]\nquorum = 1\nwait_seconds = 4\n";

/// Who the nodes are.
pub(super) fn everybody() -> &'static Arc<EndorsedDirectory> {
    static DIRECTORY: OnceLock<Arc<EndorsedDirectory>> = OnceLock::new();
    DIRECTORY.get_or_init(|| Arc::new(directory()))
}

/// Two editions of the pack; the second takes over at midnight, and lets answers for one purpose out only with a witness.
pub(super) fn editions() -> &'static [Arc<RulePack>; 2] {
    static PACKS: OnceLock<[Arc<RulePack>; 2]> = OnceLock::new();
    PACKS.get_or_init(|| {
        let one = sample_pack();
        let serial = format!("2\nsupersedes = \"{}\"", one.digest());
        let text = altered_text(&[("serial", &serial), ("effective_from", "\"2026-11-24\"")]);
        let two = RulePack::parse("two.toml", &format!("{text}\n{WITNESSED}")).unwrap();
        [one, Arc::new(two)]
    })
}
