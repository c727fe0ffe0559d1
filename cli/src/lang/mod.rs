//! Everything that the program says, in English and in Russian side by side, so that neither can be forgotten.

mod blocks;
mod contact;
mod device_lists;
mod diagnostics;
mod groups;
mod held;
mod held_groups;
mod help;
mod network;
mod output;
mod own_devices;
mod refusal;
mod requests;
mod search;
mod sign_outs;
mod system;

pub(crate) use refusal::LOCAL_FILE;

/// A language that the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Russian.
    Ru,
}

impl Lang {
    /// The one with this name, as `--lang` takes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "en" => Some(Self::En),
            "ru" => Some(Self::Ru),
            _ => None,
        }
    }

    /// As the locale says: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set decides (POSIX).
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .unwrap_or_default();
        let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("ru") { Self::Ru } else { Self::En }
    }

    /// The text in this language.
    #[must_use]
    pub const fn pick<T: Copy>(self, en: T, ru: T) -> T {
        match self {
            Self::En => en,
            Self::Ru => ru,
        }
    }
}

/// Texts as methods of [`Lang`]: each has its English and its Russian form, with the same arguments.
macro_rules! texts {
    ($($name:ident($($argument:ident: $type:ty),*) => $en:literal, $ru:literal;)*) => {
        impl $crate::lang::Lang {
            $(
                pub(crate) fn $name(self, $($argument: $type),*) -> String {
                    match self {
                        Self::En => format!($en),
                        Self::Ru => format!($ru),
                    }
                }
            )*
        }
    };
}
use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let lang = |set: &[(&str, &str)]| {
            Lang::of_environment(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(lang(&[]), Lang::En);
        assert_eq!(lang(&[("LANG", "ru_RU.UTF-8")]), Lang::Ru);
        assert_eq!(lang(&[("LC_ALL", "C"), ("LANG", "ru_RU.UTF-8")]), Lang::En);
        assert_eq!(lang(&[("LC_ALL", ""), ("LC_MESSAGES", "ru"), ("LANG", "en_US")]), Lang::Ru);
        assert_eq!(lang(&[("LANG", "run")]), Lang::En);
    }
}
