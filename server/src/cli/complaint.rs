//! Help, and what is wrong with a command line, in Russian: the library speaks English only.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error};
use privmsg_protocol::IdError;

use crate::i18n::Language;

/// Exit code of a command line that makes no sense, as the library has it.
const USAGE: u8 = 2;

const PROGRAM: &str =
    "{about}\n\nИспользование: {usage}\n\nКоманды:\n{subcommands}\n\nПараметры:\n{options}{after-help}";
const COMMAND: &str = "{about}\n\nИспользование: {usage}\n\nПараметры:\n{options}";
const WITH_PATH: &str = "{about}\n\nИспользование: {usage}\n\nАргументы:\n{positionals}\n\nПараметры:\n{options}";

/// The command line with all of its help in this language.
pub(super) fn in_language(program: Command, language: Language) -> Command {
    if language == Language::English {
        return program;
    }
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help("Показать версию");
    let mut program = russian(program.disable_version_flag(true).arg(version).help_template(PROGRAM));
    program.build();
    let mut program = program.mut_subcommand("help", |help| help.about("Показать эту справку или справку по команде"));
    let usage = usage(&mut program);
    let names: Vec<String> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        program = program.mut_subcommand(name, |mut command| {
            let usage = self::usage(&mut command);
            command.override_usage(usage)
        });
    }
    program.override_usage(usage)
}

fn russian(command: Command) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Показать справку");
    let command = command.disable_help_flag(true).arg(help);
    command.mut_subcommands(|sub| {
        let template = if sub.get_positionals().next().is_some() { WITH_PATH } else { COMMAND };
        russian(sub.help_template(template))
    })
}

/// The line that says what may be given.
fn usage(command: &mut Command) -> String {
    let line = command.render_usage().to_string();
    let line = line.strip_prefix("Usage: ").unwrap_or(&line);
    line.replace("[OPTIONS]", "[ПАРАМЕТРЫ]").replace("[COMMAND]", "[КОМАНДА]")
}

/// Says what is wrong, or shows the help that was asked for.
pub(super) fn tell(error: &Error, language: Language) -> ExitCode {
    let said = match language {
        Language::Russian => in_russian(error),
        Language::English => None,
    };
    match said {
        Some(text) => eprintln!("{text}\n\nПодробнее: privmsg-server --help"),
        // To where it belongs; whoever does not read it is no fault of ours.
        None => drop(error.print()),
    }
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

fn in_russian(error: &Error) -> Option<String> {
    let get = |kind| error.get(kind).map(text);
    let argument = get(ContextKind::InvalidArg);
    let mut said = match (error.kind(), argument) {
        (ErrorKind::UnknownArgument, Some(argument)) => format!("Нет такого параметра: {argument}"),
        (ErrorKind::InvalidSubcommand, _) => format!("Нет такой команды: {}", get(ContextKind::InvalidSubcommand)?),
        (ErrorKind::MissingRequiredArgument, Some(arguments)) => format!("Не указано: {arguments}"),
        (ErrorKind::ArgumentConflict, Some(argument)) => match get(ContextKind::PriorArg) {
            Some(other) if other != argument => format!("Нельзя указать вместе: {argument} и {other}"),
            _ => format!("Указано дважды: {argument}"),
        },
        (ErrorKind::InvalidValue, Some(argument))
            if get(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            format!("Нет значения у {argument}")
        }
        (ErrorKind::InvalidValue, Some(argument)) => {
            let allowed =
                get(ContextKind::ValidValue).map(|values| format!("; возможны: {values}")).unwrap_or_default();
            format!("Значение «{}» не подходит для {argument}{allowed}", get(ContextKind::InvalidValue)?)
        }
        (ErrorKind::ValueValidation, Some(argument)) => {
            let value = get(ContextKind::InvalidValue)?;
            match std::error::Error::source(error).and_then(why_russian) {
                Some(why) => format!("Значение «{value}» не подходит для {argument}: {why}"),
                None => format!("Значение «{value}» не подходит для {argument}"),
            }
        }
        (ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals, Some(argument)) => {
            format!("Нет значения у {argument}")
        }
        (ErrorKind::TooManyValues, Some(argument)) => format!("Слишком много значений у {argument}"),
        _ => return None,
    };
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        if let Some(suggestion) = get(kind) {
            said.push_str(&format!("\nВозможно, имелось в виду: {suggestion}"));
        }
    }
    Some(said)
}

/// What is wrong with a value, where that is known in Russian.
fn why_russian(why: &(dyn std::error::Error + 'static)) -> Option<String> {
    if why.is::<IdError>() {
        return Some("нужно от 1 до 64 знаков: латинские буквы, цифры, «.», «_» и «-», не с точки в начале".to_owned());
    }
    let why = why.to_string();
    why.chars().any(|char| matches!(char, 'а'..='я')).then_some(why)
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(values) => values.join(", "),
        other => other.to_string(),
    }
}
