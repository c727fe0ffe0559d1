//! `doctor`: what is wrong, and what to do about it.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};
use privmsg_protocol::rest::{CheckStatus, DoctorReport, Sentence};

use super::arguments::json;
use super::{CommandError, print};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::doctor::{Patient, Setting, examine, unreadable};
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    let about = language.say(
        "Examine configuration, secrets, ports, certificate, disk, clock, database and the relay for calls",
        "Проверить конфигурацию, секреты, порты, сертификат, диск, часы, базу и ретранслятор звонков",
    );
    let coturn =
        Arg::new("coturn").long("coturn").value_name("FILE").value_parser(value_parser!(PathBuf)).help(language.say(
            "coturn's configuration [default: ../coturn/turnserver.conf beside ours, else /etc/turnserver.conf]",
            "Конфигурация coturn [по умолчанию ../coturn/turnserver.conf рядом с нашей, иначе /etc/turnserver.conf]",
        ));
    clap::Command::new("doctor").about(about).args([coturn, json(language)])
}

pub(super) async fn run(
    config: Result<Config, ConfigError>,
    mut matches: ArgMatches,
    language: Language,
) -> Result<(), CommandError> {
    let coturn_file = matches.remove_one("coturn");
    let report = match config {
        Ok(config) => {
            examine(Patient { config, coturn_file, setting: Setting::CommandLine, clock: Clock::system() }).await
        }
        Err(error) => unreadable(&error),
    };
    if matches.get_flag("json") {
        print(&serde_json::to_string(&report).expect("a report is plain data"))?;
    } else {
        let coloured =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        print(&text(&report, language, coloured))?;
    }
    if report.status == CheckStatus::Fail { Err(CommandError::Unhealthy) } else { Ok(()) }
}

/// A line for each check, what to do below it, and a line about the whole.
fn text(report: &DoctorReport, language: Language, coloured: bool) -> String {
    let say = |sentence: &Sentence| language.say(&sentence.en, &sentence.ru);
    let mut lines = Vec::new();
    for check in &report.checks {
        lines.push(format!("{}  {}", mark(check.status, language, coloured), say(&check.summary)));
        lines.extend(check.advice.as_ref().map(|advice| format!("        → {}", say(advice))));
    }
    let count = |status| report.checks.iter().filter(|check| check.status == status).count();
    let (failed, warned) = (count(CheckStatus::Fail), count(CheckStatus::Warn));
    lines.push(String::new());
    lines.push(match (failed, warned) {
        (0, 0) => language.say("All is well.", "Всё в порядке."),
        (0, _) => format!("{} {warned}", language.pick("Works; warnings:", "Работает, но есть строки «внимание»:")),
        _ => format!("{} {failed}", language.pick("Problems:", "Неисправностей:")),
    });
    lines.join("\n")
}

fn mark(status: CheckStatus, language: Language, coloured: bool) -> String {
    let (word, colour) = match status {
        CheckStatus::Pass => (language.pick("pass", "ок      "), 32),
        CheckStatus::Warn => (language.pick("warn", "внимание"), 33),
        CheckStatus::Fail => (language.pick("FAIL", "ОШИБКА  "), 31),
    };
    if coloured { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::Check;

    use super::*;

    fn report() -> DoctorReport {
        let check = |id: &str, status, advice: Option<&str>| Check {
            id: id.to_owned(),
            status,
            summary: Sentence { en: format!("{id} en"), ru: format!("{id} ru") },
            advice: advice.map(|text| Sentence { en: text.to_owned(), ru: text.to_owned() }),
        };
        let checks = vec![check("a", CheckStatus::Pass, None), check("b", CheckStatus::Fail, Some("do it"))];
        DoctorReport { status: CheckStatus::Fail, checks }
    }

    #[test]
    fn a_report_is_lines_with_what_to_do() {
        let english = text(&report(), Language::English, false);
        assert_eq!(english, "pass  a en\nFAIL  b en\n        → do it\n\nProblems: 1");
        assert!(text(&report(), Language::Russian, false).contains("b ru"));
        assert!(text(&report(), Language::English, true).contains("\u{1b}[31mFAIL\u{1b}[0m"));
    }
}
