//! Which roster of a group counts, as far as it is known here.
//!
//! It says before sending who takes part. About commits it decides nothing: two honest members know different things,
//! and [`Roster::replaces`] asks about none of them.
//!
//! ```text
//! what is learnt                                                       of the known head(s)
//!   lower number                                                       older: no effect but on what is beside
//!   higher number, and its author is an owner of each head             newer: it alone counts
//!   higher number, and it follows the head, or one of several of       newer
//!     which none is by an owner
//!   equal number, and each's author is an owner of the other           beside: both are heads
//!   equal number, and only one of the authors is an owner of the other the owner's counts alone
//!   equal number, both follow the same one, neither is by an owner,    beside
//!     or both are by the same person
//!   under a lower generation than is known of its author, or after     outdated: waits
//!     one that waits
//! ```
//!
//! A stolen signing key dates back what it likes, so nothing counts by a generation that its author has called back. What
//! is honest of it, though, its author has gone on from: so it waits, and counts as soon as the same author, under a
//! generation that is not called back, signs what comes after it. No owner does whom only that step has made one, nor
//! anybody else.
//!
//! Of several heads only what stands in all of them counts ([`in_all`]), and a higher one whose author is an owner of
//! each ends it. So whatever became of a group, an owner who signs above all that is known
//! ([`RosterView::predecessors`]) brings everybody together who knows that owner as one.

mod stored;
mod waiting;

use privmsg_protocol::{ConversationId, UserId};

use super::proposal::in_all;
use super::{Participant, Role, Roster, RosterHash};
use crate::keys::AccountPublicKey;
use crate::known_devices::KnownDevices;
use crate::signing_certificate::SigningKeyCertificate;
use crate::statement::StatementError;

/// Heads that are kept. To make one takes an owner, who can do better harm.
const MAX_HEADS: usize = 8;

/// What a roster has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Learned {
    /// Nothing: it was known.
    Known,
    /// Nothing: there is a newer one.
    Older,
    /// A head follows it, which was not known by itself: so others that follow it may be heads, too.
    Behind,
    /// It is the newest.
    Newer,
    /// There are several newest ones, which is shown, and an owner of all may end it.
    Beside,
    /// Nothing, so far: the steps that lead to it are not known, or there are none. To be tried again when the view has
    /// changed.
    Unconnected,
    /// Nothing: the known one is by an owner of this one, but not the other way round.
    Overruled,
    /// Nothing, which is shown: two owners have thrown each other out, and only people can say who was right.
    Disputed,
    /// Nothing, so far: signed under a generation that its author has called back, or after such a one. It is kept, and
    /// counts once its author has gone on from it in a newer generation.
    Outdated,
    /// Nothing: of another group, or further ahead than anything honest.
    Foreign,
}

/// The newest rosters of a group that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterView {
    /// At least one, all of one number, sorted by hash.
    heads: Vec<Roster>,
    /// What the heads follow, where it is known.
    parents: Vec<Roster>,
    /// What comes after the heads, and is [outdated](Learned::Outdated), by number.
    waiting: Vec<Roster>,
}

impl RosterView {
    /// A view that begins with what the founder, one's own devices, or the inviter's GroupInfo said.
    ///
    /// # Errors
    /// [`StatementError::Other`] for a roster of another group.
    pub fn new(chat: &ConversationId, roster: Roster) -> Result<Self, StatementError> {
        if roster.conversation_id() != *chat {
            return Err(StatementError::Other);
        }
        Ok(Self { heads: vec![roster], parents: Vec::new(), waiting: Vec::new() })
    }

    /// The newest ones, sorted by hash: more than one is shown.
    #[must_use]
    pub fn heads(&self) -> &[Roster] {
        &self.heads
    }

    /// Their number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.heads.first().map_or(0, Roster::number)
    }

    /// Whether the GroupContext with this roster is the newest known.
    #[must_use]
    pub fn is_newest(&self, hash: &RosterHash) -> bool {
        self.heads.iter().any(|head| head.hash() == hash)
    }

    /// Who takes part: of several heads, who stands in all.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        in_all(&self.heads.iter().collect::<Vec<_>>())
    }

    /// Whether somebody takes part, under this identity.
    #[must_use]
    pub fn has(&self, user: &UserId, identity: &AccountPublicKey) -> bool {
        self.heads.iter().all(|head| head.participant(user).is_some_and(|place| place.identity() == identity))
    }

    /// Whether this account, which is now in `generation`, has to bind itself to that here, so that its former keys
    /// sign nothing more. To be done at once, in every group.
    #[must_use]
    pub fn has_to_raise(&self, user: &UserId, identity: &AccountPublicKey, generation: u64) -> bool {
        let own = self.participants().into_iter().find(|own| own.user_id() == user && own.identity() == identity);
        own.is_some_and(|own| own.role() > Role::Member && own.floor() < generation)
    }

    /// What the next roster follows that an owner signs with this certificate, so that it comes out above all that is
    /// known: the own heads, and of others that are shown, but do not connect, the highest. Not one that is further
    /// above than half of what others accept, or its author could carry the owner out of their sight.
    #[must_use]
    pub fn predecessors<'a>(&'a self, others: &'a [Roster], author: &SigningKeyCertificate) -> Vec<&'a Roster> {
        let reach = self.heads.iter().map(|head| head.reach(author)).min().unwrap_or_default();
        let above = self.number()..=self.number().saturating_add(reach / 2);
        let unknown = |other: &&Roster| {
            !self.is_newest(other.hash()) && self.is_of_same_group(other) && above.contains(&other.number())
        };
        match others.iter().filter(unknown).max_by_key(|other| (other.number(), *other.hash())) {
            Some(other) => self.heads.iter().take(1).chain([other]).collect(),
            None => self.heads.iter().take(2).collect(),
        }
    }

    /// Learns a roster, from wherever it comes. `known` is what is known of its author's account, to which the roster's
    /// certificate belongs, too ([`KnownDevices::learn_certificate`]), whatever becomes of the roster, and of the accounts
    /// of who has signed what [waits](Self::waiting). Of any other account, it says nothing.
    pub fn learn<'a>(&mut self, roster: Roster, known: impl IntoIterator<Item = &'a KnownDevices>) -> Learned {
        if self.is_newest(roster.hash()) {
            return Learned::Known;
        }
        if roster.number() < self.number() {
            return self.learn_lower(roster);
        }
        if !self.is_of_same_group(&roster) || !self.heads.iter().all(|head| roster.is_near(head)) {
            return Learned::Foreign;
        }
        let known: Vec<_> = known.into_iter().collect();
        let called_back = |author: &SigningKeyCertificate| known.iter().any(|known| known.has_called_back(author));
        let learned = if called_back(roster.author()) { Learned::Unconnected } else { self.go_on(roster.clone()) };
        match learned {
            Learned::Unconnected => self.learn_after_waiting(roster, &called_back),
            learned => {
                self.sort_waiting();
                learned
            }
        }
    }

    /// Does so without asking whose generation it is.
    fn go_on(&mut self, roster: Roster) -> Learned {
        if roster.number() > self.number() { self.learn_higher(roster) } else { self.learn_equal(roster) }
    }

    fn is_of_same_group(&self, roster: &Roster) -> bool {
        self.heads.iter().all(|head| head.conversation_id() == roster.conversation_id())
    }

    fn learn_lower(&mut self, roster: Roster) -> Learned {
        let is_followed = self.heads.iter().any(|head| head.previous().contains(roster.hash()));
        if !is_followed || self.parents.iter().any(|parent| parent.hash() == roster.hash()) {
            return Learned::Older;
        }
        self.parents.push(roster);
        Learned::Behind
    }

    fn learn_higher(&mut self, roster: Roster) -> Learned {
        let by_owner = self.heads.iter().all(|head| head.is_owner(roster.author()));
        let is_step = || self.heads.iter().any(|head| roster.follows(head).is_ok());
        if !(by_owner || (self.is_open() && is_step())) {
            return Learned::Unconnected;
        }
        self.parents = std::mem::take(&mut self.heads);
        self.heads = vec![roster];
        self.forget();
        Learned::Newer
    }

    /// Whether somebody who is no owner may go on from one of the heads: not from one of several where an owner wrote
    /// one, or an admin could choose the one in which the owner has not yet sent her away.
    fn is_open(&self) -> bool {
        let by_other = |head: &Roster| {
            let mut parents = self.parents.iter().filter(|parent| head.previous().contains(parent.hash()));
            parents.any(|parent| !parent.is_owner(head.author()))
        };
        self.heads.len() == 1 || self.heads.iter().all(by_other)
    }

    fn learn_equal(&mut self, roster: Roster) -> Learned {
        let mut replaced = Vec::new();
        for head in &self.heads {
            match (head.is_owner(roster.author()), roster.is_owner(head.author())) {
                (true, true) => {}
                (true, false) => replaced.push(*head.hash()),
                (false, true) => return Learned::Overruled,
                (false, false) => match self.follow_one(&roster, head) {
                    Learned::Beside => {}
                    other => return other,
                },
            }
        }
        if self.heads.len() - replaced.len() >= MAX_HEADS {
            return Learned::Unconnected;
        }
        self.heads.retain(|head| !replaced.contains(head.hash()));
        self.heads.push(roster);
        self.heads.sort_by_key(|head| *head.hash());
        self.forget();
        if self.heads.len() > 1 { Learned::Beside } else { Learned::Newer }
    }

    /// What two rosters are to each other whose authors are not owners in each other's.
    fn follow_one(&self, roster: &Roster, head: &Roster) -> Learned {
        let parent = self.parents.iter().find(|parent| roster.follows(parent).is_ok() && head.follows(parent).is_ok());
        let Some(parent) = parent else { return Learned::Unconnected };
        // An owner who steps down, and does so twice because the answer was lost, has thrown nobody out.
        let same = roster.author().user_id() == head.author().user_id();
        let neither = !parent.is_owner(roster.author()) && !parent.is_owner(head.author());
        if same || neither { Learned::Beside } else { Learned::Disputed }
    }

    /// Forgets what no head follows.
    fn forget(&mut self) {
        let heads = &self.heads;
        self.parents.retain(|parent| heads.iter().any(|head| head.previous().contains(parent.hash())));
    }
}
