//! What the command line says to people, in the two languages of the product.

/// Language of sentences for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Russian,
}

impl Language {
    /// From `LC_ALL`, else `LC_MESSAGES`, else `LANG`, as everywhere on Unix.
    pub(crate) fn of_environment() -> Self {
        let chosen = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        Self::of_locale(chosen.as_deref().unwrap_or(""))
    }

    fn of_locale(locale: &str) -> Self {
        if locale.starts_with("ru") { Self::Russian } else { Self::English }
    }

    /// The text in this language.
    pub(crate) const fn pick<'a>(self, english: &'a str, russian: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }

    /// [`Language::pick`] for those who keep the text.
    pub(crate) fn say(self, english: &str, russian: &str) -> String {
        self.pick(english, russian).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides() {
        assert_eq!(Language::of_locale("ru_RU.UTF-8"), Language::Russian);
        assert_eq!(Language::of_locale("C.UTF-8"), Language::English);
        assert_eq!(Language::of_locale(""), Language::English);
    }
}
