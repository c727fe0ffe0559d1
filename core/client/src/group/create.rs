//! Opening a chat: all devices of both users in one go.

use std::sync::Arc;

use privmsg_e2ee::{
    AccountPublicKey, ClaimedKeyPackage, Conversation, ConversationInfo, KeyPackageError, Malformed, Participant,
    Person, Roster,
};
use privmsg_mls_public::incarnations::{is_offered, next_incarnation};
use privmsg_mls_public::{KnownDevices, group_id};
use privmsg_protocol::limits::MAX_GROUP_PEOPLE;
use privmsg_protocol::rest::{ClaimMany, ClaimOf, DeviceKeyPackage};
use privmsg_protocol::{ErrorCode, GroupId, Incarnation, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::Unreachable;
use privmsg_store::{Snapshot, StoreError, group_chats, rejoins};

use super::claim::{conversation_of, published};
use super::mls::Step;
use super::request::{Request, submit};
use super::standing::comes_to_nothing;
use super::{leaf_dates, membership, roster_steps, rosters};
use crate::device_lists::fetch::fetch;
use crate::device_lists::{self, gate};
use crate::engine::Link;
use crate::engine::tasks::NEXT_LOOK;
use crate::error::{ClientError, During as _};
use crate::events::Event;
use crate::trust::{self, Trust};

/// Stands for all groups of a conversation, where it is counted how often it went on in another: there is no such incarnation.
const COUNTED: Incarnation = Incarnation(0);

/// Why a group is made.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// Its chat has none. Where it has one by then, that stays.
    Opens,
    /// The conversation goes on, in the place of the group that there is. Counted, if it is to be.
    GoesOn { counted: Option<GroupId> },
}

/// Makes the group of a chat that has none, or joins the one that the other side has made meanwhile.
pub(crate) async fn open_chat(link: &Arc<Link>, chat: ChatId) -> Result<(), ClientError> {
    let look =
        move |at: &Snapshot<'_>| Ok::<_, StoreError>((chats::load(at, chat)?.kind, chats::incarnation(at, chat)?));
    let (kind, known) = link.context.store.read(look).await?;
    let incarnation = next_incarnation(known, None).ok_or(ClientError::Unjoinable)?;
    begin(link, kind, incarnation, Reason::Opens).await
}

/// A conversation goes on in another group, because this device cannot be in the one that there is. That it cannot is often
/// the server's word, and is believed a few times a day.
pub(crate) async fn go_on(link: &Arc<Link>, kind: ChatKind, after: Incarnation) -> Result<(), ClientError> {
    let conversation = conversation_of(&kind, &link.identity.user_id).ok_or(ClientError::Unjoinable)?;
    let (counted, now) = (group_id(&conversation, COUNTED), link.context.clock.now_ms());
    if link.context.store.read(move |at| rejoins::are_spent(at, &counted, now)).await? {
        return Err(ClientError::JoinedTooOften { wait: NEXT_LOOK });
    }
    tracing::info!(%after, "a conversation goes on in another group");
    let incarnation = next_incarnation(Some(after), None).ok_or(ClientError::Unjoinable)?;
    begin(link, kind, incarnation, Reason::GoesOn { counted: Some(counted) }).await
}

/// There is nobody of the other side in a chat's group. If that is because the other one has another identity by now, the
/// chat goes on in another group, once the user has accepted that where it has to be. Returns whether something was done.
pub(crate) async fn look_for_the_other(link: &Arc<Link>, chat: ChatId) -> Result<bool, ClientError> {
    let own = link.identity.user_id.clone();
    let look = move |at: &Snapshot<'_>| {
        let group = groups::of_chat(at, chat)?;
        let info = group.and_then(|group| ConversationInfo::decode(&group.info).ok());
        let Some(info) = info else { return Ok(None) };
        let Some(peer) = membership::peer(&info, &own).cloned() else { return Ok(None) };
        Ok::<_, StoreError>(Some((peer, info.incarnation())))
    };
    let Some((peer, incarnation)) = link.context.store.read(look).await? else { return Ok(false) };
    let published = published(link, &peer.user_id).await?.and_then(|key| AccountPublicKey::from_bytes(key).ok());
    let Some(identity) = published.filter(|published| *published != peer.identity) else { return Ok(false) };
    let kind = ChatKind::Direct { peer: peer.user_id.clone() };
    match trust_in(link, &peer.user_id, Some(*identity.as_bytes())).await? {
        Trust::Nobody | Trust::Refused { .. } => return Ok(false),
        Trust::ToBeAsked { .. } | Trust::Doubted(_) => {
            let person = Person { identity, ..peer };
            let seen = link.context.step(&link.identity, move |step| membership::ask_about(step, &kind, &person));
            link.context.emit_all(seen.await?);
        }
        Trust::First(_) | Trust::Pinned(_) | Trust::Taken(_) => go_on(link, kind, incarnation).await?,
    }
    Ok(true)
}

/// Makes a group, or once more the one after that which the server says is the newest: by its word alone that number goes
/// no further than into this attempt, which is not counted.
async fn begin(link: &Arc<Link>, kind: ChatKind, incarnation: Incarnation, reason: Reason) -> Result<(), ClientError> {
    let Err(error) = begin_one(link, kind.clone(), incarnation, reason).await else { return Ok(()) };
    let known = {
        let kind = kind.clone();
        let look = move |at: &Snapshot<'_>| match chats::find(at, &kind)? {
            Some(chat) => chats::incarnation(at, chat),
            None => Ok(None),
        };
        link.context.store.read(look).await?
    };
    let after = match &error {
        ClientError::Server { code: ErrorCode::StaleIncarnation, incarnation: Some(newest), .. }
            if is_offered(known, *newest) =>
        {
            Some(*newest)
        }
        // It has been taken back to there.
        ClientError::Server { code: ErrorCode::IncarnationAhead, incarnation: newest, .. } if known == *newest => known,
        _ => return Err(error),
    };
    match next_incarnation(after, None) {
        Some(next) if next != incarnation => {
            let reason = match reason {
                Reason::Opens => Reason::Opens,
                Reason::GoesOn { .. } => Reason::GoesOn { counted: None },
            };
            begin_one(link, kind, next, reason).await
        }
        _ => Err(error),
    }
}

/// Makes a group with everybody's devices.
async fn begin_one(
    link: &Arc<Link>,
    kind: ChatKind,
    incarnation: Incarnation,
    reason: Reason,
) -> Result<(), ClientError> {
    let own = Person { user_id: link.identity.user_id.clone(), identity: link.identity.account };
    // The other side comes first, so that waiting for somebody who has not signed in yet uses up nothing.
    let (info, mut packages) = match &kind {
        ChatKind::SelfNotes => (ConversationInfo::notes(own.clone(), incarnation), Vec::new()),
        ChatKind::Direct { peer } => {
            let of_chat = kind.clone();
            let chat = link.context.store.read(move |at| chats::find(at, &of_chat)).await?;
            let claimed = claim(link, chat, peer).await?;
            let (Some(identity), None) = (claimed.identity, claimed.nobody) else {
                return nobody_there(link, kind, claimed).await;
            };
            let peer = Person { user_id: peer.clone(), identity };
            let info =
                ConversationInfo::direct(own.clone(), peer, incarnation).during("describing a new conversation")?;
            (info, claimed.trusted)
        }
        ChatKind::Group { .. } => return begin_group(link, kind, incarnation, reason).await,
    };
    packages.extend(claim(link, None, &own.user_id).await?.trusted);
    let id = info.group_id();
    let _creating = link.creates(id);
    let made = link.context.step(&link.identity, move |step| create(step, &kind, info, None, &packages, reason));
    link.context.emit_all(made.await?);
    submit(link, id).await
}

/// Makes the group of several people, as the newest roster has them that is known here, or waits at the server. Whoever has no device
/// that can be added comes in by external commit.
async fn begin_group(
    link: &Arc<Link>,
    kind: ChatKind,
    incarnation: Incarnation,
    reason: Reason,
) -> Result<(), ClientError> {
    let (of_chat, own) = (kind.clone(), &link.identity);
    let chat = link.context.store.read(move |at| chats::find(at, &of_chat)).await?.ok_or(ClientError::Unjoinable)?;
    if let (Some(conversation), Some(before)) =
        (conversation_of(&kind, &own.user_id), incarnation.0.checked_sub(1).filter(|before| *before > 0))
    {
        roster_steps::learn_waiting(link, group_id(&conversation, Incarnation(before)), chat).await?;
    }
    let roster = link.context.store.read(move |at| rosters::newest(at, chat)).await?.ok_or(ClientError::Unjoinable)?;
    match roster.participant(&own.user_id) {
        Some(place) if *place.identity() == own.account => {}
        Some(_) => return Err(ClientError::Unjoinable),
        None => return comes_to_nothing(link, chat).await,
    }
    let info = ConversationInfo::group(&roster, incarnation);
    let (id, packages) = (info.group_id(), claim_many(link, roster.participants().to_vec()).await?);
    let _creating = link.creates(id);
    let made =
        link.context.step(&link.identity, move |step| create(step, &kind, info, Some(roster), &packages, reason));
    link.context.emit_all(made.await?);
    submit(link, id).await
}

/// Claims key packages of many people in one request, and keeps those of devices under the identities that they have in the
/// roster. Whoever has none is left out.
pub(crate) async fn claim_many(link: &Link, people: Vec<Participant>) -> Result<Vec<ClaimedKeyPackage>, ClientError> {
    let mut packages = Vec::new();
    let now = link.context.api.clock().later_s(&*link.context.clock).try_into().unwrap_or(0);
    for some in people.chunks(MAX_GROUP_PEOPLE) {
        let claims = some.iter().map(|place| ClaimOf { user_id: place.user_id().clone(), device_ids: None }).collect();
        for claimed in link.context.api.claim_many(&ClaimMany { claims }).await?.users {
            let place = some.iter().find(|place| *place.user_id() == claimed.user_id);
            let Some(place) = place else { return Err(ClientError::Protocol("a claim of somebody else")) };
            let identities = Identities { trusted: Some(*place.identity().as_bytes()), published: None };
            let known = known(link, place.user_id(), *place.identity()).await?;
            match sort(place.user_id(), &claimed.key_packages, &identities, Some(&known), now) {
                Ok(sorted) => packages.extend(sorted.trusted),
                Err(error) => tracing::info!(contact = %place.user_id(), %error, "nobody of theirs can be added yet"),
            }
        }
    }
    Ok(packages)
}

/// Nobody of the other side can be added. Where that is because a contact whose key is held fast has another identity now, the user is
/// asked, and the chat waits for the answer.
async fn nobody_there(link: &Link, kind: ChatKind, claimed: Claimed) -> Result<(), ClientError> {
    let Claimed { user, changed, nobody, .. } = claimed;
    let Some(changed) = changed else {
        return Err(ClientError::Unreachable { user, why: nobody.unwrap_or(Unreachable::NoIdentity) });
    };
    let seen = link.context.step(&link.identity, move |step| membership::ask_about(step, &kind, &changed));
    link.context.emit_all(seen.await?);
    Err(ClientError::IdentityToAccept)
}

/// What there is of a user's devices.
struct Claimed {
    user: UserId,
    /// Who the user is taken for.
    identity: Option<AccountPublicKey>,
    /// Devices under that identity.
    trusted: Vec<ClaimedKeyPackage>,
    /// The user under the identity that is published now, and is not the one that counts, if there is a device of it.
    changed: Option<Person>,
    /// Why there is nobody to be trusted, if so.
    nobody: Option<Unreachable>,
}

/// Claims a key package of each device of a user, and keeps those that can be trusted.
async fn claim(link: &Link, chat: Option<ChatId>, user: &UserId) -> Result<Claimed, ClientError> {
    let claimed = link.context.api.claim_key_packages(user).await?.key_packages;
    let now = link.context.api.clock().later_s(&*link.context.clock).try_into().unwrap_or(0);
    let identities = identities(link, user).await?;
    let trusted = identities.trusted.and_then(|key| AccountPublicKey::from_bytes(key).ok());
    let known = match trusted {
        Some(trusted) => Some(newest_list(link, chat, user, trusted).await?),
        None => None,
    };
    sort(user, &claimed, &identities, known.as_ref(), now)
}

/// The newest device list of a user's, by what the server says and what is known here.
async fn newest_list(
    link: &Link,
    chat: Option<ChatId>,
    user: &UserId,
    identity: AccountPublicKey,
) -> Result<KnownDevices, ClientError> {
    if let Some(chat) = chat.filter(|_| *user != link.identity.user_id) {
        fetch(link, user, identity, chat).await?;
    }
    known(link, user, identity).await
}

async fn known(link: &Link, user: &UserId, identity: AccountPublicKey) -> Result<KnownDevices, ClientError> {
    let user = user.clone();
    link.context.store.read(move |at| device_lists::load(at, &user, identity)).await
}

/// The identity that a user's devices must have, and the one that is published, if that is another one.
#[derive(Debug, Default)]
struct Identities {
    trusted: Option<[u8; 32]>,
    published: Option<[u8; 32]>,
}

/// For ourselves our own, for others the one that counts. Another one that is published, and that the user has not refused, is
/// asked about.
async fn identities(link: &Link, user: &UserId) -> Result<Identities, ClientError> {
    if *user == link.identity.user_id {
        return Ok(Identities { trusted: Some(*link.identity.account.as_bytes()), published: None });
    }
    let published = published(link, user).await?;
    let trust = trust_in(link, user, published).await?;
    let published = published.filter(|_| !matches!(trust, Trust::Refused { .. }));
    Ok(Identities { trusted: trust.key(), published })
}

async fn trust_in(link: &Link, user: &UserId, shown: Option<[u8; 32]>) -> Result<Trust, ClientError> {
    let user = user.clone();
    Ok(link.context.store.read(move |at| trust::of(at, &user, shown)).await?)
}

/// Keeps the key packages that can be used and trusted. Where none is left, the one that came closest says why.
fn sort(
    user: &UserId,
    claimed: &[DeviceKeyPackage],
    identities: &Identities,
    known: Option<&KnownDevices>,
    now_s: u64,
) -> Result<Claimed, ClientError> {
    let (mut trusted, mut changed, mut why) = (Vec::new(), None, Unreachable::NoKeyPackages);
    let mut newer = None;
    for package in claimed {
        match validate(user, package, now_s) {
            Ok(package) => {
                let member = package.member();
                let identity = Some(member.identity.as_bytes());
                if identity == identities.trusted.as_ref() {
                    if known.is_some_and(|known| gate::is_stranger(known, &member)) {
                        tracing::warn!(contact = %user, "left out a device that its account has signed out");
                        why = Unreachable::NotVouchedFor;
                    } else {
                        trusted.push(package);
                    }
                    continue;
                }
                tracing::warn!(contact = %user, "left out a device under another identity than the user's");
                why = if identities.trusted.is_some() { Unreachable::NotVouchedFor } else { Unreachable::NoIdentity };
                if identity == identities.published.as_ref() {
                    changed = Some(Person { user_id: user.clone(), identity: member.identity });
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
        Some(newer) if trusted.is_empty() && changed.is_none() => Err(newer.into()),
        _ => {
            let nobody = trusted.is_empty().then_some(why);
            let identity = identities.trusted.and_then(|key| AccountPublicKey::from_bytes(key).ok());
            Ok(Claimed { user: user.clone(), identity, trusted, changed, nobody })
        }
    }
}

fn create(
    step: &Step<'_, '_>,
    kind: &ChatKind,
    info: ConversationInfo,
    roster: Option<Roster>,
    packages: &[ClaimedKeyPackage],
    reason: Reason,
) -> Result<Vec<Event>, ClientError> {
    let chat = chats::ensure(step.tx, kind, step.now_ms)?;
    // An invitation of the other side may have come since it was found to be due, or while the key packages were claimed.
    let has_come = match reason {
        Reason::Opens => groups::of_chat(step.tx, chat)?.is_some(),
        Reason::GoesOn { .. } => false,
    };
    if has_come || membership::reached(step.tx, chat)?.is_some_and(|known| known >= info.incarnation()) {
        return Ok(Vec::new());
    }
    if let Reason::GoesOn { counted: Some(counted) } = reason {
        rejoins::note(step.tx, &counted, true, step.now_ms)?;
    }
    let made_at = leaf_dates::next(step, Some(chat))?;
    // The one before is out of the way, whatever it owes an answer for.
    membership::carry(step, chat, &info, GroupState::Creating, packages.len() + 1)?;
    let (device, certificate) = (&step.identity.device, &step.identity.certificate);
    let made = Conversation::create(step.mls, device, certificate, info.clone(), roster.clone(), packages, made_at);
    let (conversation, bundle) = made.during("making a conversation")?;
    let id = info.group_id();
    groups::set_epoch(step.tx, &id, conversation.epoch())?;
    let (founding, steps) = match &roster {
        Some(roster) => {
            groups::set_roster(step.tx, &id, &info.encode(), &roster.encode())?;
            let founding = group_chats::load(step.tx, chat)?.map(|group| group.founding);
            (founding, rosters::way_to(step.tx, chat, roster)?)
        }
        None => (None, Vec::new()),
    };
    Request::create(&info, founding.as_deref(), &steps, roster.as_ref(), &bundle).store(step.tx, &id)?;
    match membership::peer(&info, &step.identity.user_id) {
        Some(peer) => membership::observe(step, chat, peer),
        None => Ok(Vec::new()),
    }
}

fn validate(user: &UserId, package: &DeviceKeyPackage, now_s: u64) -> Result<ClaimedKeyPackage, KeyPackageError> {
    let bytes = package.key_package.decode();
    let bytes = bytes.ok_or(KeyPackageError::Malformed(Malformed::new("key package in base64")))?;
    ClaimedKeyPackage::validate(&bytes, user, &package.device_id, now_s)
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
