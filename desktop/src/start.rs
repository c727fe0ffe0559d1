//! How long it takes from the start of the program until something is to be seen, and until something can be done: for whoever measures it,
//! with `PRIVMSG_TRACE_START=1`.

use std::time::Instant;

/// What is still to be said of a start.
#[derive(Debug)]
pub(crate) struct Start {
    since: Instant,
    is_seen: bool,
}

impl Start {
    pub(crate) const fn new(since: Instant) -> Self {
        Self { since, is_seen: false }
    }

    /// Something has been drawn; whether the list of chats was part of it. Says whether it was the last thing that is of interest.
    pub(crate) fn is_drawn(&mut self, with_chats: bool) -> bool {
        let ms = self.since.elapsed().as_secs_f64() * 1000.0;
        if !std::mem::replace(&mut self.is_seen, true) {
            eprintln!("first_frame_ms={ms:.1}");
        }
        if with_chats {
            eprintln!("ready_ms={ms:.1}");
        }
        with_chats
    }
}
