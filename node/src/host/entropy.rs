//! The only room that asks for chance: the operating system's, or a seeded stream where a run has to be repeated.

use std::sync::{Mutex, PoisonError};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;

/// Where random bytes come from.
pub enum Entropy {
    /// The operating system, in pieces of 4 KiB.
    System(Box<Mutex<Pool>>),
    /// A stream that a number determines. For simulation alone: whoever knows the number knows every seed.
    Seeded(Mutex<(u64, u64)>),
}

/// Random bytes that were drawn and not given out yet.
pub struct Pool {
    bytes: [u8; 4096],
    used: usize,
}

impl Entropy {
    /// The operating system's.
    pub fn system() -> Self {
        Self::System(Box::new(Mutex::new(Pool { bytes: [0; 4096], used: 4096 })))
    }

    /// A stream that `number` determines.
    pub fn seeded(number: u64) -> Self {
        Self::Seeded(Mutex::new((number, 0)))
    }

    /// Thirty-two random bytes.
    pub fn bytes32(&self) -> [u8; 32] {
        match self {
            Self::System(pool) => {
                let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
                if pool.used == pool.bytes.len() {
                    getrandom::fill(&mut pool.bytes).expect("invariant: the operating system gives random bytes after boot");
                    pool.used = 0;
                }
                let mut bytes = [0; 32];
                let taken = pool.used..pool.used + 32;
                bytes.copy_from_slice(&pool.bytes[taken.clone()]);
                pool.bytes[taken].fill(0);
                pool.used += 32;
                bytes
            }
            Self::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.1 += 1;
                Digest::concat(&[b"seeded entropy", &state.0.to_le_bytes(), &state.1.to_le_bytes()]).0
            }
        }
    }

    /// A seed for a leaf's salts.
    pub fn seed(&self) -> Seed {
        Seed::from_bytes(self.bytes32())
    }

    /// 128 random bits, so that the digest of what holds them says nothing.
    pub fn bits128(&self) -> u128 {
        let bytes = self.bytes32();
        bytes[..16].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }

    /// A nonce for AES-GCM.
    pub fn nonce(&self) -> [u8; 12] {
        let bytes = self.bytes32();
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&bytes[..12]);
        nonce
    }
}
