//! `sign-out`: signs one device of a user out, at once.

use clap::{Arg, ArgMatches, value_parser};
use privmsg_protocol::DeviceId;
use serde_json::json;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::act_on_user;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

pub(super) fn command(language: Language) -> clap::Command {
    let device = Arg::new("device-id")
        .long("device-id")
        .value_name("DEVICE_ID")
        .required(true)
        .value_parser(value_parser!(DeviceId))
        .help(language.say("The device, as list-devices shows it", "Устройство, как его показывает list-devices"));
    administration(language, "sign-out", ("Sign a device out", "Отключить устройство")).arg(whom(language)).arg(device)
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let device_id: DeviceId = matches.remove_one("device-id").expect("clap requires it");
    let done = language.pick("Signed out a device of:", "Отключено устройство пользователя:");
    let changed = json!({"device_id": device_id.as_str(), "signed_in": false});
    act_on_user(config, matches, language, done, changed, |user_id| Act::SignOutDevice { user_id, device_id }).await
}
