//! Times as people read them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const FORMAT: &str = "%Y-%m-%d %H:%M";

/// Milliseconds since 1970, in local time. A sender's clock may say anything.
pub(crate) fn local(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_zoned_datetime(TimeZone::system()).strftime(FORMAT).to_string(),
        Err(_) => "????-??-?? ??:??".to_owned(),
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, as the server writes it, in local time.
pub(super) fn local_from_server(text: &str) -> String {
    privmsg_client::server_time(text).map_or_else(|| crate::foreign::line(text), |at| local(at.saturating_mul(1000)))
}

/// What of a day is meant by its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Where it begins.
    Begins,
    /// Where the next one begins.
    Ends,
}

/// Letters of a date without a time.
const DATE: usize = "2026-01-31".len();

/// A date that people write, or a date and a time, in local time: milliseconds since 1970.
pub(crate) fn moment(text: &str, edge: Edge) -> Option<i64> {
    let text = text.trim();
    let moment = match text.parse::<Date>() {
        Ok(date) if text.len() <= DATE => {
            let day = if edge == Edge::Ends { date.tomorrow().ok()? } else { date };
            day.to_datetime(jiff::civil::Time::midnight())
        }
        _ => text.parse::<DateTime>().ok()?,
    };
    Some(TimeZone::system().to_timestamp(moment).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_and_a_time_a_moment() {
        let day = |text, edge| local(moment(text, edge).unwrap());
        assert_eq!(day("2026-01-31", Edge::Begins), "2026-01-31 00:00");
        assert_eq!(day("2026-01-31", Edge::Ends), "2026-02-01 00:00");
        assert_eq!(day("2026-01-31 12:30", Edge::Ends), "2026-01-31 12:30");
        assert_eq!(day("2026-01-31T12:30", Edge::Begins), "2026-01-31 12:30");
        for bad in ["", "31.01.2026", "2026-02-30", "yesterday", "2026-01-31 25:00", "9999-12-31\0"] {
            assert_eq!(moment(bad, Edge::Ends), None, "{bad}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_shown_is_no_fault() {
        assert_eq!(local(i64::MAX).len(), local(0).len());
        assert_eq!(local_from_server("soon\x1b"), "soon␛");
        assert_eq!(local_from_server("2026-01-02 03:04:05").len(), local(0).len());
    }
}
