//! Groups, in the sense of MLS, and what is committed to them.

use async_trait::async_trait;
use privmsg_mls_public::Roster;
use privmsg_protocol::rest::{CommitAccepted, Group, Groups, RosterSteps, TakenCommit, UnusableCommit};
use privmsg_protocol::{Epoch, GroupId};

use super::{Commit, Founding, Result, Session, StoredState, UserKey};

/// A part of [`Storage`](super::Storage).
#[async_trait]
pub(crate) trait Conversations: Send + Sync {
    async fn create_group(&self, session: Session, founding: Founding) -> Result<Group>;
    /// Takes a commit, if the group is still in the epoch that it was checked in.
    async fn submit_commit(&self, session: Session, group_id: GroupId, commit: Commit) -> Result<CommitAccepted>;
    /// The user's groups; of those that are as they were at this cursor, the names alone.
    async fn groups(&self, user: UserKey, since: Option<String>) -> Result<Groups>;
    /// Who has made a commit that was taken lately.
    async fn taken_commit(&self, user: UserKey, group_id: GroupId, epoch: Epoch) -> Result<TakenCommit>;
    /// Notes that a device cannot use a commit that was taken. Whose commits several users cannot use makes no more for a
    /// while.
    async fn report_unusable(
        &self,
        session: Session,
        group_id: GroupId,
        epoch: Epoch,
        report: UnusableCommit,
    ) -> Result<()>;
    /// Takes the user out of a group of people: by a roster of theirs, or, if nobody else is in it, without.
    async fn leave_group(&self, session: Session, group_id: GroupId, step: Option<Roster>) -> Result<()>;
    async fn group(&self, user: UserKey, group_id: GroupId) -> Result<Group>;
    /// The current state, or that of an earlier epoch whose welcome still waits for the device.
    async fn group_state(&self, session: Session, group_id: GroupId, epoch: Option<Epoch>) -> Result<StoredState>;
    /// The current state of a group that the user takes part in, to check a commit against.
    async fn state_to_commit_to(&self, user: UserKey, group_id: GroupId) -> Result<Option<StoredState>>;
    /// The rosters of a group after this number, as far as they are kept.
    async fn roster_steps(&self, user: UserKey, group_id: GroupId, after: u64) -> Result<RosterSteps>;
}
