//! From one number to everything that happens: which faults a schedule has, what happens when, and how it ends.
//!
//! Not here: what must hold (`model`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use creditbay_node::store::in_memory::Failure;
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

use super::bay::{Bay, lock, pair};
use super::chance::Chance;
use super::city::behind;
use super::ground::{BEFORE_MIDNIGHT, CITIES, region};
use super::mutant::Mutant;
use super::orders::Operator;
use super::post::send_frame;
use super::questions::{Permitted, ask, ask_as_rogue, ask_there, drawn};
use super::story::{Promise, Story};
use super::weather::Weather;

const DAY_MS: u64 = 86_400_000;

/// Something that a schedule may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Ask,
    AskAsRogue,
    Repeat,
    Kill,
    Start,
    Cut,
    Mend,
    FailAWrite,
    SlowDisk,
    SetClock,
    Suspend,
    Withdraw,
    Declare,
    Install,
    Erase,
    Show,
    PassDays,
    Retire,
    ChangeAKey,
    TakeUpDirectory,
    ChangePlaces,
    Wait,
}

/// Everything but questions, each with how often it comes where a schedule has it.
const FAULTS: [(Act, u64); 20] = [
    (Act::AskAsRogue, 3),
    (Act::Repeat, 8),
    (Act::Kill, 5),
    (Act::Start, 6),
    (Act::Cut, 4),
    (Act::Mend, 4),
    (Act::FailAWrite, 3),
    (Act::SlowDisk, 2),
    (Act::SetClock, 4),
    (Act::Suspend, 3),
    (Act::Withdraw, 2),
    (Act::Declare, 2),
    (Act::Install, 2),
    (Act::Erase, 5),
    (Act::Show, 3),
    (Act::PassDays, 1),
    (Act::Retire, 2),
    (Act::ChangeAKey, 2),
    (Act::TakeUpDirectory, 4),
    (Act::Wait, 3),
];

/// One schedule under way.
pub(crate) struct Schedule {
    bay: Arc<Bay>,
    permitted: Permitted,
    operator: Operator,
    acts: Vec<(Act, u64)>,
    /// Out of how many questions each city draws.
    few: u64,
    steps: u64,
}

impl Schedule {
    /// The schedule of this number, its cities started.
    pub(crate) fn begin(number: u64, mutant: Option<Mutant>) -> Result<Self> {
        let chance = Chance::of(number);
        let began_at = BEFORE_MIDNIGHT.plus(match chance.below(10) {
            0..4 => chance.between(3_570_000, 3_599_000),
            4..7 => chance.between(3_700_000, 9_000_000),
            _ => chance.below(2_000_000),
        });
        let mut acts = vec![(Act::Ask, 40)];
        acts.extend(FAULTS.into_iter().filter(|_| chance.happens(600)));
        let culprit = chance.happens(150).then(|| region(CITIES[chance.below(4) as usize]));
        if culprit.is_some() {
            let plain = |act: &Act| !matches!(act, Act::Erase | Act::PassDays | Act::Retire | Act::ChangeAKey);
            acts.retain(|(act, _)| plain(act));
            acts.push((Act::ChangePlaces, 10));
        }
        let (few, steps, editions) = (*chance.pick(&[2, 4, 30]), chance.between(30, 90), chance.between(1, 2));
        let weather = if chance.happens(700) { Weather::drawn(&chance) } else { Weather::FAIR };
        let bay = Bay::new(chance, mutant, began_at, editions, culprit)?;
        *lock(&bay.weather) = weather;
        bay.story.tell("schedule", format_args!("{acts:?} {weather:?} few={few} steps={steps} at={}", began_at.0));
        bay.begin()?;
        let operator = Operator::of(&bay);
        Ok(Self { bay, permitted: Permitted::default(), operator, acts, few, steps })
    }

    /// The network.
    pub(crate) fn bay(&self) -> &Arc<Bay> {
        &self.bay
    }

    /// Lets everything happen; ends early where a promise is broken.
    pub(crate) async fn play(&self) {
        tokio::time::sleep(Duration::from_millis(self.bay.chance.between(0, 3_000))).await;
        for _ in 0..self.steps {
            let pause = match self.drawn() {
                Act::Wait => self.bay.chance.between(10_000, 70_000),
                act => {
                    self.perform(act);
                    if self.bay.chance.happens(300) { 0 } else { self.bay.chance.below(400) }
                }
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.bay.story.first_broken().is_some() {
                return;
            }
        }
        self.settle().await;
    }

    fn drawn(&self) -> Act {
        let total: u64 = self.acts.iter().map(|(_, often)| often).sum();
        let mut drawn = self.bay.chance.below(total);
        for (act, often) in &self.acts {
            if drawn < *often {
                return *act;
            }
            drawn -= often;
        }
        Act::Ask
    }

    fn perform(&self, act: Act) {
        let bay = &self.bay;
        let region = *bay.chance.pick(&bay.regions());
        match act {
            Act::Ask => self.ask(region),
            Act::AskAsRogue => {
                if let Some(process) = bay.city(region).process() {
                    ask_as_rogue(bay, &process, &self.permitted, drawn(bay, region, self.few));
                }
            }
            Act::Repeat => self.repeat(),
            Act::Kill => {
                if bay.kill(region) {
                    bay.story.tell("killed", region);
                }
            }
            Act::Start => self.start(),
            Act::Cut | Act::Mend => {
                let other = *bay.chance.pick(&bay.regions());
                if other != region {
                    bay.story.tell(if act == Act::Cut { "cut" } else { "mended" }, format_args!("{region} {other}"));
                    bay.set_cut(pair(region, other), act == Act::Cut);
                }
            }
            Act::FailAWrite => {
                let failure = *bay.chance.pick(&[Failure::NotPersisted, Failure::ReportedAsFailed]);
                let nth = bay.chance.below(4);
                bay.story.tell("write will fail", format_args!("{region} {failure:?} after {nth}"));
                bay.city(region).durable().fail(nth, failure);
            }
            Act::SlowDisk => {
                let slow = *bay.chance.pick(&[0, 30, 400, 3_000]);
                bay.story.tell("disk", format_args!("{region} takes up to {slow} ms"));
                bay.city(region).slow.store(slow, Ordering::Release);
            }
            Act::SetClock => {
                let offset =
                    *bay.chance.pick(&[0, 0, 0, 2_000, -2_000, 4_900, -4_900, 7_000, -7_000, 60_000, -60_000, 3_600_000]);
                bay.story.tell("clock", format_args!("{region} is set to {offset} ms"));
                bay.city(region).machine.set(offset);
            }
            Act::Suspend => self.operator.suspend(region, self.few),
            Act::Withdraw => self.operator.withdraw(&self.permitted),
            Act::Declare => self.operator.declare(region),
            Act::Erase => self.operator.erase(region, self.few),
            Act::Show => self.operator.show(region),
            Act::PassDays => self.pass_days(),
            Act::Retire => self.operator.retire(region),
            Act::ChangeAKey => self.operator.change_a_key(region, &self.permitted),
            Act::TakeUpDirectory => self.operator.take_up_directory(region),
            Act::ChangePlaces => self.change_places(),
            Act::Install => {
                bay.story.tell("installed", format_args!("{region}: both editions, from the next start on"));
                bay.city(region).editions.store(2, Ordering::Release);
            }
            Act::Wait => {}
        }
    }

    fn ask(&self, region: Region) {
        let Some(process) = self.bay.city(region).process() else { return };
        let asking = drawn(&self.bay, region, self.few);
        let declared = self.operator.declared(region);
        let portfolio = declared.filter(|_| self.bay.chance.happens(400));
        let times = if self.bay.chance.happens(100) { self.bay.chance.between(2, 5) } else { 1 };
        for _ in 0..times {
            ask(&self.bay, &process, &self.permitted, asking, portfolio);
        }
    }

    /// A query that crossed before comes again, by the connection that there is now.
    fn repeat(&self) {
        let bay = &self.bay;
        let captured = lock(&bay.captured);
        if captured.is_empty() {
            return;
        }
        let again = bay.chance.pick(&captured);
        if let Some(link) = bay.link_now(again.from, again.to) {
            bay.story.tell("repeated", format_args!("a query of {}", again.from));
            send_frame(bay, &link, again.to, "query on its way", again.frame.clone(), oneshot::channel().0);
        }
    }

    /// An operator starts a node that is down, or that stopped its log, again.
    fn start(&self) {
        let bay = &self.bay;
        for region in bay.regions() {
            let process = bay.city(region).process();
            let stopped = process.as_ref().is_some_and(|process| process.local.log.running().is_err());
            if stopped {
                bay.kill(region);
            }
            if process.is_none() || stopped {
                bay.story.tell("started", region);
                bay.start(region);
                return;
            }
        }
    }

    /// Two copies of one store run in turn, each reached by some of the others alone.
    fn change_places(&self) {
        let bay = &self.bay;
        let Some(culprit) = bay.culprit else { return };
        bay.kill(culprit);
        let (city, mut copies) = (bay.city(culprit), lock(&bay.copies));
        let other = copies.remove(&culprit).unwrap_or_else(|| city.durable().reopen());
        let ran = city.put_in_place(other);
        copies.insert(culprit, ran);
        drop(copies);
        bay.model.changes_places(culprit);
        for other in bay.regions().into_iter().filter(|other| *other != culprit) {
            bay.set_cut(pair(culprit, other), bay.chance.happens(600));
        }
        bay.story.tell("changed places", culprit);
        bay.start(culprit);
    }

    /// All nodes are down for days; then each starts again.
    fn pass_days(&self) {
        let bay = &self.bay;
        let days = *bay.chance.pick(&[1, 3, 40, 200, 2_200]);
        bay.story.tell("days", days);
        for region in bay.regions() {
            bay.kill(region);
            bay.city(region).machine.pass(days * DAY_MS);
        }
        bay.regions().into_iter().for_each(|region| bay.start(region));
    }

    /// Everything is made whole again, every node starts anew, and nothing may stay open.
    async fn settle(&self) {
        let bay = &self.bay;
        bay.story.tell("settling", "everything is made whole");
        bay.heal();
        for region in bay.regions() {
            let city = bay.city(region);
            city.machine.set(0);
            city.slow.store(0, Ordering::Release);
            bay.kill(region);
            let behind = bay.model.last_leaf(region).map_or(0, |last| behind(last, city.machine.wall()));
            if behind > 0 {
                tokio::time::sleep(Duration::from_millis(behind)).await;
            }
        }
        // A log that was retired goes on in its next one, and every node has the directory that names it.
        bay.regions().into_iter().for_each(|region| bay.go_on(region));
        for region in bay.regions() {
            bay.city(region).directory.store(bay.directories.newest(), Ordering::Release);
            bay.start(region);
        }
        tokio::time::sleep(Duration::from_secs(150)).await;
        if self.acts.iter().any(|(act, _)| *act == Act::Erase) {
            bay.regions().into_iter().for_each(|region| self.operator.erase(region, self.few));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.ask_all_round().await;
        if let Some(culprit) = bay.culprit {
            self.hold_found_out(culprit);
        }
        for region in bay.regions().into_iter().filter(|region| bay.culprit != Some(*region)) {
            bay.model.look(region, &bay.city(region).durable(), true);
            let open = bay.model.open(region);
            if !open.is_empty() {
                bay.story.broken(Promise::Settled, format_args!("{region}: queries {open:?} are neither answered nor closed"));
            }
            let unfinished = bay.model.unfinished(region);
            if !unfinished.is_empty() {
                let how = format_args!("{region}: of the erasures and notices {unfinished:?} something is still to be done");
                bay.story.broken(Promise::Erased, how);
            }
            self.hold_no_alarm(region);
        }
        bay.model.hold_receipts();
    }

    /// A network that was made whole answers: one question in every direction that the samples have, none of which may fail.
    async fn ask_all_round(&self) {
        let bay = &self.bay;
        let mut asked = BTreeSet::new();
        for asking in &bay.ground.askings {
            let honest = ![Some(asking.asker), Some(asking.issuer)].contains(&bay.culprit) || bay.culprit.is_none();
            if honest
                && asked.insert((asking.asker, asking.issuer))
                && let Some(process) = bay.city(asking.asker).process()
            {
                ask_there(bay, &process, &self.permitted, asking);
            }
        }
        let before = failures(&bay.story);
        tokio::time::sleep(Duration::from_secs(40)).await;
        if failures(&bay.story) > before {
            bay.story.broken(Promise::Settled, "a question fails in a network that was made whole");
        }
    }

    /// Where anybody has seen what is not in the copy that runs, that has stopped; whatever is held against it proves what it says.
    fn hold_found_out(&self, culprit: Region) {
        let bay = &self.bay;
        let Some(process) = bay.city(culprit).process() else { return };
        let (log, of) = (&process.local.log_key, *process.local.log.origin());
        let running = process.local.log.running().is_ok();
        for region in bay.regions() {
            let Some(witness) = bay.city(region).process() else { continue };
            let seen = witness.local.log.seen();
            let contradicted = seen.newest(&of).is_some_and(|(_, note)| bay.model.contradicts(culprit, &note, log));
            if contradicted && running {
                let how = format_args!("{culprit} goes on, and {region} has seen another history of it");
                bay.story.broken(Promise::Evident, how);
            }
            bay.model.hold_evidence(region, seen.trust(), &of, log);
        }
    }

    fn hold_no_alarm(&self, region: Region) {
        let bay = &self.bay;
        let Some(process) = bay.city(region).process() else { return };
        if let Err(error) = process.local.log.running() {
            bay.story.broken(Promise::Sound, format_args!("{region}: {error}"));
        }
        for entry in process.exchange.directory.regions().iter().filter(|entry| bay.culprit != Some(entry.name)) {
            if let Some(why) = process.local.log.seen().suspended(&entry.log_origin) {
                bay.story.broken(Promise::Sound, format_args!("{region} does not trust {}: {why}", entry.name));
            }
        }
    }
}

fn failures(story: &Story) -> u64 {
    story.counts().get("not answered").copied().unwrap_or(0)
}
