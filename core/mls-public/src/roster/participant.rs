//! Who takes part in a group, and as what.

use privmsg_protocol::UserId;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::keys::AccountPublicKey;
use crate::statement::{StatementError, is_number, text, user_id};
use crate::update_needed::UpdateNeeded;

/// What a participant may do. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Takes part, and may leave.
    Member = 1,
    /// Lets members in and sends them away.
    Admin = 2,
    /// Decides about everything.
    Owner = 3,
}

impl Role {
    fn read(number: u8) -> Result<Self, StatementError> {
        match number {
            1 => Ok(Self::Member),
            2 => Ok(Self::Admin),
            3 => Ok(Self::Owner),
            0 | u8::MAX => Err(StatementError::Malformed),
            _ => Err(UpdateNeeded::new(UpdateNeeded::ROLE, number).into()),
        }
    }
}

/// A participant: a user under one identity. The same user under another identity is somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Participant {
    user_id: UserId,
    identity: AccountPublicKey,
    role: Role,
    floor: u64,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct ParticipantFields {
    user_id: VLBytes,
    identity_key: [u8; 32],
    role: u8,
    generation: u64,
}

impl Participant {
    /// Somebody who signs nothing but the own leaving.
    #[must_use]
    pub const fn member(user_id: UserId, identity: AccountPublicKey) -> Self {
        Self { user_id, identity, role: Role::Member, floor: 0 }
    }

    /// Somebody with a role that signs, under no lower generation than `floor`. Take it from the newest certificate of
    /// that account that is known, never from a number that nobody has signed: too high a floor silences.
    #[must_use]
    pub const fn with_role(user_id: UserId, identity: AccountPublicKey, role: Role, floor: u64) -> Self {
        // One encoding each: for members the number says nothing.
        let floor = if matches!(role, Role::Member) { 0 } else { floor };
        Self { user_id, identity, role, floor }
    }

    /// The user.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The key that vouches for the user's devices and signing keys here.
    #[must_use]
    pub const fn identity(&self) -> &AccountPublicKey {
        &self.identity
    }

    /// What it may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The lowest generation of its account that may sign a roster; 0 for members.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether both are the same user under the same identity.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.user_id == other.user_id && self.identity == other.identity
    }

    pub(super) fn is_well_formed(&self) -> bool {
        match self.role {
            Role::Member => self.floor == 0,
            Role::Admin | Role::Owner => is_number(self.floor),
        }
    }

    pub(super) fn fields(&self) -> ParticipantFields {
        ParticipantFields {
            user_id: text(&self.user_id),
            identity_key: *self.identity.as_bytes(),
            role: self.role as u8,
            generation: self.floor,
        }
    }

    /// Reads one, whose key was looked at before or not.
    pub(super) fn read(fields: &ParticipantFields, admitted: bool) -> Result<Self, StatementError> {
        let identity = if admitted {
            AccountPublicKey::admitted(fields.identity_key)
        } else {
            AccountPublicKey::from_bytes(fields.identity_key).map_err(|_| StatementError::Malformed)?
        };
        Ok(Self {
            user_id: user_id(&fields.user_id).ok_or(StatementError::Malformed)?,
            identity,
            role: Role::read(fields.role)?,
            floor: fields.generation,
        })
    }
}
