//! What is wrong with the arguments, without repeating a secret.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::lang::Lang;

/// How an invitation begins.
const PRIVMSG: &str = "privmsg:";

/// Nearly all letters of an access key, or of the key in an invitation. Options, commands and message ids are shorter.
const KEY_LEN: usize = 40;

/// Whether an argument is an invitation, or a part of one. Whoever sees it can sign in with it.
pub(crate) fn is_invitation(argument: &str) -> bool {
    let start = argument.trim_start_matches(|c: char| !c.is_alphanumeric());
    start.get(..PRIVMSG.len()).is_some_and(|start| start.eq_ignore_ascii_case(PRIVMSG))
}

/// An argument as an error may repeat it: not if it looks like a key, which errors and logs are no place for.
pub(super) fn repeatable(lang: Lang, argument: String) -> String {
    let longest = argument.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).map(str::len).max();
    if longest.unwrap_or_default() < KEY_LEN { argument } else { lang.not_repeated() }
}

/// clap's errors in our languages.
pub(super) fn describe(lang: Lang, error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(value)) => repeatable(lang, value.clone()),
        Some(ContextValue::Strings(values)) => values.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let said = match error.kind() {
        ErrorKind::UnknownArgument => lang.unknown_argument(&argument),
        ErrorKind::InvalidSubcommand => lang.unknown_command(&context(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => lang.missing_argument(&argument),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => lang.missing_command(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match context(ContextKind::InvalidValue) {
            value if value.is_empty() => lang.missing_value(&argument),
            value => lang.bad_value(&value, &argument),
        },
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => lang.missing_value(&argument),
        ErrorKind::ArgumentConflict => match context(ContextKind::PriorArg) {
            prior if prior == argument || prior.is_empty() => lang.given_twice(&argument),
            prior => lang.conflict(&argument, &prior),
        },
        ErrorKind::TooManyValues => lang.given_twice(&argument),
        ErrorKind::InvalidUtf8 => lang.not_unicode(),
        _ => lang.bad_usage(),
    };
    let suggested =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].into_iter().map(context).find(|s| !s.is_empty());
    match suggested {
        Some(name) => format!("{said}; {}", lang.did_you_mean(&name)),
        None => said,
    }
}
