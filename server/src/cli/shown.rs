//! What several commands do and say alike.

use clap::ArgMatches;
use privmsg_protocol::UserId;
use serde_json::{Value, json};

use super::arguments::{Administrator, take_whom};
use super::{CommandError, print};
use crate::clock::format_utc;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

/// A command that does one thing to one user, and says that it is done.
pub(super) async fn act_on_user(
    config: &Config,
    mut matches: ArgMatches,
    done: &str,
    changed: Value,
    act: impl FnOnce(UserId) -> Act,
) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let by = Administrator::take(&mut matches);
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

/// A time, for people.
pub(super) fn time(unix_seconds: Option<i64>) -> String {
    unix_seconds.and_then(format_utc).unwrap_or_else(|| "-".to_owned())
}

/// Whether somebody or something is connected.
pub(super) const fn presence(online: bool, language: Language) -> &'static str {
    if online { language.pick("online", "в сети") } else { language.pick("offline", "не в сети") }
}
