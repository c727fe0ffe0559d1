//! From what clap has found to our types.

use std::path::PathBuf;

use clap::ArgMatches;
use privmsg_client::{CacheLimit, Role, Setting};
use privmsg_protocol::{MessageId, UserId};

use super::complaint::repeatable;
use super::{AddContact, Answer, Args, Command, GroupCommand, Listen, Login, Search, Send, Settings, Verification};
use crate::chat_name::{ChatName, GroupName};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::which::Which;

/// Messages that `history` and `search` show unless told otherwise: about a screen.
pub(super) const LIMIT: u32 = 20;

impl Args {
    pub(super) fn of(lang: Lang, matches: &ArgMatches) -> Result<Self, Failure> {
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
    /// A text that looks like an option: more likely it is one, with a slip in it, and was not meant to be sent.
    pub(super) fn mistyped_option(&self) -> Option<&str> {
        let text = match self {
            Self::Send(send) => send.text.as_deref()?,
            Self::Edit { text, .. } => text,
            _ => return None,
        };
        let is_name = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
        text.strip_prefix("--").is_some_and(is_name).then_some(text)
    }

    pub(super) fn of(lang: Lang, name: &str, matches: &ArgMatches) -> Result<Self, Failure> {
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
                link: matches.get_flag("link"),
                recover: matches.get_flag("recover"),
            }),
            "send" => Self::Send(Send {
                to: chat(lang, matches)?,
                text: text(matches, "text"),
                files: paths(matches, "file"),
                pictures: paths(matches, "picture"),
                voice: path(matches, "voice"),
                reply_to: match text(matches, "reply-to") {
                    Some(_) => Some(message_id(lang, matches, "reply-to")?),
                    None => None,
                },
                held: matches.get_flag("held"),
                timeout: matches.get_one("timeout").copied(),
            }),
            "react" => Self::React {
                which: which(lang, matches)?,
                emoji: text(matches, "emoji").unwrap_or_default(),
                remove: matches.get_flag("remove"),
                timeout: matches.get_one("timeout").copied(),
            },
            "edit" => Self::Edit {
                which: which(lang, matches)?,
                text: text(matches, "text").unwrap_or_default(),
                timeout: matches.get_one("timeout").copied(),
            },
            "forward" => Self::Forward {
                which: which(lang, matches)?,
                to: named_chat(lang, matches, "to")?,
                timeout: matches.get_one("timeout").copied(),
            },
            "delete" => Self::Delete {
                which: which(lang, matches)?,
                for_me: matches.get_flag("for-me"),
                timeout: matches.get_one("timeout").copied(),
            },
            "chat" => Self::Chat { with: chat(lang, matches)? },
            "read" => Self::Read { chat: chat(lang, matches)? },
            "group" => Self::Group(group(lang, matches)?),
            "settings" => Self::Settings(settings(lang, matches)?),
            "passphrase" => Self::Passphrase { remove: matches.get_flag("remove") },
            "listen" => Self::Listen(Listen {
                count: matches.get_one("count").copied(),
                timeout: matches.get_one("timeout").copied(),
            }),
            "history" => {
                Self::History { chat: chat(lang, matches)?, limit: matches.get_one("limit").copied().unwrap_or(LIMIT) }
            }
            "search" => Self::Search(Search::of(lang, matches)?),
            "download" => {
                Self::Download { which: which(lang, matches)?, out: path(matches, "out").unwrap_or_default() }
            }
            "chats" => Self::Chats,
            "contact" => match matches.subcommand() {
                Some(("add", add)) => {
                    Self::AddContact(AddContact { link: text(add, "link"), in_person: add.get_flag("in-person") })
                }
                Some(("list", _)) => Self::Contacts,
                Some(("info", info)) => Self::ContactInfo(user(lang, info, "user")?),
                Some(("confirm", confirm)) => {
                    Self::ConfirmContact { user: user(lang, confirm, "user")?, drop: confirm.get_flag("drop") }
                }
                _ => Self::ContactLink,
            },
            "contacts" => Self::Contacts,
            "whoami" => Self::Whoami,
            "devices" => match matches.subcommand() {
                Some(("link", _)) => Self::LinkDevice,
                Some((_, remove)) => Self::RemoveDevice {
                    device: parsed(lang, remove, "device-id", |value| lang.bad_device_id(value))?,
                    stolen: match (remove.get_flag("stolen"), remove.get_flag("wiped")) {
                        (true, _) => Some(true),
                        (_, true) => Some(false),
                        _ => None,
                    },
                },
                None => Self::Devices,
            },
            "identity" => Self::Replacement {
                end: matches.subcommand().is_some_and(|(_, replacement)| replacement.get_flag("end")),
            },
            "recovery" => match matches.subcommand() {
                Some(_) => Self::NewWords,
                None => return Err(Failure::Usage(lang.missing_command())),
            },
            "access-key" => match matches.subcommand() {
                Some((_, change)) => Self::ChangeAccessKey {
                    recover: change.get_flag("recover"),
                    access_key_file: path(change, "access-key-file"),
                },
                None => return Err(Failure::Usage(lang.missing_command())),
            },
            "safety-number" => Self::SafetyNumber {
                user: user(lang, matches, "user")?,
                change: [
                    ("mark-verified", Verification::Mark),
                    ("unverify", Verification::Unmark),
                    ("refuse-change", Verification::RefuseChange),
                ]
                .into_iter()
                .find_map(|(flag, change)| matches.get_flag(flag).then_some(change))
                .or_else(|| text(matches, "accept-change").map(|number| Verification::AcceptChange { number })),
            },
            "block" => Self::Block { user: user(lang, matches, "user")?, blocked: true, send: false },
            "unblock" => {
                Self::Block { user: user(lang, matches, "user")?, blocked: false, send: matches.get_flag("send") }
            }
            "blocks" => Self::Blocks,
            "requests" => Self::Requests,
            "accept" => Self::Answer { chat: chat(lang, matches)?, answer: Answer::Accept },
            "decline" => Self::Answer { chat: chat(lang, matches)?, answer: Answer::Decline },
            "leave" => {
                let successor = text(matches, "successor").map(|_| user(lang, matches, "successor")).transpose()?;
                Self::Answer { chat: chat(lang, matches)?, answer: Answer::Leave { successor } }
            }
            "logout" => Self::Logout { local: matches.get_flag("local"), yes: matches.get_flag("yes") },
            other => return Err(Failure::Usage(lang.unknown_command(other))),
        })
    }
}

pub(super) fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(name).cloned()
}

fn paths(matches: &ArgMatches, name: &str) -> Vec<PathBuf> {
    matches.get_many(name).into_iter().flatten().cloned().collect()
}

fn message_id(lang: Lang, matches: &ArgMatches, name: &str) -> Result<MessageId, Failure> {
    parsed(lang, matches, name, |value| lang.bad_message_id(value))
}

pub(super) fn user(lang: Lang, matches: &ArgMatches, name: &str) -> Result<UserId, Failure> {
    parsed(lang, matches, name, |value| lang.bad_user_id(value))
}

/// Which message is meant.
fn which(lang: Lang, matches: &ArgMatches) -> Result<Which, Failure> {
    Ok(Which {
        message: message_id(lang, matches, "message-id")?,
        from: text(matches, "from").map(|_| user(lang, matches, "from")).transpose()?,
        chat: text(matches, "chat").map(|_| chat(lang, matches)).transpose()?,
    })
}

pub(super) fn chat(lang: Lang, matches: &ArgMatches) -> Result<ChatName, Failure> {
    named_chat(lang, matches, "chat")
}

fn named_chat(lang: Lang, matches: &ArgMatches, argument: &str) -> Result<ChatName, Failure> {
    parsed(lang, matches, argument, |value| lang.bad_chat(value)).or_else(|failure| match text(matches, argument) {
        // Whoever gives a title is told which group has it. What looks like a key is not looked for.
        Some(name) if ChatName::may_be_a_title(&name) && repeatable(lang, name.clone()) == name => {
            Ok(ChatName::Other(name))
        }
        _ => Err(failure),
    })
}

fn group(lang: Lang, matches: &ArgMatches) -> Result<GroupCommand, Failure> {
    let (name, matches) = matches.subcommand().ok_or_else(|| Failure::Usage(lang.missing_command()))?;
    let group = || {
        let name = text(matches, "group").unwrap_or_default();
        match name.parse() {
            Ok(group) => Ok(group),
            // Whoever gives a title is told which group has it. What looks like a key is not looked for.
            Err(()) if ChatName::may_be_a_title(&name) && repeatable(lang, name.clone()) == name => {
                Ok(GroupName::title(name))
            }
            Err(()) => Err(Failure::Usage(lang.bad_group(&repeatable(lang, name)))),
        }
    };
    let users = || {
        let users = matches.get_many::<String>("users").into_iter().flatten();
        let read =
            |user: &String| user.parse().map_err(|_| Failure::Usage(lang.bad_user_id(&repeatable(lang, user.clone()))));
        users.map(read).collect::<Result<Vec<UserId>, _>>()
    };
    Ok(match name {
        "create" => GroupCommand::Create { title: text(matches, "title").unwrap_or_default(), users: users()? },
        "add" => GroupCommand::Add { group: group()?, users: users()? },
        "remove" => GroupCommand::Remove { group: group()?, users: users()? },
        "role" => {
            let role = match text(matches, "role").as_deref() {
                Some("owner") => Role::Owner,
                Some("admin") => Role::Admin,
                _ => Role::Member,
            };
            GroupCommand::Role { group: group()?, user: user(lang, matches, "user")?, role }
        }
        "title" => GroupCommand::Title { group: group()?, title: text(matches, "title").unwrap_or_default() },
        "leave" => {
            let successor = text(matches, "successor").map(|_| user(lang, matches, "successor")).transpose()?;
            GroupCommand::Leave { group: group()?, successor }
        }
        "info" => GroupCommand::Info { group: group()? },
        other => return Err(Failure::Usage(lang.unknown_command(other))),
    })
}

/// Which settings are shown, or what one is to be.
fn settings(lang: Lang, matches: &ArgMatches) -> Result<Settings, Failure> {
    let Some(name) = text(matches, "setting") else { return Ok(Settings::ShowAll) };
    let (setting, value) = (Setting::ALL.into_iter().find(|setting| name == setting.as_str()), text(matches, "value"));
    let bad = |value: &str| {
        let value = repeatable(lang, value.to_owned());
        let said = if setting.is_some() { lang.bad_switch(&name, &value) } else { lang.bad_megabytes(&name, &value) };
        Failure::Usage(said)
    };
    match (setting, value.as_deref()) {
        (Some(setting), None) => Ok(Settings::Show(setting)),
        (Some(setting), Some("on")) => Ok(Settings::Switch(setting, true)),
        (Some(setting), Some("off")) => Ok(Settings::Switch(setting, false)),
        (Some(_), Some(value)) => Err(bad(value)),
        (None, None) => Ok(Settings::ShowCache),
        (None, Some(value)) => {
            value.parse().map(|megabytes| Settings::Cache(CacheLimit { megabytes })).map_err(|_| bad(value))
        }
    }
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
