//! Every sentence of the window, in English and Russian: Fluent files in `i18n/`, which are part of the program.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// A language that the window speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Lang {
    /// For all whose language is neither.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Russian.
    #[serde(rename = "ru")]
    Russian,
}

/// What a sentence is filled with: a text, or a number, which decides about the form of the words around it.
pub type Filling<'a> = (&'static str, FluentValue<'a>);

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle("en", &Lang::English.files()));
static RUSSIAN: LazyLock<Bundle> = LazyLock::new(|| bundle("ru", &Lang::Russian.files()));

/// Another language than those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchLang;

impl fmt::Display for NoSuchLang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("en or ru")
    }
}

impl std::error::Error for NoSuchLang {}

impl FromStr for Lang {
    type Err = NoSuchLang;

    fn from_str(text: &str) -> Result<Self, NoSuchLang> {
        match text {
            "en" => Ok(Self::English),
            "ru" => Ok(Self::Russian),
            _ => Err(NoSuchLang),
        }
    }
}

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// Its name, in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
        }
    }

    /// As the system says.
    #[must_use]
    pub fn of_system() -> Self {
        Self::of_locale(&sys_locale::get_locale().unwrap_or_default())
    }

    fn of_locale(locale: &str) -> Self {
        if locale.starts_with("ru") { Self::Russian } else { Self::English }
    }

    const fn files(self) -> [&'static str; 6] {
        match self {
            Self::English => [
                include_str!("../i18n/en/sign-in.ftl"),
                include_str!("../i18n/en/chats.ftl"),
                include_str!("../i18n/en/panes.ftl"),
                include_str!("../i18n/en/notices.ftl"),
                include_str!("../i18n/en/waits.ftl"),
                include_str!("../i18n/en/failures.ftl"),
            ],
            Self::Russian => [
                include_str!("../i18n/ru/sign-in.ftl"),
                include_str!("../i18n/ru/chats.ftl"),
                include_str!("../i18n/ru/panes.ftl"),
                include_str!("../i18n/ru/notices.ftl"),
                include_str!("../i18n/ru/waits.ftl"),
                include_str!("../i18n/ru/failures.ftl"),
            ],
        }
    }

    fn bundle(self) -> &'static Bundle {
        match self {
            Self::English => &ENGLISH,
            Self::Russian => &RUSSIAN,
        }
    }

    /// The text with this id.
    #[must_use]
    pub fn text(self, id: &str) -> String {
        self.with(id, &[])
    }

    /// The text with this id, filled. What others wrote has to be harmless already ([`privmsg_client::foreign`]).
    #[must_use]
    pub fn with(self, id: &str, filling: &[Filling<'_>]) -> String {
        let bundle = self.bundle();
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(id, "there is no such text");
            return id.to_owned();
        };
        let arguments: FluentArgs<'_> = filling.iter().cloned().collect();
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

fn bundle(id: &str, files: &[&str]) -> Bundle {
    let id: LanguageIdentifier = id.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // The marks would be signs of their own in the bundled font; what is filled in has no direction of its own to isolate.
    bundle.set_use_isolating(false);
    for file in files {
        let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(sound, faults)| {
            tracing::error!(?faults, "some texts cannot be read");
            sound
        });
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use fluent_bundle::FluentResource;

    use super::*;

    /// Ids of a language's texts. A file that cannot be read whole, and an id that comes twice, are faults.
    fn ids(lang: Lang) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for file in lang.files() {
            FluentResource::try_new(file.to_owned()).unwrap_or_else(|(_, faults)| panic!("{lang:?}: {faults:?}"));
            let starts = file.lines().filter_map(|line| line.split_once(" =")).map(|(id, _)| id);
            for id in starts.filter(|id| id.starts_with(|first: char| first.is_ascii_lowercase())) {
                assert!(ids.insert(id.to_owned()), "{lang:?}: {id} comes twice");
            }
        }
        ids
    }

    fn sources(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// All literals of the program, the ids among them.
    fn used() -> BTreeSet<String> {
        let mut code = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn both_languages_have_the_same_texts_and_all_are_used() {
        let (english, russian) = (ids(Lang::English), ids(Lang::Russian));
        assert!(english.len() > 50, "{english:?}");
        let missing: Vec<_> = english.symmetric_difference(&russian).collect();
        assert!(missing.is_empty(), "in one language only: {missing:?}");
        let used = used();
        let unused: Vec<_> = english.difference(&used).collect();
        assert!(unused.is_empty(), "used nowhere: {unused:?}");
    }

    #[test]
    fn every_text_that_is_asked_for_is_there() {
        let mut code = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        let ids = ids(Lang::English);
        let mut asked = 0;
        for start in ["lang.text(\"", "lang.with(\"", "say(\""] {
            for part in code.split(start).skip(1) {
                let id = part.split('"').next().unwrap();
                assert!(ids.contains(id) || id.len() < 3, "there is no text {id}");
                asked += 1;
            }
        }
        assert!(asked > 30, "{asked}");
    }

    #[test]
    fn numbers_have_their_forms() {
        let russian = |count: i64| Lang::Russian.with("new-messages", &[("count", count.into())]);
        for (count, form) in [
            (1, "1 новое сообщение"),
            (2, "2 новых сообщения"),
            (5, "5 новых сообщений"),
            (11, "11 новых сообщений"),
            (21, "21 новое сообщение"),
        ] {
            assert!(russian(count).contains(form), "{}", russian(count));
        }
        let english = |count: i64| Lang::English.with("new-messages", &[("count", count.into())]);
        assert_eq!((english(1).as_str(), english(2).as_str()), ("1 new message", "2 new messages"));
    }

    #[test]
    fn the_locale_decides() {
        assert_eq!(Lang::of_locale("ru-RU"), Lang::Russian);
        assert_eq!(Lang::of_locale("de-DE"), Lang::English);
        assert_eq!(Lang::of_locale(""), Lang::English);
    }
}
