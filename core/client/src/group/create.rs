//! Opening a chat: all devices of both users in one go.

use std::sync::Arc;

use privmsg_e2ee::{ClaimedKeyPackage, Conversation, ConversationInfo, ConversationKind, KeyPackageError, Malformed};
use privmsg_protocol::rest::{DeviceKeyPackage, GroupKind};
use privmsg_protocol::{GroupId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts;
use privmsg_store::groups::{self, GroupState};

use super::mls::Step;
use super::request::{Request, submit};
use super::{membership, schedule};
use crate::engine::Link;
use crate::error::{ClientError, During as _};
use crate::events::Event;

/// Makes the group of a chat that has none, or joins the one that the other side has made meanwhile.
pub(crate) async fn open_chat(link: &Arc<Link>, chat: ChatId) -> Result<(), ClientError> {
    let own = link.identity.user_id.clone();
    let kind = link.context.store.read(move |at| chats::load(at, chat)).await?.kind;
    let (kind, participants) = match kind {
        ChatKind::SelfNotes => (GroupKind::SelfNotes, vec![own.clone()]),
        ChatKind::Direct { peer } => (GroupKind::Direct, vec![peer, own.clone()]),
        ChatKind::Group => return Ok(()),
    };
    let mut packages = Vec::new();
    for user in &participants {
        let claimed = claim(link, user).await?;
        // The other side comes first, so that waiting for somebody who has not signed in yet uses up nothing.
        if claimed.is_empty() && *user != own {
            return Err(ClientError::NobodyThere(user.clone()));
        }
        packages.extend(claimed);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::NoRandomness)?;
    let id = GroupId::from_bytes(bytes);
    let made = link.context.step(&link.identity, move |step| create(step, id, chat, kind, participants, &packages));
    link.context.emit_all(made.await?);
    submit(link, id).await
}

/// Claims a key package of each device of a user, and keeps those that can be trusted.
async fn claim(link: &Link, user: &UserId) -> Result<Vec<ClaimedKeyPackage>, ClientError> {
    let claimed = link.context.api.claim_key_packages(user).await?.key_packages;
    let now = link.context.api.clock().later_s(&*link.context.clock).try_into().unwrap_or(0);
    let mut packages: Vec<_> = claimed.iter().filter_map(|package| validate(user, package, now)).collect();
    let trusted = trusted_identity(link, user).await?;
    packages.retain(|package| {
        let identity = package.member().identity;
        let trusted = trusted.as_ref() == Some(identity.as_bytes());
        if !trusted {
            tracing::warn!(contact = %user, "left out a device under another identity than the user's");
        }
        trusted
    });
    Ok(packages)
}

/// The identity that a user's devices must have: for ourselves our own, for a verified contact the pinned one, for others
/// the one in the profile. If that is another one than the pinned, it is taken, and shown as changed.
async fn trusted_identity(link: &Link, user: &UserId) -> Result<Option<[u8; 32]>, ClientError> {
    if *user == link.identity.user_id {
        return Ok(Some(*link.identity.account.as_bytes()));
    }
    let profile = link.context.api.user(user).await?;
    let published = profile
        .public_key
        .and_then(|key| key.parse::<privmsg_e2ee::AccountPublicKey>().ok())
        .map(|key| *key.as_bytes());
    let name = user.clone();
    let pinned = link.context.store.read(move |at| contacts::load(at, &name)).await?;
    Ok(match pinned {
        Some(contact) if contact.verified => Some(contact.identity),
        Some(contact) => published.or(Some(contact.identity)),
        None => published,
    })
}

fn create(
    step: &Step<'_, '_>,
    id: GroupId,
    chat: ChatId,
    kind: GroupKind,
    participants: Vec<UserId>,
    packages: &[ClaimedKeyPackage],
) -> Result<Vec<Event>, ClientError> {
    // An invitation of the other side may have come while the key packages were claimed.
    if groups::of_chat(step.tx, chat)?.is_some() {
        return Ok(Vec::new());
    }
    let conversation_kind = match kind {
        GroupKind::Direct => ConversationKind::Direct,
        GroupKind::SelfNotes => ConversationKind::SelfNotes,
        GroupKind::Group => ConversationKind::Group,
    };
    let info =
        ConversationInfo::new(conversation_kind, participants.clone()).during("describing a new conversation")?;
    let (device, certificate) = (&step.identity.device, &step.identity.certificate);
    let (conversation, bundle) =
        Conversation::create(step.mls, device, certificate, id, info, packages).during("making a conversation")?;
    groups::insert(step.tx, &id, chat, GroupState::Creating, schedule::next_rotation(step.now_ms))?;
    groups::set_epoch(step.tx, &id, conversation.epoch())?;
    Request::create(id, kind, participants, bundle).store(step.tx, &id)?;
    let members: Vec<_> = packages.iter().map(ClaimedKeyPackage::member).collect();
    membership::observe(step, chat, &members)
}

fn validate(user: &UserId, package: &DeviceKeyPackage, now_s: u64) -> Option<ClaimedKeyPackage> {
    let bytes = package.key_package.decode();
    let validated = bytes
        .ok_or(KeyPackageError::Malformed(Malformed::new("key package in base64")))
        .and_then(|bytes| ClaimedKeyPackage::validate(&bytes, user, &package.device_id, now_s));
    match validated {
        Ok(package) => Some(package),
        Err(error) => {
            tracing::warn!(contact = %user, %error, "left out a device with an unusable key package");
            None
        }
    }
}
