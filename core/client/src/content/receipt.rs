//! Receipts: messages have arrived, or were read.

use privmsg_e2ee::{Content, Kind, Receipt, ReceiptKind as What};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::{Tx, blocks, chats, owed_receipts, receipts};

use super::{ContentKind, Effect, Said, chat_kind, compose, say};
use crate::error::ClientError;
use crate::events::Event;
use crate::group::policy::Policy;

/// Messages named in one receipt.
const AT_ONCE: usize = 500;

pub(super) struct ReceiptKind;

impl ContentKind for ReceiptKind {
    fn number(&self) -> u32 {
        Receipt::NUMBER
    }

    fn name(&self) -> &'static str {
        "receipt"
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let receipt: Receipt = said.content.body()?;
        let read = receipt.kind == What::Read;
        if said.sender == said.own {
            owed_receipts::is_told(tx, said.chat, &receipt.message_ids, read)?;
            return Ok(Effect::default());
        }
        let news = receipts::note(tx, said.chat, said.own, &receipt.message_ids, said.sender, read, said.now_ms)?;
        let events = if news { vec![Event::Receipts { chat: said.chat }] } else { Vec::new() };
        Ok(Effect { message: None, events })
    }
}

/// Notes that the sender of a message that has just come is to be told so.
pub(super) fn owe_delivered(tx: &Tx<'_>, said: &Said<'_>) -> Result<(), ClientError> {
    if said.sender != said.own && Policy::of(&chat_kind(tx, said.chat)?).receipts {
        owed_receipts::owe(tx, said.chat, &said.content.message_id, false, said.now_ms)?;
    }
    Ok(())
}

/// Turns receipts that are owed since `until_ms` at the latest into queued messages. Who is blocked is told nothing.
pub(crate) fn send_receipts(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    until_ms: i64,
    now_ms: i64,
) -> Result<(), ClientError> {
    while let Some(owed) = owed_receipts::take(tx, AT_ONCE, until_ms)? {
        if blocks::in_chat(tx, &chats::load(tx, owed.chat)?)?.is_some() {
            continue;
        }
        let kind = if owed.read { What::Read } else { What::Delivered };
        let content: Content = compose(&Receipt { kind, message_ids: owed.message_ids }, now_ms)?;
        say(tx, own, owed.chat, &content, now_ms)?;
    }
    Ok(())
}
