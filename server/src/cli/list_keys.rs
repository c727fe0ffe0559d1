//! `list-keys`: all users. Keys themselves are not known to the server.

use clap::ArgMatches;
use privmsg_protocol::rest::AdminUsers;
use serde::Serialize;

use super::arguments::{Administrator, administration};
use super::shown::{presence, time};
use super::{CommandError, print};
use crate::admin::Question;
use crate::clock::format_utc;
use crate::config::Config;
use crate::i18n::Language;

#[derive(Serialize)]
struct Line<'a> {
    user_id: &'a str,
    display_name: Option<&'a str>,
    active: bool,
    online: bool,
    devices: u64,
    pending_messages: u64,
    stored_bytes: u64,
    created_at: Option<String>,
    last_seen_at: Option<String>,
}

pub(super) fn command(language: Language) -> clap::Command {
    administration(language, "list-keys", ("List users", "Список пользователей"))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let users = desk.ask(Question::Users).await;
    desk.close().await;
    let AdminUsers { users } = users?;
    if by.json {
        let lines = users.iter().map(|user| Line {
            user_id: user.user_id.as_str(),
            display_name: user.display_name.as_deref(),
            active: user.active,
            online: user.online,
            devices: user.devices,
            pending_messages: user.pending_messages,
            stored_bytes: user.stored_bytes,
            created_at: user.created_at.and_then(format_utc),
            last_seen_at: user.last_seen_at.and_then(format_utc),
        });
        let lines: Vec<Line<'_>> = lines.collect();
        return print(&serde_json::to_string(&lines).expect("a list of users is plain data"));
    }
    if users.is_empty() {
        return print(language.pick("There are no users yet.", "Пользователей пока нет."));
    }
    print(language.pick(
        "USER\tSTATE\tONLINE\tDEVICES\tCREATED (UTC)\tLAST SEEN (UTC)",
        "ПОЛЬЗОВАТЕЛЬ\tСОСТОЯНИЕ\tВ СЕТИ\tУСТРОЙСТВА\tСОЗДАН (UTC)\tБЫЛ В СЕТИ (UTC)",
    ))?;
    for user in &users {
        let state = if user.active {
            language.pick("active", "включён")
        } else {
            language.pick("deactivated", "отключён")
        };
        print(&format!(
            "{}\t{state}\t{}\t{}: {}\t{}\t{}",
            user.user_id,
            presence(user.online, language),
            language.pick("devices", "устройств"),
            user.devices,
            time(user.created_at),
            time(user.last_seen_at),
        ))?;
    }
    Ok(())
}
