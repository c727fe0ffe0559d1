//! Opening a chat: all devices of both users in one go.

use std::sync::Arc;

use privmsg_e2ee::{
    ClaimedKeyPackage, Conversation, ConversationInfo, ConversationKind, CreateError, KeyPackageError, Provider,
};
use privmsg_protocol::rest::{DeviceKeyPackage, GroupKind};
use privmsg_protocol::{ErrorCode, GroupId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::{contacts, mls_storage};
use tokio::time::Instant;

use super::super::session::Session;
use super::super::{membership, schedule};
use super::PAUSE;
use super::request::Request;
use crate::error::ClientError;

impl Session {
    /// Makes the group of a chat that has none, or joins the one that the other side has made meanwhile.
    pub(in super::super) async fn open_chat(&mut self, chat: ChatId) -> Result<(), ClientError> {
        match self.try_open_chat(chat).await {
            Ok(Some(group)) => self.submit(&group).await,
            Ok(None) => {
                self.paused.insert(chat, Instant::now() + PAUSE);
                Ok(())
            }
            Err(error) => self.chat_failed(chat, error).await,
        }
    }

    async fn try_open_chat(&mut self, chat: ChatId) -> Result<Option<GroupId>, ClientError> {
        let own = self.identity.user_id.clone();
        let kind = self.context.store.read(move |c| chats::load(c, chat)).await?.kind;
        let (kind, participants) = match kind {
            ChatKind::SelfNotes => (GroupKind::SelfNotes, vec![own.clone()]),
            ChatKind::Direct { peer } => (GroupKind::Direct, vec![peer, own.clone()]),
            // A group chat comes to this device with its group; without one there is nothing to create.
            ChatKind::Group => return Ok(None),
        };
        let mut packages = Vec::new();
        for user in &participants {
            let claimed = self.claim(user).await?;
            // The other side comes first, so that waiting for somebody who has not signed in yet uses up nothing.
            if claimed.is_empty() && *user != own {
                return Err(nobody_there());
            }
            packages.extend(claimed);
        }
        self.create(chat, kind, participants, packages).await.map(Some)
    }

    /// Claims a key package of each device of a user, and keeps those that can be trusted.
    async fn claim(&self, user: &UserId) -> Result<Vec<ClaimedKeyPackage>, ClientError> {
        let claimed = self.context.api.claim_key_packages(user).await?.key_packages;
        let now = self.context.clock.now_s().try_into().unwrap_or(0);
        let mut packages: Vec<_> = claimed.iter().filter_map(|package| validate(user, package, now)).collect();
        let trusted = self.trusted_identity(user).await?;
        packages.retain(|package| {
            let identity = package.member().identity;
            let trusted = trusted.as_ref() == Some(identity.as_bytes());
            if !trusted {
                tracing::warn!(%user, "left out a device under another identity than the user's");
            }
            trusted
        });
        Ok(packages)
    }

    /// The identity that a user's devices must have: for ourselves our own, for a verified contact the pinned one, for
    /// others the one in the profile. If that is another one than the pinned, it is taken, and shown as changed.
    async fn trusted_identity(&self, user: &UserId) -> Result<Option<[u8; 32]>, ClientError> {
        if *user == self.identity.user_id {
            return Ok(Some(*self.identity.account.as_bytes()));
        }
        let profile = self.context.api.user(user).await?;
        let published = profile
            .public_key
            .and_then(|key| key.parse::<privmsg_e2ee::AccountPublicKey>().ok())
            .map(|key| *key.as_bytes());
        let name = user.clone();
        let pinned = self.context.store.read(move |c| contacts::load(c, &name)).await?;
        Ok(match pinned {
            Some(contact) if contact.verified => Some(contact.identity),
            Some(contact) => published.or(Some(contact.identity)),
            None => published,
        })
    }

    async fn create(
        &self,
        chat: ChatId,
        kind: GroupKind,
        participants: Vec<UserId>,
        packages: Vec<ClaimedKeyPackage>,
    ) -> Result<GroupId, ClientError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| ClientError::Crypto("the system gives no random bytes".into()))?;
        let group_id = GroupId::from_bytes(bytes);
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        let events = self
            .context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                let conversation_kind = match kind {
                    GroupKind::Direct => ConversationKind::Direct,
                    GroupKind::SelfNotes => ConversationKind::SelfNotes,
                    GroupKind::Group => ConversationKind::Group,
                };
                let info = ConversationInfo::new(conversation_kind, participants.clone())
                    .map_err(|e| ClientError::Crypto(e.to_string()))?;
                let (_, bundle) =
                    Conversation::create(&provider, &identity.device, &identity.certificate, group_id, info, &packages)
                        .map_err(create_error)?;
                groups::insert(c, &group_id, chat, GroupState::Creating, schedule::next_rotation(now))?;
                Request::create(group_id, kind, participants, bundle).store(c, &group_id)?;
                let members: Vec<_> = packages.iter().map(ClaimedKeyPackage::member).collect();
                membership::observe(c, &identity, chat, &members, now)
            })
            .await?;
        self.context.emit_all(events);
        Ok(group_id)
    }
}

/// As the server says it, for a user whose devices it has but none that can be trusted.
fn nobody_there() -> ClientError {
    ClientError::Server {
        code: ErrorCode::RecipientHasNoDevices,
        detail: "none of the recipient's devices can be reached".into(),
        retry_after: None,
        epoch: None,
        group_id: None,
    }
}

fn create_error(error: CreateError) -> ClientError {
    match error {
        CreateError::Storage(error) => error.into(),
        other => ClientError::Crypto(other.to_string()),
    }
}

fn validate(user: &UserId, package: &DeviceKeyPackage, now_s: u64) -> Option<ClaimedKeyPackage> {
    let bytes = package.key_package.decode();
    let validated = bytes
        .ok_or(KeyPackageError::Malformed)
        .and_then(|bytes| ClaimedKeyPackage::validate(&bytes, user, &package.device_id, now_s));
    match validated {
        Ok(package) => Some(package),
        Err(error) => {
            tracing::warn!(%user, %error, "left out a device with an unusable key package");
            None
        }
    }
}
