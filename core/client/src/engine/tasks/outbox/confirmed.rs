//! What the server confirms to have taken.
//!
//! It is the server that gives numbers, and by those people see what is missing. So an answer counts only for what was sent and has no
//! answer yet, in the group that it was sent to, and with a number that nothing else here has and that is higher than all that had been
//! given out when it was encrypted. Whatever else comes as an answer fills no gap and moves nothing.

use privmsg_protocol::frames::{Accepted, Ack};
use privmsg_protocol::{MessageId, Seq};
use privmsg_store::position::{self, Place};
use privmsg_store::{StoreError, Tx, gaps, groups, messages, outbox};

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
    if is_behind && gaps::note(tx, &flight.group, seq)? {
        return Ok(place);
    }
    tracing::warn!(group_id = %flight.group, "the server has answered with a number that is another one's");
    Ok(Place::Here)
}
