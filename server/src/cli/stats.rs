//! `stats`: figures of the server.

use clap::ArgMatches;
use privmsg_protocol::rest::Stats;

use super::arguments::{Administrator, administration};
use super::{CommandError, print};
use crate::admin::Question;
use crate::config::Config;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    administration(language, "stats", ("Show figures of the server", "Показатели сервера"))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let stats = desk.ask(Question::Stats).await;
    desk.close().await;
    let stats: Stats = stats?;
    if by.json {
        return print(&serde_json::to_string(&stats).expect("figures are plain data"));
    }
    let say = |english, russian, value: String| print(&format!("{}: {value}", language.pick(english, russian)));
    say("users", "пользователей", stats.total_users.to_string())?;
    say("active", "активных", stats.active_users.to_string())?;
    say("online", "в сети", stats.online_users.to_string())?;
    say("messages waiting", "сообщений ожидает", stats.pending_messages.to_string())?;
    say("files", "файлов", stats.stored_files.to_string())?;
    say("storage, MB", "хранилище, МБ", format!("{:.2}", stats.storage_used_mb))
}
