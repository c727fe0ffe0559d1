//! Opening a chat: all devices of both users in one go.

use std::sync::Arc;

use privmsg_e2ee::{
    ClaimedKeyPackage, Conversation, ConversationInfo, ConversationKind, KeyPackageError, Malformed, Member,
};
use privmsg_protocol::rest::{DeviceKeyPackage, GroupKind};
use privmsg_protocol::{GroupId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts;
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::Unreachable;

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
        match claimed.nobody {
            Some(why) if *user != own => return nobody_there(link, chat, claimed, why).await,
            _ => packages.extend(claimed.trusted),
        }
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::NoRandomness)?;
    let id = GroupId::from_bytes(bytes);
    let made = link.context.step(&link.identity, move |step| create(step, id, chat, kind, participants, &packages));
    link.context.emit_all(made.await?);
    submit(link, id).await
}

/// Nobody of the other side can be added. Where that is because a verified contact has another identity now, the user is
/// asked, and the chat waits for the answer.
async fn nobody_there(link: &Link, chat: ChatId, claimed: Claimed, why: Unreachable) -> Result<(), ClientError> {
    let Claimed { user, changed, .. } = claimed;
    if changed.is_empty() {
        return Err(ClientError::Unreachable { user, why });
    }
    let seen = link.context.step(&link.identity, move |step| membership::observe(step, chat, &changed));
    link.context.emit_all(seen.await?);
    Ok(())
}

/// What there is of a user's devices.
struct Claimed {
    user: UserId,
    trusted: Vec<ClaimedKeyPackage>,
    /// Devices under the identity that is published now, and is not the verified one.
    changed: Vec<Member>,
    /// Why there is nobody to be trusted, if so.
    nobody: Option<Unreachable>,
}

/// Claims a key package of each device of a user, and keeps those that can be trusted.
async fn claim(link: &Link, user: &UserId) -> Result<Claimed, ClientError> {
    let claimed = link.context.api.claim_key_packages(user).await?.key_packages;
    let now = link.context.api.clock().later_s(&*link.context.clock).try_into().unwrap_or(0);
    let identities = identities(link, user).await?;
    sort(user, &claimed, &identities, now)
}

/// The identity that a user's devices must have, and the one that is published, if that is another one.
#[derive(Debug, Default)]
struct Identities {
    trusted: Option<[u8; 32]>,
    published: Option<[u8; 32]>,
}

/// For ourselves our own, for a verified contact the pinned one, for others the one in the profile. If that is another
/// one than the pinned, it is taken, and shown as changed.
async fn identities(link: &Link, user: &UserId) -> Result<Identities, ClientError> {
    if *user == link.identity.user_id {
        return Ok(Identities { trusted: Some(*link.identity.account.as_bytes()), published: None });
    }
    let profile = link.context.api.user(user).await?;
    let published = profile
        .public_key
        .and_then(|key| key.parse::<privmsg_e2ee::AccountPublicKey>().ok())
        .map(|key| *key.as_bytes());
    let name = user.clone();
    let pinned = link.context.store.read(move |at| contacts::load(at, &name)).await?;
    let trusted = match pinned {
        Some(contact) if contact.verified => Some(contact.identity),
        Some(contact) => published.or(Some(contact.identity)),
        None => published,
    };
    Ok(Identities { trusted, published })
}

/// Keeps the key packages that can be used and trusted. Where none is left, the one that came closest says why.
fn sort(
    user: &UserId,
    claimed: &[DeviceKeyPackage],
    identities: &Identities,
    now_s: u64,
) -> Result<Claimed, ClientError> {
    let (mut trusted, mut changed, mut why) = (Vec::new(), Vec::new(), Unreachable::NoKeyPackages);
    let mut newer = None;
    for package in claimed {
        match validate(user, package, now_s) {
            Ok(package) => {
                let member = package.member();
                let identity = Some(member.identity.as_bytes());
                if identity == identities.trusted.as_ref() {
                    trusted.push(package);
                    continue;
                }
                tracing::warn!(contact = %user, "left out a device under another identity than the user's");
                why = if identities.trusted.is_some() { Unreachable::NotVouchedFor } else { Unreachable::NoIdentity };
                if identity == identities.published.as_ref() {
                    changed.push(member);
                }
            }
            Err(error) => {
                tracing::warn!(contact = %user, %error, "left out a device with an unusable key package");
                if why == Unreachable::NoKeyPackages {
                    why = match error {
                        KeyPackageError::Expired => Unreachable::OutOfLifetime,
                        KeyPackageError::Incompatible => Unreachable::Incompatible,
                        _ => Unreachable::NotVouchedFor,
                    };
                }
                if let KeyPackageError::UpdateNeeded(needed) = error {
                    newer = Some(needed);
                }
            }
        }
    }
    match newer {
        Some(newer) if trusted.is_empty() && changed.is_empty() => Err(newer.into()),
        _ => {
            let nobody = trusted.is_empty().then_some(why);
            Ok(Claimed { user: user.clone(), trusted, changed, nobody })
        }
    }
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

fn validate(user: &UserId, package: &DeviceKeyPackage, now_s: u64) -> Result<ClaimedKeyPackage, KeyPackageError> {
    let bytes = package.key_package.decode();
    let bytes = bytes.ok_or(KeyPackageError::Malformed(Malformed::new("key package in base64")))?;
    ClaimedKeyPackage::validate(&bytes, user, &package.device_id, now_s)
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
