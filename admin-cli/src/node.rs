//! Where a node is: the folder of its `node.toml`, from which its doors, its token and its network follow, or a door itself.
//!
//! Not here: asking the doors (`client`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use creditbay_configs::node::NodeConfig;

use crate::client::Client;
use crate::exit::UsageError;
use crate::file;

/// A node on this machine, for its operator.
#[derive(Debug, Clone, Args)]
pub struct AdminDoor {
    /// The folder of the node's node.toml
    #[arg(long, value_name = "DIR", conflicts_with = "admin", required_unless_present = "admin")]
    pub node: Option<PathBuf>,
    /// The node's admin socket, instead of --node
    #[arg(long, value_name = "SOCKET")]
    pub admin: Option<PathBuf>,
}

impl AdminDoor {
    /// A connection to the admin door.
    pub fn client(&self) -> anyhow::Result<Client> {
        match (&self.admin, &self.node) {
            (Some(socket), _) => Ok(Client::at_socket(socket)),
            (None, Some(folder)) => Ok(Client::at_socket(&read(folder)?.doors.admin)),
            (None, None) => Err(UsageError("name the node: --node DIR or --admin SOCKET".to_owned()).into()),
        }
    }
}

/// A node's services' door, as a service sees it.
#[derive(Debug, Clone, Args)]
pub struct ServicesDoor {
    /// The folder of the asking node's node.toml: its services' door, its service.token and its network are used
    #[arg(long, value_name = "DIR", required_unless_present = "services")]
    pub node: Option<PathBuf>,
    /// The services' door of the asking node, http://127.0.0.1:PORT
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub services: Option<String>,
    /// The file of the bearer token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Where a services' door is, and what opens it.
pub struct ServicesPlace {
    /// A connection to it.
    pub client: Client,
    /// What every request says of itself: the token, and that its body is JSON.
    pub headers: [(&'static str, String); 2],
    /// The node's network directory, where the node's folder is known.
    pub network: Option<PathBuf>,
}

impl ServicesDoor {
    /// Finds the door and reads its token.
    pub fn place(&self) -> anyhow::Result<ServicesPlace> {
        let (url, token, network) = match (&self.node, &self.services, &self.token_file) {
            (Some(folder), services, token) => {
                let config = read(folder)?;
                let url = services.clone().unwrap_or_else(|| url_of(config.doors.services));
                (url, token.clone().unwrap_or_else(|| token_file(folder)), Some(config.network.directory))
            }
            (None, Some(url), Some(token)) => (url.clone(), token.clone(), None),
            _ => {
                return Err(UsageError("name the node: --node DIR, or --services URL and --token-file FILE".to_owned()).into());
            }
        };
        let token = read_token(&token)?;
        let headers = [("authorization", format!("Bearer {}", token.as_str())), ("content-type", "application/json".to_owned())];
        Ok(ServicesPlace { client: Client::at_url(&url)?, headers, network })
    }
}

/// Reads the `node.toml` in a folder, or the file itself.
pub fn read(folder: &Path) -> anyhow::Result<NodeConfig> {
    let path = file_of(folder);
    let text = file::read_text(&path)?;
    Ok(NodeConfig::parse(&path, &text)?)
}

/// The file of the bearer token that `creditbay network new` puts beside `node.toml`.
pub fn token_file(folder: &Path) -> PathBuf {
    file_of(folder).with_file_name("service.token")
}

/// Reads a bearer token.
pub fn read_token(path: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    let text = zeroize::Zeroizing::new(file::read_text(path)?);
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        anyhow::bail!("{} holds no bearer token: one line of printable characters", path.display());
    }
    Ok(zeroize::Zeroizing::new(token.to_owned()))
}

/// The URL of a door that listens at an address.
pub fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn file_of(folder: &Path) -> PathBuf {
    if folder.is_dir() { folder.join("node.toml") } else { folder.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::read_token;

    #[test]
    fn a_token_is_one_line_of_printable_characters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "abc123\n").unwrap();
        assert_eq!(read_token(&path).unwrap().as_str(), "abc123");
        for bad in ["", "\n", "two words", "two\nlines"] {
            std::fs::write(&path, bad).unwrap();
            assert!(read_token(&path).is_err(), "{bad:?}");
        }
    }
}
