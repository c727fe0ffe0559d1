//! Arguments, as types.

mod complaint;
mod definition;
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
    fn an_option_with_a_slip_in_it_is_not_sent() {
        for line in ["privmsg send bob --flie", "privmsg send bob --flie a.txt", "privmsg edit x --for-me"] {
            assert!(matches!(parse(&arguments(line), Lang::En), Err(Failure::Usage(_))), "{line}");
        }
        let Err(Failure::Usage(said)) = parse(&arguments("privmsg send bob --flie a.txt"), Lang::En) else { panic!() };
        assert!(said.contains("--flie"), "{said}");
    }

    #[test]
    fn the_help_that_is_named_is_that_of_the_command() {
        for (line, path) in [
            ("privmsg --json group leave", "privmsg group leave"),
            ("privmsg send chats hello", "privmsg send"),
            ("privmsg nonsense", "privmsg"),
        ] {
            assert_eq!(path_of(&arguments(line), Lang::En), path);
        }
    }

    #[test]
    fn what_is_wrong_is_followed_by_what_would_be_right() {
        for (line, right) in [
            ("privmsg send bob hello world", "privmsg send USER 'Hello, world'"),
            ("privmsg edit 0190163d-8694-739b-aea5-966c26f8ad91 hello world", "quotes"),
            ("privmsg --json chat bob", "'send' and 'listen'"),
            ("privmsg settings foo on", "read_receipts, presence, typing, cache_mb"),
            ("privmsg settings presence maybe", "on or off"),
            ("privmsg settings cache_mb much", "megabytes"),
        ] {
            let Err(Failure::Usage(said)) = parse(&arguments(line), Lang::En) else { panic!("{line} is taken") };
            assert!(said.contains(right), "{line}: {said}");
            let megabytes = line.contains("cache_mb");
            assert_eq!(said.contains("megabytes"), megabytes, "{line}: {said}");
        }
        let Err(Failure::Usage(said)) = parse(&arguments("privmsg history bob hello"), Lang::En) else { panic!() };
        assert!(!said.contains("quotes"), "{said}");
    }

    #[test]
    fn a_setting_alone_is_shown() {
        for (line, shows_cache) in [("privmsg settings cache_mb", true), ("privmsg settings typing", false)] {
            match parse(&arguments(line), Lang::En).unwrap().unwrap().command {
                Command::Settings(Settings::ShowCache) => assert!(shows_cache),
                Command::Settings(Settings::Show(Setting::Typing)) => assert!(!shows_cache),
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
