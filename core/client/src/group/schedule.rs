//! When this device changes its leaf keys.

use crate::net::backoff::random_fraction;

const SECOND: f64 = 1000.0;
const DAY: f64 = 24.0 * 3600.0 * SECOND;

/// Soon after joining: until a device has committed once, its leaf key is the one from its key package, and its
/// parents in the tree are blank, which makes everybody's commits larger. Not at once, because many may have joined
/// together, and everybody has to follow each commit: the window grows with the group, to some eight hours for a thousand
/// devices.
pub(crate) fn first_rotation(now_ms: i64, leaves: usize) -> i64 {
    let leaves = u32::try_from(leaves).unwrap_or(u32::MAX);
    after(now_ms, 5.0 * SECOND, (f64::from(leaves) * 30.0 * SECOND).clamp(60.0 * SECOND, DAY))
}

/// At least weekly, at a time of its own.
pub(crate) fn next_rotation(now_ms: i64) -> i64 {
    after(now_ms, 5.0 * DAY, 7.0 * DAY)
}

/// The longest that a device waits for another one to make the next group, ms.
pub(crate) const LONGEST_TURN: i64 = 200_000;

/// When a group goes on in another one that a restored server knows no more. One of the devices that are there makes it, and the
/// others, which wait a little, are in it: the more there are, the longer.
pub(crate) fn going_on(now_ms: i64, leaves: usize) -> i64 {
    let leaves = u32::try_from(leaves).unwrap_or(u32::MAX);
    after(now_ms, 0.0, (f64::from(leaves) * 0.2 * SECOND).clamp(5.0 * SECOND, LONGEST_TURN as f64))
}

#[expect(clippy::cast_possible_truncation, reason = "a week in milliseconds fits")]
fn after(now_ms: i64, least: f64, most: f64) -> i64 {
    now_ms.saturating_add(random_fraction().mul_add(most - least, least) as i64)
}
