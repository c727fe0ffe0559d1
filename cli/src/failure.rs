//! Why a command did not do what it was asked to, for people and for scripts.

use std::io;
use std::path::PathBuf;

use privmsg_client::{
    ClientError, EngineError, KeyError, LoginError, OpenError, ProfileError, StoreError, VaultError, causes,
};
use privmsg_protocol::{ErrorCode, MessageId, UserId};

use crate::exit::Exit;
use crate::lang::{LOCAL_FILE, Lang};

/// A failed command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong arguments; the sentence is in the user's language already.
    Usage(String),
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
    /// The profile was begun for somebody else, who is not signed in.
    AnotherUsersProfile {
        user: UserId,
        dir: PathBuf,
    },
    /// A passphrase was set to nothing.
    EmptyPassphrase,
    /// Nowhere to get the access key from.
    NoAccessKey,
    NoInvitation,
    NotAnInvitation,
    /// Nowhere to get the recovery key from.
    NoRecoveryKey,
    /// Signing in.
    Login(LoginError),
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
    /// A message was refused for good.
    NotSent {
        code: ErrorCode,
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
            Self::Queued { cause, .. } => cause.is_broken_pipe(),
            _ => false,
        }
    }

    pub(crate) fn describe(&self, lang: Lang) -> Described {
        let new = Described::new;
        match self {
            Self::Usage(text) => new(Exit::Usage, "usage", text.clone()),
            Self::Output(error) => new(Exit::File, "output", lang.stdout_failed(&lang.io(error))),
            Self::Input(reason) => new(Exit::File, "input", lang.stdin_failed(reason)),
            Self::File { path, reason } => new(Exit::File, "file", lang.file_failed(path, reason)),
            Self::NoHome => new(Exit::Usage, "no_profile", lang.no_home()),
            Self::NoAccount(dir) => {
                new(Exit::NotSignedIn, "not_signed_in", lang.no_account(&dir.display().to_string()))
            }
            Self::SignInUnfinished => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
            Self::AnotherUsersProfile { user, dir } => {
                let said = lang.another_users_profile(user.as_str(), &dir.display().to_string());
                new(Exit::Other, "already_signed_in", said)
            }
            Self::EmptyPassphrase => new(Exit::Credentials, "passphrase_needed", lang.empty_passphrase()),
            Self::NoAccessKey => new(Exit::Credentials, "access_key_needed", lang.no_access_key()),
            Self::NoInvitation => new(Exit::Credentials, "invitation_needed", lang.no_invitation()),
            Self::NotAnInvitation => new(Exit::Usage, "usage", lang.not_an_invitation()),
            Self::NoRecoveryKey => new(Exit::Credentials, "recovery_key_needed", lang.no_recovery_key()),
            Self::Login(error) => login(lang, error),
            Self::Profile(error) => profile(lang, error),
            Self::Client(error) => client(lang, error),
            Self::Engine(error) => engine(lang, error),
            Self::IdentityChanged { user, queued } => {
                let blocked = lang.identity_blocked(user.as_str());
                match queued {
                    None => new(Exit::IdentityChanged, "identity_changed", blocked),
                    Some(id) => {
                        let said = format!("{blocked}. {}", lang.stays_queued_until_then());
                        new(Exit::IdentityChanged, "identity_changed", said).about(*id)
                    }
                }
            }
            Self::NotSent { code, message } if code.as_str() == LOCAL_FILE => {
                new(Exit::File, "file", lang.not_sent(&lang.refusal(code))).about(*message)
            }
            Self::NotSent { code, message } => {
                new(Exit::Refused, code.as_str(), lang.not_sent(&lang.refusal(code))).about(*message)
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
            Self::Interrupted(exit) => new(*exit, "interrupted", lang.interrupted()),
        }
    }
}

fn login(lang: Lang, error: &LoginError) -> Described {
    let new = Described::new;
    match error {
        LoginError::Profile(error) => profile(lang, error),
        LoginError::AlreadySignedIn(user) => {
            new(Exit::Other, "already_signed_in", lang.already_signed_in(user.as_str()))
        }
        LoginError::BadAddress => new(Exit::Usage, "bad_address", lang.bad_address()),
        LoginError::Recovery(error) => recovery(lang, error),
        LoginError::IdentityMismatch => new(Exit::Refused, "identity_mismatch", lang.identity_mismatch()),
        LoginError::Client(ClientError::Server { code, .. }) if is_wrong_credentials(code) => {
            new(Exit::Credentials, code.as_str(), lang.refusal(code))
        }
        LoginError::Client(error) => client(lang, error),
    }
}

const fn is_wrong_credentials(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidCredentials | ErrorCode::AccountRevoked)
}

fn recovery(lang: Lang, error: &privmsg_client::RecoveryError) -> Described {
    use privmsg_client::RecoveryError as E;
    let said = match error {
        E::Words => lang.recovery_words(),
        E::WrongKey => lang.recovery_wrong_key(),
        E::Malformed | E::UnsupportedVersion(_) => lang.recovery_backup_unreadable(),
    };
    Described::new(Exit::Credentials, "wrong_recovery_key", said)
}

fn profile(lang: Lang, error: &ProfileError) -> Described {
    match error {
        ProfileError::Key(error) => key(lang, error),
        ProfileError::Store(error) => store(lang, error),
        ProfileError::Directory { path, source } => {
            Described::new(Exit::File, "file", lang.file_failed(&path.display().to_string(), &lang.io(source)))
        }
    }
}

fn key(lang: Lang, error: &KeyError) -> Described {
    let new = Described::new;
    match error {
        KeyError::NoProfile => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        KeyError::PassphraseNeeded => new(Exit::Credentials, "passphrase_needed", lang.passphrase_needed()),
        KeyError::WrongPassphrase => new(Exit::Credentials, "wrong_passphrase", lang.wrong_passphrase()),
        KeyError::Vault { source, .. } => new(Exit::Credentials, "keyring", lang.keyring_failed(&vault(lang, source))),
        KeyError::UnknownVault(name) => new(Exit::Other, "profile_newer", lang.unknown_vault(name)),
        KeyError::Newer { .. } => new(Exit::Other, "profile_newer", lang.newer_database()),
        KeyError::NoKeystore => new(Exit::File, "profile_damaged", lang.keystore_missing()),
        KeyError::KeptElsewhere(_) => new(Exit::Other, "profile_busy", lang.made_meanwhile()),
        KeyError::Busy => new(Exit::Other, "profile_busy", lang.database_busy()),
        KeyError::Damaged(file) => new(Exit::File, "profile_damaged", lang.damaged(file)),
        KeyError::OpenToOthers => {
            new(Exit::File, "key_file_open_to_others", lang.key_open_to_others(privmsg_client::KEY_FILE))
        }
        KeyError::Io { file, source } => new(Exit::File, "file", lang.file_failed(file, &lang.io(source))),
        KeyError::NoRandomness => new(Exit::Other, "internal", lang.no_randomness()),
    }
}

/// What a keyring says.
pub(crate) fn vault(lang: Lang, error: &VaultError) -> String {
    match error {
        VaultError::Unavailable => lang.keyring_unavailable(),
        VaultError::Locked => lang.keyring_locked(),
        VaultError::NoAnswer(waited) => lang.keyring_silent(waited.as_secs()),
        VaultError::Gone => lang.keyring_entry_gone(),
        VaultError::Damaged => lang.keyring_entry_damaged(),
        VaultError::Failed(source) => source.to_string(),
    }
}

fn store(lang: Lang, error: &StoreError) -> Described {
    let new = Described::new;
    match error {
        StoreError::WrongKey => new(Exit::File, "profile_damaged", lang.wrong_database_key()),
        StoreError::Newer { .. } => new(Exit::Other, "profile_newer", lang.newer_database()),
        StoreError::DiskFull => new(Exit::File, "disk_full", lang.disk_full()),
        StoreError::Busy => new(Exit::Other, "profile_busy", lang.database_busy()),
        other => new(Exit::File, "database", lang.database_failed(&causes(other))),
    }
}

fn engine(lang: Lang, error: &EngineError) -> Described {
    let new = Described::new;
    match error {
        EngineError::SignedOut(ErrorCode::AccountRevoked) => {
            let code = ErrorCode::AccountRevoked;
            new(Exit::NotSignedIn, code.as_str(), lang.refusal(&code))
        }
        EngineError::SignedOut(_) => new(Exit::NotSignedIn, "signed_out", lang.signed_out()),
        EngineError::NotSignedIn => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        EngineError::ProfileInUse => new(Exit::Other, "profile_busy", lang.profile_in_use()),
        EngineError::Store(error) => store(lang, error),
        EngineError::Lock(source) => new(Exit::File, "file", lang.file_failed("engine.lock", &lang.io(source))),
        EngineError::Ended(_) => new(Exit::Other, "internal", lang.internal(&causes(error))),
    }
}

fn client(lang: Lang, error: &ClientError) -> Described {
    let new = Described::new;
    match error {
        ClientError::GoingAway { .. } => new(Exit::Network, "network", lang.restarting()),
        ClientError::Network(detail) => new(Exit::Network, "network", lang.unreachable(&lang.network(detail))),
        ClientError::Server { code: ErrorCode::Unauthorized | ErrorCode::NotAuthenticated, .. } => {
            new(Exit::NotSignedIn, "signed_out", lang.signed_out())
        }
        ClientError::Server { code, .. } if is_wrong_credentials(code) => {
            new(Exit::NotSignedIn, code.as_str(), lang.refusal(code))
        }
        ClientError::Server { code: code @ ErrorCode::UnknownFile, .. } => {
            new(Exit::File, code.as_str(), lang.refused(&lang.refusal(code)))
        }
        ClientError::Server { code, .. } => new(Exit::Refused, code.as_str(), lang.refused(&lang.refusal(code))),
        ClientError::Protocol(detail) => new(Exit::Network, "not_privmsg", lang.not_privmsg(detail)),
        ClientError::Store(error) => store(lang, error),
        ClientError::Internal { .. } => new(Exit::Other, "internal", lang.internal(&causes(error))),
        ClientError::Damaged(what) => new(Exit::File, "profile_damaged", lang.damaged(what)),
        ClientError::NoRandomness => new(Exit::Other, "internal", lang.no_randomness()),
        ClientError::DeviceForgotten => new(Exit::NotSignedIn, "signed_out", lang.signed_out()),
        ClientError::PathNotUnicode => new(Exit::File, "file", lang.path_not_unicode()),
        ClientError::NoSuchMessage => new(Exit::Other, "no_message", lang.no_such_message()),
        ClientError::AmbiguousMessage => new(Exit::Other, "ambiguous_message", lang.ambiguous_message()),
        ClientError::NotTheAuthor => new(Exit::Other, "not_the_author", lang.not_the_author()),
        ClientError::NotChangeable => new(Exit::Other, "not_changeable", lang.not_changeable()),
        ClientError::NobodyThere(_) => {
            new(Exit::Refused, "recipient_has_no_devices", lang.refusal(&ErrorCode::RecipientHasNoDevices))
        }
        ClientError::Unjoinable => new(Exit::Other, "encryption", lang.unusable()),
        ClientError::Content(privmsg_client::ContentError::Emoji) => new(Exit::Usage, "usage", lang.not_an_emoji()),
        ClientError::Content(privmsg_client::ContentError::Size(_)) => {
            new(Exit::Usage, "message_too_long", lang.message_unfit(&lang.message_too_long()))
        }
        ClientError::Content(error) => new(Exit::Other, "message", lang.message_unfit(&error.to_string())),
        ClientError::NotSignedIn => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        ClientError::File { path, source } => new(Exit::File, "file", lang.file_failed(path, &lang.io(source))),
        ClientError::NoSuchAttachment => new(Exit::File, "no_attachment", lang.no_attachment()),
        ClientError::AlteredFile => new(Exit::File, "altered_file", lang.altered_file()),
        ClientError::UnknownContact(user) => new(Exit::Other, "unknown_contact", lang.unknown_contact(user.as_str())),
        ClientError::ProfileInUse => new(Exit::Other, "profile_busy", lang.profile_in_use()),
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        Self::Profile(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Profile(error.into())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Profile(error) => Self::Profile(error),
            OpenError::Client(error) => Self::Client(error),
        }
    }
}
