//! Arguments, as types.

mod complaint;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use privmsg_protocol::{DeviceId, MessageId, UserId};

use crate::failure::Failure;
use crate::lang::Lang;
use complaint::{describe, is_invitation, repeatable};

/// Messages that `history` shows unless told otherwise: about a screen.
const HISTORY_LIMIT: u32 = 20;

/// Where the help lists what all commands have: behind the command's own options.
const GLOBAL: usize = 100;

/// All arguments.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) profile: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) verbose: u8,
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Login(Login),
    Send(Send),
    Listen(Listen),
    History { user: UserId, limit: u32 },
    Download { message_id: MessageId, out: PathBuf },
    Chats,
    Whoami,
    Devices,
    RemoveDevice { device: DeviceId },
    SafetyNumber { user: UserId, change: Option<Verification> },
    Logout { local: bool },
}

#[derive(Debug)]
pub(crate) struct Login {
    /// With an invitation, which says who signs in where.
    pub(crate) invitation: bool,
    pub(crate) server: Option<String>,
    pub(crate) user_id: Option<UserId>,
    pub(crate) proxy: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) access_key_file: Option<PathBuf>,
    pub(crate) new_identity: bool,
}

#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) user: UserId,
    pub(crate) text: Option<String>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) count: Option<u64>,
    pub(crate) timeout: Option<u64>,
}

/// What `safety-number` changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verification {
    Mark,
    Unmark,
    AcceptChange,
}

/// What must be known before the arguments can be read as a whole: in which form to say that they are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) lang: Lang,
    pub(crate) json: bool,
}

impl Manner {
    pub(crate) fn of(arguments: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut manner = Self { lang: Lang::of_environment(variable), json: false };
        let mut arguments = arguments.iter().skip(1).take_while(|argument| *argument != "--");
        while let Some(argument) = arguments.next() {
            let Some(argument) = argument.to_str() else { continue };
            let name = match argument {
                "--json" => {
                    manner.json = true;
                    continue;
                }
                "--lang" => arguments.next().and_then(|value| value.to_str()),
                other => other.strip_prefix("--lang="),
            };
            manner.lang = name.and_then(Lang::named).unwrap_or(manner.lang);
        }
        manner
    }
}

/// Reads the arguments. `Ok(None)` after `--help` or `--version`, which have been printed.
pub(crate) fn parse(arguments: &[OsString], lang: Lang) -> Result<Option<Args>, Failure> {
    match definition(lang).try_get_matches_from(arguments) {
        Ok(matches) => Args::of(lang, &matches).map(Some),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                error.print().map_err(Failure::Output)?;
                Ok(None)
            }
            // Not even that it was given is said in words that would repeat it.
            _ if arguments.iter().any(|argument| argument.to_str().is_some_and(is_invitation)) => {
                Err(Failure::Usage(lang.invitation_as_argument()))
            }
            _ => Err(Failure::Usage(describe(lang, &error))),
        },
    }
}

fn definition(lang: Lang) -> Clap {
    let user = || positional("user", lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ"), lang.help_user()).required(true);
    let seconds = lang.pick("SECS", "СЕКУНДЫ");
    let path = lang.pick("PATH", "ПУТЬ");
    let id = lang.pick("ID", "НОМЕР");
    let commands = format!("{}\n{{subcommands}}\n\n", lang.heading_commands());
    let root = command(lang, "privmsg", lang.about(), lang.usage())
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .subcommand_required(true)
        .help_template(template(lang, &commands))
        .after_help(lang.after_help())
        .arg(
            option("profile", lang.pick("DIR", "ПАПКА"), lang.help_profile())
                .global(true)
                .display_order(GLOBAL)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(flag("json", lang.help_json()).global(true).display_order(GLOBAL + 1))
        .arg(
            option("lang", lang.pick("LANG", "ЯЗЫК"), lang.help_lang())
                .global(true)
                .display_order(GLOBAL + 2)
                .value_parser(["en", "ru"]),
        )
        .arg(
            flag("verbose", lang.help_verbose())
                .short('v')
                .action(ArgAction::Count)
                .global(true)
                .display_order(GLOBAL + 3),
        )
        .arg(flag("help", lang.help_help()).short('h').action(ArgAction::Help).global(true).display_order(GLOBAL + 4))
        .arg(flag("version", lang.help_version()).short('V').action(ArgAction::Version).display_order(GLOBAL + 5));
    root.subcommand(
        command(lang, "login", lang.about_login(), lang.usage_login())
            .after_help(lang.after_login())
            .arg(option("server", lang.pick("URL", "АДРЕС"), lang.help_server()))
            .arg(option("user-id", lang.pick("ID", "ИМЯ"), lang.help_user_id()))
            .arg(flag("invitation", lang.help_invitation()).conflicts_with_all([
                "server",
                "user-id",
                "access-key-file",
            ]))
            .arg(option("device-name", lang.pick("NAME", "НАЗВАНИЕ"), lang.help_device_name()))
            .arg(
                option("access-key-file", lang.pick("FILE", "ФАЙЛ"), lang.help_access_key_file())
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(flag("new-identity", lang.help_new_identity()))
            .arg(option("proxy", lang.pick("URL", "АДРЕС"), lang.help_proxy()))
            .arg(option("fingerprint", "SHA256:…", lang.help_fingerprint())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "send", lang.about_send(), lang.usage_send()))
            .after_help(lang.after_send())
            .arg(user())
            .arg(positional("text", lang.pick("TEXT", "ТЕКСТ"), lang.help_text()).allow_hyphen_values(true))
            .arg(option("file", path, lang.help_file()).action(ArgAction::Append).value_parser(value_parser!(PathBuf)))
            .arg(number("timeout", seconds, lang.help_send_timeout())),
    )
    .subcommand(
        command(lang, "listen", lang.about_listen(), lang.usage_listen())
            .after_help(lang.after_listen())
            .arg(number("count", "N", lang.help_count()))
            .arg(number("timeout", seconds, lang.help_listen_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "history", lang.about_history(), lang.usage_history()))
            .arg(user())
            .arg(option("limit", "N", lang.help_limit()).value_parser(value_parser!(u32))),
    )
    .subcommand(
        with_arguments(lang, command(lang, "download", lang.about_download(), lang.usage_download()))
            .arg(positional("message-id", lang.pick("MESSAGE_ID", "НОМЕР"), lang.help_message_id()).required(true))
            .arg(option("out", path, lang.help_out()).required(true).value_parser(value_parser!(PathBuf))),
    )
    .subcommand(command(lang, "chats", lang.about_chats(), lang.usage_chats()))
    .subcommand(command(lang, "whoami", lang.about_whoami(), lang.usage_whoami()))
    .subcommand(
        command(lang, "devices", lang.about_devices(), lang.usage_devices())
            .help_template(template(lang, &commands))
            .subcommand(
                with_arguments(lang, command(lang, "remove", lang.about_devices_remove(), lang.usage_devices_remove()))
                    .arg(positional("device-id", id, lang.help_device_id()).required(true)),
            ),
    )
    .subcommand(
        with_arguments(lang, command(lang, "safety-number", lang.about_safety_number(), lang.usage_safety_number()))
            .after_help(lang.after_safety_number())
            .arg(user())
            .arg(flag("mark-verified", lang.help_mark_verified()).conflicts_with_all(["unverify", "accept-change"]))
            .arg(flag("unverify", lang.help_unverify()).conflicts_with("accept-change"))
            .arg(flag("accept-change", lang.help_accept_change())),
    )
    .subcommand(command(lang, "logout", lang.about_logout(), lang.usage_logout()).arg(flag("local", lang.help_local())))
}

fn command(lang: Lang, name: &'static str, about: String, usage: String) -> Clap {
    Clap::new(name)
        .about(about)
        .override_usage(usage)
        .help_template(template(lang, ""))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
}

/// A command with arguments that are not options.
fn with_arguments(lang: Lang, command: Clap) -> Clap {
    command.help_template(template(lang, &format!("{}\n{{positionals}}\n\n", lang.heading_arguments())))
}

/// The help's layout, because clap's own headings are English.
fn template(lang: Lang, list: &str) -> String {
    let (usage, options) = (lang.heading_usage(), lang.heading_options());
    format!("{{about}}\n\n{usage} {{usage}}\n\n{list}{options}\n{{options}}{{after-help}}")
}

fn option(name: &'static str, value: &'static str, help: String) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help).hide_default_value(true).hide_possible_values(true)
}

fn number(name: &'static str, value: &'static str, help: String) -> Arg {
    // A year: what is longer is a typing mistake, and would overflow the clock's arithmetic.
    option(name, value, help).value_parser(ValueParser::from(value_parser!(u64).range(..=365 * 24 * 3600)))
}

fn flag(name: &'static str, help: String) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn positional(name: &'static str, value: &'static str, help: String) -> Arg {
    Arg::new(name).value_name(value).help(help)
}

impl Args {
    fn of(lang: Lang, matches: &ArgMatches) -> Result<Self, Failure> {
        let (name, of_command) = matches.subcommand().ok_or_else(|| Failure::Usage(lang.missing_command()))?;
        // Whether an argument for all commands stands before or after the command is all the same.
        Ok(Self {
            profile: of_command.get_one::<PathBuf>("profile").cloned(),
            json: of_command.get_flag("json"),
            verbose: of_command.get_count("verbose"),
            command: Command::of(lang, name, of_command)?,
        })
    }
}

impl Command {
    fn of(lang: Lang, name: &str, matches: &ArgMatches) -> Result<Self, Failure> {
        Ok(match name {
            "login" => Self::Login(Login {
                invitation: matches.get_flag("invitation"),
                server: text(matches, "server"),
                user_id: text(matches, "user-id").map(|_| user(lang, matches, "user-id")).transpose()?,
                proxy: text(matches, "proxy"),
                fingerprint: text(matches, "fingerprint"),
                device_name: text(matches, "device-name"),
                access_key_file: path(matches, "access-key-file"),
                new_identity: matches.get_flag("new-identity"),
            }),
            "send" => Self::Send(Send {
                user: user(lang, matches, "user")?,
                text: text(matches, "text"),
                files: matches.get_many::<PathBuf>("file").into_iter().flatten().cloned().collect(),
                timeout: matches.get_one("timeout").copied(),
            }),
            "listen" => Self::Listen(Listen {
                count: matches.get_one("count").copied(),
                timeout: matches.get_one("timeout").copied(),
            }),
            "history" => Self::History {
                user: user(lang, matches, "user")?,
                limit: matches.get_one("limit").copied().unwrap_or(HISTORY_LIMIT),
            },
            "download" => Self::Download {
                message_id: parsed(lang, matches, "message-id", |value| lang.bad_message_id(value))?,
                out: path(matches, "out").unwrap_or_default(),
            },
            "chats" => Self::Chats,
            "whoami" => Self::Whoami,
            "devices" => match matches.subcommand() {
                Some((_, remove)) => {
                    Self::RemoveDevice { device: parsed(lang, remove, "device-id", |value| lang.bad_device_id(value))? }
                }
                None => Self::Devices,
            },
            "safety-number" => Self::SafetyNumber {
                user: user(lang, matches, "user")?,
                change: [
                    ("mark-verified", Verification::Mark),
                    ("unverify", Verification::Unmark),
                    ("accept-change", Verification::AcceptChange),
                ]
                .into_iter()
                .find_map(|(flag, change)| matches.get_flag(flag).then_some(change)),
            },
            "logout" => Self::Logout { local: matches.get_flag("local") },
            other => return Err(Failure::Usage(lang.unknown_command(other))),
        })
    }
}

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(name).cloned()
}

fn user(lang: Lang, matches: &ArgMatches, name: &str) -> Result<UserId, Failure> {
    parsed(lang, matches, name, |value| lang.bad_user_id(value))
}

fn parsed<T: std::str::FromStr>(
    lang: Lang,
    matches: &ArgMatches,
    name: &str,
    complaint: impl Fn(&str) -> String,
) -> Result<T, Failure> {
    let value = text(matches, name).unwrap_or_default();
    value.parse().map_err(|_| Failure::Usage(complaint(&repeatable(lang, value.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn the_definition_is_sound_in_both_languages() {
        definition(Lang::En).debug_assert();
        definition(Lang::Ru).debug_assert();
    }

    #[test]
    fn what_applies_to_all_commands_may_stand_before_or_after_the_command() {
        for line in ["privmsg --json --profile /p chats", "privmsg chats --profile /p --json"] {
            let args = parse(&arguments(line), Lang::En).unwrap().unwrap();
            assert!(args.json);
            assert_eq!(args.profile, Some("/p".into()));
        }
        let args = parse(&arguments("privmsg --json devices --profile /p remove abc"), Lang::En).unwrap().unwrap();
        assert!(args.json && args.profile.is_some());
    }

    #[test]
    fn a_text_may_begin_with_a_hyphen() {
        for (line, expected) in
            [("privmsg send bob -", "-"), ("privmsg send bob -1", "-1"), ("privmsg send bob -- --json", "--json")]
        {
            match parse(&arguments(line), Lang::En).unwrap().unwrap().command {
                Command::Send(send) => assert_eq!(send.text.as_deref(), Some(expected)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn options_after_the_text_are_still_options() {
        match parse(&arguments("privmsg send bob hello --file a --file b --timeout 5"), Lang::En)
            .unwrap()
            .unwrap()
            .command
        {
            Command::Send(send) => {
                assert_eq!(send.files, ["a", "b"].map(PathBuf::from));
                assert_eq!(send.timeout, Some(5));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn language_and_form_are_known_even_if_the_arguments_are_wrong() {
        let manner = |line: &str| Manner::of(&arguments(line), |_| None);
        assert_eq!(manner("privmsg nonsense --lang ru --json"), Manner { lang: Lang::Ru, json: true });
        assert_eq!(manner("privmsg --lang=ru"), Manner { lang: Lang::Ru, json: false });
        assert_eq!(manner("privmsg send bob -- --json"), Manner { lang: Lang::En, json: false });
    }
}
