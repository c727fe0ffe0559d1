//! A device list has come, from whomever.

use privmsg_e2ee::AccountPublicKey;
use privmsg_mls_public::{DeviceList, KnownDevices, Verdict};
use privmsg_protocol::{DeviceId, MessageId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::holds::{self, Scope};
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Tx, account, contacts, known_devices, outbox, wanted_lists};
use sha2::{Digest as _, Sha256};

use super::{learnt, stored, with_floor};
use crate::content::new_message_id;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;
use crate::own_devices;

/// How often it is told of somebody that the server has a device list of theirs by another identity.
const A_WEEK_MS: i64 = 7 * 24 * 3600 * 1000;

/// Where a list is learnt: on whose device, in which chat, when.
pub(crate) struct Learning<'a, 't> {
    pub(crate) tx: &'a Tx<'t>,
    pub(crate) own: &'a Identity,
    /// In which something is said about it, where there is no chat with the user.
    pub(crate) chat: ChatId,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
}

impl Learning<'_, '_> {
    /// Learns a list of a user, who is known by `identity` here. One under another identity is told, and not followed.
    pub(crate) fn list(
        &self,
        user: &UserId,
        identity: AccountPublicKey,
        list: DeviceList,
    ) -> Result<Vec<Event>, ClientError> {
        let tx = self.tx;
        if *user == self.own.user_id {
            let Some(account) = account::load(tx)? else { return Ok(Vec::new()) };
            let events = own_devices::learn::learn(tx, &account, list, self.now_ms)?;
            if let Some(number) = own_devices::learn::known(tx, &account)?.number() {
                wanted_lists::found(tx, user, identity.as_bytes(), stored(number))?;
            }
            return Ok(events);
        }
        let mut known = learnt(tx, user, identity)?;
        let before = known.clone();
        let Ok(verdict) = known.learn(list) else {
            // Not for each identity: whoever shows one can make another each time, until nobody looks any more.
            return self.tell_once(user, Kind::FOREIGN_LIST, &(self.now_ms / A_WEEK_MS).to_be_bytes());
        };
        if known != before {
            known_devices::save(tx, user, identity.as_bytes(), &known.encode())?;
        }
        let events = match verdict {
            Verdict::Conflict => self.tell_once(user, Kind::LIST_CONFLICT, &conflict(&known))?,
            Verdict::Newer => self.announce(user, &with_floor(tx, before)?, &with_floor(tx, known.clone())?)?,
            Verdict::Known | Verdict::Older => Vec::new(),
        };
        if let Some(number) = known.number()
            && wanted_lists::found(tx, user, identity.as_bytes(), stored(number))?
            && let Some(chat) = chats::find(tx, &ChatKind::Direct { peer: user.clone() })?
        {
            // What was written meanwhile need not wait any longer.
            holds::forget_of(tx, &outbox::TASK, Scope::Chat(chat))?;
        }
        Ok(events)
    }

    /// New devices of somebody whose key something else than the server has vouched for are a line in the chat: whoever has
    /// compared a number has done so with a person, and a device that comes later may be somebody else's. What is found
    /// when the first list comes is no news.
    fn announce(&self, user: &UserId, before: &KnownDevices, now: &KnownDevices) -> Result<Vec<Event>, ClientError> {
        let contact = contacts::load(self.tx, user)?;
        let is_held_fast =
            contact.is_some_and(|contact| contact.is_held_fast() && contact.identity == *now.identity().as_bytes());
        if !is_held_fast || before.number().is_none() {
            return Ok(Vec::new());
        }
        let new = now.devices().iter().filter(|device| !before.counts(&device.device_id, &device.device_key));
        let new: Vec<_> = new.collect();
        let Some(since) = new.iter().map(|device| device.added_at).min() else { return Ok(Vec::new()) };
        let since = i64::try_from(since).unwrap_or(i64::MAX).saturating_mul(1000);
        // One line, however many they are.
        let names = new.iter().map(|device| device.device_id.as_str()).collect::<Vec<_>>().join(", ");
        self.tell(user, Kind::DEVICE_ADDED, (new_message_id(self.now_ms)?, names.as_bytes(), since))
    }

    /// Says it once about the same.
    fn tell_once(&self, user: &UserId, kind: Kind, about: &[u8]) -> Result<Vec<Event>, ClientError> {
        tracing::warn!(%user, kind = kind.0, "an alarm about a contact's device list");
        let hash = Sha256::new().chain_update(b"privmsg alarm\0").chain_update(kind.0.to_be_bytes());
        let hash: [u8; 32] = hash.chain_update(user.as_str()).chain_update(b"\0").chain_update(about).finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        self.tell(user, kind, (MessageId::from_bytes(id), &[], self.now_ms))
    }

    fn tell(
        &self,
        user: &UserId,
        kind: Kind,
        (message_id, content, sent_at): (MessageId, &[u8], i64),
    ) -> Result<Vec<Event>, ClientError> {
        let tx = self.tx;
        let chat = chats::find(tx, &ChatKind::Direct { peer: user.clone() })?.unwrap_or(self.chat);
        let device: &DeviceId = &self.own.device_id;
        let notice = NewMessage {
            chat,
            message_id,
            sender_id: user,
            sender_device: device,
            place: Place::Here,
            expires_at: None,
            sent_at,
            received_at: self.now_ms,
            kind,
            content,
        };
        let id = messages::insert(tx, &notice, Direction::Incoming)?;
        Ok(id.map(|id| Event::Received { id, chat }).into_iter().collect())
    }
}

/// What a conflict is called.
fn conflict(known: &KnownDevices) -> Vec<u8> {
    let number = known.number().map_or((known.generation(), 0), stored);
    [number.0.to_be_bytes(), number.1.to_be_bytes()].concat()
}
