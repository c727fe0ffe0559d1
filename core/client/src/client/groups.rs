//! Groups of people.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use privmsg_e2ee::{MAX_MENTIONS, OsRng, Participant, Role, Title};
use privmsg_protocol::{ConversationId, ErrorCode, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::group_changes::{self, Fate};
use privmsg_store::group_chats::{self, Gone, Heading};
use privmsg_store::holds::Unreachable;
use privmsg_store::{Change, Snapshot, StoreError, account, groups};

use super::Client;
use crate::content::{compose, say};
use crate::error::ClientError;
use crate::group::change::{Author, ChangeError, GroupChange};
use crate::group::rosters;
use crate::sending::Said;
use crate::trust;

/// Profiles that are asked for at once.
const AT_ONCE: usize = 8;

/// A group of people, as this device knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Its chat.
    pub chat: ChatId,
    /// What it is called everywhere.
    pub conversation: ConversationId,
    /// What people call it; empty as long as nobody has said.
    pub title: String,
    /// Who takes part, by name.
    pub people: Vec<GroupPerson>,
    /// Why the user takes no part any more, if so.
    pub gone: Option<Gone>,
    /// Two owners have changed it at once, without knowing of each other: only who stands in both counts, until an owner
    /// changes something again.
    pub is_split: bool,
    /// Changes of this user's that wait.
    pub waiting: usize,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPerson {
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// Takes part under another identity than the one that this user knows them by. Nothing is sent until that is accepted,
    /// or they are gone.
    pub other_identity: bool,
}

/// A change of a group that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedChange {
    /// The group's chat.
    pub chat: ChatId,
    row: i64,
}

impl Client {
    /// Founds a group with these people, in which this user is the owner. It is made, and they are invited, whatever happens
    /// to this process afterwards.
    ///
    /// # Errors
    /// [`ClientError`] of the requests; [`ClientError::Unreachable`] for somebody who has no identity yet;
    /// [`ClientError::KeyChanged`] for a contact whose key is another one by now; [`ClientError::Content`] for a title
    /// that cannot be one.
    pub async fn create_group(&self, title: &str, users: &[UserId]) -> Result<ChatId, ClientError> {
        let now = self.context.clock.now_ms();
        let title = compose(&Title { title: title.trim().to_owned(), again: false }, now)?;
        let mut people = self.people(users).await?;
        people.retain(|place| place.user_id() != self.user_id());
        let made = move |tx: &privmsg_store::Tx<'_>| {
            let key = rosters::signing_key(tx)?;
            let certificate = key.certificate();
            let (user, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
            let owner = Participant::with_role(
                user.clone(),
                *certificate.identity_key(),
                Role::Owner,
                certificate.generation(),
            );
            people.push(owner);
            if people.len() > privmsg_mls_public::roster::MAX_PARTICIPANTS {
                return Err(ChangeError::TooMany.into());
            }
            let founding = key.found(people, &mut OsRng).map_err(|_| ChangeError::Refused)?;
            let kind = ChatKind::Group { conversation: founding.conversation_id() };
            let chat = chats::ensure(tx, &kind, now)?;
            rosters::enter(tx, chat, &founding, &founding)?;
            // It is made because this waits to be sent.
            say(tx, (&user, &device), chat, &title, now)?;
            Ok::<_, ClientError>(chat)
        };
        self.context.store.write(made).await
    }

    /// Waits until the server has the group of a chat.
    ///
    /// # Errors
    /// [`ClientError`] of the database; [`ClientError::NotInGroup`] if there will be none.
    pub async fn wait_group_made(&self, chat: ChatId) -> Result<(), ClientError> {
        let mut changes = self.changes();
        loop {
            let look = move |at: &Snapshot<'_>| {
                let group = groups::of_chat(at, chat)?;
                let made =
                    group.is_some_and(|group| group.state == groups::GroupState::Active && group.request.is_none());
                let gone = group_chats::load(at, chat)?.is_none_or(|known| known.gone.is_some());
                let waits = privmsg_store::outbox::chats(at)?.contains(&chat);
                Ok::<_, StoreError>((made, gone || !(made || waits)))
            };
            match self.context.store.read(look).await? {
                (true, _) => return Ok(()),
                (false, true) => return Err(ClientError::NotInGroup),
                (false, false) => {}
            }
            if !changes.wait_for(|change| matches!(change, Change::Task(_) | Change::Chat(_))).await {
                return Err(StoreError::Closed.into());
            }
        }
    }

    /// Wants people to take part in a group. Each is done as soon as everybody can have it, whatever happens to this process.
    ///
    /// # Errors
    /// As for [`Client::create_group`], and [`ClientError::GroupChange`] if it cannot be.
    pub async fn add_to_group(&self, chat: ChatId, users: &[UserId]) -> Result<Vec<AskedChange>, ClientError> {
        let people = self.people(users).await?;
        let add = |place: Participant| GroupChange::Add {
            user_id: place.user_id().clone(),
            identity: place.identity().to_string(),
        };
        self.ask(chat, people.into_iter().map(add).collect()).await
    }

    /// Wants somebody to take part in a group no more. Oneself: as [`Client::leave_group`].
    ///
    /// # Errors
    /// [`ClientError::GroupChange`] if it cannot be.
    pub async fn remove_from_group(&self, chat: ChatId, users: &[UserId]) -> Result<Vec<AskedChange>, ClientError> {
        let remove = |user: &UserId| match user {
            own if own == self.user_id() => GroupChange::Leave { successor: None },
            user => GroupChange::Remove { user_id: user.clone() },
        };
        self.ask(chat, users.iter().map(remove).collect()).await
    }

    /// Wants somebody to have another role in a group.
    ///
    /// # Errors
    /// [`ClientError::GroupChange`] if it cannot be.
    pub async fn set_role(&self, chat: ChatId, user: &UserId, role: Role) -> Result<Vec<AskedChange>, ClientError> {
        self.ask(chat, vec![GroupChange::Role { user_id: user.clone(), role: role.into() }]).await
    }

    /// Wants to take part in a group no more. The last owner names who becomes one, unless they were made it without having
    /// answered there, or without having decided anything since: then the group goes on without.
    ///
    /// # Errors
    /// [`ClientError::GroupChange`] if it cannot be.
    pub async fn leave_group(&self, chat: ChatId, successor: Option<UserId>) -> Result<Vec<AskedChange>, ClientError> {
        self.ask(chat, vec![GroupChange::Leave { successor }]).await
    }

    /// Gives a group another title.
    ///
    /// # Errors
    /// [`ClientError::Content`] for a title that cannot be one; [`ClientError::GroupChange`] for somebody who may not;
    /// [`ClientError::Unchanged`].
    pub async fn set_group_title(&self, chat: ChatId, title: &str) -> Result<Said, ClientError> {
        let title = Title { title: title.trim().to_owned(), again: false };
        let (title, now, own) = (&title, self.context.clock.now_ms(), self.user_id());
        self.by_the_newest(|| async move { self.give_title(chat, title.clone(), own.clone(), now).await }).await
    }

    async fn give_title(&self, chat: ChatId, title: Title, own: UserId, now: i64) -> Result<Said, ClientError> {
        let said = move |tx: &privmsg_store::Tx<'_>| {
            let content = compose(&title, now)?;
            check_takes_part(tx, chat)?;
            let people = rosters::view(tx, chat)?.map(|view| view.participants()).unwrap_or_default();
            let place = people.iter().find(|place| *place.user_id() == own).ok_or(ClientError::NotInGroup)?;
            if place.role() < Role::Admin {
                return Err(ChangeError::NotAllowed.into());
            }
            let is_known = !group_chats::is_title_old(tx, chat)?;
            if is_known && group_chats::heading(tx, chat)?.is_some_and(|heading| heading.title == title.title) {
                return Err(ClientError::Unchanged);
            }
            let (user, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
            say(tx, (&user, &device), chat, &content, now)?;
            Ok(Said { chat, message_id: content.message_id })
        };
        self.context.store.write(said).await
    }

    /// Waits until a change has been made, whichever process makes it.
    ///
    /// # Errors
    /// [`ClientError::GroupChange`] if it cannot be any more; [`ClientError`] of the database.
    pub async fn wait_group_changed(&self, asked: AskedChange) -> Result<(), ClientError> {
        let mut changes = self.changes();
        loop {
            match self.context.store.read(move |at| group_changes::fate(at, asked.row)).await? {
                Fate::Done => return Ok(()),
                Fate::Failed(why) => return Err(ChangeError::parse(&why).into()),
                Fate::Waiting => {}
            }
            if !changes.wait_for(|change| *change == Change::Task(groups::TASK)).await {
                return Err(StoreError::Closed.into());
            }
        }
    }

    /// A group, as this device knows it.
    ///
    /// # Errors
    /// [`ClientError::NoSuchGroup`] for a chat of another kind.
    pub async fn group(&self, chat: ChatId) -> Result<GroupView, ClientError> {
        let own = self.context.account().await?;
        self.context.store.read(move |at| look(at, chat, (&own.user_id, own.identity))).await
    }

    /// What a group is called by people, if this device knows it and anybody has said.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn group_title(&self, chat: ChatId) -> Result<Option<String>, ClientError> {
        let heading = self.context.store.read(move |at| group_chats::heading(at, chat)).await?;
        Ok(heading.and_then(Heading::title))
    }

    async fn ask(&self, chat: ChatId, changes: Vec<GroupChange>) -> Result<Vec<AskedChange>, ClientError> {
        let changes = &changes;
        self.by_the_newest(|| async move { self.want(chat, changes.clone()).await }).await
    }

    async fn want(&self, chat: ChatId, changes: Vec<GroupChange>) -> Result<Vec<AskedChange>, ClientError> {
        let now = self.context.clock.now_ms();
        let asked = move |tx: &privmsg_store::Tx<'_>| {
            check_takes_part(tx, chat)?;
            let key = rosters::signing_key(tx)?;
            let roster = rosters::newest(tx, chat)?.ok_or(ClientError::NotInGroup)?;
            // That looks through all that is kept of the group, and nothing but leaving asks for it.
            let leaves = changes.iter().any(|change| matches!(change, GroupChange::Leave { .. }));
            let has_owned = !leaves || rosters::has_owned(tx, chat, &rosters::person(key.certificate()))?;
            let author = Author { key: &key, generation_of: &|_| None, has_owned };
            let mut asked = Vec::with_capacity(changes.len());
            for change in changes {
                check(&change, &roster, &author)?;
                asked.push(AskedChange { chat, row: change.want(tx, chat, now)? });
            }
            Ok::<_, ClientError>(asked)
        };
        self.context.store.write(asked).await
    }

    /// Users under the identities that they are known by, or have published.
    async fn people(&self, users: &[UserId]) -> Result<Vec<Participant>, ClientError> {
        let mut users = users.to_vec();
        users.sort();
        users.dedup();
        let found = stream::iter(users).map(|user| self.person(user)).buffered(AT_ONCE);
        found.try_collect().await
    }

    async fn person(&self, user: UserId) -> Result<Participant, ClientError> {
        let published = match self.published_key(&user).await {
            Err(error) if error.is(&ErrorCode::UnknownUser) => return Err(ClientError::NoSuchUser(user)),
            published => published?,
        };
        let (name, shown) = (user.clone(), published.map(|key| *key.as_bytes()));
        let trust = self.context.store.read(move |at| trust::of(at, &name, shown)).await?;
        match published {
            None => Err(ClientError::Unreachable { user, why: Unreachable::NoIdentity }),
            Some(_) if trust.is_held_back() => Err(ClientError::KeyChanged(user)),
            Some(key) => Ok(Participant::member(user, key)),
        }
    }
}

/// Whether a change could be, as far as this device knows: who asks for one that cannot hears so at once.
fn check(change: &GroupChange, roster: &privmsg_e2ee::Roster, author: &Author<'_>) -> Result<(), ClientError> {
    if let GroupChange::Leave { .. } = change
        && roster.participants().len() == 1
    {
        return Ok(());
    }
    if change.is_in(roster, author.key.certificate().user_id()) {
        return Ok(());
    }
    Ok(change.step(roster, author).map(drop)?)
}

fn check_takes_part(at: &Snapshot<'_>, chat: ChatId) -> Result<(), ClientError> {
    let known = group_chats::load(at, chat)?.ok_or_else(|| not_known(at, chat))?;
    if known.gone.is_some() { Err(ClientError::NotInGroup) } else { Ok(()) }
}

/// Who of a group's people is meant by an `@` and their name in a text. Of two there is no need for that.
pub(super) fn mentioned(at: &Snapshot<'_>, chat: ChatId, text: &str) -> Result<Vec<UserId>, ClientError> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let named = text.split('@').skip(1).map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default());
    // A full stop ends a sentence more often than a name.
    let named: HashSet<_> = named.flat_map(|name| [name, name.trim_end_matches('.')]).collect();
    let is_group = matches!(chats::load(at, chat)?.kind, ChatKind::Group { .. });
    if named.is_empty() || !is_group {
        return Ok(Vec::new());
    }
    let people = rosters::view(at, chat)?.map(|view| view.participants()).unwrap_or_default();
    let mut meant: Vec<_> = people.iter().map(|place| place.user_id().clone()).collect();
    meant.retain(|user| named.contains(user.as_str()));
    meant.truncate(MAX_MENTIONS);
    Ok(meant)
}

/// Refuses to say something in a group that the user takes no part in any more.
pub(crate) fn refuse_gone(at: &Snapshot<'_>, chat: ChatId) -> Result<(), ClientError> {
    let gone = group_chats::load(at, chat)?.and_then(|group| group.gone);
    match gone {
        Some(Gone::Left | Gone::Removed) => Err(ClientError::NotInGroup),
        // That is the server's word alone, which the attempt shows to be true or not.
        Some(Gone::Unknown) | None => Ok(()),
    }
}

/// It is no group, or nothing is known of it yet: the user has let it in, and this device has not joined.
fn not_known(at: &Snapshot<'_>, chat: ChatId) -> ClientError {
    match chats::load(at, chat) {
        Ok(chat) => ClientError::NoSuchGroup(match chat.kind {
            ChatKind::Group { conversation } => conversation.to_string(),
            ChatKind::Direct { peer } => peer.to_string(),
            ChatKind::SelfNotes => String::new(),
        }),
        Err(error) => error.into(),
    }
}

fn look(at: &Snapshot<'_>, chat: ChatId, own: (&UserId, Option<[u8; 32]>)) -> Result<GroupView, ClientError> {
    let none = || not_known(at, chat);
    let known = group_chats::load(at, chat)?.ok_or_else(none)?;
    let ChatKind::Group { conversation } = chats::load(at, chat)?.kind else { return Err(none()) };
    let view = rosters::view(at, chat)?.ok_or_else(none)?;
    let mut people = Vec::new();
    for place in view.participants() {
        people.push(GroupPerson {
            other_identity: trust::of_anybody(at, own, place.user_id(), *place.identity().as_bytes())?.is_namesakes(),
            user_id: place.user_id().clone(),
            role: place.role(),
        });
    }
    let is_split = view.heads().len() > 1;
    let waiting = group_changes::of_chat(at, chat)?.len();
    Ok(GroupView { chat, conversation, title: known.title, people, gone: known.gone, is_split, waiting })
}
