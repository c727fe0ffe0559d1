//! What others have begun, and what the user says to it.

use privmsg_protocol::UserId;
use privmsg_store::account::Account;
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::{Snapshot, StoreError, account, group_chats};

use super::Client;
use super::blocks::refuse_blocked;
use super::groups::refuse_gone;
use crate::content::decisions;
use crate::engine::tasks;
use crate::error::ClientError;
use crate::group::rosters;
use crate::view::history::ChatEntry;

/// A chat that somebody else has begun, and that nobody of this user has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The chat, as the list of chats shows it.
    pub entry: ChatEntry,
    /// Who asks: the other one, or whose word has brought the user into a group.
    pub from: UserId,
    /// They have done so under another key than the one that the user knows them by: it is perhaps somebody else.
    pub from_namesake: bool,
    /// What a group of people is called; empty as long as nobody has said.
    pub title: Option<String>,
    /// Who takes part in a group of people, this user among them.
    pub people: Vec<UserId>,
    /// Nothing of it can be read yet: the invitation could not be used, and this device joins, which others see, when it is let
    /// in.
    pub is_unread: bool,
}

impl Client {
    /// What awaits an answer, the newest first. Until there is one nobody there is told anything: not that messages have arrived
    /// or were read, nor that this user is there.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn requests(&self) -> Result<Vec<Request>, ClientError> {
        let own = self.context.account().await?;
        let look =
            move |at: &Snapshot<'_>| consent::requests(at)?.into_iter().map(|chat| request(at, &own, chat)).collect();
        let found: Vec<Option<Request>> = self.read(look).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// How the user stands to a chat.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn consent(&self, chat: ChatId) -> Result<Consent, ClientError> {
        self.read(move |at| consent::of_chat(at, chat)).await
    }

    /// Whether nothing of a chat is to be told to the user as it comes: they have declined it, or were brought into it by somebody
    /// whom they have blocked, and have not let it in.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_kept_away(&self, chat: ChatId) -> Result<bool, ClientError> {
        self.read(move |at| consent::is_kept_away(at, chat)).await
    }

    /// Lets a chat in, as an answer does that is written. It holds from here on; the server and the user's other devices are told
    /// whatever happens to this process, and the server at once.
    ///
    /// # Errors
    /// [`ClientError::Blocked`], [`ClientError::NotInGroup`]; [`ClientError`] of the request, which is made again by the engine.
    pub async fn accept(&self, chat: ChatId) -> Result<(), ClientError> {
        self.decide(chat, true).await
    }

    /// Does not want a direct chat, or not any more: nothing that the other one says there arrives, and they see no more when this
    /// user is there, until this user writes there or accepts it. They are not told. A group of people is left instead
    /// ([`Client::leave_group`]).
    ///
    /// # Errors
    /// As for [`Client::accept`].
    pub async fn decline(&self, chat: ChatId) -> Result<(), ClientError> {
        self.decide(chat, false).await
    }

    async fn decide(&self, chat: ChatId, open: bool) -> Result<(), ClientError> {
        let now = self.context.clock.now_ms();
        let decided = move |tx: &privmsg_store::Tx<'_>| {
            let (user, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
            if open {
                refuse_blocked(tx, chat)?;
                refuse_gone(tx, chat)?;
            }
            let kind = chats::load(tx, chat)?.kind;
            decisions::decide(tx, (&user, &device), kind, open, now)
        };
        self.context.store.write(decided).await?;
        tasks::requests::tell(&self.context, chat, open).await
    }
}

fn request(at: &Snapshot<'_>, own: &Account, chat: ChatId) -> Result<Option<Request>, StoreError> {
    let Some(summary) = chats::summary(at, chat)? else { return Ok(None) };
    let kind = summary.chat.kind.clone();
    let entry = ChatEntry::of(at, summary)?;
    let from = match (&kind, consent::asker(at, &kind)?) {
        (ChatKind::Direct { peer }, _) => peer.clone(),
        (_, Some(asker)) => asker,
        (_, None) => return Ok(None),
    };
    let title = match kind {
        ChatKind::Group { .. } => {
            Some(group_chats::heading(at, chat)?.map(|heading| heading.title).unwrap_or_default())
        }
        _ => None,
    };
    let own = (&own.user_id, own.identity);
    let from_namesake = rosters::is_namesake_there(at, own, chat, &from).unwrap_or(true);
    let view = rosters::view(at, chat).ok().flatten();
    let people = view.map(|view| view.participants()).unwrap_or_default();
    let people = people.iter().map(|place| place.user_id().clone()).collect();
    let is_unread = groups::of_chat(at, chat)?.is_none_or(|group| group.state != GroupState::Active);
    Ok(Some(Request { entry, from, from_namesake, title, people, is_unread }))
}
