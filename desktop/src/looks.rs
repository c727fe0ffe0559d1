//! How the window looks and in which language it speaks, as the user has chosen; kept in a file beside the profile.

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use iced::theme::Mode;
use privmsg_client::Profile;
use serde::{Deserialize, Serialize};

use crate::lang::Lang;

/// In the folder of the profile. There is nothing in it that others must not read.
const FILE: &str = "desktop.json";

/// More than such a file has, bytes.
const LONGEST: u64 = 4096;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Shade {
    /// As the system is.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Shade {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The mode of the theme, where the system has this one.
    pub(crate) const fn mode(self, system: Mode) -> Mode {
        match self {
            Self::System => system,
            Self::Light => Mode::Light,
            Self::Dark => Mode::Dark,
        }
    }
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Looks {
    /// The language; without it, the system's.
    pub lang: Option<Lang>,
    /// Light or dark.
    pub shade: Shade,
    /// Somebody who does not look is told that something has come.
    pub notifies: bool,
    /// And not what.
    pub hides_content: bool,
    /// After so many minutes in which nobody was there the window asks for the passphrase, if there is one.
    pub lock_after: Option<u16>,
}

impl Default for Looks {
    fn default() -> Self {
        Self { lang: None, shade: Shade::System, notifies: true, hides_content: false, lock_after: None }
    }
}

impl Looks {
    /// As they were kept. What cannot be read is as if nothing had been chosen.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        match read(&path(profile)) {
            Ok(looks) => looks,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                tracing::warn!(%error, "how the window is to look cannot be read");
                Self::default()
            }
        }
    }

    /// The language.
    #[must_use]
    pub fn lang(self) -> Lang {
        self.lang.unwrap_or_else(Lang::of_system)
    }

    /// Keeps them, whole or not at all.
    ///
    /// # Errors
    /// Of the disk.
    pub fn keep(self, profile: &Profile) -> io::Result<()> {
        let path = path(profile);
        let new = path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(&self)?)?;
        std::fs::rename(new, path)
    }
}

fn path(profile: &Profile) -> PathBuf {
    profile.dir().join(FILE)
}

fn read(path: &Path) -> io::Result<Looks> {
    if std::fs::metadata(path)?.len() > LONGEST {
        return Err(io::Error::other("it is too long"));
    }
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_kept_and_nothing_else_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::at(folder.path());
        assert_eq!(Looks::of(&profile), Looks::default());
        let (lang, shade) = (Some(Lang::Russian), Shade::Dark);
        let looks = Looks { lang, shade, notifies: false, hides_content: true, lock_after: Some(5) };
        looks.keep(&profile).unwrap();
        assert_eq!(Looks::of(&profile), looks);
        for spoilt in [r#"{"lang":"xx"}"#, "", r#"{"shade":7}"#, &" ".repeat(5000)] {
            std::fs::write(path(&profile), spoilt).unwrap();
            assert_eq!(Looks::of(&profile), Looks::default(), "{spoilt:?}");
        }
        assert!(Looks::default().keep(&Profile::at(folder.path().join("none"))).is_err());
    }
}
