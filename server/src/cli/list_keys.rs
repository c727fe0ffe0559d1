//! `list-keys`: all users. Keys themselves are not known to the server.

use clap::ArgMatches;
use serde::Serialize;

use super::arguments::{Administrator, administration};
use super::{CommandError, database, print};
use crate::clock::format_utc;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Storage as _;

#[derive(Serialize)]
struct Line<'a> {
    user_id: &'a str,
    active: bool,
    devices: u64,
    created_at: Option<String>,
    last_seen_at: Option<String>,
}

pub(super) fn command(language: Language) -> clap::Command {
    administration(language, "list-keys", ("List users", "Список пользователей"))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let by = Administrator::take(&mut matches);
    let storage = database::open(config, by.admin_key.as_ref()).await?;
    let users = storage.users().await;
    storage.close().await;
    let users = users?;
    let lines: Vec<Line<'_>> = users
        .iter()
        .map(|user| Line {
            user_id: user.user_id.as_str(),
            active: !user.revoked,
            devices: user.devices,
            created_at: format_utc(user.created_at),
            last_seen_at: format_utc(user.last_seen_at),
        })
        .collect();
    if by.json {
        let json = serde_json::to_string(&lines).expect("a list of users is plain data");
        return print(&json);
    }
    if lines.is_empty() {
        return print(language.pick("There are no users yet.", "Пользователей пока нет."));
    }
    for line in &lines {
        let state = if line.active {
            language.pick("active", "активен")
        } else {
            language.pick("revoked", "отозван")
        };
        print(&format!(
            "{}\t{state}\t{}: {}\t{}\t{}",
            line.user_id,
            language.pick("devices", "устройств"),
            line.devices,
            line.created_at.as_deref().unwrap_or("-"),
            line.last_seen_at.as_deref().unwrap_or("-"),
        ))?;
    }
    Ok(())
}
