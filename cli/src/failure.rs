//! Why a command did not do what it was asked to, for people and for scripts.

mod client;
mod conversion;
mod lasting;
mod login;
mod network;
mod profile;

use std::io;
use std::path::PathBuf;

use privmsg_client::{
    AddressError, ClientError, Disconnection, EngineError, HeldGroup, LoginError, OTHERS_CAME, ProfileError,
    ProxyError, RelocationError, SignedOut,
};
use privmsg_protocol::{ErrorCode, MessageId, UserId};

use crate::commands::time;
use crate::exit::Exit;
use crate::lang::{LOCAL_FILE, Lang};

pub(crate) use lasting::Lasting;
pub(crate) use profile::vault;

/// A failed command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong arguments; the sentence is in the user's language already.
    Usage(String),
    /// Asked whether it is meant, the user has said no; says what stays so.
    NotConfirmed(String),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Standard input cannot be read; says why.
    Input(String),
    /// A file of the user's cannot be used; says which and why.
    File {
        path: String,
        reason: String,
    },
    /// Neither an argument nor the environment says where profiles are.
    NoHome,
    /// The profile is empty.
    NoAccount(PathBuf),
    /// The profile has an account, but no session.
    SignInUnfinished,
    /// The device was signed out.
    SignedOut(SignedOut),
    /// The identity that was begun here has not taken effect yet.
    IdentityBegins {
        at_ms: i64,
    },
    /// The profile was begun for somebody else, who is not signed in.
    AnotherUsersProfile {
        user: UserId,
        dir: PathBuf,
    },
    /// A passphrase is set in this variable, and empty.
    EmptyPassphrase(&'static str),
    /// Another passphrase is to be set, and nobody says which.
    NewPassphraseNeeded,
    /// Nowhere to get the access key from.
    NoAccessKey,
    NoInvitation,
    /// What a message had is gone: it was deleted.
    MessageDeleted,
    /// The present access key is not the account's.
    WrongAccessKey(ErrorCode),
    NotAnInvitation,
    /// Nowhere to get the recovery key from.
    NoRecoveryKey,
    /// The same where a device could be let in without it as well.
    NoWayIn,
    /// What was given as the server's address is none.
    Address(AddressError),
    /// What was given as a proxy is none.
    Proxy(ProxyError),
    /// Signing in.
    Login(LoginError),
    /// Taking a profile to another address.
    Relocation(RelocationError),
    /// The engine has no connection, and a command does not want to wait for one.
    Disconnected(Disconnection),
    /// Opening the profile.
    Profile(ProfileError),
    /// Anything else that the engine's library does.
    Client(ClientError),
    /// The engine has stopped.
    Engine(EngineError),
    /// A contact's key has changed. With a message that is queued, if there is one.
    IdentityChanged {
        user: UserId,
        queued: Option<MessageId>,
    },
    /// Somebody is in a group under another key than the known one. The message is queued.
    GroupHeld {
        held: Box<HeldGroup>,
        message: MessageId,
    },
    /// A contact link names another key than the known one.
    LinkNamesAnotherKey(UserId),
    /// What a removed device knew of a contact is shown now, and was not before.
    CompareFirst(UserId),
    /// A contact was added by a link, and the server names another key.
    ServerNamesAnotherKey(UserId),
    /// A message was refused for good.
    NotSent {
        code: ErrorCode,
        message: MessageId,
    },
    /// A message is held: since it was written others have come to its chat.
    Held {
        chat: String,
        newcomers: Vec<UserId>,
        message: MessageId,
    },
    /// A message was refused, because the contact that it is for does not exist any more.
    RecipientGone {
        message: MessageId,
    },
    /// Nobody has the name that was given as a recipient's. With the groups that may be meant.
    NobodyCalled {
        user: UserId,
        groups: Vec<String>,
    },
    /// The device that is to be let in was signed out.
    LinkedWasRemoved,
    /// Others can read the key of a profile.
    KeyOpenToOthers(PathBuf),
    /// Somebody else has written what was to be deleted.
    NotYoursToDelete {
        message: MessageId,
    },
    /// Somebody who was to be removed from a group does not take part in it.
    NotThere {
        absent: Vec<UserId>,
        /// Others were named as well, who were removed.
        others: bool,
    },
    /// Only these may do that in a group.
    NotAllowedInGroup(Vec<UserId>),
    /// A change of a group is kept, and was not made in time.
    GroupWaits {
        seconds: u64,
    },
    /// A change of a group is kept, and a signal came before it was made.
    GroupInterrupted(Exit),
    /// A message is queued, and what keeps it is not over in a minute.
    Waits {
        why: Lasting,
        /// The other one of a direct chat.
        to: Option<UserId>,
        message: MessageId,
    },
    /// A message is queued, and was not acknowledged in time.
    NotAcknowledged {
        seconds: u64,
        reason: Option<String>,
        message: MessageId,
    },
    /// A message is queued, and the waiting for it ended like this.
    Queued {
        cause: Box<Failure>,
        message: MessageId,
    },
    /// `listen` has not got what it waited for.
    TooFewReceived {
        received: u64,
        wanted: u64,
        seconds: u64,
    },
    /// The system does not let the program work: no thread, no signals.
    Runtime(io::Error),
    /// The recovery words alone let nobody into this account.
    WrongWords(UserId),
    /// It was said when it happened; the command ends with it.
    Said(Box<Failure>),
    /// A signal.
    Interrupted(Exit),
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) exit: Exit,
    /// Stable name for scripts.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The message that it is about, if it is queued or was refused.
    pub(crate) message_id: Option<MessageId>,
}

impl Described {
    fn new(exit: Exit, code: &str, message: String) -> Self {
        Self { exit, code: code.to_owned(), message, message_id: None }
    }

    fn about(self, message_id: MessageId) -> Self {
        Self { message_id: Some(message_id), ..self }
    }
}

impl Failure {
    pub(crate) fn file(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.display().to_string(), reason: reason.into() }
    }

    /// Whether the reader of our output has gone, which is not worth a word.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Queued { cause, .. } | Self::Said(cause) => cause.is_broken_pipe(),
            _ => false,
        }
    }

    pub(crate) fn describe(&self, lang: Lang) -> Described {
        let new = Described::new;
        match self {
            Self::Usage(text) => new(Exit::Usage, "usage", text.clone()),
            Self::NotConfirmed(text) => new(Exit::Other, "not_confirmed", text.clone()),
            Self::Output(error) => new(Exit::File, "output", lang.stdout_failed(&lang.io(error))),
            Self::Input(reason) => new(Exit::File, "input", lang.stdin_failed(reason)),
            Self::File { path, reason } => new(Exit::File, "file", lang.file_failed(path, reason)),
            Self::NoHome => new(Exit::Usage, "no_profile", lang.no_home()),
            Self::NoAccount(dir) => {
                new(Exit::NotSignedIn, "not_signed_in", lang.no_account(&dir.display().to_string()))
            }
            Self::SignInUnfinished => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
            Self::SignedOut(signed_out) => client::signed_out(lang, signed_out),
            Self::IdentityBegins { at_ms } => {
                new(Exit::NotSignedIn, "identity_begins", lang.identity_begins(&time::local(*at_ms)))
            }
            Self::AnotherUsersProfile { user, dir } => {
                let said = lang.another_users_profile(user.as_str(), &dir.display().to_string());
                new(Exit::Other, "already_signed_in", said)
            }
            Self::EmptyPassphrase(variable) => {
                new(Exit::Credentials, "passphrase_needed", lang.empty_passphrase(variable))
            }
            Self::NewPassphraseNeeded => new(Exit::Credentials, "passphrase_needed", lang.new_passphrase_needed()),
            Self::NoAccessKey => new(Exit::Credentials, "access_key_needed", lang.no_access_key()),
            Self::MessageDeleted => new(Exit::File, "no_attachment", lang.message_was_deleted()),
            Self::WrongAccessKey(code @ ErrorCode::InvalidCredentials) => {
                new(Exit::Credentials, code.as_str(), lang.wrong_access_key())
            }
            Self::WrongAccessKey(code) => new(Exit::Credentials, code.as_str(), lang.refusal(code)),
            Self::NoInvitation => new(Exit::Credentials, "invitation_needed", lang.no_invitation()),
            Self::NotAnInvitation => new(Exit::Usage, "usage", lang.not_an_invitation()),
            Self::NoRecoveryKey => new(Exit::Credentials, "recovery_key_needed", lang.no_recovery_key()),
            Self::NoWayIn => new(Exit::Credentials, "recovery_key_needed", lang.no_way_in()),
            Self::Address(error) => new(Exit::Usage, "bad_address", lang.address(*error)),
            Self::Proxy(error) => new(Exit::Usage, "bad_proxy", lang.proxy(*error)),
            Self::Login(error) => login::describe(lang, error),
            Self::Relocation(error) => login::relocation(lang, error),
            Self::Disconnected(Disconnection::Network(error)) => network::describe(lang, error),
            Self::Disconnected(Disconnection::Disk) => new(Exit::File, "disk", lang.disk_unusable()),
            Self::Disconnected(reason) => new(Exit::Network, "network", lang.no_connection(reason)),
            Self::Profile(error) => profile::describe(lang, error),
            Self::Client(error) => client::describe(lang, error),
            Self::Engine(error) => client::engine(lang, error),
            Self::IdentityChanged { user, queued } => {
                let blocked = lang.identity_blocked(user.as_str());
                match queued {
                    None => {
                        let said = format!("{blocked}. {}", lang.not_kept());
                        new(Exit::IdentityChanged, "identity_changed", said)
                    }
                    Some(id) => {
                        let said = format!("{blocked}. {}", lang.stays_queued_until_then());
                        new(Exit::IdentityChanged, "identity_changed", said).about(*id)
                    }
                }
            }
            Self::GroupHeld { held, message } => {
                let said = format!("{}. {}", lang.group_held(held), lang.stays_queued_until_then());
                // What there is to decide comes first.
                let is_refused = held.to_decide.is_empty() && !held.refused.is_empty();
                let code = if is_refused { "identity_refused" } else { "identity_changed" };
                new(Exit::IdentityChanged, code, said).about(*message)
            }
            Self::LinkNamesAnotherKey(user) => {
                let said = lang.link_names_another_key(user.as_str());
                new(Exit::IdentityChanged, "link_names_another_key", said)
            }
            Self::CompareFirst(user) => new(Exit::IdentityChanged, "compare_first", lang.compare_first(user.as_str())),
            Self::ServerNamesAnotherKey(user) => {
                let said = lang.server_names_another_key(user.as_str());
                new(Exit::IdentityChanged, "server_names_another_key", said)
            }
            Self::Held { chat, newcomers, message } => {
                let said = lang.held_for(newcomers, chat, &message.to_string());
                new(Exit::Other, OTHERS_CAME, said).about(*message)
            }
            Self::NotSent { code, message } if code.as_str() == LOCAL_FILE => {
                new(Exit::File, "file", lang.not_sent(&lang.refusal(code))).about(*message)
            }
            Self::NotSent { code, message } => {
                new(Exit::Refused, code.as_str(), lang.not_sent(&lang.refusal(code))).about(*message)
            }
            Self::RecipientGone { message } => {
                new(Exit::Refused, "recipient_gone", lang.not_sent(&lang.recipient_gone())).about(*message)
            }
            Self::NobodyCalled { user, groups } => {
                let said = lang.or_a_group(lang.no_such_user(user.as_str()), groups);
                new(Exit::Refused, "unknown_recipient", lang.not_sent(&said))
            }
            Self::LinkedWasRemoved => new(Exit::Refused, "device_removed", lang.linked_was_removed()),
            Self::KeyOpenToOthers(path) => {
                new(Exit::File, "key_file_open_to_others", lang.key_open_to_others(&path.display().to_string()))
            }
            Self::NotYoursToDelete { message } => {
                let said = format!("{}; {}", lang.not_the_author(), lang.delete_for_me(&message.to_string()));
                new(Exit::Other, "not_the_author", said)
            }
            Self::NotThere { absent, others } => {
                let mut said = lang.not_there(&names(absent));
                if *others {
                    said = format!("{said}. {}", lang.others_are_out());
                }
                new(Exit::Refused, "no_participant", said)
            }
            Self::NotAllowedInGroup(who) => {
                let mut said = lang.group_not_allowed();
                if !who.is_empty() {
                    said = format!("{said}; {}", lang.they_may(&names(who)));
                }
                new(Exit::Refused, &privmsg_client::ChangeError::NotAllowed.to_string(), said)
            }
            Self::GroupInterrupted(exit) => new(*exit, "interrupted", lang.group_interrupted()),
            Self::GroupWaits { seconds } => new(Exit::Network, "timeout", lang.group_waits(*seconds)),
            Self::Waits { why, to, message } => {
                let until = if why.is_for_the_user() { lang.stays_queued_until_then() } else { lang.stays_queued() };
                let said = format!("{}. {until}", why.sentence(lang, to.as_ref()));
                new(why.exit(), why.code(), said).about(*message)
            }
            Self::NotAcknowledged { seconds, reason, message } => {
                let mut said = lang.not_acknowledged(*seconds);
                if let Some(reason) = reason {
                    said = format!("{said}. {}", lang.last_reason(reason));
                }
                new(Exit::Network, "timeout", said).about(*message)
            }
            Self::Queued { cause, message } => {
                let described = cause.describe(lang);
                let until = match described.exit {
                    Exit::NotSignedIn => lang.stays_queued_until_then(),
                    _ => lang.stays_queued(),
                };
                let said = format!("{}. {until}", described.message);
                Described { message: said, ..described }.about(*message)
            }
            Self::TooFewReceived { received, wanted, seconds } => {
                new(Exit::TooFewReceived, "too_few_received", lang.received_too_few(*received, *wanted, *seconds))
            }
            Self::Runtime(error) => new(Exit::Other, "internal", lang.internal(&lang.io(error))),
            Self::WrongWords(user) => {
                new(Exit::Credentials, "wrong_recovery_key", lang.not_the_words_of(user.as_str()))
            }
            Self::Said(failure) => failure.describe(lang),
            Self::Interrupted(exit) => new(*exit, "interrupted", lang.interrupted()),
        }
    }
}

fn names(users: &[UserId]) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")
}
