//! What waits for its author's word in a newer generation.

use privmsg_protocol::UserId;

use super::{Learned, RosterView};
use crate::AccountPublicKey;
use crate::roster::{Role, Roster, RosterHash};
use crate::signing_certificate::SigningKeyCertificate;

/// Rosters that wait. Whoever has been away for longer learns them one after the other again.
const MAX_WAITING: usize = 32;

impl RosterView {
    /// The rosters that wait, by number.
    #[must_use]
    pub fn waiting(&self) -> &[Roster] {
        &self.waiting
    }

    /// Whether a roster waits. Nobody who knows that signs what comes after it, or a thief would have a word for it.
    #[must_use]
    pub fn is_waiting(&self, hash: &RosterHash) -> bool {
        self.waiting.iter().any(|waiting| waiting.hash() == hash)
    }

    /// Whether somebody takes part by a roster that waits, and that leads on from the heads: not by one beside them, as a thief would
    /// date it back to undo that somebody was put out.
    #[must_use]
    pub fn has_in_waiting(&self, hash: &RosterHash, user: &UserId, identity: &AccountPublicKey) -> bool {
        let Some(roster) = self.waiting.iter().find(|waiting| waiting.hash() == hash) else { return false };
        let way = self.way_to(roster);
        let leads_on = way.first().is_some_and(|first| self.heads.iter().any(|head| first.follows(head).is_ok()));
        leads_on && roster.participant(user).is_some_and(|place| place.identity() == identity)
    }

    /// Learns a roster that counts only if what waits does, or waits itself.
    pub(super) fn learn_after_waiting(
        &mut self,
        roster: Roster,
        called_back: &dyn Fn(&SigningKeyCertificate) -> bool,
    ) -> Learned {
        let way = self.way_to(&roster);
        let mut after = Self { heads: self.heads.clone(), parents: self.parents.clone(), waiting: Vec::new() };
        let mut last = Learned::Unconnected;
        for step in &way {
            // What an owner of the heads signs leads there without steps. That which is called back needs them.
            let follows = after.heads.iter().chain(&after.parents).any(|before| step.follows(before).is_ok());
            last = if follows { after.go_on(step.clone()) } else { Learned::Unconnected };
            if !matches!(last, Learned::Newer | Learned::Beside) {
                return Learned::Unconnected;
            }
        }
        let is_owed = |step: &&Roster| called_back(step.author()) && !is_answered_for(step, &way, called_back);
        if way.iter().any(|step| is_owed(&step)) {
            return self.wait(roster);
        }
        after.waiting = std::mem::take(&mut self.waiting);
        *self = after;
        self.sort_waiting();
        last
    }

    fn wait(&mut self, roster: Roster) -> Learned {
        if self.is_waiting(roster.hash()) {
            return Learned::Outdated;
        }
        if self.waiting.len() >= MAX_WAITING {
            return Learned::Unconnected;
        }
        self.waiting.push(roster);
        self.waiting.sort_by_key(|waiting| (waiting.number(), *waiting.hash()));
        Learned::Outdated
    }

    /// What waits and leads to a roster, by number, and the roster itself.
    fn way_to(&self, roster: &Roster) -> Vec<Roster> {
        let mut way = vec![roster.clone()];
        for before in self.waiting.iter().rev() {
            if way.iter().any(|after| after.follows(before).is_ok()) {
                way.push(before.clone());
            }
        }
        way.reverse();
        way
    }

    /// Forgets what does not come after the heads any more.
    pub(super) fn sort_waiting(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let before = self.heads.iter().chain(&self.parents).chain(&self.waiting);
            let comes_after = before.into_iter().any(|before| waiting.follows(before).is_ok());
            if waiting.number() >= self.number() && !self.is_newest(waiting.hash()) && comes_after {
                self.waiting.push(waiting);
            }
        }
    }
}

/// Whether the author of a step has gone on from it, in a generation that is not called back: then it is not one that a thief
/// has dated back.
fn is_answered_for(step: &Roster, way: &[Roster], called_back: &dyn Fn(&SigningKeyCertificate) -> bool) -> bool {
    let mut since = vec![step];
    for next in way {
        if !since.iter().any(|before| next.follows(before).is_ok()) {
            continue;
        }
        let (author, other) = (step.author(), next.author());
        let same = author.user_id() == other.user_id() && author.identity_key() == other.identity_key();
        // Who leaves has looked at nothing else.
        let stays = next.signer(other).is_some_and(|place| place.role() > Role::Member);
        if same && stays && !called_back(other) {
            return true;
        }
        since.push(next);
    }
    false
}
