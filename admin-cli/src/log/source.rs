//! Where a log is read: a folder of static files, or an auditors' door (C2SP tlog-tiles).
//!
//! Entries are for auditors that the node has enrolled; each request for them is signed (PROTOCOL.md, "Auditors' door").
//! Not here: what is read.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::label::Label;
use creditbay_crypto::sign::{PublicKey, SigningKey};
use creditbay_protocol::limits::MAX_NOTE_BYTES;
use creditbay_protocol::name::Name;
use creditbay_protocol::tile::TilePath;
use flate2::read::MultiGzDecoder;

use crate::client::{AnswerTooLong, Client, Problem};
use crate::exit::UsageError;
use crate::file;
use crate::host;
use crate::tls::Expected;

/// Bytes of a tile or bundle at most: 256 entries of 448 bytes with their lengths are 115 200, a hash tile 8 192.
pub const MAX_TILE_BYTES: usize = 1 << 18;

/// A tile or bundle as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tile {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It is not there.
    Missing,
    /// It is there and no tile.
    Unreadable(Unreadable),
}

/// Why what was found is no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More bytes than any tile of this protocol has.
    #[error("more than {MAX_TILE_BYTES} bytes, which no tile or bundle of leaves has")]
    TooLong,
    /// It begins as a gzip and is none.
    #[error("it begins as a gzip and cannot be unpacked; fetch it again")]
    Gzip,
}

/// How a gzip begins. A bundle that begins so would have a first entry of 8075 bytes, and no leaf has as many.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How an auditor shows who it is.
#[derive(Debug, Clone, Args)]
pub struct AuditorArgs {
    /// The auditor's private key, for entries at a URL
    #[arg(long, value_name = "FILE")]
    pub auditor_key: Option<PathBuf>,
    /// The name under which the node has enrolled the key
    #[arg(long, value_name = "NAME", default_value = "auditor")]
    pub auditor_name: Name<24>,
    /// For an https door: the file of the authority that certified it, PEM
    #[arg(long, value_name = "FILE", conflicts_with = "tls_key")]
    pub ca: Option<PathBuf>,
    /// For an https door: its TLS key as the network directory has it, base64; by default that of the region
    #[arg(long, value_name = "BASE64")]
    pub tls_key: Option<String>,
}

/// Where a log is read.
pub enum Source {
    /// Static files.
    Folder(PathBuf),
    /// An auditors' door.
    Door(Box<Door>),
}

/// An auditors' door and who comes to it.
pub struct Door {
    client: Client,
    auditor: Option<(Name<24>, SigningKey)>,
}

impl Source {
    /// A folder, or a URL that begins with `http`.
    pub fn open(place: &str, auditor: &AuditorArgs) -> anyhow::Result<Self> {
        Self::open_expecting(place, auditor, None)
    }

    /// The same; behind an https URL this TLS key is expected, where the command line says nothing else.
    pub fn open_expecting(place: &str, auditor: &AuditorArgs, key: Option<PublicKey>) -> anyhow::Result<Self> {
        if !place.starts_with("http://") && !place.starts_with("https://") {
            let folder = Path::new(place);
            if !folder.is_dir() {
                return Err(UsageError(format!("{place} is neither a folder nor a URL that begins with http://")).into());
            }
            return Ok(Self::Folder(folder.to_owned()));
        }
        let expected = match (&auditor.ca, &auditor.tls_key) {
            (Some(path), _) => Some(Expected::authority(path)?),
            (None, Some(text)) => Some(Expected::key(tls_key(text)?)?),
            (None, None) => key.map(Expected::key).transpose()?,
        };
        let key = auditor.auditor_key.as_deref().map(file::read_key).transpose()?;
        let client = match expected {
            Some(expected) => Client::expecting(place, expected)?,
            None => Client::at_url(place)?,
        };
        Ok(Self::Door(Box::new(Door { client, auditor: key.map(|key| (auditor.auditor_name, key)) })))
    }

    /// What is published for everybody; behind an https URL this authority is believed, or this TLS key expected.
    pub fn open_as_anybody(place: &str, ca: Option<&Path>, key: Option<PublicKey>) -> anyhow::Result<Self> {
        let ca = ca.map(Path::to_owned);
        let nobody = AuditorArgs { auditor_key: None, auditor_name: Name::new("anybody")?, ca, tls_key: None };
        Self::open_expecting(place, &nobody, key)
    }

    /// Whether a node answers, with what its log is now.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Door(_))
    }

    /// The checkpoint's note.
    pub async fn checkpoint(&mut self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join("checkpoint");
                // One byte more than a checkpoint has, so that what is too long is no checkpoint.
                let read = file::read_begin(&path, MAX_NOTE_BYTES as u64 + 1)?;
                read.with_context(|| {
                    format!("{} does not exist; name the folder that holds `checkpoint` and `tile`", path.display())
                })
            }
            Self::Door(door) => {
                let reply = door.client.get("/checkpoint", &[], MAX_NOTE_BYTES).await?;
                if reply.status != 200 {
                    bail!(
                        "{} gives no checkpoint: {}; check that it is an auditors' door",
                        door.client.door(),
                        Problem::of(&reply)
                    );
                }
                Ok(reply.body)
            }
        }
    }

    /// A tile or bundle. Bundles may be compressed (tlog-tiles, "Log Entries").
    pub async fn tile(&mut self, path: TilePath) -> anyhow::Result<Tile> {
        Ok(match self {
            Self::Folder(folder) => in_folder(folder, path)?,
            Self::Door(door) => unpacked(path, door.tile(path).await?),
        })
    }

    /// The folder, where it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Door(_) => None,
        }
    }

    /// The same for whoever has no use for a tile that cannot be read.
    pub async fn bytes(&mut self, path: TilePath) -> anyhow::Result<Option<Vec<u8>>> {
        match self.tile(path).await? {
            Tile::Whole(bytes) => Ok(Some(bytes)),
            Tile::Missing => Ok(None),
            Tile::Unreadable(error) => bail!("{path}: {error}"),
        }
    }
}

/// A tile or bundle in a folder of static files.
pub fn in_folder(folder: &Path, path: TilePath) -> anyhow::Result<Tile> {
    // One byte more than is taken, so that what is too long is seen.
    Ok(match file::read_begin(&folder.join(path.to_string()), MAX_TILE_BYTES as u64 + 1)? {
        Some(bytes) if bytes.len() > MAX_TILE_BYTES => Tile::Unreadable(Unreadable::TooLong),
        Some(bytes) => unpacked(path, Tile::Whole(bytes)),
        None => Tile::Missing,
    })
}

fn unpacked(path: TilePath, tile: Tile) -> Tile {
    match tile {
        Tile::Whole(bytes) if path.level.is_none() && bytes.starts_with(&GZIP) => unpack(&bytes),
        tile => tile,
    }
}

/// What a gzip holds, as far as a bundle may be long.
fn unpack(bytes: &[u8]) -> Tile {
    let mut unpacked = Vec::new();
    match MultiGzDecoder::new(bytes).take(MAX_TILE_BYTES as u64 + 1).read_to_end(&mut unpacked) {
        Err(_) => Tile::Unreadable(Unreadable::Gzip),
        Ok(read) if read > MAX_TILE_BYTES => Tile::Unreadable(Unreadable::TooLong),
        Ok(_) => Tile::Whole(unpacked),
    }
}

impl Door {
    async fn tile(&mut self, path: TilePath) -> anyhow::Result<Tile> {
        let target = format!("/{path}");
        let mut headers = Vec::new();
        if path.level.is_none() {
            let Some((name, key)) = &self.auditor else {
                return Err(UsageError(
                    "entries are for enrolled auditors: give --auditor-key FILE and --auditor-name NAME".to_owned(),
                )
                .into());
            };
            headers.push(("authorization", authorization(name, key, &target, host::now()?.0 / 1000)));
        }
        let reply = match self.client.get(&target, &headers, MAX_TILE_BYTES).await {
            Err(error) if error.is::<AnswerTooLong>() => return Ok(Tile::Unreadable(Unreadable::TooLong)),
            reply => reply?,
        };
        match reply.status {
            200 => Ok(Tile::Whole(reply.body)),
            404 => Ok(Tile::Missing),
            401 => bail!(
                "{} does not admit this auditor to entries; check --auditor-name, that its verifier key stands in the node's [[auditors]], and this machine's clock",
                self.client.door()
            ),
            _ => bail!("{} gives no {path}: {}; try again later", self.client.door(), Problem::of(&reply)),
        }
    }
}

fn tls_key(text: &str) -> anyhow::Result<PublicKey> {
    let bytes = Digest::from_base64(text).map_err(|error| UsageError(format!("--tls-key: {error}")))?;
    Ok(PublicKey::from_bytes(&bytes.0).map_err(|error| UsageError(format!("--tls-key: {error}")))?)
}

/// `CreditBay-Auditor <name> <seconds> <signature>` over label, NUL, `GET <path>`, newline, seconds, newline.
fn authorization(name: &Name<24>, key: &SigningKey, target: &str, seconds: u64) -> String {
    let message = [Label::AUDITOR_REQUEST.as_bytes(), b"\0", format!("GET {target}\n{seconds}\n").as_bytes()].concat();
    format!("CreditBay-Auditor {name} {seconds} {}", base64_encode(&key.sign(&message).0))
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::base64_decode;
    use creditbay_crypto::secret::Seed;
    use creditbay_crypto::sign::{Signature, SigningKey};
    use creditbay_protocol::name::Name;

    use super::{AuditorArgs, Source, authorization};
    use crate::exit::{self, Exit};

    #[test]
    fn a_request_is_signed_over_its_path_and_time() {
        let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
        let header = authorization(&Name::new("auditor").unwrap(), &key, "/tile/entries/000.p/9", 1_700_000_000);
        let parts: Vec<_> = header.split(' ').collect();
        assert_eq!(parts[..3], ["CreditBay-Auditor", "auditor", "1700000000"]);
        let signature = Signature(base64_decode(parts[3]).unwrap().try_into().unwrap());
        let signed = b"creditbay/v1/auditor/request\0GET /tile/entries/000.p/9\n1700000000\n";
        assert!(key.public().verify(signed, &signature).is_ok());
        assert!(key.public().verify(&signed[..signed.len() - 1], &signature).is_err());
    }

    #[test]
    fn a_place_that_is_none_is_a_wrong_command_line() {
        let auditor = AuditorArgs { auditor_key: None, auditor_name: Name::new("auditor").unwrap(), ca: None, tls_key: None };
        let error = Source::open("/nonexistent/folder", &auditor).err().unwrap();
        assert_eq!(exit::of_error(&error), Exit::Usage);
    }
}
