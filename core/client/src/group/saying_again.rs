//! What is said once more after the server was restored from a backup.
//!
//! What it has lost is said to it again under the same name, by which everybody knows it. And a device that comes back to a chat of two, or to
//! notes, later than another one of the same user's has missed what was said meanwhile, to which the server does not get it back: its authors
//! say that again to the chat, under another name on its way.

use privmsg_e2ee::{Again, Content, Member};
use privmsg_protocol::Seq;
use privmsg_store::groups::StoredGroup;
use privmsg_store::messages::{self, Kind};
use privmsg_store::outbox::{self, Readers};
use privmsg_store::position::{self, Place, Position};
use privmsg_store::{StoreError, chats, gaps, leaf_dates, said_again};

use super::asking;
use super::mls::Step;
use super::news::GroupNews;
use crate::content::{self, new_message_id};
use crate::error::ClientError;

/// How old what is said again may be: older than the backup that a server is restored from.
const SAID_LATELY_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Numbers that others who join anew may have taken before this device, from which it would take what was lost for known.
const TAKEN_SINCE: u64 = 64;

/// From where on it does not know what others had taken, who comes to a group with this number.
pub(super) fn had_taken_since(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(TAKEN_SINCE))
}

/// A device that has to join anew may have to because the server was restored from a backup: of what it had acknowledged since
/// that, it knows nothing, and those for whom it waited cannot know that there was something. So what this device has said is said
/// once more, `from` that number on; not what was said before the last newcomer came, who is to see what is said from then on.
pub(crate) fn say_again(step: &Step<'_, '_>, group: &StoredGroup, from: Seq) -> Result<(), ClientError> {
    let mut first = position::of(step.tx, group.chat, Place::Numbered { group: group.group_id, seq: from })?;
    for (position, news) in messages::notices_from(step.tx, group.chat, Kind::GROUP_CHANGED, first)? {
        if GroupNews::read(&news).brings_somebody() {
            first = position.next();
        }
    }
    let own = (&step.identity.user_id, &step.identity.device_id);
    Ok(said_again::queue(step.tx, group.chat, first, step.now_ms - SAID_LATELY_MS, own)?)
}

/// A device joins a chat that has no roster, with what stands at `place`. What this one has said there lately, since another one of the same
/// user's is back, and this one itself, is said again to it, once; not what was said before the last newcomer came. What the server has
/// kept from that user since, at their wish, was said for all that this device knows: they pass it over.
pub(crate) fn say_to_latecomer(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    joiner: &Member,
    place: Place,
) -> Result<(), ClientError> {
    if group.roster.is_some() || joiner.is_self || asking::is_closed(step.tx, &chats::load(step.tx, group.chat)?.kind)?
    {
        return Ok(());
    }
    let (user, key) = (&joiner.user_id, joiner.device_key.as_bytes());
    if !leaf_dates::comes_back(step.tx, group.chat, user, key)? {
        return Ok(());
    }
    let own = (&step.identity.user_id, &step.identity.device_id);
    let theirs = leaf_dates::first_back_at(step.tx, group.chat, user)?;
    let ours = back_at(step, group)?;
    leaf_dates::is_back(step.tx, group.chat, user, key, position::of(step.tx, group.chat, place)?)?;
    let (Some(theirs), Some(ours)) = (theirs, ours) else { return Ok(()) };
    let newcomer = leaf_dates::newcomer_at(step.tx, group.chat)?.unwrap_or(Position::START);
    let (after, since) = (theirs.max(ours).max(newcomer), step.now_ms - SAID_LATELY_MS);
    for spoken in said_again::behind(step.tx, group.chat, after, since, own)? {
        let Ok(content) = Content::decode(&spoken.content) else { continue };
        let envelope_id = new_message_id(step.now_ms)?;
        let again = content.again(Again { envelope_id, seq: Some(spoken.seq.0) });
        // One that is as long as can be has no room for it.
        if let Ok(bytes) = again.encode() {
            let readers = Readers::ThoseThere { coming: String::new() };
            outbox::insert(step.tx, group.chat, &envelope_id, &bytes, None, readers)?;
        }
    }
    Ok(())
}

/// Whether what is said once more is heard: not in a group of people, where nobody says anything again in this way and whoever came later
/// would hear another thing under a name that the others know; not what this user did not want to hear when it was said; and not what
/// lacks nowhere, as on a device that is newer than it.
pub(crate) fn is_taken(step: &Step<'_, '_>, group: &StoredGroup, content: &Content) -> Result<bool, ClientError> {
    let is_wanted = |first| {
        let lacks = !gaps::is_seen(step.tx, &group.group_id, first)? || back_at(step, group)?.is_some();
        Ok::<_, StoreError>(lacks && !gaps::is_withheld(step.tx, &group.group_id, first)?)
    };
    let first = content.again.and_then(|again| again.seq).map(Seq);
    if group.roster.is_some() || !first.map_or(Ok(true), is_wanted)? {
        tracing::info!(group_id = %group.group_id, "passed over what is said once more");
        return Ok(false);
    }
    Ok(true)
}

/// Where this device came back to a chat after its server was restored.
fn back_at(step: &Step<'_, '_>, group: &StoredGroup) -> Result<Option<Position>, StoreError> {
    let (own, key) = (&step.identity.user_id, step.identity.device.public());
    leaf_dates::back_at(step.tx, group.chat, own, key.as_bytes())
}

/// Where what comes with the number `now`, and is said once more, was said first: in a hole, or before this device came back, and behind
/// what its user has read. That is its author's word, as the time is. A hole stays one, for it is not the author who knows what was
/// lost. What amends a message of the author's stands where it stood, so that it undoes nothing newer.
pub(crate) fn first_place(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    content: &Content,
    now: Option<Seq>,
) -> Result<Option<Place>, ClientError> {
    let (Some(first), Some(now)) = (content.again.and_then(|again| again.seq).map(Seq), now) else { return Ok(None) };
    let place = Place::Numbered { group: group.group_id, seq: first };
    if first >= now || content::is_amendment(content) {
        return Ok((first < now).then_some(place));
    }
    let position = position::of(step.tx, group.chat, place)?;
    let is_nowhere =
        !gaps::is_seen(step.tx, &group.group_id, first)? || back_at(step, group)?.is_some_and(|back| position < back);
    let read_to = chats::summary(step.tx, group.chat)?.map(|summary| summary.read_to);
    Ok((is_nowhere && read_to < Some(position)).then_some(place))
}
