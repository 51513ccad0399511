//! Four cities and everything between them: who runs, who is connected to whom, and where chance, trace and model are.
//!
//! Not here: what happens when (`schedule`), and how messages cross (`wire`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use creditbay_node::store::in_memory::InMemory;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::chance::Chance;
use super::city::City;
use super::gate::Gate;
use super::ground::{CITIES, Ground, region};
use super::machine::Machine;
use super::model::Model;
use super::mutant::Mutant;
use super::regions::{Change, Directories};
use super::story::{Promise, Story};
use super::weather::Weather;
use super::wire::{Link, connect};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Two regions, the first one of the alphabet first.
pub(crate) type Pair = (Region, Region);

/// A frame that crossed once, and may come again.
pub(crate) struct Captured {
    /// Who sent it.
    pub(crate) from: Region,
    /// To whom.
    pub(crate) to: Region,
    /// The bytes.
    pub(crate) frame: Vec<u8>,
}

/// The network.
pub(crate) struct Bay {
    /// What all schedules stand on.
    pub(crate) ground: &'static Ground,
    /// What this one draws.
    pub(crate) chance: Chance,
    /// What happened.
    pub(crate) story: Arc<Story>,
    /// Who judges.
    pub(crate) model: Arc<Model>,
    /// What is wrong with every node.
    pub(crate) mutant: Option<Mutant>,
    /// The city whose store is copied, in a schedule that has one.
    pub(crate) culprit: Option<Region>,
    /// What befalls messages.
    pub(crate) weather: Mutex<Weather>,
    /// Queries that crossed.
    pub(crate) captured: Mutex<Vec<Captured>>,
    /// The directories that the regions signed.
    pub(crate) directories: Arc<Directories>,
    /// Older copies of disks, for a mutant.
    pub(crate) copies: Mutex<BTreeMap<Region, InMemory>>,
    cities: BTreeMap<Region, City>,
    links: Mutex<BTreeMap<Pair, Arc<Link>>>,
    cut: Mutex<BTreeSet<Pair>>,
    changed: Notify,
    under_way: Mutex<JoinSet<()>>,
}

/// The pair of these two.
pub(crate) fn pair(a: Region, b: Region) -> Pair {
    if a < b { (a, b) } else { (b, a) }
}

impl Bay {
    /// Four machines, none of them started; virtual time begins now, and is that. So many editions of the pack are installed at first.
    pub(crate) fn new(
        chance: Chance,
        mutant: Option<Mutant>,
        began_at: Millis,
        editions: u64,
        culprit: Option<Region>,
    ) -> Result<Arc<Self>> {
        let ground = Ground::get();
        let story = Arc::new(Story::begin());
        let directories = Arc::new(Directories::begin(ground.directory.clone()));
        let model = Arc::new(Model::new(ground, directories.clone(), story.clone()));
        let began = Instant::now();
        let mut cities = BTreeMap::new();
        for name in CITIES {
            let machine = Machine::new(began, began_at);
            let city = City::new(region(name), ground, machine.clone(), tempfile::tempdir()?, editions);
            model.watch(region(name), machine, city.keys());
            cities.insert(region(name), city);
        }
        Ok(Arc::new(Self {
            ground,
            chance,
            story,
            model,
            mutant,
            culprit,
            weather: Mutex::new(Weather::FAIR),
            captured: Mutex::default(),
            directories,
            copies: Mutex::default(),
            cities,
            links: Mutex::default(),
            cut: Mutex::default(),
            changed: Notify::new(),
            under_way: Mutex::default(),
        }))
    }

    /// Starts every city, and begins to connect them.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<()> {
        for city in self.cities.values() {
            city.start(self)?;
        }
        let regions: Vec<_> = self.regions();
        for (position, near) in regions.iter().enumerate() {
            for far in &regions[position + 1..] {
                let (bay, pair) = (self.clone(), (*near, *far));
                self.carry(async move { bay.keep(pair).await });
            }
        }
        Ok(())
    }

    /// Every region.
    pub(crate) fn regions(&self) -> Vec<Region> {
        self.cities.keys().copied().collect()
    }

    /// A city.
    pub(crate) fn city(&self, region: Region) -> &City {
        &self.cities[&region]
    }

    /// Runs something that belongs to no process: what is on its way.
    pub(crate) fn carry(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut under_way = lock(&self.under_way);
        while let Some(ended) = under_way.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                self.story.broken(Promise::Sound, "a message on its way panicked");
            }
        }
        under_way.spawn(task);
    }

    /// Kills a city's node; its connections are lost.
    pub(crate) fn kill(&self, region: Region) -> bool {
        let killed = self.city(region).kill();
        self.model.hold_alarms(region, &self.city(region).witnessed());
        self.close_links(|pair| pair.0 == region || pair.1 == region);
        killed
    }

    /// Starts a city's node again.
    pub(crate) fn start(self: &Arc<Self>, region: Region) {
        if self.city(region).process().is_some() {
            return;
        }
        self.go_on(region);
        match self.city(region).start(self) {
            Ok(()) => {}
            // A write that was made to fail while the node began: it ends, and whoever starts it again finds what is durable.
            Err(error) if self.city(region).durable().stopped() => {
                self.story.tell("not begun", format_args!("{region}: {error:#}"));
                self.city(region).kill();
            }
            Err(error) => self.story.broken(Promise::Sound, format_args!("{region} does not start: {error:#}")),
        }
        self.changed.notify_waiters();
    }

    /// Where a city's log was retired, the regions sign a directory that names the next one.
    pub(crate) fn go_on(&self, region: Region) {
        let newest = self.directories.at(self.directories.newest());
        let named = newest.entry(region).expect("invariant: every directory names every city").log_origin;
        if !self.model.is_retired(region, &named) {
            return;
        }
        match self.directories.change(region, Change::NextLog) {
            Ok(()) => self.story.tell("next log", format_args!("{region} after {named}")),
            Err(error) => self.story.broken(Promise::Sound, format_args!("no directory for the next log of {region}: {error:#}")),
        }
        self.city(region).directory.store(self.directories.newest(), Ordering::Release);
    }

    /// Cuts the way between two cities, or makes it whole.
    pub(crate) fn set_cut(&self, between: Pair, is_cut: bool) {
        if is_cut {
            lock(&self.cut).insert(between);
            self.close_links(|pair| *pair == between);
        } else {
            lock(&self.cut).remove(&between);
        }
        self.changed.notify_waiters();
    }

    /// Whether the way between two cities is cut.
    pub(crate) fn is_cut(&self, a: Region, b: Region) -> bool {
        lock(&self.cut).contains(&pair(a, b))
    }

    /// Makes every way whole.
    pub(crate) fn heal(&self) {
        lock(&self.cut).clear();
        *lock(&self.weather) = Weather::FAIR;
        self.changed.notify_waiters();
    }

    /// The connection between two cities, now.
    pub(crate) fn link_now(&self, a: Region, b: Region) -> Option<Arc<Link>> {
        lock(&self.links).get(&pair(a, b)).filter(|link| !link.closed.is_open()).cloned()
    }

    /// The connection between two cities, as soon as there is one.
    pub(crate) async fn link(&self, a: Region, b: Region) -> Arc<Link> {
        self.until(|| self.link_now(a, b)).await
    }

    /// Waits until a city is connected to all others.
    pub(crate) async fn all_links(&self, of: Region) {
        for other in self.regions().into_iter().filter(|other| *other != of) {
            self.link(of, other).await;
        }
    }

    async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            changed.await;
        }
    }

    fn close_links(&self, which: impl Fn(&Pair) -> bool) {
        lock(&self.links).retain(|pair, link| {
            let ends = which(pair);
            if ends {
                link.closed.open();
            }
            !ends
        });
    }

    /// Connects two cities again and again, as the one that dials does.
    async fn keep(self: &Arc<Self>, between: Pair) {
        let mut pause = FIRST_PAUSE;
        loop {
            let both = || {
                let way = !lock(&self.cut).contains(&between);
                way.then(|| Some((self.city(between.0).process()?, self.city(between.1).process()?))).flatten()
            };
            let (near, far) = self.until(both).await;
            match connect(self, &near, &far).await {
                Ok(link) if !near.ended.is_open() && !far.ended.is_open() && !lock(&self.cut).contains(&between) => {
                    pause = FIRST_PAUSE;
                    self.story.tell("connected", format_args!("{} {}", between.0, between.1));
                    lock(&self.links).insert(between, link.clone());
                    self.changed.notify_waiters();
                    link.closed.wait().await;
                    self.close_links(|pair| *pair == between);
                }
                Ok(link) => link.closed.open(),
                Err(error) => self.story.tell("not connected", format_args!("{} {}: {error}", between.0, between.1)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Holds a lock; what a panic left is seen by whoever joins its task.
pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for whichever comes first.
pub(crate) async fn unless<T>(closed: &Gate, what: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = closed.wait() => None,
        done = what => Some(done),
    }
}
