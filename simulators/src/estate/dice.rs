//! Seeded choices: the same words give the same number, whatever was asked before.

use sha2::{Digest, Sha256};

/// A source of numbers that depend on the seed and a name only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    seed: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn digest(self, name: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(name).finalize().into()
    }

    /// Returns 64 bits for a name.
    pub(crate) fn bits(self, name: &str) -> u64 {
        let digest = self.digest(name);
        u64::from_le_bytes(digest[..8].try_into().expect("eight bytes of a digest"))
    }

    /// Returns a number in `[0, 1)` for a name.
    pub(crate) fn unit(self, name: &str) -> f64 {
        (self.bits(name) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a number in `[low, high)` for a name.
    pub(crate) fn between(self, low: f64, high: f64, name: &str) -> f64 {
        low + (high - low) * self.unit(name)
    }

    /// Returns one of the choices for a name.
    pub(crate) fn pick<T: Copy>(self, choices: &[T], name: &str) -> T {
        choices[(self.bits(name) % choices.len() as u64) as usize]
    }

    /// Returns `digits` lower-case hexadecimal digits for a name, 64 at most.
    pub(crate) fn hex(self, digits: usize, name: &str) -> String {
        let mut text = hex::encode(self.digest(name));
        text.truncate(digits);
        text
    }

    /// Returns a UUID (version 4 in form) for a name.
    pub(crate) fn uuid(self, name: &str) -> String {
        let hex = self.hex(32, name);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
