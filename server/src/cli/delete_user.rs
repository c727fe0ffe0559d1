//! `delete-user`: a user and everything that is stored for them.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use clap::{Arg, ArgAction, ArgMatches};
use privmsg_protocol::UserId;
use serde_json::json;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::act_on_user;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Delete a user with all that is stored for them: messages, files, keys, backup",
        "Удалить пользователя и всё, что для него хранится: сообщения, файлы, ключи, резервную копию",
    );
    let yes = Arg::new("yes")
        .long("yes")
        .action(ArgAction::SetTrue)
        .help(language.say("Do not ask", "Не спрашивать подтверждения"));
    administration(language, "delete-user", about).arg(whom(language)).arg(yes)
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let whom: &UserId = matches.get_one("user-id").expect("clap requires it");
    if !matches.get_flag("yes") && !confirmed(whom, language) {
        return Err(CommandError::NotConfirmed);
    }
    let done = language.pick("Deleted:", "Удалён:");
    act_on_user(config, matches, language, done, json!({"deleted": true}), |user_id| Act::DeleteUser { user_id }).await
}

/// Asks for the name once more, where there is somebody to ask. What was deleted does not come back.
fn confirmed(user_id: &UserId, language: Language) -> bool {
    if !stdin().is_terminal() {
        return false;
    }
    let question = language.pick(
        "This cannot be undone. To delete the user, enter the user_id once more:",
        "Это необратимо. Чтобы удалить пользователя, введите его user_id ещё раз:",
    );
    let mut answer = String::new();
    let asked = write!(stderr(), "{question} ").and_then(|()| stdin().read_line(&mut answer));
    asked.is_ok() && answer.trim() == user_id.as_str()
}
