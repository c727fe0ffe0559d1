//! Joining without an invitation, by external commit: a new device, one that was away too long, one whose state is
//! broken. Nobody else has to be there.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{Conversation, ExternalJoinError, Provider};
use privmsg_protocol::rest::GroupStateAt;
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::mls_storage;
use tokio::time::sleep;

use super::super::membership;
use super::super::session::Session;
use super::request::Request;
use super::{PAUSE, pause_after};
use crate::error::ClientError;
use crate::net::backoff::random_fraction;
use crate::net::http::is_over;
use crate::sending::new_message_id;

/// Attempts in a row, when other commits are always faster. After that the group waits for the next round.
const ATTEMPTS: usize = 8;

/// Longest pause between two attempts.
const JITTER: Duration = Duration::from_millis(300);

/// How long the welcome of a conversation that the other side has just made may take.
pub(super) const WELCOME_WAIT: Duration = Duration::from_secs(2);

impl Session {
    /// Joins a group, replacing whatever this device has of it. Where that does not work now, it is tried again later.
    pub(super) async fn join(&mut self, id: GroupId) -> Result<(), ClientError> {
        for _ in 0..ATTEMPTS {
            let state = match self.context.api.group_state(&id, None).await {
                Ok(state) => state,
                Err(error) if error.is(&ErrorCode::UnknownGroup) => return self.forget(id).await,
                Err(error) if error.code().is_some_and(is_over) => return Err(error),
                Err(error) => {
                    tracing::warn!(group_id = %id, %error, "cannot join now");
                    self.fall_behind(id, None, pause_after(&error));
                    return Ok(());
                }
            };
            if !self.prepare_join(id, state).await? {
                self.fall_behind(id, None, PAUSE);
                return Ok(());
            }
            self.submit(&id).await?;
            let group = self.context.store.read(move |c| groups::load(c, &id)).await?;
            let again =
                group.is_some_and(|group| group.state == GroupState::Broken && !self.paused.contains_key(&group.chat));
            if !again {
                return Ok(());
            }
            sleep(JITTER.mul_f64(random_fraction())).await;
        }
        self.fall_behind(id, None, PAUSE);
        Ok(())
    }

    /// Makes the external commit and stores it with the new state. `false` if the group cannot be joined: it is forged,
    /// or breaks our rules.
    async fn prepare_join(&self, id: GroupId, state: GroupStateAt) -> Result<bool, ClientError> {
        let (Some(info), Some(tree)) = (state.state.group_info.decode(), state.state.ratchet_tree.decode()) else {
            return Ok(false);
        };
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        self.context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                let joined =
                    Conversation::join_external(&provider, &identity.device, &identity.certificate, &info, &tree);
                let (conversation, bundle) = match joined {
                    Ok(joined) => joined,
                    Err(ExternalJoinError::Storage(error)) => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(group_id = %id, %error, "cannot join");
                        return Err(Refused::ForGood);
                    }
                };
                if conversation.group_id() != id
                    || membership::adopt(c, &provider, &identity, &conversation, now)?.is_none()
                {
                    return Err(Refused::ForGood);
                }
                groups::set_state(c, &id, GroupState::Joining)?;
                Request::join(new_message_id(now)?, &bundle).store(c, &id)?;
                Ok(true)
            })
            .await
            .or_else(|refused: Refused| match refused {
                Refused::ForGood => Ok(false),
                Refused::Because(error) => Err(error),
            })
    }
}

/// Rolls the transaction back without being a failure of the session.
enum Refused {
    ForGood,
    Because(ClientError),
}

impl<E: Into<ClientError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Because(error.into())
    }
}
