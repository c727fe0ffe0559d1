//! Challenges that somebody signs to be let in.
//!
//! Asking for one leaves nothing behind: it says itself when it was made and what for, under a key that nobody else
//! has. So strangers can have as many as they like, and push nobody's out. What is remembered, for as long as it would
//! be good, is which ones were *answered*, and that takes the right key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac as _};
use privmsg_protocol::rest::{ChallengePurpose, IdentityPurpose};
use privmsg_protocol::{DeviceId, UserId};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::clock::Clock;
use crate::secrets::random_bytes;

/// Bytes of a challenge.
pub(crate) const CHALLENGE_LEN: usize = 32;

/// How long a challenge is good: a slow phone has to sign and answer.
const GOOD_MS: i64 = 60_000;

/// Answers by one key in that time. A device signs in once and stays.
const MOST_OF_ONE: usize = 32;

/// Keys that are remembered before those whose time is over are forgotten.
const SWEEP_AT: usize = 10_000;

const NONCE_LEN: usize = 8;
const TIME_LEN: usize = 8;
const MAC_LEN: usize = CHALLENGE_LEN - NONCE_LEN - TIME_LEN;

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The challenge is too old, was answered before, or is another's.
    Stale,
    /// Too many answers; milliseconds until there is room.
    TooMany(u64),
}

/// See the module.
pub(crate) struct Challenges {
    clock: Clock,
    key: [u8; 32],
    /// When the clock began to count, so that a challenge does not tell how long the server has run.
    beginning: u64,
    answered: Mutex<HashMap<(UserId, Key), Vec<Answered>>>,
}

/// Who answers. Each has room of its own, or a device that waits could keep the others of the account out.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Device(DeviceId),
    Words,
    Identity,
}

impl Key {
    fn of(purpose: &ChallengePurpose) -> Self {
        match purpose {
            ChallengePurpose::Device(device_id) => Self::Device(device_id.clone()),
            ChallengePurpose::Recovery(_) => Self::Words,
            ChallengePurpose::Identity(_) => Self::Identity,
        }
    }
}

struct Answered {
    challenge: [u8; CHALLENGE_LEN],
    until_ms: i64,
}

impl Challenges {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, key: random_bytes(), beginning: u64::from_be_bytes(random_bytes()), answered: Mutex::default() }
    }

    /// A challenge for this user and this purpose, whether there is such a user or not.
    pub(crate) fn make(&self, user_id: &UserId, purpose: &ChallengePurpose) -> [u8; CHALLENGE_LEN] {
        let nonce: [u8; NONCE_LEN] = random_bytes();
        let time = self.time().to_be_bytes();
        let mac = self.mac(&nonce, &time, user_id, purpose);
        let mut challenge = [0; CHALLENGE_LEN];
        challenge[..NONCE_LEN].copy_from_slice(&nonce);
        challenge[NONCE_LEN..NONCE_LEN + TIME_LEN].copy_from_slice(&time);
        challenge[NONCE_LEN + TIME_LEN..].copy_from_slice(&mac);
        challenge
    }

    /// Whether the challenge was made for this user and this purpose a short while ago.
    pub(crate) fn is_good(
        &self,
        challenge: &[u8; CHALLENGE_LEN],
        user_id: &UserId,
        purpose: &ChallengePurpose,
    ) -> bool {
        let Some((nonce, rest)) = challenge.split_first_chunk::<NONCE_LEN>() else { return false };
        let Some((time, mac)) = rest.split_first_chunk::<TIME_LEN>() else { return false };
        let genuine: bool = self.mac(nonce, time, user_id, purpose).ct_eq(mac).into();
        let age_ms = self.time().wrapping_sub(u64::from_be_bytes(*time));
        genuine && age_ms < GOOD_MS.unsigned_abs()
    }

    fn time(&self) -> u64 {
        self.beginning.wrapping_add_signed(self.clock.passed_ms())
    }

    /// Notes that a challenge which is good has been answered with the right signature.
    ///
    /// # Errors
    /// [`NotTaken`]: it was before, or there were too many.
    pub(crate) fn answered(
        &self,
        challenge: &[u8; CHALLENGE_LEN],
        user_id: &UserId,
        purpose: &ChallengePurpose,
    ) -> Result<(), NotTaken> {
        let key = (user_id.clone(), Key::of(purpose));
        let now_ms = self.clock.passed_ms();
        let mut all = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SWEEP_AT && !all.contains_key(&key) {
            all.retain(|_, answered| answered.iter().any(|one| one.until_ms > now_ms));
        }
        let answered = all.entry(key).or_default();
        answered.retain(|one| one.until_ms > now_ms);
        if answered.iter().any(|one| one.challenge == *challenge) {
            return Err(NotTaken::Stale);
        }
        if answered.len() >= MOST_OF_ONE {
            let first = answered.iter().map(|one| one.until_ms).min().unwrap_or(now_ms);
            return Err(NotTaken::TooMany((first - now_ms).unsigned_abs()));
        }
        answered.push(Answered { challenge: *challenge, until_ms: now_ms + GOOD_MS });
        Ok(())
    }

    fn mac(
        &self,
        nonce: &[u8; NONCE_LEN],
        time: &[u8; TIME_LEN],
        user_id: &UserId,
        purpose: &ChallengePurpose,
    ) -> [u8; MAC_LEN] {
        let (kind, what): (u8, &str) = match purpose {
            ChallengePurpose::Device(device_id) => (1, device_id.as_str()),
            ChallengePurpose::Recovery(device_id) => (2, device_id.as_str()),
            ChallengePurpose::Identity(IdentityPurpose::SetAccessKey) => (3, ""),
            ChallengePurpose::Identity(IdentityPurpose::SealIdentity) => (4, ""),
            ChallengePurpose::Identity(IdentityPurpose::EndReplacement) => (5, ""),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(nonce);
        mac.update(time);
        mac.update(&[kind]);
        // An id has no zero byte.
        mac.update(user_id.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(what.as_bytes());
        let mut short = [0; MAC_LEN];
        short.copy_from_slice(&mac.finalize().into_bytes()[..MAC_LEN]);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    fn device(name: &str) -> ChallengePurpose {
        ChallengePurpose::Device(name.parse().unwrap())
    }

    #[test]
    fn a_challenge_is_good_for_one_user_one_purpose_and_a_minute() {
        let clock = Clock::manual(1_000_000);
        let challenges = Challenges::new(clock.clone());
        let alice = user("alice");
        let challenge = challenges.make(&alice, &device("phone"));
        assert!(challenges.is_good(&challenge, &alice, &device("phone")));
        let others = [
            (user("alic"), device("ephone")),
            (user("bob"), device("phone")),
            (alice.clone(), device("laptop")),
            (alice.clone(), ChallengePurpose::Recovery("phone".parse().unwrap())),
            (alice.clone(), ChallengePurpose::Identity(IdentityPurpose::SetAccessKey)),
        ];
        for (user_id, purpose) in &others {
            assert!(!challenges.is_good(&challenge, user_id, purpose), "{user_id} {purpose:?}");
        }
        for at in 0..CHALLENGE_LEN {
            let mut forged = challenge;
            forged[at] ^= 1;
            assert!(!challenges.is_good(&forged, &alice, &device("phone")), "{at}");
        }
        let after_a_restart = Challenges::new(clock.clone());
        assert!(!after_a_restart.is_good(&challenge, &alice, &device("phone")));
        clock.jump(-86_400);
        clock.advance(59);
        assert!(challenges.is_good(&challenge, &alice, &device("phone")), "by time that has passed");
        clock.advance(1);
        assert!(!challenges.is_good(&challenge, &alice, &device("phone")));
    }

    #[test]
    fn the_actions_of_an_identity_are_told_apart() {
        let challenges = Challenges::new(Clock::manual(1_000_000));
        let alice = user("alice");
        let all = [IdentityPurpose::SetAccessKey, IdentityPurpose::SealIdentity, IdentityPurpose::EndReplacement];
        for made in all {
            let challenge = challenges.make(&alice, &ChallengePurpose::Identity(made));
            for shown in all {
                let good = challenges.is_good(&challenge, &alice, &ChallengePurpose::Identity(shown));
                assert_eq!(good, made == shown);
            }
        }
    }

    #[test]
    fn a_challenge_is_answered_once_and_nobody_pushes_anothers_out() {
        let clock = Clock::manual(1_000_000);
        let challenges = Challenges::new(clock.clone());
        let (alice, eve) = (user("alice"), user("eve"));
        let challenge = challenges.make(&alice, &device("phone"));
        assert_eq!(challenges.answered(&challenge, &alice, &device("phone")), Ok(()));
        for _ in 0..MOST_OF_ONE {
            let hers = challenges.make(&eve, &device("phone"));
            assert_eq!(challenges.answered(&hers, &eve, &device("phone")), Ok(()));
        }
        let hers = challenges.make(&eve, &device("phone"));
        assert_eq!(challenges.answered(&hers, &eve, &device("phone")), Err(NotTaken::TooMany(60_000)));
        for other in [
            device("laptop"),
            ChallengePurpose::Recovery("phone".parse().unwrap()),
            ChallengePurpose::Identity(IdentityPurpose::EndReplacement),
        ] {
            let challenge = challenges.make(&eve, &other);
            assert_eq!(challenges.answered(&challenge, &eve, &other), Ok(()), "{other:?} has room of its own");
        }
        assert_eq!(challenges.answered(&challenge, &alice, &device("phone")), Err(NotTaken::Stale));
        clock.advance(60);
        assert_eq!(challenges.answered(&hers, &eve, &device("phone")), Ok(()));
        assert!(!challenges.is_good(&challenge, &alice, &device("phone")), "when it is forgotten it is not good");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let clock = Clock::manual(1_000_000);
        let challenges = Challenges::new(clock.clone());
        for n in 0..SWEEP_AT {
            let user_id = user(&format!("user{n}"));
            let challenge = challenges.make(&user_id, &device("phone"));
            assert_eq!(challenges.answered(&challenge, &user_id, &device("phone")), Ok(()));
        }
        clock.advance(60);
        let challenge = challenges.make(&user("another"), &device("phone"));
        assert_eq!(challenges.answered(&challenge, &user("another"), &device("phone")), Ok(()));
        assert_eq!(challenges.answered.lock().unwrap().len(), 1);
    }
}
