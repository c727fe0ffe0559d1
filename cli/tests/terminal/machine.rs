//! A machine with several profiles.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;

use privmsg_testkit::Account;
use serde_json::Value;

use crate::run::{Run, command, privmsg};

/// A folder with profiles in it.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) dir: PathBuf,
    pub(crate) url: String,
}

impl Machine {
    pub(crate) fn does(&self, profile: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        privmsg(&self.dir, &Self::arguments(profile, arguments), environment)
    }

    pub(crate) fn starts(&self, profile: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
        command(&self.dir, &Self::arguments(profile, arguments), environment).spawn().unwrap()
    }

    pub(crate) fn arguments<'a>(profile: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        ["--profile", profile, "--json"].into_iter().chain(arguments.iter().copied()).collect()
    }

    pub(crate) fn signs_in(&self, profile: &str, account: &Account, environment: &[(&str, &str)]) -> Run {
        let key = [("PRIVMSG_ACCESS_KEY", account.access_key.expose())];
        let environment: Vec<_> = key.into_iter().chain(environment.iter().copied()).collect();
        self.does(profile, &["login", "--server", &self.url, "--user-id", account.user_id.as_str()], &environment)
    }

    /// One profile of a user's lets another one in, by its code.
    pub(crate) fn lets_in(&self, by: &str, profile: &str, user: &str) {
        let login = ["login", "--link", "--server", &self.url, "--user-id", user];
        let mut child = self.starts(profile, &login, &[]);
        let mut shown = String::new();
        // Whoever has nobody to tell that they are in goes no further.
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut shown).unwrap();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let link_code = [("PRIVMSG_LINK_CODE", shown["link_code"].as_str().unwrap())];
        let linked = self.does(by, &["devices", "link"], &link_code).ok().objects().remove(0);
        assert_eq!(linked["key_told"], true);
        assert!(child.wait().unwrap().success());
    }

    pub(crate) fn profile(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn whoami(&self, profile: &str) -> Value {
        self.does(profile, &["whoami"], &[]).ok().objects().remove(0)
    }
}

/// What `--json` says why it failed.
pub(crate) fn code(run: &Run) -> String {
    run.error()["code"].as_str().unwrap().to_owned()
}

/// What a backup, another machine, or a thief has of a profile.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
