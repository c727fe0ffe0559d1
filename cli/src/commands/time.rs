//! Times as people read them.

use jiff::Timestamp;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_shown_is_no_fault() {
        assert_eq!(local(i64::MAX).len(), local(0).len());
        assert_eq!(local_from_server("soon\x1b"), "soon␛");
        assert_eq!(local_from_server("2026-01-02 03:04:05").len(), local(0).len());
    }
}
