//! Which rule pack a node asks under, and which ones it answers under (PROTOCOL 29.4; design 6).
//!
//! A pack takes over on its day, with a leaf; the one before it still answers, for as long as the new one says, queries that name it.
//! Editions only go up. Not here: who signed a pack (checked before it is loaded), and the leaf (`orders`).

use std::sync::Arc;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::event::{Event, Overlap};
use creditbay_protocol::limits::FRESHNESS_MS;
use creditbay_protocol::refusal::Refusal;

use crate::store::ledger::Activation;

const DAY_MS: u64 = 86_400_000;

/// The packs that a node loaded, each endorsed by all regions that use it, by their editions.
pub struct Packs(Vec<Arc<RulePack>>);

/// Why packs cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacksError {
    /// Two packs of one edition.
    #[error("two rule packs have serial {serial}; name one of them under [[rules]], or give the newer a higher serial")]
    SerialTwice {
        /// The edition.
        serial: u32,
    },
    /// An edition that follows another pack than the edition before it.
    #[error(
        "rule pack with serial {serial} supersedes another pack than the one with serial {before} that is loaded; name the right files under [[rules]]"
    )]
    OtherPredecessor {
        /// The edition.
        serial: u32,
        /// The edition before it.
        before: u32,
    },
    /// An edition that would have taken over before the one that it follows.
    #[error(
        "rule pack with serial {serial} begins on {from}, no later than the edition before it; give it a later effective_from"
    )]
    BeginsTooEarly {
        /// The edition.
        serial: u32,
        /// Its first day.
        from: Day,
    },
    /// The pack that the log activated last is not loaded.
    #[error("rule pack {pack} (serial {serial}) was activated in this log and is not under [[rules]]; name its file there")]
    ActiveMissing {
        /// Its digest.
        pack: Digest,
        /// Its edition.
        serial: u32,
    },
    /// No pack may be used today.
    #[error("no rule pack under [[rules]] is in force today; the earliest begins on {earliest}")]
    NoneInForce {
        /// The first day of the earliest.
        earliest: Day,
    },
}

impl Packs {
    /// These packs, of which each edition stands once, and the last one activated is there.
    pub fn new(mut packs: Vec<Arc<RulePack>>, activations: &[Activation], now: Millis) -> Result<Self, PacksError> {
        packs.sort_by_key(|pack| pack.serial());
        Self::check_order(&packs)?;
        let packs = Self(packs);
        match activations.last() {
            Some(active) if packs.loaded(active.pack).is_none() => {
                Err(PacksError::ActiveMissing { pack: active.pack, serial: active.serial })
            }
            None if packs.due(activations, now).is_none() => {
                let earliest = packs.0.iter().map(|pack| pack.effective_from()).min();
                Err(PacksError::NoneInForce { earliest: earliest.unwrap_or(Day::LAST) })
            }
            _ => Ok(packs),
        }
    }

    /// Each edition stands once, follows the one before it, and begins after it.
    fn check_order(packs: &[Arc<RulePack>]) -> Result<(), PacksError> {
        for (before, pack) in packs.iter().zip(packs.iter().skip(1)) {
            let serial = pack.serial();
            if serial == before.serial() {
                return Err(PacksError::SerialTwice { serial });
            }
            if serial == before.serial() + 1 && pack.supersedes() != Some(before.digest()) {
                return Err(PacksError::OtherPredecessor { serial, before: before.serial() });
            }
            if pack.effective_from() <= before.effective_from() {
                return Err(PacksError::BeginsTooEarly { serial, from: pack.effective_from() });
            }
        }
        Ok(())
    }

    /// The pack under which this node asks; `None` before the first activation.
    pub fn active(&self, activations: &[Activation]) -> Option<&Arc<RulePack>> {
        self.loaded(activations.last()?.pack)
    }

    /// The pack by which a query is judged that names it and whose leaf carries this time. The asker's clock may be ahead of this one by
    /// what is allowed.
    pub fn for_query(&self, activations: &[Activation], named: Digest, asked: Millis) -> Result<&Arc<RulePack>, Refusal> {
        let active = activations.last().map_or(Digest([0; 32]), |last| last.pack);
        let begun =
            activations.iter().rev().find(|activation| activation.pack == named && activation.at <= asked.plus(FRESHNESS_MS));
        let ended = activations.iter().filter_map(|activation| activation.overlap).find(|overlap| overlap.pack == named);
        let good = begun.is_some() && (named == active || ended.is_some_and(|overlap| asked <= overlap.until));
        self.loaded(named).filter(|_| good).ok_or(Refusal::RulePack { named, active })
    }

    /// The activation that is due, as its leaf will say it: the newest edition above the active one whose day has come.
    pub fn due(&self, activations: &[Activation], now: Millis) -> Option<Event> {
        let active = activations.last();
        let newer = |pack: &&Arc<RulePack>| active.is_none_or(|active| pack.serial() > active.serial);
        let next = self.0.iter().rev().find(|pack| newer(pack) && pack.effective_from() <= now.day())?;
        let until = now.plus(u64::from(next.overlap_days()) * DAY_MS);
        let overlap = active.map(|active| Overlap { pack: active.pack, until });
        Some(Event::PackActivated { pack: next.digest(), serial: next.serial(), overlap })
    }

    fn loaded(&self, digest: Digest) -> Option<&Arc<RulePack>> {
        self.0.iter().find(|pack| pack.digest() == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../../configs/samples/rules/gba-2026.1.toml");
    /// 2026-11-23T04:00:00Z.
    const NOON: Millis = Millis(1_795_406_400_000);

    /// The bundled pack as another edition, which begins on that day and supersedes the one before.
    fn edition(before: Option<&RulePack>, from: &str) -> Arc<RulePack> {
        let line = |key: &str| TEXT.lines().find(|line| line.starts_with(key)).unwrap();
        let serial = before.map_or(1, |before| before.serial() + 1);
        let supersedes = before.map_or(String::new(), |before| format!("\nsupersedes = \"{}\"", before.digest()));
        let text = TEXT
            .replace(line("serial ="), &format!("serial = {serial}{supersedes}"))
            .replace(line("effective_from ="), &format!("effective_from = \"{from}\""));
        Arc::new(RulePack::parse("edition.toml", &text).unwrap())
    }

    fn activated(pack: &RulePack, at: Millis, overlap: Option<Overlap>) -> Activation {
        Activation { pack: pack.digest(), serial: pack.serial(), at, overlap }
    }

    #[test]
    fn a_pack_takes_over_on_its_day_and_the_one_before_still_answers() {
        let one = edition(None, "2026-04-01");
        let two = edition(Some(&one), "2026-11-24");
        let packs = Packs::new(vec![two.clone(), one.clone()], &[], NOON).unwrap();
        let first = Event::PackActivated { pack: one.digest(), serial: 1, overlap: None };
        assert_eq!(packs.due(&[], NOON), Some(first));
        let mut said = vec![activated(&one, NOON, None)];
        assert_eq!(packs.due(&said, NOON), None);
        let midnight = NOON.plus(12 * 3_600_000);
        assert_eq!(packs.due(&said, midnight.minus(1)), None);
        let Some(Event::PackActivated { pack, serial: 2, overlap: Some(overlap) }) = packs.due(&said, midnight) else {
            panic!("nothing is due at midnight")
        };
        assert_eq!((pack, overlap.pack), (two.digest(), one.digest()));
        said.push(activated(&two, midnight, Some(overlap)));
        assert_eq!(packs.active(&said).unwrap().digest(), two.digest());
        let good = |named: &RulePack, asked| packs.for_query(&said, named.digest(), asked).is_ok();
        assert!(good(&one, NOON) && good(&one, overlap.until) && !good(&one, overlap.until.plus(1)));
        assert!(good(&two, midnight) && good(&two, midnight.minus(FRESHNESS_MS)), "the asker's clock may be ahead");
        assert!(!good(&two, midnight.minus(FRESHNESS_MS + 1)), "before its time");
    }

    #[test]
    fn a_pack_that_was_never_activated_here_is_refused_and_both_are_named() {
        let one = edition(None, "2026-04-01");
        let packs = Packs::new(vec![one.clone()], &[], NOON).unwrap();
        let said = [activated(&one, NOON, None)];
        let named = Digest([9; 32]);
        let refused = packs.for_query(&said, named, NOON).err();
        assert_eq!(refused, Some(Refusal::RulePack { named, active: one.digest() }));
    }

    #[test]
    fn editions_go_up_and_the_active_one_must_be_there() {
        let one = edition(None, "2026-04-01");
        let two = edition(Some(&one), "2026-04-02");
        let other = edition(Some(&one), "2026-04-03");
        let refused = |packs: &[&Arc<RulePack>], said: &[Activation]| {
            Packs::new(packs.iter().map(|pack| (*pack).clone()).collect(), said, NOON).err()
        };
        assert_eq!(refused(&[&two, &other], &[]), Some(PacksError::SerialTwice { serial: 2 }));
        let said = [activated(&two, NOON, None)];
        assert_eq!(refused(&[&one], &said), Some(PacksError::ActiveMissing { pack: two.digest(), serial: 2 }));
        let packs = Packs::new(vec![one.clone(), two.clone()], &said, NOON).unwrap();
        assert_eq!(packs.due(&said, NOON), None, "an older edition never takes over");
        let foreign = edition(Some(&edition(None, "2026-05-01")), "2026-04-02");
        assert_eq!(refused(&[&one, &foreign], &[]), Some(PacksError::OtherPredecessor { serial: 2, before: 1 }));
        let past = edition(Some(&one), "2026-04-01");
        assert_eq!(refused(&[&one, &past], &[]), Some(PacksError::BeginsTooEarly { serial: 2, from: past.effective_from() }));
        let early = edition(Some(&two), "2027-01-01");
        assert_eq!(refused(&[&early], &[]), Some(PacksError::NoneInForce { earliest: early.effective_from() }));
    }
}
