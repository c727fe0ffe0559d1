//! Times as people read them: by the clock and the calendar of this machine.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The day of a time in milliseconds since 1970. A sender's clock may say anything.
#[must_use]
pub(crate) fn day(ms: i64) -> Option<Date> {
    Some(Timestamp::from_millisecond(ms).ok()?.to_zoned_datetime(TimeZone::system()).date())
}

/// Hours and minutes.
#[must_use]
pub(crate) fn clock(ms: i64) -> String {
    formatted(ms, "%H:%M")
}

/// A day, as it stands between messages and in the list of chats.
#[must_use]
pub(crate) fn date(ms: i64) -> String {
    formatted(ms, "%Y-%m-%d")
}

/// The time of today, the date of any other day.
#[must_use]
pub(crate) fn short(ms: i64, now_ms: i64) -> String {
    if day(ms).is_some() && day(ms) == day(now_ms) { clock(ms) } else { date(ms) }
}

fn formatted(ms: i64, format: &str) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_zoned_datetime(TimeZone::system()).strftime(format).to_string(),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_shown_is_no_fault() {
        assert_eq!(short(i64::MAX, 0), "?");
        assert_eq!((clock(0).len(), date(0).len()), (5, 10));
        assert_eq!(short(1_000, 2_000), clock(1_000));
    }
}
