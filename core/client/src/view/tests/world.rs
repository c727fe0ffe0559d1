//! A profile of alice's that two handles have open, and what the engine would do with it.

use std::num::NonZeroU32;
use std::sync::Arc;

use privmsg_e2ee::{Content, Delete, Edit, Reaction, Receipt, ReceiptKind, Text};
use privmsg_protocol::{DeviceId, GroupId, MessageId, Seq, UserId};
use privmsg_store::account;
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::messages::{self, Cursor, Direction, Message, MessageState};
use privmsg_store::position::{Place, Position};
use privmsg_store::{Snapshot, StoreError, Tx, gaps, groups, outbox, relations};

use crate::client::Client;
use crate::clock::{Clock as _, Hand};
use crate::content::{Said, apply, sent};
use crate::error::ClientError;
use crate::identity::signed_in_account;
use crate::profile::Profile;
use crate::sending::{Draft, Recipient};
use crate::{KeyPlace, Page};

pub(super) const GROUP: GroupId = GroupId::from_bytes([1; 16]);
const OTHER_GROUP: GroupId = GroupId::from_bytes([2; 16]);

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(super) struct World {
    _dir: tempfile::TempDir,
    pub(super) clock: Arc<Hand>,
    /// The same profile twice, as two processes have it.
    pub(super) handles: [Client; 2],
    pub(super) chat: ChatId,
    /// The server's numbers that it has given out.
    seq: u64,
    /// Those among them that have not come.
    missing: Vec<u64>,
    /// Makes ids.
    count: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path().join("profile"));
        profile.create(KeyPlace::File, None).unwrap();
        let store = profile.open_store(None).unwrap();
        let chat = store
            .write(|tx| {
                account::save(tx, &signed_in_account(user("alice")))?;
                let chat = chats::ensure(tx, &ChatKind::Direct { peer: user("bob") }, 1)?;
                groups::insert(tx, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
                let other = chats::ensure(tx, &ChatKind::Direct { peer: user("carol") }, 1)?;
                groups::insert(tx, &OTHER_GROUP, other, &[], groups::GroupState::Active, 0)?;
                Ok::<_, StoreError>(chat)
            })
            .await
            .unwrap();
        let clock = Arc::new(Hand::default());
        let here = Client::open_with(&profile, None, clock.clone()).await.unwrap();
        let there = Client::open_with(&profile, None, clock.clone()).await.unwrap();
        let handles = [here, there];
        Self { _dir: dir, clock, handles, chat, seq: 0, missing: Vec::new(), count: 0 }
    }

    fn next_id(&mut self) -> MessageId {
        self.count += 1;
        let mut bytes = [7; 16];
        bytes[8..].copy_from_slice(&self.count.to_be_bytes());
        MessageId::from_bytes(bytes)
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    async fn write<T: Send + 'static>(
        &self,
        by: usize,
        work: impl FnOnce(&Tx<'_>) -> Result<T, ClientError> + Send + 'static,
    ) -> T {
        self.handles[by].context().store.write(work).await.unwrap()
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.handles[0].read(look).await.unwrap()
    }

    /// Something of bob's arrives in its turn.
    async fn arrive(&mut self, by: usize, content: Content) {
        let (seq, chat, now) = (self.next_seq(), self.chat, self.clock.now_ms());
        self.write(by, move |tx| receive(tx, chat, GROUP, "bob", seq, &content, now)).await;
    }

    /// Bob says something.
    pub(super) async fn hear(&mut self, by: usize, expires_s: Option<u32>) {
        let content = self.text("from bob", expires_s);
        self.arrive(by, content).await;
    }

    fn text(&mut self, text: &str, expires_s: Option<u32>) -> Content {
        let id = self.next_id();
        let text = Text::new(format!("{text}, {}", self.count));
        let content = Content::new(id, self.count, &text).unwrap();
        match expires_s.and_then(NonZeroU32::new) {
            Some(seconds) => content.expires(seconds),
            None => content,
        }
    }

    /// Bob says much, and it comes as one page.
    pub(super) async fn hear_many(&mut self, by: usize, count: u64) {
        let (chat, now) = (self.chat, self.clock.now_ms());
        let all: Vec<_> = (0..count).map(|_| (self.next_seq(), self.text("one of many", None))).collect();
        self.write(by, move |tx| {
            all.iter().try_for_each(|(seq, text)| receive(tx, chat, GROUP, "bob", *seq, text, now))
        })
        .await;
    }

    pub(super) async fn hear_from_carol(&mut self, by: usize) {
        let (content, seq, now) = (self.text("from carol", None), self.count, self.clock.now_ms());
        self.write(by, move |tx| {
            let kind = ChatKind::Direct { peer: user("carol") };
            let chat = chats::find(tx, &kind)?.unwrap();
            receive(tx, chat, OTHER_GROUP, "carol", seq, &content, now)
        })
        .await;
    }

    /// The server gives numbers out for what does not come yet.
    pub(super) fn lose(&mut self, count: u64) {
        for _ in 0..count {
            let seq = self.next_seq();
            self.missing.push(seq);
        }
    }

    /// What was lost comes after all, in the middle of what is there.
    pub(super) async fn hear_late(&mut self, by: usize, which: usize) {
        if self.missing.is_empty() {
            return;
        }
        let seq = self.missing.remove(which % self.missing.len());
        let (content, chat, now) = (self.text("late", None), self.chat, self.clock.now_ms());
        self.write(by, move |tx| receive(tx, chat, GROUP, "bob", seq, &content, now)).await;
    }

    pub(super) async fn confirm_gaps(&self, by: usize) {
        self.write(by, |tx| Ok(gaps::confirm_all(tx, &[])?)).await;
    }

    pub(super) async fn say(&self, by: usize) {
        self.handles[by].send(&Recipient::User(user("bob")), Draft::text("from alice")).await.unwrap();
    }

    /// The server answers for the oldest that is queued: it has a number, or is refused. What bob has said behind it may
    /// have come already.
    pub(super) async fn answer(&mut self, by: usize, accepted: bool, late: bool) {
        let earlier = if accepted && late { self.missing.pop() } else { None };
        let (chat, seq, now) = (self.chat, earlier.unwrap_or(self.seq + 1), self.clock.now_ms());
        let answered = self.write(by, move |tx| {
            let Some(queued) = outbox::ready(tx, chat, 1)?.pop() else { return Ok(false) };
            outbox::remove(tx, &queued.message_id)?;
            let place = Place::Numbered { group: GROUP, seq: Seq(seq) };
            match (queued.message_row, accepted) {
                (Some(row), true) => messages::set_sent(tx, row, place)?,
                (Some(row), false) => drop(messages::set_failed(tx, row, "too_large")?),
                (None, true) => sent(tx, chat, &queued.message_id, place, now)?,
                (None, false) => relations::withdraw(tx, &queued.message_id)?,
            }
            if accepted {
                gaps::note(tx, &GROUP, Seq(seq))?;
            }
            Ok(accepted)
        });
        match (answered.await, earlier) {
            (true, None) => self.seq += 1,
            (false, Some(seq)) => self.missing.push(seq),
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// One of the messages of the chat, if there is any.
    pub(super) async fn pick(&self, which: usize, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let chat = self.chat;
        let mut all = self.look(move |at| messages::newest(at, chat, 10_000)).await;
        all.retain(wanted);
        if all.is_empty() { None } else { Some(all.swap_remove(which % all.len())) }
    }

    pub(super) async fn react(&self, by: usize, which: usize, remove: bool) {
        if let Some(target) = self.pick(which, |message| !message.outgoing && message.deleted_at.is_none()).await {
            unless_taken_back(self.handles[by].react(target.message_id, "👍".to_owned(), remove).await);
        }
    }

    pub(super) async fn edit(&self, by: usize, which: usize) {
        if let Some(target) = self.pick(which, |message| message.outgoing && message.deleted_at.is_none()).await {
            unless_taken_back(self.handles[by].edit(target.message_id, format!("edited {which}")).await);
        }
    }

    pub(super) async fn delete(&self, by: usize, which: usize) {
        if let Some(target) = self.pick(which, |message| message.outgoing && message.deleted_at.is_none()).await {
            unless_taken_back(self.handles[by].delete(target.message_id).await);
        }
    }

    pub(super) async fn delete_for_me(&self, by: usize, which: usize) {
        if let Some(target) = self.pick(which, |_| true).await {
            self.handles[by].delete_for_me(target.message_id).await.unwrap();
        }
    }

    /// Bob says something about a message of his own, or of alice's.
    pub(super) async fn hear_about(&mut self, by: usize, which: usize, about: About) {
        let outgoing = matches!(about, About::Receipt);
        let Some(target) = self.pick(which, |message| message.outgoing == outgoing).await else { return };
        let (id, sent_at) = (self.next_id(), self.count);
        let content = match about {
            About::Reaction => {
                Content::new(id, sent_at, &Reaction { emoji: "🎉".to_owned(), removed: which.is_multiple_of(3) })
            }
            About::Edit => Content::new(id, sent_at, &Edit { text: format!("bob's edit {which}") }),
            About::Delete => Content::new(id, sent_at, &Delete {}),
            About::Receipt => {
                let kind = if which.is_multiple_of(2) { ReceiptKind::Read } else { ReceiptKind::Delivered };
                Content::new(id, sent_at, &Receipt { kind, message_ids: vec![target.message_id] })
            }
        };
        let content = content.unwrap();
        let content = if outgoing { content } else { content.about(target.message_id, target.sender_id.clone()) };
        self.arrive(by, content).await;
    }

    pub(super) async fn read_up_to(&self, by: usize, which: usize) {
        let place = |message: &Message| message.state == MessageState::Received;
        let cursor: Option<Cursor> = self.pick(which, place).await.map(|message| message.cursor());
        self.handles[by].mark_read(self.chat, cursor).await.unwrap();
    }

    /// The first page, of all that there is.
    pub(super) async fn all(&self) -> Vec<crate::HistoryItem> {
        self.handles[0].page(self.chat, Page::After(Cursor(Position::START, 0)), 100_000).await.unwrap()
    }
}

/// What bob says about something.
#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    Reaction,
    Edit,
    Delete,
    Receipt,
}

/// A message that its author is about to take back cannot be changed any more, and one that is so already does not change.
fn unless_taken_back<T>(result: Result<T, ClientError>) {
    match result {
        Ok(_) | Err(ClientError::NotChangeable | ClientError::Unchanged) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn receive(
    tx: &Tx<'_>,
    chat: ChatId,
    group: GroupId,
    sender: &str,
    seq: u64,
    content: &Content,
    now_ms: i64,
) -> Result<(), ClientError> {
    gaps::note(tx, &group, Seq(seq))?;
    let (sender, sender_device, own) = (user(sender), DeviceId::new("d").unwrap(), user("alice"));
    let bytes = content.encode()?;
    let said = Said {
        chat,
        place: Place::Numbered { group, seq: Seq(seq) },
        sender: &sender,
        sender_device: &sender_device,
        sender_key: None,
        own: &own,
        direction: Direction::Incoming,
        content,
        bytes: &bytes,
        now_ms,
    };
    apply(tx, &said)?;
    Ok(())
}
