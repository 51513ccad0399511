//! What befalls a message on its way.
//!
//! Not here: which message (`wire`).

use std::time::Duration;

use super::chance::Chance;

/// How often what happens, each in a thousand messages, and how slow messages are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Vanishes, and the connection stays.
    pub(crate) vanishes: u64,
    /// Vanishes, and the connection with it.
    pub(crate) resets: u64,
    /// Arrives twice.
    pub(crate) twice: u64,
    /// Is late by up to `late_ms`.
    pub(crate) late: u64,
    /// How late, at most.
    pub(crate) late_ms: u64,
}

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives.
    Arrives,
    /// It arrives, and again after so long.
    Twice(Duration),
    /// It never does, and nobody hears of it.
    Vanishes,
    /// The connection ends.
    Resets,
}

impl Weather {
    /// Everything arrives once and soon.
    pub(crate) const FAIR: Self = Self { vanishes: 0, resets: 0, twice: 0, late: 0, late_ms: 0 };

    /// Some weather, often fair in one way or the other.
    pub(crate) fn drawn(chance: &Chance) -> Self {
        let often = |most| if chance.happens(500) { chance.below(most) } else { 0 };
        Self {
            vanishes: often(150),
            resets: often(120),
            twice: often(300),
            late: often(400),
            late_ms: chance.between(100, 4_000),
        }
    }

    /// How long a message takes.
    pub(crate) fn delay(&self, chance: &Chance) -> Duration {
        let late = if chance.happens(self.late) { chance.below(self.late_ms) } else { 0 };
        Duration::from_millis(chance.between(1, 40) + late)
    }

    /// What becomes of it.
    pub(crate) fn fate(&self, chance: &Chance) -> Fate {
        let drawn = chance.below(1_000);
        if drawn < self.vanishes {
            Fate::Vanishes
        } else if drawn < self.vanishes + self.resets {
            Fate::Resets
        } else if drawn < self.vanishes + self.resets + self.twice {
            Fate::Twice(self.delay(chance))
        } else {
            Fate::Arrives
        }
    }
}
