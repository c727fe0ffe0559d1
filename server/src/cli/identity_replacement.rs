//! `identity-replacement`: ends the replacement of a user's identity that has begun, or lets it take effect at once.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches};
use serde_json::json;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::act_on_user;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

pub(super) fn command(language: Language) -> clap::Command {
    let about = ("Decide about the replacement of a user's identity", "Решить судьбу замены личности пользователя");
    let end = Arg::new("end").long("end").action(ArgAction::SetTrue).help(
        language.say("End it: the user keeps the present identity", "Прекратить: у пользователя останется прежняя"),
    );
    let now = Arg::new("now").long("now").action(ArgAction::SetTrue).help(language.say(
        "Let it take effect at once; ask the user first, over another way than this server",
        "Применить сразу; сначала спросите пользователя другим путём, не через этот сервер",
    ));
    administration(language, "identity-replacement", about)
        .arg(whom(language))
        .arg(end)
        .arg(now)
        .group(ArgGroup::new("decision").args(["end", "now"]).required(true))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let changed = json!({"identity_replacement": null});
    if matches.get_flag("now") {
        let done = language.pick("Has another identity now:", "Личность заменена у пользователя:");
        return act_on_user(config, matches, language, done, changed, |user_id| Act::PassReplacement { user_id }).await;
    }
    let done = language.pick("Keeps the present identity:", "Прежняя личность осталась у пользователя:");
    act_on_user(config, matches, language, done, changed, |user_id| Act::EndReplacement { user_id }).await
}
