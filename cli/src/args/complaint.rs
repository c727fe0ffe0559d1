//! What is wrong with arguments, in the user's language, and without the secrets that may be among them.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::definition::definition;
use crate::lang::Lang;

/// How an invitation begins.
const PRIVMSG: &str = "privmsg:";

/// How a contact link begins, which is no secret.
const CONTACT: &str = "privmsg://contact?";

/// Nearly all letters of an access key, or of the key in an invitation. Options, commands and message ids are shorter.
const KEY_LEN: usize = 40;

/// Whether an argument is an invitation, or a part of one. Whoever sees it can sign in with it.
pub(super) fn is_invitation(argument: &str) -> bool {
    let start = argument.trim_start_matches(|c: char| !c.is_alphanumeric());
    let begins_with = |wanted: &str| start.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted));
    begins_with(PRIVMSG) && !begins_with(CONTACT)
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
        ErrorKind::UnknownArgument if is_rest_of_text(error, &argument) => {
            format!("{}; {}", lang.unknown_argument(&argument), lang.quote_the_text())
        }
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
    match (suggested, context(ContextKind::ValidValue)) {
        (Some(name), _) => format!("{said}; {}", lang.did_you_mean(&name)),
        (None, fit) if !fit.is_empty() => format!("{said}; {}", lang.what_fits(&fit)),
        (None, _) => said,
    }
}

/// Whether it is a further word of a text that was not quoted.
fn is_rest_of_text(error: &clap::Error, argument: &str) -> bool {
    let takes_text = |usage: &str| ["privmsg send ", "privmsg edit "].iter().any(|command| usage.contains(command));
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    !argument.starts_with('-') && takes_text(&usage)
}

/// The option with a slip in it, of a command that takes a text: it has been taken for that.
pub(super) fn mistyped(arguments: &[OsString], lang: Lang, error: &clap::Error) -> Option<String> {
    let invalid = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    if invalid.is_none_or(|invalid| invalid.starts_with('-')) {
        return None;
    }
    let root = definition(lang);
    let named = path_of(arguments, lang);
    let command = named.split(' ').skip(1).try_fold(&root, |command, name| command.find_subcommand(name))?;
    if !matches!(command.get_name(), "send" | "edit") {
        return None;
    }
    let known: Vec<_> = root.get_arguments().chain(command.get_arguments()).filter_map(clap::Arg::get_long).collect();
    let options = arguments.iter().skip(1).take_while(|argument| *argument != "--").filter_map(|text| text.to_str());
    let is_slip = |option: &&str| {
        let name = option.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or_default());
        name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()) && !known.contains(&name))
    };
    options.into_iter().find(is_slip).map(|option| repeatable(lang, option.to_owned()))
}

/// The command that arguments name, as it is typed.
pub(crate) fn path_of(arguments: &[OsString], lang: Lang) -> String {
    let root = definition(lang);
    let (mut command, mut path) = (&root, "privmsg".to_owned());
    for name in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(named) = command.find_subcommand(name) {
            path = format!("{path} {name}");
            command = named;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;
    use crate::failure::Failure;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn no_error_repeats_a_secret() {
        let key = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
        let link = format!("privmsg://join?server=https%3A%2F%2Fa.b&user_id=alice#{key}");
        for line in [
            format!("privmsg login --invitation {link}"),
            format!("privmsg login --invitation={link}"),
            format!("privmsg login {link}"),
            format!("privmsg {link}"),
            format!("privmsg login --invitation \"{link}\""),
            format!("privmsg login --server https://a.b --user-id alice {key}"),
            format!("privmsg login --access-key={key}"),
            format!("privmsg login --access-key {key}"),
            format!("privmsg login --server https://a.b --user-id a/{key}"),
            format!("privmsg {key}"),
            format!("privmsg history {key}/"),
        ] {
            for lang in [Lang::En, Lang::Ru] {
                let Err(Failure::Usage(said)) = parse(&arguments(&line), lang) else { panic!("{line} is taken") };
                assert!(!said.contains(key) && !said.contains("privmsg://join?server"), "{said}");
            }
        }
        // What is only a slip is repeated.
        let Err(Failure::Usage(said)) = parse(&arguments("privmsg login --severe https://a.b"), Lang::En) else {
            panic!()
        };
        assert!(said.contains("--severe") && said.contains("--server"), "{said}");
        // A text to send is nobody's argument but the recipient's.
        assert!(parse(&arguments(&format!("privmsg send bob {link}")), Lang::En).is_ok());
    }
}
