//! What is told to somebody who does not look at the window.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use privmsg_client::ChatId;

/// So many may wait to be shown. What does not fit in is seen in the window.
const WAITING: usize = 16;

/// A notification of the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// About this chat: the one before of the same gives way.
    pub chat: ChatId,
    /// In one line.
    pub title: String,
    /// In a few.
    pub text: String,
}

/// Tells somebody. Clones tell the same one.
#[derive(Debug, Clone)]
pub struct Notifier(SyncSender<Notification>);

impl Notifier {
    /// With whoever is to be told.
    #[must_use]
    pub fn new() -> (Self, Receiver<Notification>) {
        let (sender, receiver) = sync_channel(WAITING);
        (Self(sender), receiver)
    }

    /// By the desktop's own, if it has any.
    #[must_use]
    pub fn of_desktop() -> Self {
        let (notifier, told) = Self::new();
        // It speaks with the desktop, which may take its time.
        std::thread::spawn(move || show(&told));
        notifier
    }

    pub(crate) fn tell(&self, notification: Notification) {
        if self.0.try_send(notification).is_err() {
            tracing::debug!("a notification was passed over");
        }
    }
}

fn show(told: &Receiver<Notification>) {
    // What the desktop calls the last of each chat.
    let mut shown = HashMap::<ChatId, u32>::new();
    while let Ok(Notification { chat, title, text }) = told.recv() {
        let (title, text) = (title, plain(&text));
        let mut new = notify_rust::Notification::new();
        new.appname("PrivMsg").summary(&title).body(&text);
        if let Some(before) = shown.get(&chat) {
            new.id(*before);
        }
        match new.show() {
            Ok(handle) => drop(shown.insert(chat, handle.id())),
            Err(error) => tracing::debug!(%error, "the desktop shows no notifications"),
        }
    }
}

/// A text as itself. Desktops may take what looks like HTML for it: somebody else's would be fetched from an address of theirs.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_message_is_markup() {
        assert_eq!(plain("<img src=\"http://x\"> & you"), "&lt;img src=\"http://x\"&gt; &amp; you");
    }

    #[test]
    fn who_does_not_listen_keeps_nobody_waiting() {
        let (notifier, told) = Notifier::new();
        for number in 0..100 {
            notifier.tell(Notification { chat: ChatId(1), title: String::new(), text: number.to_string() });
        }
        assert_eq!(told.try_iter().count(), WAITING);
    }
}
