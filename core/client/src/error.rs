//! What can go wrong between a front-end and the server, and whether trying again helps.

use std::path::Path;
use std::time::Duration;

use privmsg_e2ee::{ContentError, LoadError, RecoveryError, StorageError, UpdateNeeded};
pub use privmsg_protocol::error::Retry;
use privmsg_protocol::{ConversationId, Epoch, ErrorCode, GroupId, Incarnation, UserId};
use privmsg_store::StoreError;
use privmsg_store::holds::Unreachable;
use privmsg_store::key::KeyError;
use privmsg_store::sign_outs::{SignOutCause, SignedOut};

use crate::group::change::ChangeError;
use crate::net::{AddressError, NetworkError};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of one operation.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server cannot be reached, the connection broke, or something on the way has answered in its place.
    #[error("the server cannot be reached: {0}")]
    Network(#[from] NetworkError),
    /// The server is being stopped or restarted, and has said when to come back.
    #[error("the server is restarting")]
    GoingAway {
        /// How long it asks to be left alone.
        retry_after: Duration,
    },
    /// The same device has connected anew, from another process or machine: a profile that was copied. Whoever comes
    /// back puts the other one out.
    #[error("another connection of the same device took over")]
    Replaced,
    /// The server answered with an error.
    #[error("the server refused: {detail}")]
    Server {
        /// Stable code.
        code: ErrorCode,
        /// The server's sentence, in English.
        detail: String,
        /// When to try again.
        retry_after: Option<Duration>,
        /// The group's current epoch, with a stale one.
        epoch: Option<Epoch>,
        /// The conversation that exists already.
        group_id: Option<GroupId>,
        /// The newest incarnation of the conversation that the server knows.
        incarnation: Option<Incarnation>,
    },
    /// The server answered with something that is not PrivMsg's protocol.
    #[error("the server does not speak PrivMsg's protocol: {0}")]
    Protocol(&'static str),
    /// The server has forgotten this device.
    #[error("the server does not know this device any more")]
    DeviceForgotten(
        /// Why, by the server's word, if it says so.
        SignOutCause,
    ),
    /// Somebody else has signed in with this device's key: a copy of the profile, or whoever has read it.
    #[error("somebody else has signed in with this device's key")]
    KeyInUseElsewhere,
    /// The local database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something failed that nobody outside has a part in.
    #[error("failed while {during}")]
    Internal {
        /// What was being done.
        during: &'static str,
        /// Why it failed.
        source: Cause,
    },
    /// Something in the profile is not what was written there.
    #[error("the profile's {0} is damaged")]
    Damaged(&'static str),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// A message that cannot be encoded: empty, or too long.
    #[error("the message cannot be sent: {0}")]
    Content(#[from] ContentError),
    /// This profile has no signed-in device.
    #[error("not signed in")]
    NotSignedIn,
    /// A local file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The profile's folder cannot be read or written: the disk is full, or gone.
    #[error("the profile's folder cannot be used: {0}")]
    Disk(#[source] std::io::Error),
    /// The path of a file is not Unicode, and cannot be kept for later.
    #[error("the path of a file is not Unicode")]
    PathNotUnicode,
    /// The message has no such attachment, or there is no such message.
    #[error("there is no such file")]
    NoSuchAttachment,
    /// There is no such message.
    #[error("there is no such message")]
    NoSuchMessage,
    /// Several people, or devices, gave the same id to different messages.
    #[error("several messages have this id")]
    AmbiguousMessage,
    /// Only its author may do that with a message.
    #[error("only its author may do that")]
    NotTheAuthor,
    /// The message is deleted, or says nothing that could be changed.
    #[error("the message cannot be changed any more")]
    NotChangeable,
    /// The key of the profile cannot be had, or kept elsewhere.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A change of a message was queued, and will not be made.
    #[error("the change of the message was not made ({0})")]
    NotMade(ErrorCode),
    /// A message says nothing that could be forwarded: it is deleted, not sent yet, or of another kind.
    #[error("the message says nothing that could be forwarded")]
    NotForwardable,
    /// Its files are larger than what is forwarded.
    #[error("the files of the message are too large to be forwarded")]
    TooMuchToForward,
    /// A downloaded file is not what the sender encrypted.
    #[error("the file was altered or cut off on its way")]
    AlteredFile,
    /// There is no conversation with this user, or their identity key is not known yet.
    #[error("no conversation with {0} yet")]
    UnknownContact(UserId),
    /// The user has blocked somebody, to whom this would be said.
    #[error("{0} is blocked")]
    Blocked(UserId),
    /// None of a user's devices can be written to at the moment.
    #[error("none of {user}'s devices can be reached: {}", why.as_str())]
    Unreachable {
        /// Who.
        user: UserId,
        /// Why.
        why: Unreachable,
    },
    /// The server knows no such user.
    #[error("there is no user {0}")]
    NoSuchUser(UserId),
    /// There is no such group on this device.
    #[error("there is no such group: {0}")]
    NoSuchGroup(String),
    /// Several groups begin like that.
    #[error("several groups begin with {name}")]
    SeveralGroups {
        /// What was given.
        name: String,
        /// All that fit.
        groups: Vec<ConversationId>,
    },
    /// Too little of a group's id to stand for it.
    #[error("too short for a group's id: {0}")]
    GroupNameTooShort(String),
    /// It is so already.
    #[error("it is so already")]
    Unchanged,
    /// The user does not take part in the group any more.
    #[error("the user is no longer in this group")]
    NotInGroup,
    /// The group is at other people than the newest that are known here, and nobody can bring it there but an owner.
    #[error("the people of the group are not agreed on")]
    GroupUnsettled,
    /// A change of a group that cannot be.
    #[error("the group cannot be changed so: {0}")]
    GroupChange(#[from] ChangeError),
    /// The server is older than this version can work with.
    #[error("the server speaks version {0} of the protocol")]
    ServerTooOld(u32),
    /// What the server has of a conversation is forged, breaks our rules, or is another one's.
    #[error("a conversation cannot be joined")]
    Unjoinable,
    /// The other person of a conversation has another identity than the one that the user holds fast, and they have not
    /// accepted it.
    #[error("the changed identity of a contact has not been accepted")]
    IdentityToAccept,
    /// Somebody takes part in a group under a key that the user has refused for them.
    #[error("somebody is in the group under a key that was refused")]
    IdentityRefused,
    /// The contact's safety number is not the one that the user has seen.
    #[error("the safety number of {0} is another one than was shown")]
    AnotherNumber(UserId),
    /// A contact link names another key than the one that the user is known by here.
    #[error("the link names another key for {0} than the one that is known here")]
    AnotherKey(UserId),
    /// The account has no such device, by its list and by the server's word.
    #[error("no such device")]
    NoSuchDevice,
    /// This device has never seen such a device in the account's list: who came after it cannot be told.
    #[error("this device has never seen that device in the account's list")]
    NeverListed,
    /// The server names another identity for somebody than the one that is held fast here.
    #[error("the key of {0} is another one than the known one")]
    KeyChanged(UserId),
    /// A contact link is for a user of another server, as far as this one's word goes.
    #[error("the link is for a user of {0}, which is not this profile's server")]
    AnotherServer(String),
    /// The server has a device list of this account by another identity than the one that is known here.
    #[error("the server names another identity for this account")]
    AnotherOwnIdentity,
    /// This device does not stand in the account's device list: it waits to be let in.
    #[error("this device does not stand in the account's device list")]
    NotListed,
    /// This device does not sign for the account: it has not been told the signing key of the present generation.
    #[error("this device has no signing key of the account")]
    NoSigningKey,
    /// The server's clock and this machine's are far apart, and what is signed now would have to follow one of them.
    #[error("the server's clock and this machine's are far apart")]
    ClocksDiffer {
        /// How far the server's is ahead, ms.
        ahead_ms: i64,
    },
    /// The recovery words are mistyped, or do not open this account's identity.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The recovery words were replaced by newer ones.
    #[error("these recovery words were replaced by newer ones")]
    FormerWords,
    /// The code of a new device is for another account.
    #[error("the code is of a device of {0}")]
    AnotherUsersCode(UserId),
    /// A contact link is the account's own.
    #[error("the link is this account's own")]
    OwnLink,
    /// The server has had this device join a conversation anew too often, or said too often that it lacks what it has had.
    #[error("a conversation was joined anew too often")]
    JoinedTooOften {
        /// How long it is left alone.
        wait: Duration,
    },
    /// Somebody uses, or has stored, something newer than this version knows. Nothing is lost; it waits for an update.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// Another process runs the engine of this profile.
    #[error("another process is using this profile")]
    ProfileInUse,
}

impl ClientError {
    /// Whether trying again makes sense, and when.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Network(_)
            | Self::GoingAway { .. }
            | Self::Unreachable { .. }
            | Self::ServerTooOld(_)
            | Self::Disk(_) => Retry::Later,
            Self::Server { code, .. } => code.retry(),
            Self::Store(error) if error.is_retryable() => Retry::Later,
            _ => Retry::Never,
        }
    }

    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), source }
    }

    /// The server's code, if it was the server that refused.
    #[must_use]
    pub const fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Server { code, .. } => Some(code),
            _ => None,
        }
    }

    /// How long whoever refused asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            Self::GoingAway { retry_after } => Some(*retry_after),
            Self::Network(error) => error.retry_after(),
            _ => None,
        }
    }

    /// Whether this device has been signed out for good: another attempt gets the same answer.
    pub(crate) const fn signs_out(&self) -> bool {
        match self {
            Self::DeviceForgotten(_) | Self::KeyInUseElsewhere => true,
            Self::Server { code, .. } => matches!(code, ErrorCode::AccountRevoked | ErrorCode::InvalidCredentials),
            _ => false,
        }
    }

    /// Whether the session is over, though the device may come in again by its key.
    pub(crate) const fn needs_sign_in(&self) -> bool {
        matches!(self, Self::Server { code: ErrorCode::Unauthorized | ErrorCode::TokenExpired, .. })
    }

    /// Whether nothing more can be done in this session.
    pub(crate) const fn ends_session(&self) -> bool {
        self.signs_out() || self.needs_sign_in()
    }

    /// Whether this device waits to be let in.
    pub(crate) const fn is_not_listed(&self) -> bool {
        matches!(self, Self::NotListed | Self::Server { code: ErrorCode::DeviceNotListed, .. })
    }

    /// Whether a group is there now, or somebody's right in it, that was not before.
    pub(crate) const fn may_be_of_the_past(&self) -> bool {
        matches!(self, Self::NoSuchGroup(_) | Self::NotInGroup | Self::GroupChange(_))
    }

    pub(crate) fn is(&self, expected: &ErrorCode) -> bool {
        self.code() == Some(expected)
    }
}

/// An error and what has caused it, in one line.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors say what their cause says.
        if !said.ends_with(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said
}

/// Says what was being done when something failed.
pub(crate) trait During<T> {
    fn during(self, what: &'static str) -> Result<T, ClientError>;
}

impl<T, E: Into<Cause>> During<T> for Result<T, E> {
    fn during(self, what: &'static str) -> Result<T, ClientError> {
        self.map_err(|source| ClientError::Internal { during: what, source: source.into() })
    }
}

impl From<AddressError> for ClientError {
    fn from(error: AddressError) -> Self {
        Self::Network(error.into())
    }
}

impl From<StorageError> for ClientError {
    fn from(error: StorageError) -> Self {
        Self::Internal { during: "reading or writing the state of a conversation", source: error.into() }
    }
}

impl From<LoadError> for ClientError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::UpdateNeeded(newer) => newer.into(),
            LoadError::Storage(error) => error.into(),
            corrupt @ LoadError::Corrupt { .. } => {
                Self::Internal { during: "loading a conversation", source: corrupt.into() }
            }
        }
    }
}

/// Why the engine stopped for good.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The server does not know this device any more: signed out from elsewhere, or revoked.
    #[error("this device has been signed out")]
    SignedOut(
        /// Why, and when that was heard.
        SignedOut,
    ),
    /// Not signed in yet.
    #[error("not signed in")]
    NotSignedIn,
    /// Another process or machine uses a copy of this profile, and has connected with it.
    #[error("another connection of the same device took over")]
    Replaced,
    /// Somebody else has signed in with this device's key. It is signed out.
    #[error("somebody else has signed in with this device's key")]
    KeyInUseElsewhere,
    /// Another process runs the engine of this profile.
    #[error("another process is using this profile")]
    ProfileInUse,
    /// The profile cannot be locked.
    #[error("the profile cannot be locked")]
    Lock(#[source] std::io::Error),
    /// The local database cannot be used any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of our own.
    #[error("the engine has ended unexpectedly")]
    Ended(#[source] tokio::task::JoinError),
}
