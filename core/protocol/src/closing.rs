//! Close codes that clients act on, and the farewell of a server that stops: 1001, and when to come back.
//!
//! Thousands of clients that all return in the same second would be the first load of the server that has just started.
//! So it tells each of them another moment. The reason of a close frame is text for people, of 123 bytes at most; the
//! figure stands at its end, and a client that does not know it loses nothing but the advice.

/// Close code of a server that stops (RFC 6455, section 7.4.1).
pub const GOING_AWAY: u16 = 1001;

/// Close code of an older connection of a device that has connected anew: do not come back. Two that did would put each
/// other out for ever.
pub const REPLACED: u16 = 4002;

/// Close code for a device that waits to be let in: it has a session, and no mailbox before it stands in the account's
/// device list.
pub const NOT_LISTED: u16 = 4005;

/// Stands before the figure.
const KEY: &str = "retry_after_ms=";

/// The reason in the close frame.
#[must_use]
pub fn going_away(retry_after_ms: u64) -> String {
    format!("the server is stopping, {KEY}{retry_after_ms}")
}

/// How long the server asks to be left alone, if its reason says so.
#[must_use]
pub fn retry_after_ms(reason: &str) -> Option<u64> {
    let (_, figure) = reason.rsplit_once(KEY)?;
    figure.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_read_back() {
        let reason = going_away(u64::MAX);
        assert!(reason.len() <= 123, "{reason}");
        assert_eq!(retry_after_ms(&reason), Some(u64::MAX));
        assert_eq!(retry_after_ms("the server is stopping, retry_after_ms=1500"), Some(1500));
    }

    #[test]
    fn anything_else_says_nothing() {
        for reason in ["", "the server is stopping", "retry_after_ms=", "retry_after_ms=-1", "retry_after_ms=1e9"] {
            assert_eq!(retry_after_ms(reason), None, "{reason}");
        }
    }
}
