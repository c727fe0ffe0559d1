//! Who takes part in a group of people, as far as this device knows.
//!
//! Each MLS group names one roster in its GroupContext, which decides who may be in it. What counts for the user is the
//! newest that is known of the conversation ([`RosterView`]): nothing is sent before the GroupContext names that.

use std::collections::BTreeSet;

use privmsg_e2ee::{AccountSigningKey, Participant, Person, Role, Roster, SigningKeyCertificate, StatementError};
use privmsg_mls_public::{KnownDevices, Learned, RosterView};
use privmsg_protocol::{Opaque, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::group_steps::{self, Touched};
use privmsg_store::groups::StoredGroup;
use privmsg_store::{Snapshot, StoreError, Tx, account, consent, group_chats};

use super::mls::Step;
use super::news::GroupNews;
use crate::device_lists;
use crate::error::ClientError;
use crate::identity::Identity;
use crate::trust;

/// What the server has shown beside a group's public state. The rosters are genuine, and nothing else is known of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// The one that the GroupContext is to name.
    pub(crate) roster: Option<Roster>,
    /// The one that the group is said to have begun with.
    pub(crate) founding: Option<Roster>,
    /// Who has brought this user in, where their own signature says so. A name alone is anybody's.
    pub(crate) added_by: Option<Person>,
}

/// What is known of the rosters of a chat. `None` if it is none of a group of people.
pub(crate) fn view(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<RosterView>, ClientError> {
    let Some(stored) = group_chats::load(at, chat)? else { return Ok(None) };
    let ChatKind::Group { conversation } = chats::load(at, chat)?.kind else { return Ok(None) };
    Ok(Some(RosterView::decode(&stored.view, &conversation).map_err(damaged)?))
}

/// The newest roster of a chat: of several that are, the first.
pub(crate) fn newest(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<Roster>, ClientError> {
    Ok(view(at, chat)?.and_then(|view| view.heads().first().cloned()))
}

/// Learns a roster of a chat, and keeps it if it is news. One that is signed under a generation which its author has called
/// back, as far as this device knows, waits for what its author has made of it since.
pub(crate) fn learn(step: &Step<'_, '_>, chat: ChatId, roster: &Roster) -> Result<Learned, ClientError> {
    let tx = step.tx;
    let Some(mut view) = view(tx, chat)? else { return Ok(Learned::Foreign) };
    let heads = view.heads().to_vec();
    let known = authors(tx, &view, roster)?;
    let waiting = view.waiting().to_vec();
    let learned = view.learn(roster.clone(), &known);
    match learned {
        Learned::Outdated => group_chats::set_view(tx, chat, &view.encode())?,
        Learned::Newer | Learned::Beside | Learned::Behind => {
            group_chats::set_view(tx, chat, &view.encode())?;
            for counts in way_of(&waiting, roster).into_iter().rev().chain([roster]) {
                note_own_step(step, chat, &heads, counts)?;
                note(tx, chat, counts)?;
            }
        }
        Learned::Known => note(tx, chat, roster)?,
        Learned::Disputed => tracing::warn!(?roster, "two owners of a group have thrown each other out"),
        _ => {}
    }
    Ok(learned)
}

/// Notes what a step of this user's own changes, by whichever of their devices it was.
fn note_own_step(step: &Step<'_, '_>, chat: ChatId, heads: &[Roster], roster: &Roster) -> Result<(), ClientError> {
    let author = roster.author();
    if *author.user_id() != step.identity.user_id || *author.identity_key() != step.identity.account {
        return Ok(());
    }
    let past = past(step.tx, chat)?;
    let mut known = past.iter().chain(heads);
    let Some(before) = known.find(|known| roster.previous().contains(known.hash())).or_else(|| heads.first()) else {
        return Ok(());
    };
    let news = GroupNews::between(before, roster);
    let everybody = before.participants().iter().chain(roster.participants()).map(Participant::user_id);
    for user in everybody.collect::<BTreeSet<_>>() {
        let touched = Touched {
            user: user.clone(),
            added: news.added.contains(user),
            removed: news.removed.contains(user) || news.left.contains(user),
            role: news.roles.iter().any(|(one, _)| one == user),
            identity: news.other_identity.contains(user),
        };
        if touched.added || touched.removed || touched.role || touched.identity {
            group_steps::note(step.tx, chat, &touched, step.now_ms)?;
        }
    }
    Ok(group_steps::prune(step.tx, chat, |user| roster.participant(user).is_some())?)
}

/// What has waited and led step by step to a roster, which counts now: so it has counted, too.
fn way_of<'a>(waiting: &'a [Roster], roster: &'a Roster) -> Vec<&'a Roster> {
    let mut way = vec![roster];
    for before in waiting.iter().rev() {
        if way.iter().any(|after| after.previous().len() == 1 && after.follows(before).is_ok()) {
            way.push(before);
        }
    }
    way.split_off(1)
}

/// What is known of the accounts whose word decides about a roster: its author's, and those of what waits.
pub(super) fn authors(at: &Snapshot<'_>, view: &RosterView, roster: &Roster) -> Result<Vec<KnownDevices>, ClientError> {
    let all = view.waiting().iter().chain([roster]).map(Roster::author);
    let accounts: BTreeSet<_> = all.map(|author| (author.user_id(), author.identity_key())).collect();
    accounts.into_iter().map(|(user, identity)| device_lists::load(at, user, *identity)).collect()
}

/// Enters a group that this device knows nothing of but this.
pub(crate) fn enter(tx: &Tx<'_>, chat: ChatId, founding: &Roster, roster: &Roster) -> Result<(), ClientError> {
    let view = RosterView::new(&roster.conversation_id(), roster.clone()).map_err(damaged)?;
    group_chats::enter(tx, chat, &founding.encode(), &view.encode())?;
    group_chats::set_told(tx, chat, &roster.encode())?;
    note(tx, chat, roster)
}

fn note(tx: &Tx<'_>, chat: ChatId, roster: &Roster) -> Result<(), ClientError> {
    Ok(group_chats::note_roster(tx, chat, roster.number(), roster.hash(), &roster.encode())?)
}

/// Whether a group may carry its chat with this roster in the GroupContext: it is the newest, or comes after it, or has
/// counted before; or it waits for its author's word. Nothing is sent before a commit has brought it up to one that counts.
pub(crate) fn may_carry(step: &Step<'_, '_>, chat: ChatId, roster: &Roster) -> Result<bool, ClientError> {
    let fits = match learn(step, chat, roster)? {
        Learned::Known | Learned::Newer | Learned::Beside | Learned::Behind => true,
        Learned::Older => group_chats::has_counted(step.tx, chat, roster.hash())?,
        Learned::Outdated => true,
        _ => false,
    };
    Ok(fits)
}

/// Whose word has brought a user into a roster in which they are, by the steps that are known to have led to it: each follows the one
/// before, so that nobody can put a step of their own, or of a friend's, into the way.
pub(crate) fn brought_by(own: &UserId, roster: &Roster, known: &[Roster]) -> Option<Person> {
    let mut after = roster;
    while !after.is_founding() {
        // What joins two branches together has brought in nobody, and from where it goes on is not known.
        let before = known.iter().find(|before| after.previous().len() == 1 && after.follows(before).is_ok())?;
        let identity = |roster: &Roster| roster.participant(own).map(|place| *place.identity());
        // Under another identity they were in it before, and have been let in anew.
        if identity(before).is_none() || identity(before) != identity(after) {
            break;
        }
        after = before;
    }
    Some(person(after.author()))
}

/// Whoever has signed a roster.
pub(crate) fn person(author: &SigningKeyCertificate) -> Person {
    Person { user_id: author.user_id().clone(), identity: *author.identity_key() }
}

/// The rosters of a group that have counted, as far as they are kept.
fn past(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<Roster>, ClientError> {
    group_chats::past_rosters(at, chat)?.iter().map(|bytes| stored(bytes)).collect()
}

/// What this device knows itself of a group that it is in, as the server would show it to a newcomer.
pub(crate) fn shown_here(at: &Snapshot<'_>, own: &UserId, group: &StoredGroup) -> Result<Shown, ClientError> {
    let roster = group.roster.as_deref().map(stored).transpose()?;
    let founding = group_chats::load(at, group.chat)?.map(|known| stored(&known.founding)).transpose()?;
    let mut known = past(at, group.chat)?;
    known.extend(founding.clone());
    let added_by = roster.as_ref().and_then(|roster| brought_by(own, roster, &known));
    Ok(Shown { roster, founding, added_by })
}

/// The steps by which one roster has become another, that one included; `None` where they are not known, or led together from more
/// than one.
pub(crate) fn steps_between(
    at: &Snapshot<'_>,
    chat: ChatId,
    before: &Roster,
    after: &Roster,
) -> Result<Option<Vec<Roster>>, ClientError> {
    let past = past(at, chat)?;
    let mut steps = vec![after.clone()];
    while let Some(next) = steps.last() {
        if next.previous() == [*before.hash()] && next.follows(before).is_ok() {
            steps.reverse();
            return Ok(Some(steps));
        }
        let comes_from = |past: &&Roster| next.previous() == [*past.hash()] && next.follows(past).is_ok();
        match past.iter().find(comes_from) {
            Some(earlier) => steps.push(earlier.clone()),
            None => break,
        }
    }
    Ok(None)
}

/// The rosters that have led to this one, as far as they are known, without it and the founding one: a server that was set
/// back learns them when the group goes on.
pub(crate) fn way_to(at: &Snapshot<'_>, chat: ChatId, roster: &Roster) -> Result<Vec<Roster>, ClientError> {
    let past = past(at, chat)?;
    let mut way: Vec<Roster> = Vec::new();
    while let Some(before) = past.iter().find(|past| way.last().unwrap_or(roster).follows(past).is_ok()) {
        if before.is_founding() {
            break;
        }
        way.push(before.clone());
    }
    way.reverse();
    Ok(way)
}

/// Whoever was out of a group does not know what has led to the roster by which they come again. They take it from somebody
/// who could have let them in by what they know: an owner or admin of then.
pub(crate) fn comes_again(tx: &Tx<'_>, chat: ChatId, roster: &Roster) -> Result<bool, ClientError> {
    let Some(known) = group_chats::load(tx, chat)? else { return Ok(false) };
    let Some(view) = view(tx, chat)? else { return Ok(false) };
    let signer = |head: &Roster| head.signer(roster.author()).map(Participant::role);
    let may = known.gone.is_some()
        && roster.number() > view.number()
        && view.heads().iter().all(|head| head.conversation_id() == roster.conversation_id())
        && view.heads().iter().all(|head| signer(head) >= Some(Role::Admin));
    if may {
        let view = RosterView::new(&roster.conversation_id(), roster.clone()).map_err(damaged)?;
        group_chats::set_view(tx, chat, &view.encode())?;
        note(tx, chat, roster)?;
    }
    Ok(may)
}

/// The roster to which a group with `before` in its GroupContext can be brought up, if it is behind.
pub(crate) fn way_up(at: &Snapshot<'_>, chat: ChatId, before: &Roster) -> Result<Option<Roster>, ClientError> {
    let Some(view) = view(at, chat)? else { return Ok(None) };
    if view.is_newest(before.hash()) {
        return Ok(None);
    }
    let past = past(at, chat)?;
    // The highest first.
    let mut known = view.heads().iter().chain(&past);
    Ok(known.find(|roster| roster.replaces(before).is_ok()).cloned())
}

/// The key with which this account signs rosters.
pub(crate) fn signing_key(at: &Snapshot<'_>) -> Result<AccountSigningKey, ClientError> {
    let account = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    let signing = account.signing.as_ref().ok_or(ClientError::NoSigningKey)?;
    let certificate = SigningKeyCertificate::decode(&signing.certificate);
    let certificate = certificate.map_err(|_| ClientError::Damaged("signing key certificate"))?;
    AccountSigningKey::from_bytes(&signing.key, certificate).map_err(|_| ClientError::Damaged("signing key"))
}

/// Participants under another identity than the one that this user knows them by: until they are accepted, or are gone,
/// nothing is sent. Whom the user does not know under any, stays so: a group pins nobody.
pub(crate) fn strangers_under_known_names(
    at: &Snapshot<'_>,
    identity: &Identity,
    roster: &Roster,
) -> Result<Vec<Participant>, StoreError> {
    let own = identity.person();
    let mut others = Vec::new();
    for participant in roster.participants() {
        let key = *participant.identity().as_bytes();
        if !trust::of_anybody(at, own, participant.user_id(), key)?.is_as_known() {
            others.push(participant.clone());
        }
    }
    Ok(others)
}

/// Whether somebody has taken part in a group under another identity than the one that the user knows them by, by what is kept of it.
pub(crate) fn is_namesake_there(
    at: &Snapshot<'_>,
    own: (&UserId, Option<[u8; 32]>),
    chat: ChatId,
    user: &UserId,
) -> Result<bool, ClientError> {
    let Some(view) = view(at, chat)? else { return Ok(false) };
    for place in view.heads().iter().chain(&past(at, chat)?).filter_map(|roster| roster.participant(user)) {
        if trust::is_namesake(at, own, user, place.identity())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a person of the user has decided something in a group as its owner: they have let it in, and have founded it, or have
/// signed more there than the generation that their account is in. Others make somebody an owner without asking.
pub(crate) fn has_owned(at: &Snapshot<'_>, chat: ChatId, own: &Person) -> Result<bool, ClientError> {
    if consent::of(at, &chats::load(at, chat)?.kind)?.is_held() {
        return Ok(false);
    }
    let Some(known) = group_chats::load(at, chat)? else { return Ok(false) };
    let mut all = past(at, chat)?;
    all.push(stored(&known.founding)?);
    all.extend(view(at, chat)?.iter().flat_map(|view| view.heads().to_vec()));
    Ok(all.iter().filter(|roster| person(roster.author()) == *own).any(|roster| decides_as_owner(roster, &all)))
}

/// Whether a roster is an owner's, and changes who takes part or as what, by what is known of the ones before.
fn decides_as_owner(roster: &Roster, known: &[Roster]) -> bool {
    let people = |roster: &Roster| -> Vec<_> {
        roster.participants().iter().map(|place| (place.user_id().clone(), *place.identity(), place.role())).collect()
    };
    let before = known.iter().find(|before| roster.previous() == [*before.hash()]);
    roster.is_owner(roster.author()) && before.is_none_or(|before| people(before) != people(roster))
}

/// The other one of a group that has two people, as the roster in its GroupContext says.
pub(crate) fn only_other(group: &StoredGroup, own: &UserId) -> Result<Option<UserId>, ClientError> {
    let roster = group.roster.as_deref().map(stored).transpose()?;
    Ok(roster.and_then(|roster| match roster.participants() {
        [a, b] => [a, b].into_iter().map(Participant::user_id).find(|user| *user != own).cloned(),
        _ => None,
    }))
}

/// A roster that somebody else has handed over.
pub(crate) fn read(roster: &Opaque) -> Result<Roster, ClientError> {
    let bytes = roster.decode().ok_or(ClientError::Protocol("a roster that is not base64"))?;
    Roster::decode(&bytes).map_err(|error| match error {
        StatementError::UpdateNeeded(newer) => newer.into(),
        _ => ClientError::Protocol("a roster that is none"),
    })
}

/// A roster of this device's own database.
pub(crate) fn stored(bytes: &[u8]) -> Result<Roster, ClientError> {
    Roster::decode_admitted(bytes).map_err(damaged)
}

/// What a role is called by scripts.
#[must_use]
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

fn damaged(error: StatementError) -> ClientError {
    match error {
        StatementError::UpdateNeeded(newer) => newer.into(),
        _ => ClientError::Damaged("roster"),
    }
}

#[cfg(test)]
#[path = "rosters_tests.rs"]
mod tests;
