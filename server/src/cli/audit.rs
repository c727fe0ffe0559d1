//! `audit`: what administrators have done.

use clap::{Arg, ArgMatches, value_parser};
use privmsg_protocol::rest::AuditLog;

use super::arguments::{Administrator, administration};
use super::shown::time;
use super::{CommandError, print};
use crate::admin::Question;
use crate::config::Config;
use crate::i18n::Language;

/// Entries unless it is said: about a screen.
const SCREEN: u32 = 20;

pub(super) fn command(language: Language) -> clap::Command {
    let limit = Arg::new("limit").long("limit").value_name("N").value_parser(value_parser!(u32).range(1..=500)).help(
        language.say("How many entries, 1 to 500 [default: 20]", "Сколько записей, от 1 до 500 [по умолчанию: 20]"),
    );
    let before = Arg::new("before")
        .long("before")
        .value_name("ID")
        .value_parser(value_parser!(i64))
        .help(language.say("Only entries older than this one", "Только записи старше этой"));
    let about = ("Show administrative acts, the latest first", "Журнал действий администратора, от новых к старым");
    administration(language, "audit", about).args([limit, before])
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let limit = matches.remove_one("limit").unwrap_or(SCREEN);
    let before = matches.remove_one("before");
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let log = desk.ask(Question::Audit { before, limit }).await;
    desk.close().await;
    let log: AuditLog = log?;
    if by.json {
        return print(&serde_json::to_string(&log).expect("a log is plain data"));
    }
    if log.entries.is_empty() {
        return print(language.pick("There are no entries.", "Записей нет."));
    }
    print(
        language
            .pick("ID\tTIME (UTC)\tBY\tACT\tUSER\tDETAIL", "ID\tВРЕМЯ (UTC)\tКТО\tДЕЙСТВИЕ\tПОЛЬЗОВАТЕЛЬ\tПОДРОБНОСТИ"),
    )?;
    for entry in &log.entries {
        let (user, detail) = (entry.user_id.as_deref(), entry.detail.as_deref());
        let at = time(Some(entry.at));
        print(&format!(
            "{}\t{at}\t{}\t{}\t{}\t{}",
            entry.id,
            entry.actor,
            entry.action,
            user.unwrap_or("-"),
            detail.unwrap_or("-"),
        ))?;
    }
    Ok(())
}
