//! What the daemon takes from the machine under it: time, chance, keys, counters. Each is an argument of everything above.

pub mod aside;
pub mod clock;
pub mod descriptors;
pub mod disk;
pub mod entropy;
pub mod keys;
pub mod telemetry;
