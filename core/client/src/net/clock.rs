//! The server's time.
//!
//! A machine whose clock is off by days makes certificates and key packages that nobody else takes, until its clock has
//! caught up with what it wrote. The server says the time with every answer (`Date`, RFC 9110, section 6.6.1), and
//! between answers this process counts on by itself, so that a clock that is set meanwhile changes nothing.
//!
//! It is the server's word, and nothing more than a better guess at the time: a lie about it can make things that others
//! refuse, which the server could bring about in simpler ways. It must not decide whether somebody else's signature is
//! still good, nor alone which number is above all that others know ([`ServerClock::agreed`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use httpdate::parse_http_date;
use hyper::HeaderMap;
use hyper::header::{AGE, DATE};
use std::time::UNIX_EPOCH;
use tokio::time::Instant;

use crate::clock::{Clock, seconds};
use crate::error::ClientError;

/// An answer that took longer says too little about when it was written.
const SLOWEST: Duration = Duration::from_secs(10);

/// Before this program was written there was no such server: 1 January 2025.
const EARLIEST_MS: i64 = 1_735_689_600_000;

/// Farther ahead than any certificate: 1 January 2100.
const LATEST_MS: i64 = 4_102_444_800_000;

/// A clock that is off by more is worth a word: key packages are good for a margin of a day, and the server takes no number
/// that is farther ahead of its own.
const FAR_OFF_MS: i64 = 24 * 3600 * 1000;

/// What a list or a generation goes by, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListTime {
    /// What its number follows: the later of the two clocks, so that no server that says an earlier time has the account's owner
    /// make what is below what contacts know already, and is nothing to them.
    pub(crate) number_s: u64,
    /// When a device was let in that is new in it: the server's time, which is one for all that let some in, or whose dates are
    /// compared would depend on whose clock is right.
    pub(crate) added_s: u64,
}

/// What is known of the server's clock. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerClock {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The server's time at a moment of this process.
    heard: Option<(i64, Instant)>,
    /// How far it was ahead when it was last asked, in an earlier process.
    remembered_ms: Option<i64>,
    /// Whether somebody has been told that this machine's clock is off.
    told: bool,
}

impl ServerClock {
    /// Begins with what an earlier process has found out.
    pub(crate) fn remembering(ahead_ms: Option<i64>) -> Self {
        let clock = Self::default();
        clock.known().remembered_ms = ahead_ms;
        clock
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time from an answer that the server itself has given to a question of `asked`.
    pub(super) fn note(&self, headers: &HeaderMap, asked: Instant) {
        let took = asked.elapsed();
        // A cache says when it got the answer, not what time it is.
        if took > SLOWEST || headers.contains_key(AGE) {
            return;
        }
        let date = headers.get(DATE).and_then(|value| parse_http_date(value.to_str().ok()?).ok());
        let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        let Some(ms) = since.and_then(|since| i64::try_from(since.as_millis()).ok()) else { return };
        if (EARLIEST_MS..LATEST_MS).contains(&ms) {
            // It was cut to whole seconds, and written about half-way.
            self.known().heard = Some((ms + 500, asked + took / 2));
        }
    }

    /// Milliseconds since 1970 by the server's clock; by `local` where nothing is known of it.
    pub(crate) fn now_ms(&self, local: &dyn Clock) -> i64 {
        let known = self.known();
        match (known.heard, known.remembered_ms) {
            (Some((ms, at)), _) => ms.saturating_add(i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)),
            (None, Some(ahead)) => local.now_ms().saturating_add(ahead),
            (None, None) => local.now_ms(),
        }
    }

    /// As [`ServerClock::now_ms`], in seconds.
    pub(crate) fn now_s(&self, local: &dyn Clock) -> i64 {
        self.now_ms(local) / 1000
    }

    /// The later of the server's time and `local`, in seconds: for the age of what others have signed. A server that lies
    /// can make good things look too old, but nothing that is too old look good to a machine whose clock is right.
    pub(crate) fn later_s(&self, local: &dyn Clock) -> i64 {
        self.now_s(local).max(local.now_s())
    }

    /// What a list or a generation that is made now goes by.
    ///
    /// # Errors
    /// [`ClientError::ClocksDiffer`] if they are more than a day apart: with what a wrong clock makes the account could do nothing
    /// for as long as it is wrong, and only a person can tell which of the two it is.
    pub(crate) fn agreed(&self, local: &dyn Clock) -> Result<ListTime, ClientError> {
        let (theirs, ours) = (self.now_ms(local), local.now_ms());
        let ahead_ms = theirs.saturating_sub(ours);
        if ahead_ms.abs() > FAR_OFF_MS {
            return Err(ClientError::ClocksDiffer { ahead_ms });
        }
        Ok(ListTime { number_s: seconds(theirs.max(ours)), added_s: seconds(theirs) })
    }

    /// What the first list of an identity goes by: the server's time alone. Nobody knows any numbers yet that could be above those
    /// of the past.
    ///
    /// # Errors
    /// As [`ServerClock::agreed`], where it is this machine's clock that is behind.
    pub(crate) fn first(&self, local: &dyn Clock) -> Result<ListTime, ClientError> {
        match self.agreed(local) {
            Err(ClientError::ClocksDiffer { ahead_ms }) if ahead_ms < 0 => {}
            other => drop(other?),
        }
        let theirs_s = seconds(self.now_ms(local));
        Ok(ListTime { number_s: theirs_s, added_s: theirs_s })
    }

    /// How far the server's clock is ahead of `local`; `None` before this process has heard of it.
    pub(crate) fn ahead_ms(&self, local: &dyn Clock) -> Option<i64> {
        self.known().heard?;
        Some(self.now_ms(local).saturating_sub(local.now_ms()))
    }

    /// The same, if it is more than a day either way and this is asked for the first time: somebody should be told.
    pub(crate) fn far_off(&self, local: &dyn Clock) -> Option<i64> {
        let ahead = self.ahead_ms(local).filter(|ahead| ahead.abs() > FAR_OFF_MS)?;
        (!std::mem::replace(&mut self.known().told, true)).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use tokio::time::sleep;

    use super::*;

    /// A local clock that somebody can set.
    struct Local(Mutex<i64>);

    impl Clock for Local {
        fn now_ms(&self) -> i64 {
            *self.0.lock().unwrap()
        }
    }

    const DATE_MS: i64 = 1_800_000_000_000;

    fn answer(date: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))])
    }

    fn dated() -> HeaderMap {
        answer("Fri, 15 Jan 2027 08:00:00 GMT")
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_by_itself_whatever_the_local_clock_does() {
        let local = Local(Mutex::new(5_000));
        let clock = ServerClock::default();
        assert_eq!((clock.now_ms(&local), clock.ahead_ms(&local)), (5_000, None));
        let asked = Instant::now();
        sleep(Duration::from_secs(2)).await;
        clock.note(&dated(), asked);
        assert_eq!(clock.now_ms(&local), DATE_MS + 500 + 1_000, "written half-way");
        *local.0.lock().unwrap() = 9_000_000_000_000;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.now_s(&local), DATE_MS / 1000 + 61);
    }

    #[tokio::test(start_paused = true)]
    async fn what_says_nothing_is_passed_over() {
        let local = Local(Mutex::new(0));
        let clock = ServerClock::default();
        let asked = Instant::now();
        for date in ["", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2106 00:00:00 GMT"] {
            clock.note(&answer(date), asked);
        }
        let mut cached = dated();
        cached.insert(AGE, HeaderValue::from_static("30"));
        clock.note(&cached, asked);
        sleep(SLOWEST * 2).await;
        clock.note(&dated(), asked);
        assert_eq!(clock.ahead_ms(&local), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_process_is_believed_until_the_server_speaks() {
        let local = Local(Mutex::new(DATE_MS - 7_000));
        let clock = ServerClock::remembering(Some(-3_000));
        assert_eq!(clock.now_ms(&local), DATE_MS - 10_000);
        clock.note(&dated(), Instant::now());
        assert_eq!(clock.ahead_ms(&local), Some(7_500));
        assert_eq!(clock.far_off(&local), None);
    }

    /// Neither an earlier nor a much later time that the server says goes into a number that others compare.
    #[tokio::test(start_paused = true)]
    async fn numbers_follow_no_clock_that_is_far_from_the_other() {
        const HOUR_MS: i64 = 3_600_000;
        let theirs = seconds(DATE_MS);
        for (ahead, agreed, first) in [
            (-20 * HOUR_MS, Some(seconds(DATE_MS + 20 * HOUR_MS)), Some(theirs)),
            (20 * HOUR_MS, Some(theirs), Some(theirs)),
            (-30 * HOUR_MS, None, Some(theirs)),
            (30 * HOUR_MS, None, None),
        ] {
            let local = Local(Mutex::new(DATE_MS - ahead));
            let clock = ServerClock::default();
            clock.note(&dated(), Instant::now());
            let time = |number_s| ListTime { number_s, added_s: theirs };
            assert_eq!(clock.agreed(&local).ok(), agreed.map(time), "{ahead}");
            assert_eq!(clock.first(&local).ok(), first.map(time), "{ahead}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_far_off_is_told_of_once() {
        for off in [FAR_OFF_MS + 1_000, -FAR_OFF_MS - 1_000] {
            let local = Local(Mutex::new(DATE_MS - off));
            let clock = ServerClock::default();
            clock.note(&dated(), Instant::now());
            assert_eq!(clock.far_off(&local), Some(off + 500));
            assert_eq!(clock.far_off(&local), None);
        }
    }
}
