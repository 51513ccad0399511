//! Witnesses from outside, and logs of others that this node cosigns, read out of `node.toml`.

use creditbay_crypto::note::{KeyKind, NoteVerifier};

use crate::error::ConfigError;

use super::fault::{MAX_ORIGIN_BYTES, NodeFault};
use super::written::{WrittenLog, WrittenWitness};
use super::{ForeignWitness, Reader};

impl Reader<'_> {
    pub(super) fn witnesses(&self, written: &[WrittenWitness]) -> Result<Vec<ForeignWitness>, ConfigError<NodeFault>> {
        let mut witnesses: Vec<ForeignWitness> = Vec::new();
        for (position, witness) in written.iter().enumerate() {
            let key = format!("witnesses[{position}].vkey");
            let text = witness.vkey.get_ref();
            let vkey = NoteVerifier::parse(text).map_err(|error| self.fault(&witness.vkey, &key, NodeFault::Verifier(error)))?;
            if vkey.kind() != KeyKind::CosignatureV1 {
                return Err(self.fault(&witness.vkey, key, NodeFault::NoCosigner(vkey.name().clone())));
            }
            if witnesses.iter().any(|earlier| earlier.vkey.key() == vkey.key()) {
                return Err(self.fault(&witness.vkey, key, NodeFault::KeyTwice(vkey.name().clone())));
            }
            let url = witness.url.get_ref();
            let host = url.strip_prefix("http://").unwrap_or_default();
            if host.is_empty() || host.starts_with('/') || url.ends_with('/') || url.contains(char::is_whitespace) {
                return Err(self.fault(&witness.url, format!("witnesses[{position}].url"), NodeFault::WitnessUrl));
            }
            witnesses.push(ForeignWitness { vkey, url: url.clone() });
        }
        Ok(witnesses)
    }

    pub(super) fn witnessed_logs(&self, written: &[WrittenLog]) -> Result<Vec<NoteVerifier>, ConfigError<NodeFault>> {
        let mut logs: Vec<NoteVerifier> = Vec::new();
        for (position, log) in written.iter().enumerate() {
            let key = format!("witnessed_logs[{position}].vkey");
            let vkey = self.verifier(&log.vkey, &key)?;
            if vkey.name().as_str().len() > MAX_ORIGIN_BYTES {
                return Err(self.fault(&log.vkey, key, NodeFault::OriginLong));
            }
            if logs.iter().any(|earlier| earlier.name() == vkey.name()) {
                return Err(self.fault(&log.vkey, key, NodeFault::LogTwice(vkey.name().clone())));
            }
            logs.push(vkey);
        }
        Ok(logs)
    }
}
