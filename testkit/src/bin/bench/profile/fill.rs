//! A profile that somebody has used for years.

use std::num::NonZeroU32;

use anyhow::{Context as _, Result};
use privmsg_client::{ChatId, ChatKind, KeyPlace, Profile};
use privmsg_e2ee::{Content, Edit, Kind, Reaction, Text};
use privmsg_protocol::{DeviceId, GroupId, MessageId, Seq, UserId};
use privmsg_store::account::{self, Account, AccountState};
use privmsg_store::key::Keystore;
use privmsg_store::messages::{self, Direction, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::relations::{self, NewRelation, Target};
use privmsg_store::{Store, Tx, chats, gaps, groups, receipts};
use privmsg_testkit::Random;

/// How much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) messages: u64,
    pub(super) chats: u64,
    /// Words that there are, of three to ten letters; 0: the same few in every message.
    pub(super) vocabulary: u64,
}

impl Size {
    pub(super) const fn new(messages: u64, chats: u64) -> Self {
        Self { messages, chats, vocabulary: 0 }
    }
}

/// Stands in a third of the messages, and in one of ten thousand, where there is a vocabulary.
pub(super) const COMMON: &str = "common";
pub(super) const RARE: &str = "rarely";

/// Messages of one transaction.
const AT_ONCE: u64 = 10_000;

/// Between two messages, ms: a million in about three years.
const PACE_MS: u64 = 100_000;

/// When it began.
const BEGUN_MS: u64 = 1_600_000_000_000;

/// Who the `n`th chat is with.
pub(super) fn peer(n: u64) -> Result<UserId> {
    Ok(UserId::new(&format!("friend{n:03}"))?)
}

pub(super) async fn fill(profile: &Profile, size: Size) -> Result<()> {
    profile.create(KeyPlace::File, None)?;
    let store = Store::open(profile.dir(), &Keystore::of(profile.dir()).open()?)?;
    let mut history = store.write(move |tx| History::begin(tx, size)).await?;
    for _ in 0..size.messages.div_ceil(AT_ONCE) {
        history = store
            .write(move |tx| {
                for _ in 0..AT_ONCE.min(size.messages - history.count) {
                    history.go_on(tx)?;
                }
                Ok::<_, anyhow::Error>(history)
            })
            .await?;
    }
    store.write(|tx| gaps::confirm_all(tx, &[])).await?;
    Ok(())
}

struct Chat {
    id: ChatId,
    group: GroupId,
    peer: UserId,
    /// The server's last number.
    seq: u64,
    /// Messages up to which it is chosen by chance.
    share: u64,
}

struct History {
    own: UserId,
    here: DeviceId,
    there: DeviceId,
    chats: Vec<Chat>,
    random: Random,
    count: u64,
    words: String,
    vocabulary: Vec<String>,
}

impl History {
    fn begin(tx: &Tx<'_>, size: Size) -> Result<Self> {
        let (own, here) = (UserId::new("owner")?, DeviceId::new("here")?);
        account::save(tx, &account_of(&own, &here))?;
        let mut chats = Vec::new();
        let mut share = 0;
        for n in 0..size.chats {
            let peer = peer(n)?;
            let id = chats::ensure(tx, &ChatKind::Direct { peer: peer.clone() }, ms(BEGUN_MS))?;
            let mut group = [0; 16];
            group[..8].copy_from_slice(&n.to_be_bytes());
            let group = GroupId::from_bytes(group);
            groups::insert(tx, &group, id, &[], groups::GroupState::Active, i64::MAX)?;
            // As people talk: with some very much, with most little.
            share += 1_000_000 / (n + 1);
            chats.push(Chat { id, group, peer, seq: 0, share });
        }
        let words = "the quick brown fox jumps over the lazy dog and writes about it ".repeat(40);
        let (there, mut random) = (DeviceId::new("there")?, Random::new(8));
        let vocabulary = (0..size.vocabulary).map(|_| word(&mut random)).collect();
        Ok(Self { own, here, there, chats, random, count: 0, words, vocabulary })
    }

    /// So many letters of text, or a few more.
    fn text(&mut self, length: u64) -> Result<String> {
        let length = usize::try_from(length)?;
        if self.vocabulary.is_empty() {
            return Ok(self.words[..length].to_owned());
        }
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&self.vocabulary[usize::try_from(self.random.within(0..self.vocabulary.len() as u64))?]);
            text.push(' ');
        }
        if self.random.permille(333) {
            text.push_str(COMMON);
        }
        if self.count.is_multiple_of(10_000) {
            text.push_str(RARE);
        }
        Ok(text)
    }

    fn id(&mut self) -> MessageId {
        let mut random = [0; 10];
        random.copy_from_slice(&self.random.bytes(10)[..10]);
        MessageId::v7(BEGUN_MS + self.count * PACE_MS, &random)
    }

    /// One more message, and what is said about it.
    fn go_on(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.count += 1;
        let now = BEGUN_MS + self.count * PACE_MS;
        let drawn = self.random.within(0..self.chats.last().context("no chat")?.share);
        let index = self.chats.partition_point(|chat| chat.share <= drawn);
        let (id, outgoing) = (self.id(), self.random.permille(450));
        let length = match self.random.within(0..100) {
            0..70 => self.random.within(4..80),
            70..97 => self.random.within(80..400),
            _ => self.random.within(400..2400),
        };
        let words = self.text(length)?;
        let text = Text::new(format!("{} {words}", self.count));
        let mut content = Content::new(id, now, &text)?;
        if self.random.permille(10) {
            content = content.expires(NonZeroU32::MAX);
        }
        // Receipts and reactions have numbers, too; some of what had one never came.
        let step = if self.random.permille(2) { 3 } else { 1 };
        let chat = &mut self.chats[index];
        chat.seq += step;
        let place = Place::Numbered { group: chat.group, seq: Seq(chat.seq) };
        gaps::note(tx, &chat.group, Seq(chat.seq))?;
        let (sender_id, sender_device) = if outgoing { (&self.own, &self.here) } else { (&chat.peer, &self.there) };
        let new = NewMessage {
            chat: chat.id,
            place,
            message_id: id,
            sender_id,
            sender_device,
            sent_at: ms(now),
            received_at: ms(now),
            expires_at: content.expires_s.map(|seconds| ms(now) + i64::from(seconds.get()) * 1000),
            kind: messages::Kind(i64::from(content.kind)),
            content: &content.encode()?,
        };
        let direction = if outgoing { Direction::Outgoing } else { Direction::Incoming };
        let row = messages::insert(tx, &new, direction)?.context("an id came twice")?;
        let (chat, peer, author) = (chat.id, chat.peer.clone(), sender_id.clone());
        if outgoing {
            messages::set_sent(tx, row, place)?;
            receipts::note(tx, chat, &self.own, &[id], &peer, self.random.permille(950), ms(now) + 1000)?;
        } else if self.random.permille(800) {
            let read_to = messages::load(tx, row)?.context("just stored")?.position;
            chats::set_read_to(tx, chat, read_to)?;
        }
        let target = Target { author: author.clone(), message_id: id };
        if self.random.permille(50) {
            let emoji = ["👍", "❤️", "😂"][usize::try_from(self.random.within(0..3))?].to_owned();
            let reaction = Reaction { emoji: emoji.clone(), removed: false };
            let reacting = if outgoing { peer } else { self.own.clone() };
            self.relate(tx, chat, &target, &reacting, &reaction, &emoji, place)?;
        }
        if self.random.permille(20) {
            let edit = Edit { text: format!("{} better said", self.count) };
            self.relate(tx, chat, &target, &author, &edit, "", place)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "what a relation has")]
    fn relate<K: Kind>(
        &mut self,
        tx: &Tx<'_>,
        chat: ChatId,
        target: &Target,
        sender_id: &UserId,
        kind: &K,
        key: &str,
        place: Place,
    ) -> Result<()> {
        let message_id = self.id();
        let sent_at = BEGUN_MS + self.count * PACE_MS;
        let content = Content::new(message_id, sent_at, kind)?.about(target.message_id, target.author.clone());
        let new = NewRelation {
            chat,
            target,
            kind: i64::from(K::NUMBER),
            sender_id,
            key,
            place,
            message_id,
            sent_at: ms(sent_at),
            content: &content.encode()?,
        };
        relations::put(tx, &new)?;
        Ok(())
    }
}

/// Three to ten letters, as they come.
fn word(random: &mut Random) -> String {
    let length = random.within(3..11);
    (0..length).map(|_| char::from(b'a' + u8::try_from(random.within(0..26)).unwrap_or_default())).collect()
}

fn account_of(own: &UserId, here: &DeviceId) -> Account {
    Account {
        server_url: "http://localhost".into(),
        user_id: own.clone(),
        access_key: None,
        device_name: "bench".into(),
        device_type: String::new(),
        device_key: [1; 32].into(),
        identity: None,
        identity_secret: None,
        sealed_identity: None,
        link_secret: None,
        signing: None,
        recovery_words: None,
        device_id: Some(here.clone()),
        certificate: None,
        token: None,
        token_expires_at: 0,
        state: AccountState::Ready,
        proxy: None,
        fingerprint: None,
        server_clock_ms: None,
    }
}

fn ms(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}
