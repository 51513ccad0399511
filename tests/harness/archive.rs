//! A copy of a log as an auditor takes it: the checkpoint, every hash tile, every entry bundle, as static files (C2SP tlog-tiles).
//!
//! Not here: verifying it; that is `creditbay log verify`.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use creditbay_crypto::hash::base64_encode;
use creditbay_crypto::label::Label;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::tile::{TilePath, decode_bundle};

use super::http::{Door, Reply};

/// An enrolled auditor.
pub struct Auditor {
    /// The name under which it is enrolled.
    pub name: String,
    /// The key of its requests.
    pub key: SigningKey,
}

impl Auditor {
    /// `GET /path`, signed.
    pub async fn get(&self, door: &Door, path: &str) -> Result<Reply> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        door.call("GET", &format!("/{path}"), &[("authorization", &self.claim(path, seconds))], "").await
    }

    /// The header that admits a request of this time.
    pub fn claim(&self, path: &str, seconds: u64) -> String {
        let signed = [Label::AUDITOR_REQUEST.as_bytes(), format!("\0GET /{path}\n{seconds}\n").as_bytes()].concat();
        format!("CreditBay-Auditor {} {seconds} {}", self.name, base64_encode(&self.key.sign(&signed).0))
    }

    /// Copies the log behind an auditors' door to a folder; the leaves in their order.
    pub async fn export(&self, door: &Door, folder: &Path) -> Result<Vec<Vec<u8>>> {
        let checkpoint = door.get("/checkpoint").await?;
        let text = String::from_utf8(checkpoint.body.to_vec()).context("the checkpoint is no text")?;
        let size: u64 = text.lines().nth(1).and_then(|size| size.parse().ok()).context("the checkpoint has no size")?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("checkpoint"), text)?;
        let mut leaves = Vec::new();
        for tile in TilePath::all(size) {
            let path = tile.to_string();
            let reply = self.get(door, &path).await?;
            if reply.status != 200 {
                bail!("GET /{path}: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
            }
            if tile.level.is_none() {
                leaves.extend(decode_bundle(&reply.body, usize::from(tile.width))?.into_iter().map(<[u8]>::to_vec));
            }
            let file = folder.join(&path);
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, &reply.body)?;
        }
        Ok(leaves)
    }
}

/// The leaves of an export, read.
pub fn parse(leaves: &[Vec<u8>]) -> Result<Vec<Leaf>> {
    leaves.iter().map(|leaf| Leaf::parse(leaf).context("a leaf of the export cannot be read")).collect()
}
