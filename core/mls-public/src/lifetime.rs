//! How long key packages are good (RFC 9420, section 7.2), and how much of that has to be left.
//!
//! OpenMLS compares each package that a commit brings with the system's clock of whoever processes the commit, whenever that is.
//! A check that may differ between honest clients must not decide about a commit. So nobody adds a package, and no server takes
//! a commit with one, that is not good for everybody: also for whoever reads the commit as late as servers keep it, and by a
//! clock that is somewhat wrong.

use openmls::prelude::{KeyPackage, Lifetime as MlsLifetime};
use tls_codec::{DeserializeBytes as _, TlsDeserializeBytes, TlsSize, VLBytes};

use crate::leaf::LeafBeginning;

const DAY_S: u64 = 24 * 3600;

/// How long a welcome or a commit may be on its way, in seconds: longer than servers keep messages.
pub const WELCOME_AGE_S: u64 = 31 * DAY_S;

/// Our packages are good from so long before they are made, for clocks that are slow.
const BEFORE_S: u64 = 7 * DAY_S;

/// And so long afterwards. Both together are the longest range that OpenMLS accepts, but for an hour.
const AFTER_S: u64 = 77 * DAY_S;

/// The longest range: three times four weeks and an hour.
const MAX_RANGE_S: u64 = 84 * DAY_S + 3600;

/// A package that is added has begun this long ago.
const BEGUN_S: u64 = DAY_S;

/// The clocks of a server and of its clients may differ by this much, without the one refusing what the other takes.
const SLACK_S: u64 = DAY_S;

/// When a key package is good, or several are together. In seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From then on.
    pub not_before: u64,
    /// Until then.
    pub not_after: u64,
}

/// A `KeyPackage` as far as the lifetime in it (RFC 9420, sections 10 and 7.2).
#[derive(TlsDeserializeBytes, TlsSize)]
struct Beginning {
    _version: u16,
    _ciphersuite: u16,
    _init_key: VLBytes,
    leaf: LeafBeginning,
    not_before: u64,
    not_after: u64,
}

impl Lifetime {
    /// Of no package at all.
    pub const ALWAYS: Self = Self { not_before: 0, not_after: u64::MAX };

    /// That of a package which is made at this time.
    #[must_use]
    pub const fn of_new(now: u64) -> Self {
        Self { not_before: now.saturating_sub(BEFORE_S), not_after: now.saturating_add(AFTER_S) }
    }

    /// That of a package whose signatures were checked.
    #[must_use]
    pub fn of(package: &KeyPackage) -> Self {
        let lifetime = package.life_time();
        Self { not_before: lifetime.not_before(), not_after: lifetime.not_after() }
    }

    /// In OpenMLS's terms.
    #[must_use]
    pub fn in_mls(self) -> MlsLifetime {
        MlsLifetime::init(self.not_before, self.not_after)
    }

    /// What an encoded key package says, if it is one. Nothing of it is checked.
    #[must_use]
    pub fn of_package(bytes: &[u8]) -> Option<Self> {
        let (package, _) = Beginning::tls_deserialize_bytes(bytes).ok()?;
        let Beginning { not_before, not_after, .. } = package;
        (package.leaf.source == LeafBeginning::KEY_PACKAGE).then_some(Self { not_before, not_after })
    }

    /// When both are good.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { not_before: self.not_before.max(other.not_before), not_after: self.not_after.min(other.not_after) }
    }

    /// Whether a client adds a package with it.
    #[must_use]
    pub const fn may_be_added(self, now: u64) -> bool {
        self.not_after.saturating_sub(self.not_before) <= MAX_RANGE_S
            && self.not_before.saturating_add(BEGUN_S) <= now
            && now.saturating_add(WELCOME_AGE_S) <= self.not_after
    }

    /// Whether a server takes a commit that adds packages which are good together within this time. What a client may add, it
    /// does, also where their clocks differ a little.
    #[must_use]
    pub const fn may_be_committed(self, now: u64) -> bool {
        self.not_before.saturating_add(BEGUN_S) <= now.saturating_add(SLACK_S)
            && now.saturating_add(WELCOME_AGE_S) <= self.not_after.saturating_add(SLACK_S)
    }

    /// When a server hands the package out: whoever gets it may add it, also where their clocks differ a little. `None`: its
    /// range is one that nobody accepts.
    #[must_use]
    pub const fn to_be_claimed(self) -> Option<Self> {
        if self.not_after.saturating_sub(self.not_before) > MAX_RANGE_S {
            return None;
        }
        let not_before = self.not_before.saturating_add(BEGUN_S);
        Some(Self { not_before, not_after: self.not_after.saturating_sub(WELCOME_AGE_S + SLACK_S) })
    }

    /// Whether it is now.
    #[must_use]
    pub const fn contains(self, now: u64) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Until when a welcome may come that was made with the package. It is added while as much is left as welcomes wait.
    #[must_use]
    pub const fn last_welcome(self) -> u64 {
        self.not_after.saturating_add(SLACK_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000 * DAY_S;

    #[test]
    fn a_new_package_is_good_for_whoever_reads_the_commit_late_or_by_a_clock_that_is_wrong() {
        let made = Lifetime::of_new(NOW);
        assert_eq!(made.not_after - made.not_before, 84 * DAY_S, "OpenMLS takes no longer one");
        let last = NOW + 46 * DAY_S;
        assert!(made.may_be_added(NOW) && made.may_be_added(last) && !made.may_be_added(last + 1));
        for (added, clock) in [(NOW, NOW - 6 * DAY_S), (last, last + WELCOME_AGE_S - 1)] {
            assert!(made.may_be_added(added) && made.contains(clock));
        }
    }

    #[test]
    fn what_is_over_soon_or_has_only_begun_is_not_added() {
        let ends_in = |seconds| Lifetime { not_before: NOW - 7 * DAY_S, not_after: NOW + seconds };
        assert!(!ends_in(20).may_be_added(NOW) && !ends_in(20).may_be_committed(NOW));
        assert!(ends_in(31 * DAY_S).may_be_added(NOW) && !ends_in(31 * DAY_S - 1).may_be_added(NOW));
        let begins = |ago| Lifetime { not_before: NOW - ago, not_after: NOW + 40 * DAY_S };
        assert!(begins(DAY_S).may_be_added(NOW) && !begins(DAY_S - 1).may_be_added(NOW));
        assert!(!Lifetime::ALWAYS.may_be_added(NOW), "nobody accepts such a range");
        assert!(Lifetime::ALWAYS.may_be_committed(NOW), "a commit that adds nobody");
    }

    /// Whoever is handed one may add it, and the server takes the commit, while their clocks differ by a day.
    #[test]
    fn clocks_that_differ_by_a_day_part_nobody() {
        let made = Lifetime::of_new(NOW);
        let claimed = made.to_be_claimed().unwrap();
        for handed_out in [claimed.not_before, NOW, claimed.not_after - 1] {
            assert!(claimed.contains(handed_out) && made.may_be_added(handed_out));
        }
        assert!(made.may_be_added(claimed.not_after - 1 + DAY_S));
        for added in [NOW - 6 * DAY_S, NOW + 46 * DAY_S] {
            assert!(made.may_be_added(added));
            assert!(made.may_be_committed(added - DAY_S) && made.may_be_committed(added + DAY_S));
        }
        assert!(!made.may_be_committed(NOW + 47 * DAY_S + 1) && !made.may_be_committed(NOW - 7 * DAY_S - 1));
        assert_eq!(Lifetime::ALWAYS.to_be_claimed(), None);
    }

    #[test]
    fn packages_are_good_together_when_each_is() {
        let (one, other) = (Lifetime::of_new(NOW), Lifetime::of_new(NOW + DAY_S));
        assert_eq!(one.and(other), Lifetime { not_before: other.not_before, not_after: one.not_after });
        assert_eq!(one.and(Lifetime::ALWAYS), one);
    }
}
