//! What an owner writes who joins rosters that went separate ways.

use super::{Participant, Role, Roster};

/// Who stands in all of these: who was sent away in one is out, and the lower role and the higher generation count.
///
/// It is what an owner writes into the roster that joins them. Nobody can hold the owner to it: who knows only one of
/// the two cannot tell.
#[must_use]
pub fn in_all(rosters: &[&Roster]) -> Vec<Participant> {
    let Some((first, others)) = rosters.split_first() else { return Vec::new() };
    first.participants().iter().filter_map(|own| others.iter().try_fold(own.clone(), lower)).collect()
}

fn lower(own: Participant, other: &&Roster) -> Option<Participant> {
    let other = other.same(&own)?;
    let role = own.role().min(other.role());
    let floor = if role == Role::Member { 0 } else { own.floor().max(other.floor()) };
    Some(Participant::with_role(own.user_id().clone(), *own.identity(), role, floor))
}
