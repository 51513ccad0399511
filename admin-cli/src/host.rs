//! The clock and the random bytes of this machine; no other file asks for them.
//!
//! Not here: what is done with them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use zeroize::Zeroizing;

/// 32 random bytes from the system.
pub fn random_32() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}

/// A random seed.
pub fn random_seed() -> anyhow::Result<Seed> {
    Ok(Seed::from_bytes(*random_32()?))
}

/// Now, in UTC.
pub fn now() -> anyhow::Result<Millis> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine stands before 1970; set it")?;
    Ok(Millis(u64::try_from(since.as_millis())?))
}

/// Measures how long something takes.
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since it began, with their fraction.
    pub fn milliseconds(&self) -> f64 {
        (self.0.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
    }
}
