//! Has cargo build both products in the caller's own profile and target folder, once for each process.
//!
//! The whole workspace is named, so that features are unified the same way and nothing is compiled a second time for the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// Where the products are.
#[derive(Debug, Clone)]
pub struct Products {
    /// The daemon.
    pub node: PathBuf,
    /// The command line.
    pub creditbay: PathBuf,
}

static BUILT: OnceLock<Result<Products, String>> = OnceLock::new();

impl Products {
    /// Builds what is not fresh.
    pub fn build() -> Result<Self> {
        let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
        built.clone().map_err(anyhow::Error::msg)
    }
}

fn build() -> Result<Products> {
    let exe = std::env::current_exe().context("where this program is")?;
    let folder = profile_folder(&exe).with_context(|| format!("{} is not below cargo's target folder", exe.display()))?;
    let (Some(target), Some(name)) = (folder.parent(), folder.file_name().and_then(|name| name.to_str())) else {
        bail!("{} is not below cargo's target folder", exe.display());
    };
    let profile = if name == "debug" { "dev" } else { name };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_this_package)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .context("running cargo")?;
    if !output.status.success() {
        bail!("cargo build failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let products = Products { node: folder.join("creditbay-node"), creditbay: folder.join("creditbay") };
    for product in [&products.node, &products.creditbay] {
        if !product.is_file() {
            bail!("cargo build made no {}", product.display());
        }
    }
    Ok(products)
}

/// Whether cargo set a variable for the program that it runs. Build scripts (ring's) look at some of them: with other values they would
/// run anew, and all that stands on them be compiled anew, in this build and again in the next one from outside.
fn is_of_this_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"].iter().any(|kind| name.starts_with(kind))
}

/// The folder of the profile: where `demo` lies, and above the `deps` where a test lies.
fn profile_folder(exe: &Path) -> Option<&Path> {
    let folder = exe.parent()?;
    if folder.ends_with("deps") { folder.parent() } else { Some(folder) }
}
