//! `reset-key`: a new access key for a user who has lost theirs, or whose key somebody else has seen.

use clap::{Arg, ArgAction, ArgMatches};

use super::arguments::{Administrator, administration, take_whom, whom};
use super::{CommandError, print};
use crate::admin;
use crate::config::Config;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Make a new access key for a user, and show it, this once; the earlier one stops working",
        "Создать пользователю новый ключ доступа и показать его (только один раз); прежний перестаёт действовать",
    );
    let sign_out = Arg::new("sign-out-devices")
        .long("sign-out-devices")
        .action(ArgAction::SetTrue)
        .help(language.say("Sign all of the user's devices out as well", "Отключить и все устройства пользователя"));
    administration(language, "reset-key", about).arg(whom(language)).arg(sign_out)
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let sign_out_devices = matches.get_flag("sign-out-devices");
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let (created, act) = admin::new_key(user_id, sign_out_devices);
    let acted = desk.act(act).await;
    desk.close().await;
    acted?;
    if by.json {
        return print(&serde_json::to_string(&created).expect("a key is plain data"));
    }
    let advice = language.pick("Keep it: it is shown only now.", "Сохраните его: он показывается только сейчас.");
    print(&format!("user_id:    {}\naccess_key: {}\n\n{advice}", created.user_id, created.access_key.expose()))
}
