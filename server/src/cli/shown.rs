//! What several commands do and say alike.

use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;
use privmsg_protocol::UserId;
use privmsg_protocol::rest::AdminUserDetail;
use serde_json::{Value, json};

use super::arguments::{Administrator, take_whom};
use super::{CommandError, print};
use crate::admin::Question;
use crate::clock::format_utc;
use crate::config::{Config, DEFAULT_FILES};
use crate::i18n::Language;
use crate::paths::shown;
use crate::storage::Act;

/// A command that does one thing to one user, and says that it is done.
pub(super) async fn act_on_user(
    config: &Config,
    mut matches: ArgMatches,
    language: Language,
    done: &str,
    changed: Value,
    act: impl FnOnce(UserId) -> Act,
) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let acted = desk.act(act(user_id.clone())).await;
    desk.close().await;
    acted?;
    if by.json {
        let mut json = json!({"user_id": user_id.as_str()});
        if let (Some(all), Value::Object(changed)) = (json.as_object_mut(), changed) {
            all.extend(changed);
        }
        return print(&json.to_string());
    }
    print(&format!("{done} {user_id}"))
}

/// The same, of a user who is to be active or not: whoever is that already hears so.
pub(super) async fn switch_user(
    config: &Config,
    mut matches: ArgMatches,
    language: Language,
    (active, done, already): (bool, &str, &str),
) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let acted = async {
        let before: AdminUserDetail = desk.ask(Question::User { user_id: user_id.clone() }).await?;
        let user_id = user_id.clone();
        // Done all the same: it also ends what may be open.
        let act = if active { Act::ReactivateUser { user_id } } else { Act::DeactivateUser { user_id } };
        desk.act(act).await?;
        Ok::<_, CommandError>(before.user.active == active)
    };
    let acted = acted.await;
    desk.close().await;
    let unchanged = acted?;
    if by.json {
        return print(&json!({"user_id": user_id.as_str(), "active": active, "unchanged": unchanged}).to_string());
    }
    print(&format!("{} {user_id}", if unchanged { already } else { done }))
}

/// Which data a command works on, and how it came to be that: whoever forgets `--config` sees it here.
#[derive(Debug)]
pub(super) struct Whereabouts {
    database: PathBuf,
    file: Option<PathBuf>,
}

impl Whereabouts {
    pub(super) fn of(config: &Config) -> Self {
        Self { database: config.storage.database_path.clone(), file: config.file.clone() }
    }

    /// For people, beside what the command prints.
    pub(super) fn tell(&self, users: Option<u64>, language: Language) {
        let database = shown(&self.database);
        let users = users.map(|users| match language {
            Language::English => format!(" (users: {users})"),
            Language::Russian => format!(" (пользователей: {users})"),
        });
        let users = users.unwrap_or_default();
        let file = self.file.as_deref().map(shown);
        match language {
            Language::English => {
                let file = file.unwrap_or_else(|| "none found, all at its default".to_owned());
                eprintln!("database: {database}{users}; configuration: {file}");
            }
            Language::Russian => {
                let file = file.unwrap_or_else(|| "не найдена, всё по умолчанию".to_owned());
                eprintln!("база: {database}{users}; конфигурация: {file}");
            }
        }
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", shown(&self.database))?;
        match &self.file {
            Some(file) => write!(f, "(configuration {})", shown(file)),
            None => write!(f, "(no configuration found: looked for {})", DEFAULT_FILES.join(", ")),
        }
    }
}

/// A time, for people.
pub(super) fn time(unix_seconds: Option<i64>) -> String {
    unix_seconds.and_then(format_utc).unwrap_or_else(|| "-".to_owned())
}

/// Whether somebody or something is connected.
pub(super) const fn presence(online: bool, language: Language) -> &'static str {
    if online { language.pick("online", "в сети") } else { language.pick("offline", "не в сети") }
}
