//! What a user wants to be another in a group of people. A change is kept until the group has it, whoever else changes
//! something meanwhile: it is made anew on what there is by then.

use privmsg_e2ee::{AccountPublicKey, AccountSigningKey, OsRng, Participant, Role, Roster};
use privmsg_protocol::UserId;
use privmsg_store::chats::ChatId;
use privmsg_store::group_changes::{self, Wanted};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, StoreError, Tx, holds, outbox};
use serde::{Deserialize, Serialize};

use super::rosters;
use crate::error::{ClientError, During as _};

/// How long somebody who is to come waits for what was said before, ms.
const SAYING_WAIT: i64 = 20_000;

/// Something that is to be another in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupChange {
    /// Somebody is to take part, under this identity.
    Add { user_id: UserId, identity: String },
    /// Somebody is to take part no more.
    Remove { user_id: UserId },
    /// Somebody is to have another role.
    Role { user_id: UserId, role: WantedRole },
    /// The user takes part no more; whoever is named becomes an owner.
    Leave { successor: Option<UserId> },
}

/// A role, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WantedRole {
    Owner,
    Admin,
    Member,
}

impl From<Role> for WantedRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

impl From<WantedRole> for Role {
    fn from(role: WantedRole) -> Self {
        match role {
            WantedRole::Owner => Self::Owner,
            WantedRole::Admin => Self::Admin,
            WantedRole::Member => Self::Member,
        }
    }
}

/// Why a change cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The user's role does not allow it.
    #[error("not_allowed")]
    NotAllowed,
    /// The person is no participant.
    #[error("no_participant")]
    NoParticipant,
    /// The last owner cannot go, or step down, without another one.
    #[error("last_owner")]
    LastOwner,
    /// More people than a group can have.
    #[error("too_many_people")]
    TooMany,
    /// The user does not take part.
    #[error("not_in_group")]
    NotInGroup,
    /// The server, or somebody's device, does not take it.
    #[error("refused")]
    Refused,
}

impl ChangeError {
    const ALL: [Self; 6] =
        [Self::NotAllowed, Self::NoParticipant, Self::LastOwner, Self::TooMany, Self::NotInGroup, Self::Refused];

    pub(crate) fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|error| error.to_string() == text).unwrap_or(Self::Refused)
    }
}

/// Who signs, and what is known of others.
pub(crate) struct Author<'a> {
    pub(crate) key: &'a AccountSigningKey,
    /// The generation of a participant, where it is known from a certificate.
    pub(crate) generation_of: &'a dyn Fn(&UserId) -> Option<u64>,
    /// A person of theirs has decided something in the group as its owner: they name another one when they leave it.
    pub(crate) has_owned: bool,
}

impl GroupChange {
    pub(crate) fn want(&self, tx: &Tx<'_>, chat: ChatId, now_ms: i64) -> Result<i64, ClientError> {
        let json = serde_json::to_vec(self).during("storing a change of a group")?;
        Ok(group_changes::want(tx, chat, &json, now_ms)?)
    }

    pub(crate) fn read(wanted: &Wanted) -> Option<Self> {
        serde_json::from_slice(&wanted.change).ok()
    }

    /// Whether a roster has it already.
    pub(crate) fn is_in(&self, roster: &Roster, own: &UserId) -> bool {
        match self {
            Self::Add { user_id, identity } => {
                roster.participant(user_id).is_some_and(|place| place.identity().to_string() == *identity)
            }
            Self::Remove { user_id } => roster.participant(user_id).is_none(),
            Self::Role { user_id, role } => {
                roster.participant(user_id).is_some_and(|place| place.role() == (*role).into())
            }
            Self::Leave { .. } => roster.participant(own).is_none(),
        }
    }

    /// Who takes part once it is made.
    fn apply(&self, before: &[Participant], author: &Author<'_>) -> Result<Vec<Participant>, ChangeError> {
        let mut people = before.to_vec();
        let own = author.key.certificate().user_id();
        match self {
            Self::Add { user_id, identity } => {
                let identity: AccountPublicKey = identity.parse().map_err(|_| ChangeError::Refused)?;
                people.retain(|place| place.user_id() != user_id);
                people.push(Participant::member(user_id.clone(), identity));
            }
            Self::Remove { user_id } => people.retain(|place| place.user_id() != user_id),
            Self::Role { user_id, role } => raise(&mut people, user_id, (*role).into(), author)?,
            Self::Leave { successor } => {
                if let Some(successor) = successor {
                    raise(&mut people, successor, Role::Owner, author)?;
                }
                people.retain(|place| place.user_id() != own);
            }
        }
        if people.len() > privmsg_mls_public::roster::MAX_PARTICIPANTS {
            return Err(ChangeError::TooMany);
        }
        let owners = |people: &[Participant]| people.iter().filter(|place| place.role() == Role::Owner).count();
        let is_free = matches!(self, Self::Leave { .. }) && !author.has_owned;
        if owners(&people) == 0 && owners(before) > 0 && !is_free {
            let may = before.iter().any(|place| place.user_id() == own && place.role() == Role::Owner);
            return Err(if may { ChangeError::LastOwner } else { ChangeError::NotAllowed });
        }
        Ok(people)
    }

    /// The roster that follows `before` when it is made.
    pub(crate) fn step(&self, before: &Roster, author: &Author<'_>) -> Result<Roster, ChangeError> {
        sign(before, self.apply(before.participants(), author)?, author)
    }
}

fn raise(people: &mut [Participant], user: &UserId, role: Role, author: &Author<'_>) -> Result<(), ChangeError> {
    let place = people.iter_mut().find(|place| place.user_id() == user).ok_or(ChangeError::NoParticipant)?;
    // Whoever has signed nothing yet that is known here may sign with whatever key they have.
    let known = (author.generation_of)(user).unwrap_or(1).max(place.floor());
    *place = Participant::with_role(user.clone(), *place.identity(), role, known);
    Ok(())
}

/// Signs the next roster, and sees that everybody will take it.
fn sign(before: &Roster, mut people: Vec<Participant>, author: &Author<'_>) -> Result<Roster, ChangeError> {
    let certificate = author.key.certificate();
    if before.signer(certificate).is_none() {
        return Err(ChangeError::NotInGroup);
    }
    for own in people.iter_mut().filter(|place| place.user_id() == certificate.user_id() && place.role() > Role::Member)
    {
        *own = Participant::with_role(own.user_id().clone(), *own.identity(), own.role(), certificate.generation());
    }
    let next = author.key.next_roster(&[before], people, &mut OsRng).map_err(|_| ChangeError::Refused)?;
    match next.follows(before) {
        Ok(()) => Ok(next),
        Err(_) => Err(ChangeError::NotAllowed),
    }
}

/// Whom the user is bringing into a chat, and by which keys, as it is kept of those for whom something is written.
pub(crate) fn coming(at: &Snapshot<'_>, chat: ChatId) -> Result<String, StoreError> {
    let wanted = group_changes::of_chat(at, chat)?;
    let added = wanted.iter().filter_map(|wanted| match GroupChange::read(wanted) {
        Some(GroupChange::Add { user_id, identity }) => Some(format!("{user_id} {identity}")),
        _ => None,
    });
    Ok(added.collect::<Vec<_>>().join("\n"))
}

/// Whether somebody is among them.
pub(crate) fn is_coming(coming: &str, place: &Participant) -> bool {
    let entry = format!("{} {}", place.user_id(), place.identity());
    coming.lines().any(|line| line == entry)
}

/// Whether all that is wanted of a group is that somebody comes.
pub(crate) fn brings_only(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    let wanted = group_changes::of_chat(at, chat)?;
    Ok(wanted.iter().all(|wanted| matches!(GroupChange::read(wanted), Some(GroupChange::Add { .. }))))
}

/// Until when bringing somebody into a group waits for what this device has said there before, ms: it is not for them, and what has not gone
/// out when they come waits for the user's word. What cannot go out now is not waited for.
pub(crate) fn waits_until(at: &Snapshot<'_>, chat: ChatId, now_ms: i64) -> Result<Option<i64>, StoreError> {
    let mut latest = None;
    for wanted in group_changes::of_chat(at, chat)? {
        let brings = matches!(GroupChange::read(&wanted), Some(GroupChange::Add { .. }));
        if brings && outbox::waits_from_before(at, chat, wanted.behind)? {
            latest = latest.max(Some(wanted.wanted_at.saturating_add(SAYING_WAIT)));
        }
    }
    let latest = latest.filter(|until| (now_ms..=now_ms + SAYING_WAIT).contains(until));
    let can_go = latest.is_some() && holds::attempts(at, &outbox::TASK, Scope::Chat(chat))? == 0;
    Ok(latest.filter(|_| can_go))
}

/// What the wanted changes come to, all in one step. What cannot be fails, what is so already is done.
pub(crate) fn step_of_all(
    tx: &Tx<'_>,
    chat: ChatId,
    before: &Roster,
    author: &Author<'_>,
    now_ms: i64,
) -> Result<Option<Roster>, ClientError> {
    let own = author.key.certificate().user_id();
    let mut people = before.participants().to_vec();
    let mut next = None;
    let brings_nobody_yet = waits_until(tx, chat, now_ms)?.is_some();
    for wanted in group_changes::of_chat(tx, chat)? {
        let Some(change) = GroupChange::read(&wanted) else {
            group_changes::fail(tx, wanted.id, &ChangeError::Refused.to_string())?;
            continue;
        };
        if change.is_in(before, own) {
            group_changes::done(tx, wanted.id)?;
            continue;
        }
        let is_for_later = match &change {
            GroupChange::Leave { .. } => true,
            GroupChange::Add { .. } => brings_nobody_yet,
            GroupChange::Remove { .. } | GroupChange::Role { .. } => false,
        };
        if is_for_later {
            continue;
        }
        let made = change.apply(&people, author).and_then(|people| Ok((sign(before, people.clone(), author)?, people)));
        match made {
            Ok((roster, after)) => (next, people) = (Some(roster), after),
            Err(why) => group_changes::fail(tx, wanted.id, &why.to_string())?,
        }
    }
    Ok(next)
}

/// The user's wish to leave, if there is one.
pub(crate) fn leaving(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<(i64, GroupChange)>, ClientError> {
    let wanted = group_changes::of_chat(at, chat)?;
    let mut changes = wanted.iter().filter_map(|wanted| Some((wanted.id, GroupChange::read(wanted)?)));
    Ok(changes.find(|(_, change)| matches!(change, GroupChange::Leave { .. })))
}

/// Nothing of what is wanted of a group will be.
pub(crate) fn refuse_all(tx: &Tx<'_>, chat: ChatId) -> Result<(), ClientError> {
    for wanted in group_changes::of_chat(tx, chat)? {
        group_changes::fail(tx, wanted.id, &ChangeError::Refused.to_string())?;
    }
    Ok(())
}

/// The user takes no part any more: if they wanted to leave, they have, and nothing comes of what else they wanted.
pub(crate) fn end_all(tx: &Tx<'_>, chat: ChatId) -> Result<(), ClientError> {
    end_all_but_leaving(tx, chat)?;
    leaving(tx, chat)?.map_or(Ok(()), |(id, _)| Ok(group_changes::done(tx, id)?))
}

/// The same, as far as the server says: whoever wants to leave does so when it names the group again.
pub(crate) fn end_all_but_leaving(tx: &Tx<'_>, chat: ChatId) -> Result<(), ClientError> {
    for wanted in group_changes::of_chat(tx, chat)? {
        if !matches!(GroupChange::read(&wanted), Some(GroupChange::Leave { .. })) {
            group_changes::fail(tx, wanted.id, &ChangeError::NotInGroup.to_string())?;
        }
    }
    Ok(())
}

/// Forgets what a roster has already.
pub(crate) fn settle(tx: &Tx<'_>, chat: ChatId, own: &UserId, roster: &Roster) -> Result<(), ClientError> {
    for wanted in group_changes::of_chat(tx, chat)? {
        if GroupChange::read(&wanted).is_some_and(|change| change.is_in(roster, own)) {
            group_changes::done(tx, wanted.id)?;
        }
    }
    Ok(())
}

/// The step by which this account binds itself to the generation that it is in, so that its former keys sign nothing more.
pub(crate) fn raise_own(
    at: &Snapshot<'_>,
    chat: ChatId,
    before: &Roster,
    author: &Author<'_>,
) -> Result<Option<Roster>, ClientError> {
    let Some(view) = rosters::view(at, chat)? else { return Ok(None) };
    let certificate = author.key.certificate();
    if !view.has_to_raise(certificate.user_id(), certificate.identity_key(), certificate.generation()) {
        return Ok(None);
    }
    Ok(sign(before, before.participants().to_vec(), author).ok())
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
