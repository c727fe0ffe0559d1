//! `health`: whether the server of this configuration answers. For the health check of a container, which has no other
//! program to ask with.

use super::CommandError;
use crate::config::Config;
use crate::doctor::http;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    clap::Command::new("health").about(language.say(
        "Ask the running server whether it is well; says nothing if it is",
        "Спросить работающий сервер, в порядке ли он; если да, ничего не выводит",
    ))
}

pub(super) async fn run(config: &Config) -> Result<(), CommandError> {
    http::own_health(config).await.map_err(CommandError::Silent)
}
