//! A server, and somebody to talk to.

use std::fmt::Debug;

use iced::{Program, Theme};
use privmsg_client::keyring_is_available;
use privmsg_desktop::app::{App, Message};
use privmsg_desktop::lang::Lang;
use privmsg_testkit::{Account, Person, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::window::Window;

/// A server with an account for `alice`, who will sit at a window, and `bob`, who is there.
pub(crate) struct Place {
    runtime: Runtime,
    pub(crate) server: Server,
    pub(crate) alice: Account,
    pub(crate) bob: Person,
    /// For profiles.
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (server, alice, bob) = runtime.block_on(async {
            let server = Server::start().await.unwrap();
            let alice = server.admin().creates("alice").await.unwrap();
            let bob = server.person("bob").await.unwrap();
            (server, alice, bob)
        });
        Self { runtime, server, alice, bob, folder: tempfile::tempdir().unwrap() }
    }

    /// What `bob` does, until it is done.
    pub(crate) fn now<T, E: Debug>(&self, work: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(work).unwrap()
    }

    /// Signs `alice` in by her access key.
    pub(crate) fn enters_the_key<P>(&self, window: &mut Window<P>)
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        window.shows("sign-in-title");
        window.enters(&self.server.url());
        window.enters("alice");
        self.enters_the_last(window, self.alice.access_key.expose());
    }

    /// Types into the last field, and goes on without a passphrase where one can be given.
    pub(crate) fn enters_the_last<P>(&self, window: &mut Window<P>, text: &str)
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        window.enters(text);
        if !keyring_is_available().unwrap_or(false) {
            window.presses_enter();
            window.presses_enter();
        }
    }

    /// Signs `alice` in on her first device, which shows the words until they were typed back. Returns them.
    pub(crate) fn signs_in<P>(&self, window: &mut Window<P>, lang: Lang) -> Vec<String>
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        self.enters_the_key(window);
        window.shows("words-title");
        let texts = window.texts();
        let words: Vec<_> = texts.iter().filter_map(|text| word_of(text)).collect();
        assert_eq!(words.len(), 12, "{texts:?}");
        window.clicks("words-written");
        window.shows("words-check");
        // Whoever did not write them down does not come by.
        window.clicks("go-on");
        window.shows("words-wrong");
        window.clicks_into("word-1");
        for number in window.texts().iter().filter_map(|text| number_of(lang, text)) {
            window.enters(&words[number - 1]);
        }
        window.shows("connected");
        words
    }
}

/// A word of the recovery key, where it is shown with its number.
fn word_of(text: &str) -> Option<String> {
    let (number, word) = text.trim().split_once(". ")?;
    number.parse::<usize>().ok().map(|_| word.to_owned())
}

/// The number in the name of a field for a word.
fn number_of(lang: Lang, text: &str) -> Option<usize> {
    (1..=12_usize).find(|number| lang.with("word-number", &[("number", (*number).into())]) == text)
}
