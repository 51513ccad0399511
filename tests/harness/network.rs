//! A development network on this machine: laid out by `creditbay network new`, each node a daemon of its own.
//!
//! Everything lies below one folder: `DIR/<city>/node.log` is what the daemon said. Dropping the network kills the daemons.
//! Not here: what is asked of it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use creditbay_configs::node::NodeConfig;
use creditbay_crypto::key_file;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;

use super::archive::Auditor;
use super::build::Products;
use super::http::Door;
use super::rules;
use super::samples;

/// How long a daemon may take to open its doors, or to close them.
const WAIT: Duration = Duration::from_secs(60);

/// The nodes and where they lie.
pub struct Network {
    folder: PathBuf,
    products: Products,
    cities: Vec<String>,
    running: BTreeMap<String, Running>,
    /// How many files a city's daemon may open, where that is fewer than this process may.
    most_files: BTreeMap<String, u64>,
}

struct Running {
    child: Child,
    ready: BTreeMap<String, String>,
}

/// A services' door with the token that opens it.
#[derive(Debug, Clone)]
pub struct Services {
    /// The door.
    pub door: Door,
    /// The bearer token.
    pub token: String,
}

/// What a services' door said to a question.
#[derive(Debug, Clone)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// How long it took.
    pub took: Duration,
}

/// How a command of `creditbay` ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Network {
    /// Lays out a network and starts every node.
    pub fn start(folder: &Path, cities: &[&str]) -> Result<Self> {
        Self::lay_out(folder, cities)?.launched()
    }

    /// The same under budgets that a load does not meet.
    pub fn start_for_load(folder: &Path, cities: &[&str]) -> Result<Self> {
        Self::lay_out_for_load(folder, cities)?.launched()
    }

    fn launched(mut self) -> Result<Self> {
        for city in self.cities.clone() {
            self.launch(&city)?;
        }
        for city in &self.cities {
            self.await_peers(city)?;
        }
        Ok(self)
    }

    /// Lays out a network whose rule pack has budgets that a load does not meet; no node runs.
    pub fn lay_out_for_load(folder: &Path, cities: &[&str]) -> Result<Self> {
        let network = Self::lay_out(folder, cities)?;
        rules::raise_budgets(folder, &network.cities)?;
        Ok(network)
    }

    /// Lays out a network whose directory knows the sample's codes without a city; no node runs.
    pub fn lay_out(folder: &Path, cities: &[&str]) -> Result<Self> {
        Self::lay_out_with(folder, cities, &[])
    }

    /// The same, with these options of `network new`.
    pub fn lay_out_with(folder: &Path, cities: &[&str], options: &[&str]) -> Result<Self> {
        let products = Products::build()?;
        let network = Self {
            folder: folder.to_owned(),
            products,
            cities: cities.iter().map(ToString::to_string).collect(),
            running: BTreeMap::new(),
            most_files: BTreeMap::new(),
        };
        let (folder_shown, base) = (folder.display().to_string(), free_block()?.to_string());
        let codes = samples::folder().join("codes.txt").display().to_string();
        let (cities, codes) = (cities.join(","), ["--codes", &codes]);
        let new = ["network", "new", &folder_shown, "--cities", &cities, "--base-port", &base];
        let ended = network.creditbay(new.iter().chain(&codes).chain(options))?;
        if ended.code != 0 {
            bail!("creditbay network new ended with {}:\n{}{}", ended.code, ended.stdout, ended.stderr);
        }
        Ok(network)
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The cities, in the order in which they were named.
    pub fn cities(&self) -> &[String] {
        &self.cities
    }

    /// The products that run.
    pub fn products(&self) -> &Products {
        &self.products
    }

    /// The file of a node's configuration.
    pub fn config(&self, city: &str) -> PathBuf {
        self.folder.join(city).join("node.toml")
    }

    /// Writes `new` for `old`, which stands once in a node's configuration. For a node that does not run.
    pub fn configure(&self, city: &str, old: &str, new: &str) -> Result<()> {
        let text = fs::read_to_string(self.config(city))?;
        anyhow::ensure!(text.matches(old).count() == 1, "{old:?} does not stand once in {city}'s node.toml");
        Ok(fs::write(self.config(city), text.replace(old, new))?)
    }

    /// The file of what a daemon said.
    pub fn log_file(&self, city: &str) -> PathBuf {
        self.folder.join(city).join("node.log")
    }

    /// Starts a node and waits until its doors are open.
    pub fn launch(&mut self, city: &str) -> Result<()> {
        let said = OpenOptions::new().create(true).append(true).open(self.log_file(city))?;
        let mut child = self.daemon(city, said)?.spawn().context("starting creditbay-node")?;
        let stdout = child.stdout.take().context("the daemon has no standard output")?;
        let (line, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        match ready.recv_timeout(WAIT) {
            Ok(text) if text.starts_with("ready ") => {
                let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
                let ready = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                self.running.insert(city.to_owned(), Running { child, ready });
                Ok(())
            }
            heard => {
                let _ = child.kill();
                let status = child.wait()?;
                bail!("{city} did not start ({heard:?}, {status}); {}", self.last_words(city))
            }
        }
    }

    /// Starts a daemon that must end by itself, and waits until it has: a second one on a store, or one whose files do not hold.
    pub fn launch_in_vain(&self, city: &str) -> Result<Ended> {
        let child = self.daemon(city, Stdio::piped())?.spawn()?;
        let ended = wait_with_output(child)?;
        Ok(Ended::of(&ended))
    }

    /// A node's daemon may open only so many files from its next start on.
    pub fn limit_files(&mut self, city: &str, most: u64) {
        self.most_files.insert(city.to_owned(), most);
    }

    /// A node that runs may open so many files from now on.
    pub fn limit_files_now(&self, city: &str, most: u64) -> Result<()> {
        let limit = Rlimit { current: Some(most), maximum: self.most_files.get(city).copied() };
        Ok(prlimit(Some(self.process(city)?), Resource::Nofile, limit).map(drop)?)
    }

    /// How many files a node has open.
    pub fn open_files(&self, city: &str) -> Result<u64> {
        let open = format!("/proc/{}/fd", self.process(city)?.as_raw_nonzero());
        Ok(fs::read_dir(open)?.count() as u64)
    }

    fn daemon(&self, city: &str, said: impl Into<Stdio>) -> Result<Command> {
        let mut command = match self.most_files.get(city) {
            None => Command::new(&self.products.node),
            Some(most) => {
                let mut limited = Command::new("sh");
                limited.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]).arg(&self.products.node);
                limited
            }
        };
        command.args(["run", "--config"]).arg(self.config(city));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said.into());
        Ok(command)
    }

    /// Asks a node to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self, city: &str) -> Result<()> {
        let mut running = self.running.remove(city).with_context(|| format!("{city} does not run"))?;
        terminate(&running.child)?;
        let since = Instant::now();
        while since.elapsed() < WAIT {
            if let Some(status) = running.child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("{city} ended with {status}; {}", self.last_words(city)) };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        running.child.kill()?;
        running.child.wait()?;
        bail!("{city} did not end within {} s of SIGTERM and was killed; {}", WAIT.as_secs(), self.last_words(city))
    }

    /// Kills a node where it stands (SIGKILL).
    pub fn kill(&mut self, city: &str) -> Result<()> {
        let mut running = self.running.remove(city).with_context(|| format!("{city} does not run"))?;
        running.child.kill()?;
        running.child.wait()?;
        Ok(())
    }

    /// A running node's resident memory in MiB: now, and at its highest so far.
    pub fn memory_mib(&self, city: &str) -> Result<(u64, u64)> {
        let running = self.running.get(city).with_context(|| format!("{city} does not run"))?;
        let status = fs::read_to_string(format!("/proc/{}/status", running.child.id()))?;
        let of = |key: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key}"))?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1_024)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }

    /// Processor time that a running node's threads have used.
    pub fn processor_time(&self, city: &str) -> Result<Duration> {
        let running = self.running.get(city).with_context(|| format!("{city} does not run"))?;
        let mut used = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", running.child.id()))? {
            // A thread may have ended meanwhile.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            used += Duration::from_nanos(text.split(' ').next().context("schedstat has three figures")?.parse()?);
        }
        Ok(used)
    }

    /// Stops a node where it stands (SIGSTOP); `resume` lets it go on.
    pub fn pause(&self, city: &str) -> Result<()> {
        self.signal(city, Signal::STOP)
    }

    /// Lets a stopped node go on (SIGCONT).
    pub fn resume(&self, city: &str) -> Result<()> {
        self.signal(city, Signal::CONT)
    }

    fn signal(&self, city: &str, signal: Signal) -> Result<()> {
        Ok(kill_process(self.process(city)?, signal)?)
    }

    fn process(&self, city: &str) -> Result<Pid> {
        let running = self.running.get(city).with_context(|| format!("{city} does not run"))?;
        Pid::from_raw(running.child.id().try_into()?).context("a process has a number")
    }

    /// Waits until a node is connected to every other that runs.
    pub fn await_peers(&self, city: &str) -> Result<()> {
        let others: Vec<_> = self.running.keys().filter(|other| *other != city).collect();
        let since = Instant::now();
        loop {
            let ended = self.creditbay(["--json", "status", "--node", &self.folder.join(city).display().to_string()])?;
            let status: Value =
                serde_json::from_str(&ended.stdout).with_context(|| format!("creditbay status {city}: {ended:?}"))?;
            let peers = status["peers"].as_array().cloned().unwrap_or_default();
            let connected = |other: &str| peers.iter().any(|peer| peer["region"] == other && peer["connected"] == true);
            if others.iter().all(|other| connected(other)) {
                return Ok(());
            }
            if since.elapsed() > WAIT {
                bail!("{city} is not connected to all of {others:?}: {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a node is connected to this one other, whoever plays it.
    pub async fn await_peer(&self, city: &str, other: &str) -> Result<()> {
        let since = Instant::now();
        let connected = |status: &Value| {
            let peers = status["peers"].as_array().cloned().unwrap_or_default();
            peers.iter().any(|peer| peer["region"] == other && peer["connected"] == true)
        };
        while !connected(&self.status(city).await?) {
            anyhow::ensure!(since.elapsed() < WAIT, "{city} is not connected to {other}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The URL of a node's auditors' door.
    pub fn auditors_url(&self, city: &str) -> Result<&str> {
        self.ready(city, "auditors")
    }

    /// The URL of a node's services' door.
    pub fn services_url(&self, city: &str) -> Result<&str> {
        self.ready(city, "services")
    }

    fn ready(&self, city: &str, door: &str) -> Result<&str> {
        let running = self.running.get(city).with_context(|| format!("{city} does not run"))?;
        running.ready.get(door).map(String::as_str).with_context(|| format!("{city}'s ready line names no {door}"))
    }

    /// A node's services' door.
    pub fn services(&self, city: &str) -> Result<Services> {
        let token = fs::read_to_string(self.folder.join(city).join("service.token"))?;
        Ok(Services { door: Door::at(self.services_url(city)?)?, token: token.trim().to_owned() })
    }

    /// The same door, with the token of the city's regulator.
    pub fn regulator(&self, city: &str) -> Result<Services> {
        let token = fs::read_to_string(self.folder.join(city).join("regulator.token"))?;
        Ok(Services { token: token.trim().to_owned(), ..self.services(city)? })
    }

    /// Asks through a node's services' door.
    pub async fn query(&self, asker: &str, question: &Value) -> Result<Said> {
        self.services(asker)?.ask(question).await
    }

    /// Imports record files into a node, as its operator does.
    pub fn import(&self, city: &str, files: &[PathBuf]) -> Result<Ended> {
        let mut arguments = vec!["--json".to_owned(), "records".to_owned(), "import".to_owned()];
        arguments.extend(["--node".to_owned(), self.folder.join(city).display().to_string()]);
        arguments.extend(files.iter().map(|file| file.display().to_string()));
        self.creditbay(arguments)
    }

    /// Runs `creditbay`.
    pub fn creditbay(&self, arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Result<Ended> {
        let mut command = Command::new(&self.products.creditbay);
        // What an auditor keeps unasked belongs to this network.
        command.env("XDG_STATE_HOME", self.folder.join("state"));
        let output = command.args(arguments).stdin(Stdio::null()).output().context("running creditbay")?;
        Ok(Ended::of(&output))
    }

    /// The auditor that `network new` enrolled.
    pub fn auditor(&self) -> Result<Auditor> {
        let pem = fs::read_to_string(self.folder.join("auditor/auditor.pem"))?;
        let config = self.config(&self.cities[0]);
        let config = NodeConfig::parse(&config, &fs::read_to_string(&config)?)?;
        let name = config.auditors.first().context("no auditor is enrolled")?.name.to_string();
        Ok(Auditor { name, key: key_file::from_pem(&pem)? })
    }

    /// What a node says of itself at its operator's door.
    pub async fn status(&self, city: &str) -> Result<Value> {
        let reply = Door::Unix(self.ready(city, "admin")?.into()).get("/v1/status").await?;
        serde_json::from_slice(&reply.body).with_context(|| format!("{city}'s status"))
    }

    /// Leaves of a node's log, published or not yet.
    pub async fn log_size(&self, city: &str) -> Result<u64> {
        self.status(city).await?["log"]["size"].as_u64().context("a status has the log's size")
    }

    /// Waits until the auditors' door shows every leaf that the log has now: heads are published once witnesses were offered them.
    pub async fn await_published(&self, city: &str) -> Result<()> {
        let size = self.log_size(city).await?;
        let since = Instant::now();
        while self.status(city).await?["published"]["size"].as_u64().context("a status has the published head")? < size {
            anyhow::ensure!(since.elapsed() < WAIT, "{city} does not publish its head of {size} leaves");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The URL of a node's auditors' door, once it shows every leaf that there is. Also for whoever cannot wait otherwise.
    pub fn published_url(&self, city: &str) -> Result<String> {
        let published = || tokio::runtime::Runtime::new()?.block_on(self.await_published(city));
        let waited = std::thread::scope(|scope| scope.spawn(published).join());
        waited.map_err(|_| anyhow::anyhow!("nobody waits for {city}"))??;
        Ok(self.auditors_url(city)?.to_owned())
    }

    /// Copies a node's log to a folder, every leaf that it has now; the leaves in their order.
    pub async fn export(&self, city: &str, folder: &Path) -> Result<Vec<Vec<u8>>> {
        self.await_published(city).await?;
        self.auditor()?.export(&Door::at(self.auditors_url(city)?)?, folder).await
    }

    fn last_words(&self, city: &str) -> String {
        let text = fs::read_to_string(self.log_file(city)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        format!("its last words: {}", lines[lines.len().saturating_sub(5)..].join(" | "))
    }
}

/// Asks a process to end (SIGTERM).
pub fn terminate(child: &Child) -> Result<()> {
    let pid = Pid::from_raw(child.id().try_into()?).context("a process has a number")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

impl Drop for Network {
    fn drop(&mut self) {
        for running in self.running.values_mut() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Services {
    /// Asks a question.
    pub async fn ask(&self, question: &Value) -> Result<Said> {
        let since = Instant::now();
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let reply = self.door.call("POST", "/v1/queries", &headers, question.to_string()).await?;
        let took = since.elapsed();
        let body = serde_json::from_slice(&reply.body).with_context(|| format!("HTTP {}: no JSON", reply.status))?;
        Ok(Said { status: reply.status, body, took })
    }
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The end of a child that must end by itself; it is killed where it does not.
fn wait_with_output(mut child: Child) -> Result<Output> {
    let since = Instant::now();
    while child.try_wait()?.is_none() {
        if since.elapsed() > WAIT {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child.wait_with_output()?)
}

/// The first of forty ports that nobody else is given: each process begins elsewhere, below the ports that the system hands out to
/// whoever asks for any, and takes the next block whose doors are free.
fn free_block() -> Result<u16> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    const BLOCKS: u32 = 480;
    for _ in 0..BLOCKS {
        let number = (std::process::id() * 37 + TAKEN.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
        let base = 12_000 + u16::try_from(number * 40)?;
        let free = (base..base + 40).all(|port| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        if free {
            return Ok(base);
        }
    }
    bail!("no block of forty free ports between 12000 and 31200")
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Which of these files hold these bytes.
pub fn files_with(files: &[PathBuf], bytes: &[u8]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut File::open(path)?, &mut content)?;
        if content.windows(bytes.len()).any(|window| window == bytes) {
            found.push(path.clone());
        }
    }
    Ok(found)
}
