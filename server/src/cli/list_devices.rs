//! `list-devices`: the signed-in devices of a user.

use clap::ArgMatches;
use privmsg_protocol::is_ignorable;
use privmsg_protocol::rest::AdminUserDetail;

use super::arguments::{Administrator, administration, take_whom, whom};
use super::shown::{presence, time};
use super::{CommandError, print};
use crate::admin::Question;
use crate::config::Config;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    administration(language, "list-devices", ("List a user's devices", "Список устройств пользователя"))
        .arg(whom(language))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let user = desk.ask(Question::User { user_id }).await;
    desk.close().await;
    let user: AdminUserDetail = user?;
    if by.json {
        return print(&serde_json::to_string(&user.device_list).expect("a list of devices is plain data"));
    }
    if user.device_list.is_empty() {
        return print(
            language.pick("The user is not signed in on any device.", "Вход не выполнен ни на одном устройстве."),
        );
    }
    print(language.pick(
        "DEVICE\tNAME\tTYPE\tONLINE\tWAITING\tFIRST LOGIN (UTC)\tLAST SEEN (UTC)",
        "УСТРОЙСТВО\tНАЗВАНИЕ\tВИД\tВ СЕТИ\tОЖИДАЮТ\tПЕРВЫЙ ВХОД (UTC)\tБЫЛО В СЕТИ (UTC)",
    ))?;
    for device in &user.device_list {
        print(&format!(
            "{}\t{}\t{}\t{}\t{}: {}\t{}\t{}",
            device.device_id,
            device.device_name.as_deref().map_or_else(|| "-".to_owned(), printable),
            device.device_type.as_deref().map_or_else(|| "-".to_owned(), printable),
            presence(device.online, language),
            language.pick("waiting", "ожидают"),
            device.pending_messages,
            time(device.created_at),
            time(device.last_seen_at),
        ))?;
    }
    Ok(())
}

/// What a client has said, which may hold anything: nothing of it must move the cursor, change colours, or turn the order of what
/// stands beside it around.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() || is_ignorable(char) { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_change_nothing_around_them() {
        assert_eq!(
            printable("Ann's phone \u{1b}[2J\u{202e}\u{200b}\n"),
            "Ann's phone \u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}"
        );
    }
}
