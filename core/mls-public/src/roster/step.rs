//! Which roster may follow which.

use super::{Participant, Role, Roster};
use crate::signing_certificate::SigningKeyCertificate;

/// More steps than anybody takes while somebody is away.
const MAX_AHEAD: u64 = 1 << 20;

/// As many as a million rosters that each go as far as they may.
const MAX_AHEAD_RAISED: u64 = 1 << 40;

/// Why a roster does not follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Of another group.
    #[error("a roster of another group")]
    OtherGroup,
    /// It does not name the other as its predecessor, or its number is not the one that follows.
    #[error("not the roster that comes next")]
    NotNext,
    /// Who signed is no participant under that identity, or signed with a key that has been replaced.
    #[error("signed by somebody who has no say in the group")]
    Stranger,
    /// It changes what the author's role does not allow, or changes nothing where the author may only leave.
    #[error("the author's role does not allow this change")]
    NotAllowed,
}

impl Roster {
    /// Whether a commit may move the GroupContext from `before` to this one. That is all that may decide about the
    /// commit, so it depends on nothing but these two: everybody comes to the same answer.
    ///
    /// It [follows](Self::follows) it, or an owner there has signed it: so a group that is some steps behind, or on one
    /// of several ways that an owner has joined, is brought up by one commit, also where nobody has the steps in
    /// between.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn replaces(&self, before: &Self) -> Result<(), StepError> {
        let result = self.follows(before);
        let next = self.number > before.number && self.is_near(before);
        match result {
            Err(StepError::NotNext) if next && before.is_owner(&self.author) && self.is_owned_or_left() => Ok(()),
            other => other,
        }
    }

    /// Whether it is the step that comes after `before`.
    ///
    /// - Who leaves says so itself; of what a member writes, that is the only thing that counts.
    /// - Admins let members in and send members away, also to let the same user in under a new identity.
    /// - Owners do everything, and only owners join two rosters. The second predecessor is not looked at: not everybody
    ///   has it, and an owner might have written the same without.
    /// - The last owner may leave without another one: nobody is bound to a group by being made its owner. Nothing else leaves a
    ///   group without one.
    /// - Nobody lowers the generation of somebody who goes on signing, and only owners raise that of others. The
    ///   author's own is the one that it signs with.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn follows(&self, before: &Self) -> Result<(), StepError> {
        if self.conversation_id() != before.conversation_id() {
            return Err(StepError::OtherGroup);
        }
        let number = match self.previous.len() {
            1 => self.number == before.number.saturating_add(1),
            _ => self.number > before.number && self.is_near(before),
        };
        if !number || !self.previous.contains(&before.hash) {
            return Err(StepError::NotNext);
        }
        let author = before.signer(&self.author).ok_or(StepError::Stranger)?;
        let stays = self.same(author).is_some();
        let role = match author.role() {
            Role::Owner => true,
            Role::Admin => self.previous.len() == 1,
            Role::Member => self.previous.len() == 1 && !stays,
        };
        let is_alone = |owner: &Participant| owner.role() < Role::Owner || owner.is_same_as(author);
        let leaves_none = !stays && before.participants.iter().all(is_alone);
        let owned = self.has_owner() || !before.has_owner() || leaves_none;
        let allowed = role && owned && self.changes(before).all(|change| change.is_allowed(author));
        if allowed { Ok(()) } else { Err(StepError::NotAllowed) }
    }

    /// Whether there is an owner, or its author could have been the last one, who has left.
    fn is_owned_or_left(&self) -> bool {
        self.has_owner() || self.participant(self.author.user_id()).is_none()
    }

    /// Whether its number is one that can be honest after `other`. Without an end, whoever has an owner's signing key
    /// could sign the last number that there is, and nobody could follow.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        self.number <= other.number.saturating_add(other.reach(&self.author))
    }

    /// How far above this roster one may be that is signed with this certificate. In a new generation further than what
    /// anybody could have signed with the keys of the former ones, one after the other: that is how an owner comes out
    /// above a thief.
    pub(super) fn reach(&self, certificate: &SigningKeyCertificate) -> u64 {
        let signer = self.signer(certificate).filter(|signer| signer.role() > Role::Member);
        if signer.is_some_and(|signer| signer.floor() < certificate.generation()) {
            MAX_AHEAD_RAISED
        } else {
            MAX_AHEAD
        }
    }

    fn changes<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = Change<'a>> {
        let kept = before.participants.iter().map(|old| Change { old: Some(old), new: self.same(old) });
        let added = self.participants.iter().filter(|new| before.same(new).is_none());
        kept.chain(added.map(|new| Change { old: None, new: Some(new) }))
    }

    pub(super) fn same(&self, participant: &Participant) -> Option<&Participant> {
        self.participant(participant.user_id()).filter(|own| own.is_same_as(participant))
    }
}

/// What becomes of one participant. A user under another identity is a new participant, and the one before is gone.
struct Change<'a> {
    old: Option<&'a Participant>,
    new: Option<&'a Participant>,
}

impl Change<'_> {
    fn is_allowed(&self, author: &Participant) -> bool {
        match (self.old, self.new) {
            (Some(old), Some(new)) if old == new => true,
            (Some(old), Some(new)) => {
                let lowered = old.role() > Role::Member && new.role() > Role::Member && new.floor() < old.floor();
                let own = old.is_same_as(author) && new.role() <= old.role();
                !lowered && (own || author.role() == Role::Owner)
            }
            (Some(old), None) => old.is_same_as(author) || author.role() > old.role() || author.role() == Role::Owner,
            (None, Some(new)) => {
                author.role() == Role::Owner || (author.role() == Role::Admin && new.role() == Role::Member)
            }
            (None, None) => true,
        }
    }
}
