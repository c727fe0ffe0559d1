//! In which MLS group a conversation goes on.
//!
//! Only upwards: the first group that the server takes under a number is that incarnation, and a client follows only to
//! a higher one. Where a server knows fewer than a client does, because it lost some, the client begins the one after
//! its own highest.

use privmsg_protocol::Incarnation;

use crate::numbers::within_a_day;

/// Incarnations of one conversation that one participant may begin in one day. It is each participant's own share: of a
/// common one, somebody who begins groups that nobody can use would leave nothing to those who have to go on.
pub const MAX_STARTS_A_DAY: usize = 3;

/// How far above the latest one a number may be, because the server may have lost some: as many as three a day give in
/// most of a year. A participant who always skips as far as possible needs thousands of years to the last number that
/// there is.
pub const MAX_SKIPPED: u32 = 1 << 10;

/// How far above the known one a client follows. Without an end, a server and a participant could show it the last
/// number at once. It has to be far more than a hundred participants bring about at an honest server, by skipping,
/// while somebody is away for years: whoever could not follow would be locked out.
pub const MAX_AHEAD: u32 = 1 << 28;

/// Why the server does not take the beginning of an incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// That number, or a higher one, is taken: the group that has it is to be followed.
    #[error("the conversation already goes on as {0}")]
    Taken(Incarnation),
    /// The number is too far ahead, or none.
    #[error("the number of the incarnation is too far ahead")]
    Ahead,
    /// This participant began too many today.
    #[error("too many beginnings in one day")]
    TooMany,
}

/// Whether a client that knows `known` goes on in `offered`.
#[must_use]
pub fn is_followed(known: Option<Incarnation>, offered: Incarnation) -> bool {
    known.map_or(offered.0 > 0, |known| offered > known && offered.0 - known.0 <= MAX_AHEAD)
}

/// Whether a client that knows `known` begins the one after `newest`, which a server says is taken. Nobody has signed that, so
/// it is for one attempt, and no higher than a server would take it from somebody who knows as much.
#[must_use]
pub fn is_offered(known: Option<Incarnation>, newest: Incarnation) -> bool {
    newest.0.checked_sub(number(known)).is_some_and(|ahead| (1..=MAX_SKIPPED).contains(&ahead))
}

/// Whether a client that knows `known` goes back to `newest`, where a server does not take the one after `known` because it
/// is too far ahead: only if it is. An honest server refuses no other, and under an honest one no conversation gets there.
#[must_use]
pub fn comes_down(known: Option<Incarnation>, newest: Option<Incarnation>) -> bool {
    number(known).checked_sub(number(newest)).is_some_and(|ahead| ahead >= MAX_SKIPPED)
}

fn number(known: Option<Incarnation>) -> u32 {
    known.map_or(0, |known| known.0)
}

/// The number of the incarnation that a client begins, where it knows `known` and the server `latest`.
///
/// `None`: there is none left above it, or the server's is one that must not be followed.
#[must_use]
pub fn next_incarnation(known: Option<Incarnation>, latest: Option<Incarnation>) -> Option<Incarnation> {
    let usable =
        latest.filter(|latest| known.is_none_or(|known| *latest <= known || is_followed(Some(known), *latest)));
    if latest != usable {
        return None;
    }
    usable.max(known).map_or(Some(Incarnation::FIRST), |highest| highest.0.checked_add(1).map(Incarnation))
}

/// Whether the server, which has `latest`, takes `number` from a participant who began others at these times.
///
/// It may be more than one above: a server that was put back to an older state does not know what it has lost, and a
/// participant who does cannot prove it.
///
/// # Errors
/// [`StartError`].
pub fn check_start(
    latest: Option<Incarnation>,
    number: Incarnation,
    begun: &[u64],
    now: u64,
) -> Result<(), StartError> {
    let highest = latest.map_or(0, |latest| latest.0);
    match (latest, number.0.checked_sub(highest)) {
        (Some(latest), None | Some(0)) => Err(StartError::Taken(latest)),
        (_, Some(1..=MAX_SKIPPED)) => Ok(()),
        _ => Err(StartError::Ahead),
    }?;
    if within_a_day(begun, now) >= MAX_STARTS_A_DAY { Err(StartError::TooMany) } else { Ok(()) }
}
