//! The keys of `node.toml`, as they stand in the file. `samples/node.toml` explains each of them.
//!
//! Not here: what they mean and whether they fit together (`mod`).

use std::net::SocketAddr;

use creditbay_protocol::name::{Name, OrganisationId, Region};
use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use super::limits::WrittenLimits;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenNode {
    pub(super) region: Region,
    pub(super) data_dir: Spanned<String>,
    pub(super) keys: WrittenKeys,
    pub(super) network: WrittenNetwork,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<WrittenRules>,
    pub(super) doors: WrittenDoors,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) services: Vec<WrittenService>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) auditors: Vec<WrittenAuditor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) witnesses: Vec<WrittenWitness>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) witnessed_logs: Vec<WrittenLog>,
    #[serde(default)]
    pub(super) limits: WrittenLimits,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKeys {
    pub(super) log: Spanned<String>,
    pub(super) witness: Spanned<String>,
    pub(super) tls: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenNetwork {
    pub(super) directory: Spanned<String>,
    pub(super) signatures: Spanned<String>,
    pub(super) pinned: Spanned<Vec<Spanned<String>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRules {
    pub(super) file: Spanned<String>,
    pub(super) signatures: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDoors {
    pub(super) services: Spanned<SocketAddr>,
    pub(super) auditors: Spanned<SocketAddr>,
    pub(super) auditors_tls: Option<Spanned<WrittenTls>>,
    pub(super) auditors_certificate: Option<Spanned<String>>,
    pub(super) auditors_key: Option<Spanned<String>>,
    pub(super) peers: Spanned<SocketAddr>,
    pub(super) peers_x509: Option<Spanned<SocketAddr>>,
    pub(super) admin: Spanned<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WrittenTls {
    Plain,
    PlainBeyondLoopback,
    Identity,
    Certificate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenService {
    pub(super) organisation: OrganisationId,
    pub(super) token_sha256: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAuditor {
    pub(super) name: Spanned<Name<24>>,
    pub(super) vkey: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWitness {
    pub(super) vkey: Spanned<String>,
    pub(super) url: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLog {
    pub(super) vkey: Spanned<String>,
}
