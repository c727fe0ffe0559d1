//! Which part does what of [`People`].

use async_trait::async_trait;
use privmsg_protocol::rest::Requests;
use privmsg_protocol::{GroupId, UserId};

use super::engine::SqliteStorage;
use super::writer::Touches;
use super::{consent, contacts};
use crate::storage::{Declined, People, Result, Session, UserKey};

#[async_trait]
impl People for SqliteStorage {
    async fn watchers(&self, user: UserKey) -> Result<Vec<UserId>> {
        self.read(move |conn| contacts::watchers(conn, user)).await
    }

    async fn watched(&self, user: UserKey) -> Result<Vec<UserId>> {
        self.read(move |conn| contacts::watched(conn, user)).await
    }

    async fn are_acquainted(&self, user: UserKey, other: UserId) -> Result<bool> {
        self.read(move |conn| contacts::are_acquainted(conn, user, &other)).await
    }

    async fn accept(&self, session: Session, group_id: GroupId) -> Result<()> {
        self.write(Touches::Structure, move |tx| tx.accept(&session, group_id)).await
    }

    async fn decline(&self, session: Session, group_id: GroupId) -> Result<Declined> {
        self.write(Touches::Structure, move |tx| tx.decline(&session, group_id)).await
    }

    async fn asked(&self, user: UserKey) -> Result<Requests> {
        self.read(move |conn| consent::requests(conn, user)).await
    }
}
