//! What operators and channels order in a schedule: suspensions, withdrawals, portfolios, erasures, openings, the end of a log, new keys.
//!
//! Not here: when (`schedule`), and what must follow (`model`).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use creditbay_crypto::hash::Digest;
use creditbay_node::exchange::erase::{ErasureReport, Target};
use creditbay_protocol::authorisation::Withdrawal;
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::event::{RetirementGround, Suspended};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::shown::Field;

use super::bay::{Bay, lock};
use super::questions::{Permitted, drawn};
use super::regions::Change;
use super::story::Promise;

const DAY_MS: u64 = 86_400_000;

/// The operators of all cities.
pub(crate) struct Operator {
    bay: Arc<Bay>,
    portfolios: Arc<Mutex<Vec<(Region, Digest)>>>,
}

impl Operator {
    /// Of this network.
    pub(crate) fn of(bay: &Arc<Bay>) -> Self {
        Self { bay: bay.clone(), portfolios: Arc::default() }
    }

    /// The portfolio that a city declared first.
    pub(crate) fn declared(&self, region: Region) -> Option<Digest> {
        lock(&self.portfolios).iter().find(|(of, _)| *of == region).map(|(_, digest)| *digest)
    }

    /// Suspends a peer or a type, or lifts that.
    pub(crate) fn suspend(&self, region: Region, few: u64) {
        let bay = self.bay.clone();
        let Some(process) = bay.city(region).process() else { return };
        let asking = drawn(&bay, *bay.chance.pick(&bay.regions()), few);
        let of = if bay.chance.happens(500) { Suspended::Peer(asking.asker) } else { Suspended::Type(asking.predicate.of()) };
        let in_force = bay.chance.happens(400);
        let exchange = process.exchange.clone();
        process.spawn(async move {
            let given = exchange.suspend(of, in_force).await.map_or_else(|error| error.to_string(), |_| "given".to_owned());
            bay.story.tell("suspension", format_args!("{region} {of} {in_force}: {given}"));
        });
    }

    /// A channel withdraws an authorisation; its region hears of it, or the asker's, or both.
    pub(crate) fn withdraw(&self, permitted: &Permitted) {
        let bay = &self.bay;
        let permitted = permitted.all();
        if permitted.is_empty() {
            return;
        }
        let signed = bay.chance.pick(&permitted);
        let (authorisation, channel) = (signed.authorisation.digest(), signed.authorisation.channel);
        let (issuer, asker) = (signed.authorisation.issuer, signed.authorisation.asker);
        let withdrawal = Withdrawal { authorisation, channel, at: bay.city(issuer).machine.wall() };
        let withdrawal = withdrawal.sign(&bay.directories.channel_key(issuer));
        for region in [issuer, asker] {
            let (bay, withdrawal) = (bay.clone(), withdrawal.clone());
            if let Some(process) = bay.city(region).process().filter(|_| bay.chance.happens(700)) {
                let exchange = process.exchange.clone();
                process.spawn(async move {
                    let given =
                        exchange.withdraw(&withdrawal).await.map_or_else(|error| error.to_string(), |_| "given".to_owned());
                    bay.story.tell("withdrawal", format_args!("{region}: {given}"));
                });
            }
        }
    }

    /// Declares a portfolio.
    pub(crate) fn declare(&self, region: Region) {
        let (bay, portfolios) = (self.bay.clone(), self.portfolios.clone());
        let Some(process) = bay.city(region).process() else { return };
        let exchange = process.exchange.clone();
        let size = bay.chance.between(1, 4) as u32;
        process.spawn(async move {
            let organisation = Name::new(&format!("bank.{region}")).expect("invariant: a short name");
            if let Ok(portfolio) = exchange.declare(organisation, Purpose::Fin, size, 5).await {
                bay.story.tell("portfolio", format_args!("{region}: {size} subjects"));
                lock(&portfolios).push((region, portfolio.digest()));
            }
        });
    }

    /// Retires the log. Whoever starts the node again has the regions name the next one.
    pub(crate) fn retire(&self, region: Region) {
        let bay = self.bay.clone();
        let Some(process) = bay.city(region).process().filter(|process| process.serving.is_open()) else { return };
        let exchange = process.exchange.clone();
        process.spawn(async move {
            let retired = exchange.retire(RetirementGround::KeyChange).await;
            let said = retired.map_or_else(|error| error.to_string(), |head| head.signed().checkpoint().size.to_string());
            bay.story.tell("retired", format_args!("{region}: {said}"));
        });
    }

    /// The regions sign a directory in which a key of a city is another; its node starts anew with it.
    pub(crate) fn change_a_key(&self, region: Region, permitted: &Permitted) {
        let bay = &self.bay;
        let change = *bay.chance.pick(&[Change::Witness, Change::Channel, Change::Channel, Change::Tls]);
        // A channel has a new key where it matters: entities have permitted something under the old one.
        let permitted = permitted.all();
        let region = match (change, permitted.as_slice()) {
            (Change::Channel, [_, ..]) => bay.chance.pick(&permitted).authorisation.issuer,
            _ => region,
        };
        if let Err(error) = bay.directories.change(region, change) {
            return bay.story.broken(Promise::Sound, format_args!("{region}: {change:?}: {error:#}"));
        }
        bay.story.tell("new key", format_args!("{region}: {change:?}"));
        self.take_up_directory(region);
    }

    /// A node starts anew with the newest directory.
    pub(crate) fn take_up_directory(&self, region: Region) {
        let city = self.bay.city(region);
        let newest = self.bay.directories.newest();
        if city.directory.swap(newest, Ordering::AcqRel) != newest {
            self.bay.kill(region);
            self.bay.start(region);
        }
    }

    /// Erases what opens one leaf, all leaves about a subject, or all of before a day.
    pub(crate) fn erase(&self, region: Region, few: u64) {
        let bay = self.bay.clone();
        let Some(process) = bay.city(region).process().filter(|process| process.serving.is_open()) else { return };
        let exchange = process.exchange.clone();
        let size = exchange.log.head().signed().checkpoint().size;
        let tomorrow = bay.city(region).machine.right().plus(DAY_MS);
        let subject = drawn(&bay, *bay.chance.pick(&bay.regions()), few).subject;
        let target = match (bay.chance.below(8), subject) {
            (0, _) => Target::Before(tomorrow.minus(bay.chance.below(3) * DAY_MS).day()),
            (1 | 2, Some(subject)) => Target::Subject(subject),
            (3, _) => Target::Leaf(bay.chance.below(size)),
            (4, _) => match exchange.log.ended().unwrap_or_default().as_slice() {
                [] => return,
                ended => {
                    let (_, head) = bay.chance.pick(ended);
                    Target::LeafOf(head.origin, bay.chance.below(head.size))
                }
            },
            _ => match bay.model.exchanges(region).as_slice() {
                [] => return,
                leaves => Target::Leaf(*bay.chance.pick(leaves)),
            },
        };
        let grounds = [ErasureGround::SubjectRequest, ErasureGround::Order, ErasureGround::RetentionOver];
        let (ground, force) = (*bay.chance.pick(&grounds), bay.chance.happens(800));
        process.spawn(async move {
            let erased = exchange.erase(target.clone(), ground, force, |_| {}).await;
            let said = match &erased {
                Ok(ErasureReport { exchanges, told, waits, .. }) => format!("{exchanges} exchanges, {told} told, waits {waits}"),
                Err(error) => error.to_string(),
            };
            let kind = if erased.as_ref().is_ok_and(|report| report.exchanges > 0) { "erased" } else { "nothing erased" };
            bay.story.tell(kind, format_args!("{region} {target:?} {}: {said}", ground.as_str()));
            if let Ok(report) = &erased {
                bay.model.erased(region, &target, size, report);
            }
        });
    }

    /// Shows what some leaves hide.
    pub(crate) fn show(&self, region: Region) {
        let bay = self.bay.clone();
        let Some(process) = bay.city(region).process().filter(|process| process.serving.is_open()) else { return };
        let exchange = process.exchange.clone();
        let size = exchange.log.head().signed().checkpoint().size;
        let first = bay.chance.below(size);
        let indices = (first..size).take(bay.chance.between(1, 12) as usize).collect();
        process.spawn(async move {
            let shown = exchange.open(indices, Field::ALL, "a schedule".to_owned()).await;
            match &shown {
                Ok(lines) => {
                    bay.story.tell("shown", format_args!("{region}: {} leaves from {first}", lines.len()));
                    bay.model.shown(region, lines);
                }
                Err(error) => bay.story.tell("not shown", format_args!("{region}: {error}")),
            }
        });
    }
}
