//! What must not come back with an older database, or be lost with a newer one: see [`super::journal`].

use privmsg_protocol::{ConversationId, DeviceId, Opaque, UserId};
use serde::{Deserialize, Serialize};

use crate::secrets::KeyHash;

/// Something that was taken from somebody, given back, or signed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Revocation {
    SignedOut {
        user_id: UserId,
        device_id: DeviceId,
        /// The device's key as the server has it; empty if it has none.
        key: String,
        /// Why, where there is a reason; or [`BY`] and the other device that has done it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    AccessKey {
        user_id: UserId,
        hash: KeyHash,
    },
    Deactivated {
        user_id: UserId,
    },
    Reactivated {
        user_id: UserId,
    },
    Deleted {
        user_id: UserId,
    },
    /// A device list, with the certificate of who has signed it.
    Listed {
        user_id: UserId,
        certificate: Opaque,
        list: Opaque,
    },
    /// A sealed identity, and the key of the words that it is sealed under.
    Sealed {
        user_id: UserId,
        recovery_key: Opaque,
        backup: Opaque,
    },
    Blocked {
        user_id: UserId,
        peer: UserId,
    },
    Unblocked {
        user_id: UserId,
        peer: UserId,
    },
    /// A conversation that the user is spared.
    Declined {
        user_id: UserId,
        chat_id: ConversationId,
    },
    LetIn {
        user_id: UserId,
        chat_id: ConversationId,
    },
    /// A group of people that the user has left.
    Left {
        user_id: UserId,
        chat_id: ConversationId,
    },
    /// Whom the user has declined in a group of two.
    TurnedDown {
        user_id: UserId,
        peer: UserId,
    },
    TurnedTo {
        user_id: UserId,
        peer: UserId,
    },
    /// A roster of a group that the user has created.
    Step {
        user_id: UserId,
        roster: Opaque,
    },
}

/// In front of a device that has signed another one out.
pub(super) const BY: char = '@';

/// Bytes of a roster that count like one entry of another kind: a large group fills no disk either.
const STEP_UNIT: usize = 4096;

/// What entries are about: a later one makes an earlier one about the same superfluous.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Matter {
    user_id: UserId,
    kind: Kind,
    /// A device, a user, a conversation or a roster.
    of: String,
}

/// See [`Matter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Device,
    AccessKey,
    Active,
    Deleted,
    List,
    Seal,
    Block,
    Decline,
    TurnDown,
    Leave,
    Step,
}

impl Matter {
    /// Those of a user that there may be any number of.
    pub(super) fn series(&self) -> Option<(UserId, Kind)> {
        matches!(self.kind, Kind::Device | Kind::Block | Kind::Decline | Kind::TurnDown | Kind::Leave | Kind::Step)
            .then(|| (self.user_id.clone(), self.kind))
    }

    /// Whether an entry about this may be forgotten for its age. What is signed last is the newest, however old it is.
    pub(super) const fn ages(&self) -> bool {
        !matches!(self.kind, Kind::List | Kind::Seal | Kind::Block | Kind::Decline | Kind::TurnDown)
    }
}

impl Revocation {
    /// What an entry counts to [`Matter::series`].
    pub(super) fn weight(&self) -> u32 {
        match self {
            Self::Step { roster, .. } => 1 + u32::try_from(roster.len() / STEP_UNIT).unwrap_or(u32::MAX / 2),
            _ => 1,
        }
    }

    /// Of a step, the conversation. It stands behind the version of the roster; only a founding one, which is no step, has none.
    pub(super) fn conversation(&self) -> Option<ConversationId> {
        let Self::Step { roster, .. } = self else { return None };
        let chat_id = roster.decode()?.get(1..33)?.try_into().ok()?;
        Some(ConversationId::from_bytes(chat_id))
    }

    /// A row of the table.
    pub(super) fn read(kind: &str, user_id: &str, subject: &[u8]) -> Option<Self> {
        let user_id = UserId::new(user_id).ok()?;
        let text = || std::str::from_utf8(subject).ok();
        Some(match kind {
            "signed_out" => {
                let (device_id, rest) = text()?.split_once(' ')?;
                let (key, why) = rest.split_once(' ')?;
                let device_id = DeviceId::new(device_id).ok()?;
                Self::SignedOut { user_id, device_id, key: key.to_owned(), why: why.to_owned() }
            }
            "access_key" => Self::AccessKey { user_id, hash: KeyHash::from_slice(subject)? },
            "deactivated" => Self::Deactivated { user_id },
            "reactivated" => Self::Reactivated { user_id },
            "deleted" => Self::Deleted { user_id },
            "listed" => {
                let (certificate, list) = text()?.split_once(' ')?;
                Self::Listed { user_id, certificate: of_hex(certificate)?, list: of_hex(list)? }
            }
            "sealed" => {
                let (recovery_key, backup) = text()?.split_once(' ')?;
                Self::Sealed { user_id, recovery_key: of_hex(recovery_key)?, backup: Opaque::from_base64(backup) }
            }
            "blocked" => Self::Blocked { user_id, peer: UserId::new(text()?).ok()? },
            "unblocked" => Self::Unblocked { user_id, peer: UserId::new(text()?).ok()? },
            "left" => Self::Left { user_id, chat_id: ConversationId::from_bytes(subject.try_into().ok()?) },
            "turned_down" => Self::TurnedDown { user_id, peer: UserId::new(text()?).ok()? },
            "turned_to" => Self::TurnedTo { user_id, peer: UserId::new(text()?).ok()? },
            "declined" => Self::Declined { user_id, chat_id: ConversationId::from_bytes(subject.try_into().ok()?) },
            "step" => Self::Step { user_id, roster: Opaque::encode(subject) },
            "let_in" => Self::LetIn { user_id, chat_id: ConversationId::from_bytes(subject.try_into().ok()?) },
            _ => return None,
        })
    }

    pub(super) fn matter(&self) -> Matter {
        let (user_id, kind, of) = match self {
            Self::SignedOut { user_id, device_id, .. } => (user_id, Kind::Device, device_id.to_string()),
            Self::AccessKey { user_id, .. } => (user_id, Kind::AccessKey, String::new()),
            Self::Deactivated { user_id } | Self::Reactivated { user_id } => (user_id, Kind::Active, String::new()),
            Self::Deleted { user_id } => (user_id, Kind::Deleted, String::new()),
            Self::Listed { user_id, .. } => (user_id, Kind::List, String::new()),
            Self::Sealed { user_id, .. } => (user_id, Kind::Seal, String::new()),
            Self::Blocked { user_id, peer } | Self::Unblocked { user_id, peer } => {
                (user_id, Kind::Block, peer.to_string())
            }
            Self::Declined { user_id, chat_id } | Self::LetIn { user_id, chat_id } => {
                (user_id, Kind::Decline, chat_id.to_string())
            }
            Self::Left { user_id, chat_id } => (user_id, Kind::Leave, chat_id.to_string()),
            Self::TurnedDown { user_id, peer } | Self::TurnedTo { user_id, peer } => {
                (user_id, Kind::TurnDown, peer.to_string())
            }
            Self::Step { user_id, roster } => (user_id, Kind::Step, roster.as_str().to_owned()),
        };
        Matter { user_id: user_id.clone(), kind, of }
    }
}

fn of_hex(text: &str) -> Option<Opaque> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        bytes.chunks_exact(2).map(|pair| Some(16 * digit(pair[0])? + digit(pair[1])?)).collect();
    bytes.map(|bytes| Opaque::encode(&bytes))
}
