//! What the server confirms to have taken.
//!
//! It is the server that gives numbers, and by those people see what is missing. So an answer counts only for what was sent and has no
//! answer yet, in the group that it was sent to, and with a number that nothing else here has, that is higher than all that had been
//! given out when it was first encrypted, and before the end of the epoch that it was encrypted in last. Whatever else comes as an answer fills no gap and moves nothing.

use privmsg_protocol::frames::{Accepted, Ack};
use privmsg_protocol::{MessageId, Seq};
use privmsg_store::position::{self, Place};
use privmsg_store::{StoreError, Tx, epoch_ends, gaps, groups, messages, outbox};

use crate::content;
use crate::device_lists;
use crate::engine::Link;
use crate::engine::link::Flight;
use crate::error::ClientError;
use crate::events::Event;

/// The server has acknowledged messages as durable, and given them their places.
pub(in crate::engine) async fn sends_confirmed(link: &Link, ack: Ack) -> Result<(), ClientError> {
    let mut landed: Vec<(MessageId, Flight, Option<Seq>)> = Vec::new();
    for id in &ack.message_ids {
        let Some(flight) = link.flight(id).filter(|_| landed.iter().all(|(known, ..)| known != id)) else {
            tracing::warn!(%id, "the server has answered what was not asked");
            continue;
        };
        landed.push((*id, flight, number(&ack.accepted, id, &flight)));
    }
    let ids: Vec<_> = landed.iter().map(|(id, ..)| *id).collect();
    let (tells, now) = (link.tells(&ids), link.context.clock.now_ms());
    let sent = link
        .context
        .store
        .write(move |tx| {
            let mut sent = Vec::new();
            for (group, number) in tells {
                groups::set_told(tx, &group, Some(device_lists::stored(number)))?;
            }
            for (id, flight, seq) in landed {
                let place = place(tx, &flight, seq)?;
                let Some(removed) = outbox::remove(tx, &id)? else { continue };
                match removed.message_row {
                    Some(row) => {
                        messages::set_sent(tx, row, place)?;
                        content::title::sent(tx, row)?;
                        sent.push(Event::Sent { id: row, chat: removed.chat });
                    }
                    None => content::sent(tx, removed.chat, &id, place, now)?,
                }
            }
            Ok::<_, ClientError>(sent)
        })
        .await?;
    ids.iter().for_each(|id| link.land(id));
    link.context.emit_all(sent);
    Ok(())
}

/// The one number that the server says a message has got where it was sent to. Where it was sent twice, it may say so twice.
fn number(accepted: &[Accepted], id: &MessageId, flight: &Flight) -> Option<Seq> {
    let mut all = accepted.iter().filter(|accepted| accepted.message_id == *id);
    let first = all.next()?;
    let is_one = first.group_id == flight.group && first.seq <= gaps::LAST;
    if is_one && all.all(|other| (other.group_id, other.seq) == (first.group_id, first.seq)) {
        return Some(first.seq);
    }
    tracing::warn!(%id, "the server has answered with a place that this message was not sent to");
    None
}

/// Where a message stands that the server has taken. Without a number that can be its own it is there all the same, and stands where the
/// chat is now.
fn place(tx: &Tx<'_>, flight: &Flight, seq: Option<Seq>) -> Result<Place, StoreError> {
    let Some(seq) = seq else { return Ok(Place::Here) };
    let place = Place::Numbered { group: flight.group, seq };
    if groups::load(tx, &flight.group)?.is_none() {
        return Ok(Place::Here);
    }
    let is_behind = position::of(tx, flight.chat, place)? > flight.behind;
    let ended_by = epoch_ends::span(tx, &flight.group, flight.epoch)?.ended_by;
    if is_behind && ended_by.is_none_or(|ended| seq < ended) && gaps::note(tx, &flight.group, seq)? {
        return Ok(place);
    }
    tracing::warn!(group_id = %flight.group, "the server has answered with a number that is another one's");
    Ok(Place::Here)
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{Epoch, GroupId, UserId};
    use privmsg_store::Store;
    use privmsg_store::chats::{self, ChatKind};
    use privmsg_store::groups::GroupState;
    use privmsg_store::key::DatabaseKey;

    use super::*;

    const GROUP: GroupId = GroupId::from_bytes([1; 16]);

    /// Where a message is said to stand that was encrypted when the chat had come to 9, and in the given epoch last. The second epoch
    /// has begun with number 12.
    async fn placed(epoch: u64, answered: u64) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let work = move |tx: &Tx<'_>| {
            let chat = chats::ensure(tx, &ChatKind::Direct { peer: UserId::new("bob").unwrap() }, 1)?;
            groups::insert(tx, &GROUP, chat, &[], GroupState::Active, 0)?;
            for seq in [9, 12] {
                gaps::note(tx, &GROUP, Seq(seq))?;
            }
            epoch_ends::note(tx, &GROUP, Epoch(2), Seq(12), 1)?;
            let behind = position::of(tx, chat, Place::Numbered { group: GROUP, seq: Seq(9) })?;
            let flight = Flight { chat, group: GROUP, epoch: Epoch(epoch), behind, tells: None };
            place(tx, &flight, Some(Seq(answered)))
        };
        store.write(work).await.unwrap()
    }

    fn at(seq: u64) -> Place {
        Place::Numbered { group: GROUP, seq: Seq(seq) }
    }

    #[tokio::test]
    async fn a_number_of_another_epoch_or_of_before_is_no_answer() {
        assert_eq!(placed(1, 10).await, at(10));
        assert_eq!(placed(1, 13).await, Place::Here, "behind the end of its epoch");
        assert_eq!(placed(1, 8).await, Place::Here, "before what was there when it was written");
        assert_eq!(placed(2, 13).await, at(13));
    }

    /// What is sent again after a join is encrypted anew, and has the number under which the server took it first.
    #[tokio::test]
    async fn what_was_taken_before_a_join_keeps_its_number() {
        assert_eq!(placed(2, 10).await, at(10));
    }
}
