//! A server, and somebody to talk to.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use iced::{Program, Theme};
use privmsg_client::{
    Client, Clock, HistoryItem, Profile, Recipient, Role, SignInKey, SystemClock, keyring_is_available,
};
use privmsg_desktop::app::{App, Message};
use privmsg_desktop::lang::Lang;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Account, NewDevice, Person, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::window::{Window, open, open_high};

/// A place whose `alice` is signed in on a window.
pub(crate) fn signed_in(
    lang: Lang,
) -> (Place, Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>>) {
    let place = Place::new();
    let mut window = open(&place.profile(), lang);
    place.signs_in(&mut window, lang);
    (place, window)
}

/// The same, with a window that is high enough for all of the settings.
pub(crate) fn signed_in_high(
    lang: Lang,
) -> (Place, Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>>) {
    let place = Place::new();
    let mut window = open_high(&place.profile(), lang);
    place.signs_in(&mut window, lang);
    (place, window)
}

/// A server with an account for `alice`, who will sit at a window, and `bob`, who is there.
pub(crate) struct Place {
    runtime: Runtime,
    pub(crate) server: Server,
    /// Where `alice` signs in.
    pub(crate) url: String,
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
        let url = server.url();
        Self { runtime, server, url, alice, bob, folder: tempfile::tempdir().unwrap() }
    }

    /// Where the profile of `alice` is.
    pub(crate) fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    /// With whom `bob` talks.
    pub(crate) fn alices(&self) -> Recipient {
        Recipient::User(self.alice.user_id.clone())
    }

    /// What `bob` does, until it is done.
    pub(crate) fn now<T, E: Debug>(&self, work: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(work).unwrap()
    }

    /// Waits until `bob` is in a group, and lets it in.
    pub(crate) fn bob_joins_a_group(&self) -> Recipient {
        self.now(async {
            let client = self.bob.client();
            let group = until("a group", PATIENCE, || async { Ok(client.groups().await?.pop()) }).await?;
            let room = Recipient::Group(group.0);
            let chat = client.chat_with(&room).await?.context("its chat")?;
            client.accept(chat).await?;
            anyhow::Ok(room)
        })
    }

    /// Waits until `bob` has a message in a group.
    pub(crate) fn bob_hears_in(&self, room: &Recipient, text: &str) {
        self.now(until(text, PATIENCE, || async {
            let items = self.bob.client().history(room, 100).await?;
            Ok(items.iter().filter_map(HistoryItem::message).any(|message| message.text == text).then_some(()))
        }));
    }

    /// Who is in a group, as `bob` sees it.
    pub(crate) fn people_by_bob(&self, room: &Recipient) -> Vec<(String, Role)> {
        self.now(async {
            let client = self.bob.client();
            let chat = client.chat_with(room).await?.context("its chat")?;
            let people = client.group(chat).await?.people.into_iter();
            anyhow::Ok(people.map(|person| (person.user_id.to_string(), person.role)).collect())
        })
    }

    /// What `alice` has begun to write to `bob`, by her profile.
    pub(crate) fn draft_for_bob(&self) -> Option<String> {
        self.now(async {
            let client = Client::open(&Profile::at(self.profile()), None).await?;
            anyhow::Ok(client.draft(&Recipient::User("bob".parse()?)).await?)
        })
    }

    /// What `alice` has in her notes, by her profile.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.now(async {
            let client = Client::open(&Profile::at(self.profile()), None).await?;
            let items = client.history(&self.alices(), 10).await?;
            anyhow::Ok(items.iter().filter_map(HistoryItem::message).map(|message| message.text.clone()).collect())
        })
    }

    /// A further device of `alice`'s, which waits to be let in.
    pub(crate) fn begins_a_device(&self) -> NewDevice {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let key = SignInKey::Access(self.alice.access_key.clone());
        self.now(async { NewDevice::begins(&self.server.url(), &self.alice, key, &clock).await })
    }

    /// That device, as soon as it is let in, with the server.
    pub(crate) fn comes_online(&self, mut device: NewDevice) -> Person {
        self.now(async {
            let logged_in = device.pending()?.wait_until_linked().await?;
            let mut person = device.becomes(logged_in).await?;
            person.goes_online().await?;
            anyhow::Ok(person)
        })
    }

    /// Signs `alice` in by an access key.
    pub(crate) fn enters_the_key<P>(&self, window: &mut Window<P>, key: &str)
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        window.shows("sign-in-title");
        // The keyboard comes to a field a moment after the field: whoever types as fast as a test clicks there.
        window.clicks_into("server");
        window.types(&self.url);
        window.clicks_into("user");
        window.types("alice");
        window.clicks_into("key");
        self.enters_the_last(window, key);
    }

    /// Types into the last field, and goes on without a passphrase where one can be given.
    pub(crate) fn enters_the_last<P>(&self, window: &mut Window<P>, text: &str)
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        window.types(text);
        if !keyring_is_available().unwrap_or(false) {
            window.clicks_into("passphrase-again");
        }
        window.presses_enter();
    }

    /// Signs `alice` in on her first device, which shows the words until they were typed back. Returns them.
    pub(crate) fn signs_in<P>(&self, window: &mut Window<P>, lang: Lang) -> Vec<String>
    where
        P: Program<State = App, Message = Message, Theme = Theme>,
    {
        self.enters_the_key(window, self.alice.access_key.expose());
        window.shows("words-title");
        let texts = window.texts();
        let words: Vec<_> = texts.iter().filter_map(|text| word_of(text)).collect();
        assert_eq!(words.len(), 12, "{texts:?}");
        window.clicks("words-written");
        window.shows("words-check");
        // Whoever did not write them down does not come by.
        window.clicks("go-on");
        window.shows("words-wrong");
        let asked: Vec<_> = window.texts().iter().filter_map(|text| number_of(lang, text)).collect();
        for (field, number) in ["word-1", "word-2", "word-3"].into_iter().zip(asked) {
            window.clicks_into(field);
            window.types(&words[number - 1]);
        }
        window.presses_enter();
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
