//! What users are to each other.

use async_trait::async_trait;
use privmsg_protocol::rest::Requests;
use privmsg_protocol::{GroupId, UserId};

use super::{Declined, Result, Session, UserKey};

/// A part of [`Storage`](super::Storage).
#[async_trait]
pub(crate) trait People: Send + Sync {
    /// Users who may see when `user` is there.
    async fn watchers(&self, user: UserKey) -> Result<Vec<UserId>>;
    /// Users whose presence `user` may see.
    async fn watched(&self, user: UserKey) -> Result<Vec<UserId>>;
    /// Whether both have written to each other, so that each may see whether the other is there.
    async fn are_acquainted(&self, user: UserKey, other: UserId) -> Result<bool>;
    /// A person of the session's user lets a conversation in without writing.
    async fn accept(&self, session: Session, group_id: GroupId) -> Result<()>;
    /// The session's user is spared a conversation between two, until they write there or accept it.
    async fn decline(&self, session: Session, group_id: GroupId) -> Result<Declined>;
    /// Conversations that the user has not answered, and those that they have declined.
    async fn asked(&self, user: UserKey) -> Result<Requests>;
}
