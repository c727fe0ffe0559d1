//! People with profiles of their own, and the real server.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use privmsg_testkit::{Account, Server, Setting};
use serde_json::Value;

use crate::run::{Run, command, privmsg};

/// Somebody with a profile of their own.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) dir: PathBuf,
    pub(crate) name: &'static str,
    pub(crate) profile: &'static str,
}

impl Person {
    pub(crate) fn new(dir: &Path, name: &'static str, profile: &'static str) -> Self {
        Self { dir: dir.to_owned(), name, profile }
    }

    pub(crate) fn does(&self, arguments: &[&str]) -> Run {
        privmsg(&self.dir, &self.with_profile(arguments), &[])
    }

    pub(crate) fn starts(&self, arguments: &[&str]) -> Child {
        command(&self.dir, &self.with_profile(arguments), &[]).spawn().unwrap()
    }

    pub(crate) fn starts_with_input(&self, arguments: &[&str]) -> Child {
        command(&self.dir, &self.with_profile(arguments), &[]).stdin(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn with_profile<'b>(&'b self, arguments: &[&'b str]) -> Vec<&'b str> {
        ["--profile", self.profile].into_iter().chain(arguments.iter().copied()).collect()
    }

    pub(crate) fn signs_in(&self, url: &str, account: &Account, environment: &[(&str, &str)]) -> Value {
        let arguments = self.with_profile(&["login", "--json", "--server", url, "--user-id", self.name]);
        let key = [("PRIVMSG_ACCESS_KEY", account.access_key.expose())];
        let environment: Vec<_> = key.into_iter().chain(environment.iter().copied()).collect();
        privmsg(&self.dir, &arguments, &environment).ok().objects().remove(0)
    }

    /// Messages that wait, as objects.
    pub(crate) fn hears(&self, count: usize) -> Vec<Value> {
        let count = count.to_string();
        self.does(&["listen", "--json", "--count", &count, "--timeout", "20"]).ok().objects()
    }
}

pub(crate) fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

pub(crate) fn signal(child: &Child, name: &str) {
    assert!(std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Runs blocking work while the server goes on in this process.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// People in a folder, who have signed in, and their accounts.
pub(crate) async fn all_signed_in<const N: usize>(
    server: &Server,
    dir: &Path,
    names: [&'static str; N],
) -> ([Person; N], Vec<Account>) {
    let people = names.map(|name| Person::new(dir, name, name));
    let mut accounts = Vec::new();
    for name in names {
        accounts.push(server.admin().creates(name).await.unwrap());
    }
    let (url, all, theirs) = (server.url(), people.clone(), accounts.clone());
    aside(move || {
        for (person, account) in all.iter().zip(&theirs) {
            person.signs_in(&url, account, &[]);
        }
    })
    .await;
    (people, accounts)
}

/// Two people who have signed in.
pub(crate) struct Two {
    pub(crate) server: Server,
    _folder: tempfile::TempDir,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
}

impl Two {
    pub(crate) async fn signed_in() -> Self {
        Self::signed_in_with(&[]).await
    }

    async fn signed_in_with(settings: &[Setting]) -> Self {
        let server = Server::start_with(settings).await.unwrap();
        let (admin, url) = (server.admin(), server.url());
        let (alices, bobs) = (admin.creates("alice").await.unwrap(), admin.creates("bob").await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (alice, bob) = (Person::new(folder.path(), "alice", "a"), Person::new(folder.path(), "bob", "b"));
        let people = (alice.clone(), bob.clone());
        aside(move || {
            people.0.signs_in(&url, &alices, &[]);
            people.1.signs_in(&url, &bobs, &[]);
        })
        .await;
        Self { server, _folder: folder, alice, bob }
    }

    /// A story that nobody but the two has a part in.
    pub(crate) async fn play(story: impl FnOnce(&Person, &Person) + Send + 'static) {
        Self::play_with(&[], story).await;
    }

    /// The same with settings of the server.
    pub(crate) async fn play_with(settings: &[Setting], story: impl FnOnce(&Person, &Person) + Send + 'static) {
        let two = Self::signed_in_with(settings).await;
        let (alice, bob) = (two.alice.clone(), two.bob.clone());
        aside(move || story(&alice, &bob)).await;
    }
}
