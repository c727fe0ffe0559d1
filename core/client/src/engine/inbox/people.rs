//! What commits and messages mean for a group of people.

use privmsg_e2ee::{Member, MembershipChange, Role};
use privmsg_store::consent;
use privmsg_store::group_chats::Gone;
use privmsg_store::groups::StoredGroup;
use privmsg_store::position::Place;

use crate::content::title;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::mls::{Step, load_conversation};
use crate::group::rosters;
use crate::group::standing::{enter_roster, take_leave};

/// A commit is merged. If it leads to another roster, that counts from now on. Returns whether the user is not in it any
/// more: the chat stays to be read, and nothing else of the group does.
pub(super) fn roster_moved(
    step: &Step<'_, '_>,
    place: &Place,
    group: &StoredGroup,
    change: &MembershipChange,
    events: &mut Vec<Event>,
) -> Result<bool, ClientError> {
    let Some(roster) = &change.roster else {
        tell_newcomer(step, group, change)?;
        return Ok(false);
    };
    let (told, _) = enter_roster(step, group, roster, *place)?;
    events.extend(told);
    let own = &step.identity;
    if roster.participant(&own.user_id).is_some_and(|place| *place.identity() == own.account) {
        return Ok(false);
    }
    let why = if *roster.author().user_id() == own.user_id { Gone::Left } else { Gone::Removed };
    take_leave(step, group, why)?;
    Ok(true)
}

/// A device that comes in by itself knows nothing of what was said, the title included. Another device of the same user
/// tells it, or, if there is none, the first one in the tree whose owner may give titles.
fn tell_newcomer(step: &Step<'_, '_>, group: &StoredGroup, change: &MembershipChange) -> Result<(), ClientError> {
    if group.roster.is_none() || change.committer.is_self || !change.added.contains(&change.committer) {
        return Ok(());
    }
    let joiner = &change.committer;
    if change.removed.iter().any(|former| former.device_id == joiner.device_id) {
        // It was here before.
        return Ok(());
    }
    let Some(conversation) = load_conversation(step, group.group_id)? else { return Ok(()) };
    let members = conversation.members();
    let is_sibling = |member: &&Member| member.user_id == joiner.user_id && member.device_id != joiner.device_id;
    let teller = match members.iter().find(is_sibling) {
        Some(sibling) => Some(sibling),
        None => members.iter().find(|member| {
            let place = conversation.roster().and_then(|roster| roster.participant(&member.user_id));
            member.user_id != joiner.user_id && place.is_some_and(|place| place.role() >= Role::Admin)
        }),
    };
    let Some(teller) = teller.filter(|teller| teller.is_self) else { return Ok(()) };
    // Whoever has asked to be answered sees nothing of this device, but its user's other devices do.
    if teller.user_id != joiner.user_id && consent::of_chat(step.tx, group.chat)?.is_held() {
        return Ok(());
    }
    title::tell_again(step, group.chat)
}

/// Whether somebody still takes part, by the newest roster that is known. A group that a server was set back to may have
/// people in it who are gone.
pub(super) fn may_speak(step: &Step<'_, '_>, group: &StoredGroup, sender: &Member) -> Result<bool, ClientError> {
    let Some(view) = rosters::view(step.tx, group.chat)? else { return Ok(true) };
    let people = view.participants();
    Ok(people.iter().any(|place| *place.user_id() == sender.user_id && *place.identity() == sender.identity))
}
