//! Arguments, as types.

mod complaint;
mod definition;
mod groups;
mod reading;
mod search;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use privmsg_client::{CacheLimit, Role, Setting};
use privmsg_protocol::{DeviceId, MessageId, UserId};

use crate::chat_name::{ChatName, GroupName};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::which::Which;
pub(crate) use complaint::path_of;
use complaint::{describe, is_invitation, mistyped};
use definition::definition;
pub(crate) use search::Search;

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
    React {
        which: Which,
        emoji: String,
        remove: bool,
        timeout: Option<u64>,
    },
    Edit {
        which: Which,
        text: String,
        timeout: Option<u64>,
    },
    Forward {
        which: Which,
        to: ChatName,
        timeout: Option<u64>,
    },
    Delete {
        which: Which,
        for_me: bool,
        timeout: Option<u64>,
    },
    Chat {
        with: ChatName,
    },
    Read {
        chat: ChatName,
    },
    Group(GroupCommand),
    Settings(Settings),
    Passphrase {
        remove: bool,
    },
    Search(Search),
    History {
        chat: ChatName,
        limit: u32,
    },
    Download {
        which: Which,
        out: PathBuf,
    },
    Chats,
    ContactLink,
    AddContact(AddContact),
    Contacts,
    ContactInfo(UserId),
    /// What a removed device knew of somebody is right, or counts for nothing.
    ConfirmContact {
        user: UserId,
        drop: bool,
    },
    Whoami,
    Devices,
    /// Let a new device in.
    LinkDevice,
    RemoveDevice {
        device: DeviceId,
        /// Whether it may be in somebody else's hands; not said yet, if none.
        stolen: Option<bool>,
    },
    /// Whether somebody has begun to replace the identity.
    Replacement {
        end: bool,
    },
    /// Other recovery words.
    NewWords,
    ChangeAccessKey {
        recover: bool,
        access_key_file: Option<PathBuf>,
    },
    SafetyNumber {
        user: UserId,
        change: Option<Verification>,
    },
    /// Block somebody, or unblock them.
    Block {
        user: UserId,
        blocked: bool,
        /// What was held since is sent.
        send: bool,
    },
    Blocks,
    /// What others have begun, and nobody has answered.
    Requests,
    /// What is said to it.
    Answer {
        chat: ChatName,
        answer: Answer,
    },
    Logout {
        local: bool,
        /// Also if it is the account's last device.
        yes: bool,
    },
}

/// What is said to a chat that somebody has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Decline,
    /// Also where it was answered before.
    Leave {
        successor: Option<UserId>,
    },
}

/// What is to be done about a group of people.
#[derive(Debug)]
pub(crate) enum GroupCommand {
    Create { title: String, users: Vec<UserId> },
    Add { group: GroupName, users: Vec<UserId> },
    Remove { group: GroupName, users: Vec<UserId> },
    Role { group: GroupName, user: UserId, role: Role },
    Title { group: GroupName, title: String },
    Leave { group: GroupName, successor: Option<UserId> },
    Info { group: GroupName },
}

impl GroupCommand {
    /// The group that it is about, if it is there.
    pub(crate) const fn group(&self) -> Option<&GroupName> {
        match self {
            Self::Create { .. } => None,
            Self::Add { group, .. }
            | Self::Remove { group, .. }
            | Self::Role { group, .. }
            | Self::Title { group, .. }
            | Self::Leave { group, .. }
            | Self::Info { group } => Some(group),
        }
    }
}

/// Which settings are shown, or what one is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Settings {
    ShowAll,
    Show(Setting),
    ShowCache,
    Switch(Setting, bool),
    Cache(CacheLimit),
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
    /// Another device lets this one in.
    pub(crate) link: bool,
    /// By the recovery words alone.
    pub(crate) recover: bool,
}

#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) to: ChatName,
    pub(crate) text: Option<String>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) pictures: Vec<PathBuf>,
    pub(crate) voice: Option<PathBuf>,
    pub(crate) reply_to: Option<MessageId>,
    /// What is held in the chat, and nothing new.
    pub(crate) held: bool,
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) count: Option<u64>,
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct AddContact {
    pub(crate) link: Option<String>,
    /// It is known to come from the contact's own hands or screen.
    pub(crate) in_person: bool,
}

/// What `safety-number` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verification {
    Mark,
    Unmark,
    /// Of several keys that were refused, the one whose number begins so.
    AcceptChange {
        number: String,
    },
    RefuseChange,
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
        Ok(matches) => {
            let args = Args::of(lang, &matches)?;
            if let Some(option) = args.command.mistyped_option()
                && !arguments.iter().any(|argument| argument == "--")
            {
                return Err(Failure::Usage(lang.perhaps_an_option(option)));
            }
            if args.json && matches!(args.command, Command::Chat { .. }) {
                return Err(Failure::Usage(lang.chat_is_for_people()));
            }
            Ok(Some(args))
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                error.print().map_err(Failure::Output)?;
                Ok(None)
            }
            // What it was given for is no argument either, and is not what is wrong.
            ErrorKind::UnknownArgument if let Some(option) = mistyped(arguments, lang, &error) => {
                Err(Failure::Usage(lang.perhaps_an_option(&option)))
            }
            // Not even that it was given is said in words that would repeat it.
            _ if arguments.iter().any(|argument| argument.to_str().is_some_and(is_invitation)) => {
                Err(Failure::Usage(lang.invitation_as_argument()))
            }
            _ => Err(Failure::Usage(describe(lang, &error))),
        },
    }
}

#[cfg(test)]
mod tests;
