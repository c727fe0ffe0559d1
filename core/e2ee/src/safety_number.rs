//! The safety number: sixty digits that two people compare to know that nobody stands between them.
//!
//! After the numeric fingerprint that Signal published: each side's identity key and stable identifier go through
//! 5,200 rounds of SHA-512, thirty digits are taken from each result, and the two halves are sorted, so that both
//! people see the same number. The rounds make it dear to search for a key whose digits resemble another's.

use std::fmt;

use privmsg_protocol::UserId;
use sha2::{Digest as _, Sha512};

use privmsg_mls_public::AccountPublicKey;

/// Number of the scheme. A change of the computation must change it.
const VERSION: u16 = 1;

/// Signal's count: about 2^12.3 times the work of one hash, on top of 30 digits (2^99.7) per side.
const ITERATIONS: u32 = 5200;

const DIGITS_PER_SIDE: usize = 30;

/// Sixty decimal digits, the same for both people. Shown in twelve groups of five by `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct SafetyNumber(String);

impl SafetyNumber {
    /// The sixty digits without separators, as they go into a QR code.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, digit) in self.0.chars().enumerate() {
            if i > 0 && i % 5 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafetyNumber({self})")
    }
}

/// The safety number of two accounts. The order of the arguments does not matter. Takes a few milliseconds.
#[must_use]
pub fn safety_number(a: (&UserId, &AccountPublicKey), b: (&UserId, &AccountPublicKey)) -> SafetyNumber {
    let mut halves = [half(a.0, a.1), half(b.0, b.1)];
    halves.sort_unstable();
    SafetyNumber(halves.concat())
}

fn half(user_id: &UserId, key: &AccountPublicKey) -> String {
    let mut hash = Sha512::new()
        .chain_update(VERSION.to_be_bytes())
        .chain_update(key.as_bytes())
        .chain_update(user_id.as_str())
        .chain_update(key.as_bytes())
        .finalize();
    for _ in 1..ITERATIONS {
        hash = Sha512::new().chain_update(hash).chain_update(key.as_bytes()).finalize();
    }
    let mut digits = String::with_capacity(DIGITS_PER_SIDE);
    for chunk in hash[..DIGITS_PER_SIDE].chunks_exact(5) {
        let number = chunk.iter().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        digits.push_str(&format!("{:05}", number % 100_000));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountKey;

    #[test]
    fn both_people_see_the_same_sixty_digits() {
        let (alice, bob) = (UserId::new("alice").unwrap(), UserId::new("bob").unwrap());
        let (a, b) = (AccountKey::from_bytes(&[1; 32]).public(), AccountKey::from_bytes(&[2; 32]).public());
        let number = safety_number((&alice, &a), (&bob, &b));
        assert_eq!(number, safety_number((&bob, &b), (&alice, &a)));
        assert_eq!(number.digits().len(), 60);
        insta::assert_snapshot!(number, @"11564 27466 23540 11876 42298 29734 25263 49864 24362 31570 72639 82420");
    }

    #[test]
    fn another_key_or_another_name_is_another_number() {
        let (alice, bob) = (UserId::new("alice").unwrap(), UserId::new("bob").unwrap());
        let (a, b) = (AccountKey::from_bytes(&[1; 32]).public(), AccountKey::from_bytes(&[2; 32]).public());
        let number = safety_number((&alice, &a), (&bob, &b));
        assert_ne!(number, safety_number((&alice, &a), (&bob, &AccountKey::from_bytes(&[3; 32]).public())));
        assert_ne!(number, safety_number((&alice, &a), (&UserId::new("eve").unwrap(), &b)));
        assert_ne!(number, safety_number((&alice, &b), (&bob, &a)));
    }
}
