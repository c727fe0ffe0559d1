//! Messages that the server has kept from this device, because the user has blocked who has sent them, or has declined the chat.

use privmsg_protocol::frames::DeliveredMessage;
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{blocks, consent, gaps};

use crate::error::ClientError;
use crate::group::mls::Step;

/// After so many in a row this device brings about another epoch, in which everybody's keys begin anew: of one sender it can
/// miss no more than twice as many, and is to understand what comes when that sender is not blocked any more.
const MANY: u64 = 5_000;

/// They are no gap where the user has blocked the other one of the chat or declined it, by the word of one of their devices. Elsewhere no
/// honest server keeps anything back, and what it says to have kept back is shown as missing.
pub(super) fn take(step: &Step<'_, '_>, message: &DeliveredMessage, group: &StoredGroup) -> Result<(), ClientError> {
    let Some(last) = message.seq else { return Ok(()) };
    let first = message.first_seq.unwrap_or(last);
    let chat = chats::load(step.tx, group.chat)?.kind;
    let wanted = match &chat {
        ChatKind::Direct { peer } => {
            blocks::was_said_lately(step.tx, peer, step.now_ms)?
                || consent::was_declined_lately(step.tx, &chat, step.now_ms)?
        }
        _ => false,
    };
    gaps::withhold(step.tx, &group.group_id, first, last, wanted)?;
    if wanted && last.0.saturating_sub(first.0) >= MANY {
        groups::set_rotate_at(step.tx, &group.group_id, step.now_ms)?;
    }
    Ok(())
}
