//! Which part does what of [`Conversations`].

use async_trait::async_trait;
use privmsg_mls_public::Roster;
use privmsg_protocol::rest::{CommitAccepted, Group, Groups, RosterSteps, TakenCommit, UnusableCommit};
use privmsg_protocol::{Epoch, GroupId};

use super::engine::SqliteStorage;
use super::writer::Touches;
use super::{groups, rosters, unusable};
use crate::storage::{Commit, Conversations, Founding, Result, Session, StoredState, UserKey};

#[async_trait]
impl Conversations for SqliteStorage {
    async fn create_group(&self, session: Session, founding: Founding) -> Result<Group> {
        self.write(Touches::Structure, move |tx| tx.create_group(&session, founding)).await
    }

    async fn submit_commit(&self, session: Session, group_id: GroupId, commit: Commit) -> Result<CommitAccepted> {
        self.write(Touches::Structure, move |tx| tx.submit_commit(&session, group_id, commit)).await
    }

    async fn groups(&self, user: UserKey, since: Option<String>) -> Result<Groups> {
        self.read(move |conn| groups::groups(conn, user, since.as_deref())).await
    }

    async fn taken_commit(&self, user: UserKey, group_id: GroupId, epoch: Epoch) -> Result<TakenCommit> {
        self.read(move |conn| unusable::taken_commit(conn, user, group_id, epoch)).await
    }

    async fn report_unusable(
        &self,
        session: Session,
        group_id: GroupId,
        epoch: Epoch,
        report: UnusableCommit,
    ) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.report_unusable(&session, group_id, epoch, report)).await
    }

    async fn leave_group(&self, session: Session, group_id: GroupId, step: Option<Roster>) -> Result<()> {
        self.write(Touches::Structure, move |tx| tx.leave_group(&session, group_id, step)).await
    }

    async fn group(&self, user: UserKey, group_id: GroupId) -> Result<Group> {
        self.read(move |conn| groups::group(conn, user, group_id)).await
    }

    async fn group_state(&self, session: Session, group_id: GroupId, epoch: Option<Epoch>) -> Result<StoredState> {
        self.read(move |conn| groups::state(conn, &session, group_id, epoch)).await
    }

    async fn state_to_commit_to(&self, user: UserKey, group_id: GroupId) -> Result<Option<StoredState>> {
        self.read(move |conn| groups::current_state(conn, user, group_id)).await
    }

    async fn roster_steps(&self, user: UserKey, group_id: GroupId, after: u64) -> Result<RosterSteps> {
        self.read(move |conn| rosters::steps(conn, user, group_id, after)).await
    }
}
