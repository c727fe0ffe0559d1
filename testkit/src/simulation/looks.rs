//! What a device shows of a chat, and how long one looks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::{HistoryItem, MessageKind, MessageState, Recipient};
use privmsg_protocol::MessageId;

use super::Rows;
use super::books::{Chat, Place, Saying};
use super::world::World;
use crate::wait::until;

/// How long everything that is on its way may take to arrive, on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(60);

/// A message on a device: its text, or that it was deleted.
pub(super) type Shown = (MessageId, Option<String>);

/// What a device shows of a chat.
pub(super) struct Shows {
    /// In its order.
    pub(super) messages: Vec<Shown>,
    /// So many numbers are shown as missing.
    pub(super) gap: u64,
    /// Of them, so many each behind so many messages.
    gaps: Vec<(usize, u64)>,
    /// It says that the server has led the chat back.
    pub(super) went_back: bool,
}

impl Shows {
    pub(super) fn ids(&self) -> BTreeSet<MessageId> {
        self.messages.iter().map(|(message, _)| *message).collect()
    }

    /// How much is shown as missing behind the first message that is `there`.
    pub(super) fn gap_since(&self, there: impl Fn(MessageId) -> bool) -> u64 {
        let first = self.messages.iter().position(|(message, _)| there(*message));
        let behind = |at: usize| first.is_some_and(|first| at > first);
        self.gaps.iter().filter(|(at, _)| behind(*at)).map(|(_, missing)| missing).sum()
    }

    /// Whether all that is missing here is shown to be missing, or that it may be.
    pub(super) fn admits(&self, missing: usize) -> bool {
        self.went_back || u64::try_from(missing).is_ok_and(|missing| missing <= self.gap)
    }
}

/// What a look has found, or why it is not as it should be yet.
pub(super) type Look<T> = std::result::Result<T, String>;

/// Looks until it is as it should be.
pub(super) async fn settles<T, F>(what: &str, look: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Look<T>>>,
{
    let why = RefCell::new(String::new());
    let looked = until(what, SETTLING, || async {
        match look().await? {
            Ok(found) => Ok(Some(found)),
            Err(difference) => {
                why.replace(difference);
                Ok(None)
            }
        }
    });
    match looked.await {
        Ok(found) => Ok(found),
        Err(error) => bail!("{error}: {}", why.into_inner()),
    }
}

impl World {
    /// What everybody in a chat is to know it as who looks from one place.
    pub(super) fn recipient(&self, chat: Chat, place: Place) -> Recipient {
        match chat {
            Chat::Pair(pair) => Recipient::User(self.other(pair, place).clone()),
            Chat::Room(number) => self.rooms[number].recipient(),
        }
    }

    /// What a device shows of a chat.
    pub(super) async fn shows(&self, chat: Chat, place: Place) -> Result<Shows> {
        let client = self.device(place)?.person.client();
        let mut shows = Shows { messages: Vec::new(), gap: 0, gaps: Vec::new(), went_back: false };
        for item in client.history(&self.recipient(chat, place), u32::MAX).await? {
            match item {
                HistoryItem::Gap { missing, .. } => {
                    shows.gap += missing;
                    shows.gaps.push((shows.messages.len(), missing));
                }
                HistoryItem::Message(message) if message.kind == MessageKind::WentBack => shows.went_back = true,
                HistoryItem::Message(message) if message.kind.is_notice() || message.kind == MessageKind::Title => {}
                // What its author is told not to have been sent.
                HistoryItem::Message(message) if matches!(message.state, MessageState::Failed(_)) => {}
                HistoryItem::Message(message) => {
                    shows.messages.push((message.message_id, (!message.deleted).then_some(message.text)));
                }
            }
        }
        Ok(shows)
    }

    /// What all devices show at the end, in all.
    pub(super) async fn all_shown(&self) -> Result<Rows> {
        let (mut shown, mut twice, mut missing) = (0, 0, 0);
        for place in self.places() {
            for chat in self.chats_of(place.0) {
                let shows = self.shows(chat, place).await?;
                let different = shows.ids().len();
                shown += different;
                twice += shows.messages.len() - different;
                missing += shows.gap;
            }
        }
        Ok(vec![
            ("messages on all devices".to_owned(), shown.to_string()),
            ("of them shown twice".to_owned(), twice.to_string()),
            ("numbers shown as missing, all for a cause".to_owned(), missing.to_string()),
        ])
    }

    /// What stands elsewhere than with another device, or is there twice. What a block has kept back is on the one side and not
    /// on the other.
    pub(super) fn is_out_of_order(&self, chat: Chat, reference: &Shows, shows: &Shows) -> Result<Option<String>> {
        let places: BTreeMap<_, _> =
            reference.messages.iter().enumerate().map(|(at, (message, _))| (*message, at)).collect();
        let (mut seen, mut last) = (BTreeSet::new(), None);
        for (message, _) in &shows.messages {
            if !seen.insert(*message) {
                return Ok(Some(format!("{message} is there twice")));
            }
            let saying: &Saying = self.books.find(*message).context("somebody said what is not in the books")?;
            ensure!(saying.chat == chat, "{message} was said to others");
            let moves = saying.said_again || saying.blocked && matches!(chat, Chat::Pair(_));
            let Some(at) = places.get(message).filter(|_| !moves) else { continue };
            if last.is_some_and(|last| last > *at) {
                let order = |shows: &Shows| {
                    let said = shows.messages.iter().filter_map(|(message, _)| self.books.number_of(*message));
                    said.collect::<Vec<_>>()
                };
                let (here, there) = (order(shows), order(reference));
                return Ok(Some(format!("{:?} stands elsewhere: {here:?} and not {there:?}", saying.text)));
            }
            last = Some(*at);
        }
        Ok(None)
    }
}
