//! Whom the user has blocked, by the word of another device or of the server alone: a line in the notes. What nobody tells, a thief could
//! do in silence, for whoever is blocked is not heard.

use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::account::Account;
use privmsg_store::blocks::{self, Told};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::messages::Kind;
use privmsg_store::{Snapshot, StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::learn::insert_content;
use crate::error::{ClientError, During as _};
use crate::events::Event;

/// How long the word of a device is waited for, ms: it may not have connected since it has spoken.
const PATIENCE_MS: i64 = 24 * 3600 * 1000;

/// Whom the user has blocked, or not any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockNews {
    /// Which device of the user's has done it. None: the server says so, and no device has told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// It was removed as stolen since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stolen: bool,
    /// Whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<UserId>,
    /// Whom not any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unblocked: Vec<UserId>,
}

impl BlockNews {
    /// Another device of the user's has done it.
    pub(crate) fn by(device: &DeviceId) -> Self {
        Self { device: Some(device.to_string()), ..Self::default() }
    }

    pub(crate) fn add(&mut self, user: UserId, blocked: bool) {
        let list = if blocked { &mut self.blocked } else { &mut self.unblocked };
        list.push(user);
    }

    pub(crate) fn read(content: &[u8]) -> Self {
        serde_json::from_slice(content).unwrap_or_default()
    }

    /// A line in the notes to oneself, if there is something to tell.
    pub(crate) fn tell(
        &self,
        tx: &Tx<'_>,
        own: (&UserId, &DeviceId),
        now_ms: i64,
    ) -> Result<Option<Event>, ClientError> {
        if self.blocked.is_empty() && self.unblocked.is_empty() {
            return Ok(None);
        }
        let chat = chats::ensure(tx, &ChatKind::SelfNotes, now_ms)?;
        let content = serde_json::to_vec(self).during("storing who was blocked")?;
        insert_content(tx, own.0, chat, (Kind::BLOCKS_CHANGED, own.1, &content), (now_ms, now_ms))
    }
}

/// Other devices than these were removed as stolen: whom they have blocked, and not any more, is listed. It stays as it is: whom the
/// user has blocked on a device before it was stolen is not to be heard again because of that.
pub(crate) fn list(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    listed: &[DeviceId],
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let told = blocks::by_others(tx, listed)?;
    blocks::settle(tx, &told)?;
    let mut all: Vec<BlockNews> = Vec::new();
    for (device, Told { user, blocked, .. }) in told {
        if all.last().is_none_or(|last| last.device.as_deref() != Some(device.as_str())) {
            all.push(BlockNews { stolen: true, ..BlockNews::by(&device) });
        }
        if let Some(last) = all.last_mut() {
            last.add(user, blocked);
        }
    }
    let mut events = Vec::new();
    for news in all {
        events.extend(news.tell(tx, own, now_ms)?);
    }
    events.extend(tell_differing(tx, own, i64::MAX, now_ms)?);
    Ok(events)
}

/// When the user is to be told that the server has somebody otherwise than their devices have said.
pub(crate) fn due_at(at: &Snapshot<'_>) -> Result<Option<i64>, StoreError> {
    let since = blocks::differing(at)?.into_iter().map(|(.., since)| since).min();
    Ok(since.map(|since| since.saturating_add(PATIENCE_MS)))
}

/// They are told, if it is so for long enough.
pub(crate) fn tell_what_is_due(tx: &Tx<'_>, account: &Account, now_ms: i64) -> Result<Option<Event>, ClientError> {
    let Some(device) = &account.device_id else { return Ok(None) };
    tell_differing(tx, (&account.user_id, device), now_ms.saturating_sub(PATIENCE_MS), now_ms)
}

fn tell_differing(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    until_ms: i64,
    now_ms: i64,
) -> Result<Option<Event>, ClientError> {
    let mut news = BlockNews::default();
    for (user, blocked, _) in blocks::differing(tx)?.into_iter().filter(|(.., since)| *since <= until_ms) {
        blocks::set_shown(tx, &user)?;
        news.add(user, blocked);
    }
    news.tell(tx, own, now_ms)
}
