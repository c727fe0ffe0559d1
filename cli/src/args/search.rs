//! `search`, and what it takes.

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use privmsg_client::{Search as Wanted, Sought};
use privmsg_protocol::UserId;

use super::complaint::repeatable;
use super::definition::{command, flag, option, with_arguments};
use super::reading::{LIMIT, chat, text, user};
use crate::chat_name::ChatName;
use crate::commands::time::{self, Edge};
use crate::failure::Failure;
use crate::lang::Lang;

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) words: String,
    pub(crate) chat: Option<ChatName>,
    pub(crate) from: Option<UserId>,
    /// Milliseconds since 1970.
    pub(crate) since: Option<i64>,
    /// Milliseconds since 1970; that moment no more.
    pub(crate) until: Option<i64>,
    pub(crate) files: bool,
    pub(crate) limit: u32,
}

impl Search {
    pub(super) fn of(lang: Lang, matches: &ArgMatches) -> Result<Self, Failure> {
        let words: Vec<_> = matches.get_many::<String>("words").into_iter().flatten().map(String::as_str).collect();
        let moment = |name: &str, edge: Edge| {
            let Some(value) = text(matches, name) else { return Ok(None) };
            let bad = || Failure::Usage(lang.bad_date(&repeatable(lang, value.clone())));
            time::moment(&value, edge).map(Some).ok_or_else(bad)
        };
        Ok(Self {
            words: words.join(" "),
            chat: text(matches, "chat").map(|_| chat(lang, matches)).transpose()?,
            from: text(matches, "from").map(|_| user(lang, matches, "from")).transpose()?,
            since: moment("since", Edge::Begins)?,
            until: moment("until", Edge::Ends)?,
            files: matches.get_flag("files"),
            limit: matches.get_one("limit").copied().unwrap_or(LIMIT),
        })
    }

    /// The same for the client, but for the chat.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            text: self.words.clone(),
            chat: None,
            sender: self.from.clone(),
            from_ms: self.since,
            until_ms: self.until,
            kind: if self.files { Sought::Files } else { Sought::Anything },
        }
    }
}

pub(super) fn definition(lang: Lang) -> Clap {
    let words = Arg::new("words").value_name(lang.pick("WORD", "СЛОВО")).help(lang.help_search_words());
    let (date, user) = (lang.pick("DATE", "ДАТА"), lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ"));
    with_arguments(lang, command(lang, "search", lang.about_search(), lang.usage_search()))
        .after_help(lang.after_search())
        .arg(words.num_args(1..).action(ArgAction::Append).required_unless_present("files"))
        .arg(option("chat", lang.pick("CHAT", "ЧАТ"), lang.help_search_chat()))
        .arg(option("from", user, lang.help_search_from()))
        .arg(option("since", date, lang.help_since()))
        .arg(option("until", date, lang.help_until()))
        .arg(flag("files", lang.help_search_files()))
        .arg(option("limit", "N", lang.help_limit()).value_parser(value_parser!(u32).range(1..)))
}
