//! The one source of chance of a schedule: everything that is drawn follows from its number.
//!
//! Not here: the chance of the nodes, each of which gets a number from here at every start.

use creditbay_node::host::entropy::Entropy;

/// Draws of one schedule.
pub(crate) struct Chance(Entropy);

impl Chance {
    /// The draws that this number determines.
    pub(crate) fn of(number: u64) -> Self {
        Self(Entropy::seeded(number))
    }

    /// Any number.
    pub(crate) fn number(&self) -> u64 {
        let bytes = self.0.bytes32();
        bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A number below this one; 0 where there is none.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// A number from the first to the last of these.
    pub(crate) fn between(&self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn happens(&self, in_a_thousand: u64) -> bool {
        self.below(1_000) < in_a_thousand
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}
