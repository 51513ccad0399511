//! Verification that shares no code with ours: `foreign/audit.go`, and here ct-merkle for the tree, ring for Ed25519, the formats by hand.
//!
//! Of ours only base64 is used, and tile proofs where it is our proof that is to be checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use creditbay_crypto::hash::base64_decode;
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::{Frontier, Window, consistency};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The Go program, built once for each process.
pub(super) struct Go(PathBuf);

static BUILT: OnceLock<Option<TempDir>> = OnceLock::new();

impl Go {
    /// Nothing, and a notice, where there is no Go with x/mod as Debian installs it.
    pub(super) fn build() -> Option<Self> {
        let built = BUILT.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let mut go = Command::new("go");
            go.env("GO111MODULE", "off")
                .env("GOPATH", "/usr/share/gocode")
                .env("GOFLAGS", "")
                .env("GOCACHE", folder.path().join("c"));
            go.args(["build", "-o"]).arg(folder.path().join("audit"));
            go.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/audit.go"));
            let said = match go.output() {
                Ok(output) if output.status.success() => return Some(folder),
                Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
                Err(error) => error.to_string(),
            };
            assert!(!said.contains("audit.go") || said.contains("cannot find package"), "the Go program does not build: {said}");
            eprintln!(
                "notice: Go's sumdb packages are not asked (apt-get install golang-go golang-golang-x-mod-dev): {}",
                said.trim()
            );
            None
        });
        built.as_ref().map(|folder| Self(folder.path().join("audit")))
    }

    /// Whether it takes a log for genuine; what it said in both cases.
    pub(super) fn log(&self, policy: &Path, folder: &Path) -> Result<String, String> {
        self.run(&[Path::new("log"), policy, folder])
    }

    /// The same of a proof.
    pub(super) fn proof(&self, policy: &Path, proof: &Path, leaf: &Path) -> Result<String, String> {
        self.run(&[Path::new("proof"), policy, proof, leaf])
    }

    fn run(&self, arguments: &[&Path]) -> Result<String, String> {
        let output = Command::new(&self.0).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => Ok(said),
            Some(1) => Err(said),
            code => panic!("{code:?}: {said}{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// A key of a policy: name, id, kind and bytes.
pub(super) struct Key {
    name: String,
    id: Vec<u8>,
    kind: u8,
    bytes: Vec<u8>,
}

/// The keys of a policy's logs and witnesses.
pub(super) fn read_keys(policy: &Path) -> Vec<Key> {
    let text = fs::read_to_string(policy).unwrap();
    let vkeys = text.lines().filter_map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["log", vkey, ..] | ["witness", _, vkey, ..] => Some(vkey),
            _ => None,
        }
    });
    vkeys.map(Key::read).collect()
}

impl Key {
    fn read(vkey: &str) -> Self {
        let parts: Vec<_> = vkey.splitn(3, '+').collect();
        let key = base64_decode(parts[2]).unwrap();
        let id = Sha256::digest([parts[0].as_bytes(), b"\n", &key].concat())[..4].to_vec();
        Self { name: parts[0].to_owned(), id, kind: key[0], bytes: key[1..].to_vec() }
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.bytes);
        match (self.kind, signature.split_first_chunk::<8>()) {
            (1, _) => key.verify(text.as_bytes(), signature).is_ok(),
            (4, Some((time, signature))) => {
                let signed = format!("cosignature/v1\ntime {}\n{text}", u64::from_be_bytes(*time));
                key.verify(signed.as_bytes(), signature).is_ok()
            }
            _ => false,
        }
    }
}

/// A signed tree, and how many have cosigned it.
pub(super) struct Tree {
    origin: String,
    root: RootHash<Sha256>,
    cosigned: usize,
}

fn open(keys: &[Key], note: &[u8]) -> Result<Tree, String> {
    let note = std::str::from_utf8(note).map_err(|error| error.to_string())?;
    let (text, lines) = note.rsplit_once("\n\n").ok_or("no signatures")?;
    let text = format!("{text}\n");
    let [origin, size, root] = text.lines().collect::<Vec<_>>()[..] else { return Err("not three lines".to_owned()) };
    let size: u64 = size.parse().map_err(|_| "no size")?;
    let root = <[u8; 32]>::try_from(base64_decode(root).map_err(|error| error.to_string())?).map_err(|_| "no root")?;
    let (mut signed, mut cosigned) = (false, 0);
    for line in lines.lines() {
        let (name, signature) =
            line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')).ok_or("no signature line")?;
        let bytes = base64_decode(signature).map_err(|error| error.to_string())?;
        let (id, signature) = bytes.split_at_checked(4).ok_or("a short line")?;
        let Some(key) = keys.iter().find(|key| key.name == name && key.id == id) else { continue };
        if !key.verifies(&text, signature) {
            return Err(format!("the line of {name} is false"));
        }
        signed |= key.kind == 1 && name == origin;
        cosigned += usize::from(key.kind == 4);
    }
    if !signed {
        return Err(format!("{origin} has not signed"));
    }
    Ok(Tree { origin: origin.to_owned(), root: RootHash::new(root.into(), size), cosigned })
}

/// A path as tlog-tiles writes it, of a log of less than 256 000 entries.
fn tile_path(level: &str, number: u64, width: u64) -> String {
    let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{number:03}{partial}")
}

fn read_tile(folder: &Path, level: &str, number: u64, width: u64) -> Result<Vec<u8>, String> {
    let path = tile_path(level, number, width);
    fs::read(folder.join(&path)).map_err(|error| format!("{path}: {error}"))
}

fn entries(folder: &Path, size: u64) -> Result<Vec<Vec<u8>>, String> {
    let mut entries = Vec::new();
    for number in 0..size.div_ceil(256) {
        let width = (size - 256 * number).min(256);
        let bundle = read_tile(folder, "entries", number, width)?;
        let mut rest = bundle.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or("a cut entry")?;
            entries.push(entry.to_vec());
            rest = after;
        }
        if !rest.is_empty() || entries.len() as u64 != 256 * number + width {
            return Err(format!("bundle {number} has other entries than {width}"));
        }
    }
    Ok(entries)
}

/// Verifies a log of static files: its entries, by a tree of ct-merkle's, lead to the signed root, and so do the hash tiles.
pub(super) fn log(keys: &[Key], folder: &Path) -> Result<usize, String> {
    let signed = open(keys, &fs::read(folder.join("checkpoint")).map_err(|error| error.to_string())?)?;
    let size = signed.root.num_leaves();
    let entries = entries(folder, size)?;
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    for (number, chunk) in entries.chunks(256).enumerate() {
        let mut subtree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for entry in chunk {
            tree.push(entry.clone());
            subtree.push(entry.clone());
            let hash = Sha256::new().chain_update([0]).chain_update(entry).finalize();
            tiles.entry((0, number as u64)).or_default().extend_from_slice(&hash);
        }
        if chunk.len() == 256 {
            tiles.entry((1, 0)).or_default().extend_from_slice(subtree.root().as_bytes());
        }
    }
    if tree.root() != signed.root {
        return Err("the entries do not lead to the root".to_owned());
    }
    for ((level, number), hashes) in tiles {
        if read_tile(folder, &level.to_string(), number, hashes.len() as u64 / 32)? != hashes {
            return Err(format!("tile {level}/{number} is not made of the entries"));
        }
    }
    for index in 0..size {
        let proof = tree.prove_inclusion(index as usize);
        signed.root.verify_inclusion(&entries[index as usize], index, &proof).map_err(|error| error.to_string())?;
    }
    Ok(entries.len())
}

/// Verifies a tlog-proof of a leaf, cosigned at least once; gives its tree.
pub(super) fn proof(keys: &[Key], text: &[u8], leaf: &[u8]) -> Result<Tree, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let (head, note) = text.split_once("\n\n").ok_or("no note")?;
    let mut lines = head.lines();
    if lines.next() != Some("c2sp.org/tlog-proof@v1") {
        return Err("another header".to_owned());
    }
    let index =
        lines.next().and_then(|line| line.strip_prefix("index ")).and_then(|index| index.parse().ok()).ok_or("no index")?;
    let hashes = lines.map(base64_decode).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let path = InclusionProof::<Sha256>::try_from_bytes(hashes.concat()).map_err(|error| error.to_string())?;
    let tree = open(keys, note.as_bytes())?;
    tree.root.verify_inclusion(&leaf, index, &path).map_err(|error| error.to_string())?;
    if tree.cosigned == 0 { Err("nobody cosigned".to_owned()) } else { Ok(tree) }
}

/// Whether the log in a folder continues a tree: our proof of consistency, verified by ct-merkle.
pub(super) fn continues(folder: &Path, old: Tree) -> Result<(), String> {
    let checkpoint = fs::read_to_string(folder.join("checkpoint")).map_err(|error| error.to_string())?;
    let [origin, size, root] = checkpoint.lines().take(3).collect::<Vec<_>>()[..] else { return Err("no checkpoint".to_owned()) };
    let size: u64 = size.parse().map_err(|_| "no size")?;
    let root = <[u8; 32]>::try_from(base64_decode(root).map_err(|error| error.to_string())?).map_err(|_| "no root")?;
    let mut window = Window::from_frontier(&Frontier::empty());
    entries(folder, size)?.iter().for_each(|entry| window.push(leaf_hash(entry)));
    let hashes = consistency(old.root.num_leaves(), size, &window).map_err(|error| error.to_string())?;
    let bytes = hashes.iter().flat_map(|hash| hash.0).collect();
    let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes).map_err(|error| error.to_string())?;
    assert_eq!(old.origin, origin);
    let new = RootHash::<Sha256>::new(root.into(), size);
    new.verify_consistency(&old.root, &proof).map_err(|error| error.to_string())
}

/// Adds the partial hash tiles of an earlier size to a log of static files.
pub(super) fn cut_tiles(folder: &Path, size: u64) {
    for (level, hashes) in [(0u8, size), (1, size / 256)] {
        let (number, width) = (hashes / 256, hashes % 256);
        let tiles = fs::read_dir(folder.join(format!("tile/{level}"))).unwrap().map(|entry| entry.unwrap().path());
        let mut whole: Vec<PathBuf> = Vec::new();
        for path in tiles {
            if path.is_dir() {
                whole.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()))
            } else {
                whole.push(path)
            }
        }
        let of = format!("tile/{level}/{number:03}");
        let Some(tile) = whole.iter().find(|path| path.display().to_string().contains(&of)) else { continue };
        if width > 0 {
            let bytes = fs::read(tile).unwrap()[..32 * width as usize].to_vec();
            let path = folder.join(tile_path(&level.to_string(), number, width));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
