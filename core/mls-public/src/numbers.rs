//! Numbers that follow time.
//!
//! Generations and counters are `max(highest known + 1, now in seconds)`: whoever has seen less than others still comes
//! out above what was made before. A number that is far ahead would take that away from everybody else, so the server
//! refuses it.

use privmsg_protocol::limits::MAX_COUNTER;

/// Seconds.
pub const DAY: u64 = 24 * 60 * 60;

/// The number to use next where `highest` is known (0: none). `None`: there is none left above it.
#[must_use]
pub fn following(highest: u64, now: u64) -> Option<u64> {
    let number = highest.saturating_add(1).max(now);
    (number <= MAX_COUNTER).then_some(number)
}

/// Whether the server may take a number where it has `highest`: none that is more than a day ahead of its clock. The
/// one that comes right after `highest` is always good, or a clock that once was years ahead would end the account.
#[must_use]
pub fn is_acceptable(number: u64, highest: u64, now: u64) -> bool {
    number <= now.saturating_add(DAY).max(highest.saturating_add(1))
}

/// How many of these times lie in the last day. What lies in the future was written under a wrong clock and counts for
/// nothing, or it would count for years.
#[must_use]
pub fn within_a_day(times: &[u64], now: u64) -> usize {
    times.iter().filter(|time| **time <= now && now - **time < DAY).count()
}

/// Whether a leaf is older than one that was seen of the same device in the conversation: then it came back with a backup of
/// the server's, or by its word, and is taken out before anything is sent to it. Each leaf carries the number [`following`]
/// that of the device's last one there.
#[must_use]
pub const fn is_stale(made_at: u64, highest_seen: u64) -> bool {
    made_at < highest_seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_seen_less_comes_out_above() {
        assert_eq!(following(0, 1_000), Some(1_000));
        assert_eq!(following(1_000, 1_000), Some(1_001));
        assert_eq!(following(2_000, 1_000), Some(2_001), "a clock that is behind does not matter");
        assert_eq!(following(MAX_COUNTER - 1, 1_000), Some(MAX_COUNTER));
        assert_eq!(following(MAX_COUNTER, 1_000), None);
        assert_eq!(following(u64::MAX, 1_000), None);
    }

    #[test]
    fn numbers_far_ahead_are_refused_but_never_the_next_one() {
        assert!(is_acceptable(1_000 + DAY, 0, 1_000));
        assert!(!is_acceptable(1_001 + DAY, 0, 1_000));
        let years_ahead = 1_000 + 5_000 * DAY;
        assert!(is_acceptable(years_ahead + 1, years_ahead, 1_000), "the server's clock has been set right since");
        assert!(!is_acceptable(years_ahead + 2, years_ahead, 1_000));
    }

    #[test]
    fn a_day_is_the_last_one() {
        let now = 10 * DAY;
        assert_eq!(within_a_day(&[now - DAY, now - DAY + 1, now, now + 1, now + 500 * DAY], now), 2);
    }
}
