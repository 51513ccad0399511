//! Fuzz targets: one function for each decoder that foreign bytes reach. Each asserts what must hold of any bytes, and says whether they
//! were taken.
//!
//! A target panics where a promise is broken, and nowhere else. What a decoder may take of memory is bounded by its limits
//! (`tests/fuzz/README.md` has the table). Not here: where inputs come from (`tests/fuzz`, `fuzz/`).

mod configs;
mod fixture;
mod merkle;
mod messages;
mod names;
mod notes;
mod policies;
mod proofs;
mod records;
#[cfg(test)]
pub(crate) mod seeds;
mod witnesses;

/// Reads bytes; whether they were taken.
pub(crate) type Target = fn(&[u8]) -> bool;

/// Every target with its name.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("leaf", messages::leaf),
    ("leaf_reader", messages::leaf_reader),
    ("notice", messages::notice),
    ("opening", proofs::opening),
    ("query", messages::query),
    ("answer", messages::answer),
    ("frame", messages::frame),
    ("control", messages::control),
    ("authorisation", messages::authorisation),
    ("authorisation_json", messages::authorisation_json),
    ("attestation", proofs::attestation),
    ("tlog_proof", proofs::tlog_proof),
    ("tile_path", proofs::tile_path),
    ("bundle", proofs::bundle),
    ("note", notes::note),
    ("checkpoint", notes::checkpoint),
    ("cosignature", notes::cosignature),
    ("verifier_key", notes::verifier_key),
    ("submission", witnesses::submission),
    ("cosignatures", witnesses::cosignatures),
    ("evidence", witnesses::evidence),
    ("endorsement", notes::endorsement),
    ("policy", policies::policy),
    ("certificate", policies::certificate),
    ("merkle_inclusion", merkle::inclusion),
    ("merkle_consistency", merkle::consistency),
    ("merkle_tree", merkle::tree),
    ("merkle_bulk", merkle::bulk),
    ("identifier", names::identifier),
    ("name", names::name),
    ("key_file", names::key_file),
    ("predicate", names::predicate),
    ("directory", configs::directory),
    ("rule_pack", configs::rule_pack),
    ("node_toml", configs::node_toml),
    ("question", records::question),
    ("records_csv", records::csv),
    ("records_xml", records::xml),
];
