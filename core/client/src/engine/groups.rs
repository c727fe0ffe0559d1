//! Keeping this device's groups in step with the server's.
//!
//! Whatever changes a group goes to the server as a request that is stored before it is sent, and forgotten when it is
//! answered. A request without an answer is sent again, byte for byte, which is safe: the server answers a repetition
//! as the first time. Rebuilding is never needed, and two answers cannot contradict each other.
//!
//! | stored state | request | what happens next |
//! |---|---|---|
//! | creating | creation | accepted: active. Somebody was faster: deleted, and theirs is joined |
//! | joining | external commit | accepted: active. Stale: deleted, and joined anew |
//! | active | commit | accepted: merged. Stale: dropped; what is still due is committed after the missed one |
//! | active | none | ready to send |
//! | broken | none | joined anew |

mod commit;
mod create;
mod join;
mod request;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::time::Duration;

use privmsg_protocol::rest::{Group, GroupKind};
use privmsg_protocol::{Epoch, ErrorCode, GroupId};
use privmsg_store::chats::ChatId;
use privmsg_store::groups::{GroupState, StoredGroup};
use privmsg_store::{gaps, groups, outbox, receipts};
use tokio::time::Instant;

use super::session::{Behind, COMMIT_WAIT, Session};
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::net::http::is_over;

/// Pause of a chat whose group could not be made or joined for a reason that may pass.
const PAUSE: Duration = Duration::from_secs(5);

/// How long to wait before looking again whether the mailbox is empty.
const DRAIN_WAIT: Duration = Duration::from_millis(500);

impl Session {
    /// Gets the answers that are still owed to stored requests.
    pub(super) async fn resolve_requests(&mut self) -> Result<(), ClientError> {
        for group in self.context.store.read(groups::all).await? {
            if group.request.is_some() && !self.paused.contains_key(&group.chat) {
                self.submit(&group.group_id).await?;
            }
        }
        Ok(())
    }

    /// Compares this device's groups with the server's: forgets those that the server does not have, and joins those
    /// that it should be in.
    pub(super) async fn sync_groups(&mut self) -> Result<(), ClientError> {
        let theirs = self.context.api.groups().await?.groups;
        for ours in self.context.store.read(groups::all).await? {
            let known = theirs.iter().any(|group| group.group_id == ours.group_id && !is_dead(group));
            if !known && ours.state != GroupState::Creating {
                self.forget(ours.group_id).await?;
            }
        }
        for group in theirs.iter().filter(|group| !is_dead(group)) {
            self.sync_group(group).await?;
        }
        Ok(())
    }

    async fn sync_group(&mut self, group: &Group) -> Result<(), ClientError> {
        let id = group.group_id;
        let ours = self.context.store.read(move |c| groups::load(c, &id)).await?;
        let is_leaf = group.devices.iter().any(|device| device.leaf && device.device_id == self.identity.device_id);
        if !is_leaf || ours.is_none_or(|ours| ours.state != GroupState::Active) {
            return self.join(id).await;
        }
        match self.compare_epoch(id, group.epoch).await? {
            Some(Ordering::Equal) => {
                let (seq, gone) = (group.seq, group.devices.iter().any(|device| device.leaf && !device.active));
                self.restless_since = Some(Instant::now());
                self.context
                    .store
                    .transact(move |c| {
                        if gone {
                            groups::set_reconcile(c, &id, true)?;
                        }
                        gaps::expect(c, &id, seq)
                    })
                    .await?;
            }
            // A commit may be on its way; if it does not come, it is lost.
            Some(Ordering::Less) => self.fall_behind(id, Some(group.epoch), COMMIT_WAIT),
            // The server has lost what it had accepted, as after a restored backup.
            Some(Ordering::Greater) | None => self.join(id).await?,
        }
        Ok(())
    }

    /// Whether [`Session::maintain_groups`], receipts or uploads have anything to do. Asked on every tick.
    pub(super) async fn maintenance_due(&self) -> Result<bool, ClientError> {
        let now = self.context.clock.now_ms();
        let waiting: HashSet<ChatId> = self.paused.keys().copied().collect();
        let behind: HashSet<GroupId> = self.behind.keys().copied().collect();
        let uploads = self.uploads.may_start();
        let due = self
            .context
            .store
            .read(move |c| {
                let group_due = groups::all(c)?.iter().any(|group| {
                    (is_due(group, now) || group.request.is_some())
                        && !waiting.contains(&group.chat)
                        && !behind.contains(&group.group_id)
                });
                let upload_due = uploads && outbox::next_upload(c)?.is_some();
                Ok::<_, ClientError>(group_due || upload_due || !receipts::chats(c)?.is_empty())
            })
            .await?;
        Ok(due || self.key_packages_due())
    }

    /// Repairs, compares and renews what is due.
    pub(super) async fn maintain_groups(&mut self) -> Result<(), ClientError> {
        self.resolve_requests().await?;
        let now = self.context.clock.now_ms();
        self.join_winners().await?;
        for group in self.context.store.read(groups::all).await? {
            let id = group.group_id;
            if self.paused.contains_key(&group.chat) {
                continue;
            }
            if let Some(behind) = self.behind.get(&id).copied() {
                if !self.has_reached(id, behind.epoch).await? {
                    // While messages are still pouring in, the commit may be among them.
                    if behind.until > Instant::now() || (behind.epoch.is_some() && self.is_restless()) {
                        continue;
                    }
                    self.behind.remove(&id);
                    self.join_if_drained(id, behind.epoch).await?;
                    continue;
                }
                self.behind.remove(&id);
            }
            if group.state == GroupState::Broken {
                self.join(id).await?;
            } else if is_due(&group, now) {
                self.commit_what_is_due(&group).await?;
            }
        }
        Ok(())
    }

    /// Notes that the server is ahead in a group, at `epoch` if it has said so.
    pub(in super::super) fn fall_behind(&mut self, group: GroupId, epoch: Option<Epoch>, patience: Duration) {
        let until = Instant::now() + patience;
        let behind = self.behind.entry(group).or_insert(Behind { epoch, until });
        behind.epoch = behind.epoch.max(epoch);
    }

    /// Joins groups that this device does not have at all, once their welcome has had its time.
    async fn join_winners(&mut self) -> Result<(), ClientError> {
        let now = Instant::now();
        let late: Vec<_> = self
            .behind
            .iter()
            .filter(|(_, behind)| behind.until <= now)
            .map(|(id, behind)| (*id, behind.epoch))
            .collect();
        for (id, epoch) in late {
            if self.context.store.read(move |c| groups::load(c, &id)).await?.is_none() {
                self.behind.remove(&id);
                self.join_if_drained(id, epoch).await?;
            }
        }
        Ok(())
    }

    /// Joins anew, unless something is still on its way through the socket: on a slow line this request overtakes it, and
    /// joining would throw away the keys that it needs.
    async fn join_if_drained(&mut self, id: GroupId, epoch: Option<Epoch>) -> Result<(), ClientError> {
        match self.context.api.mailbox_is_empty().await {
            Ok(true) => {
                tracing::info!(group_id = %id, "joins anew: the server is ahead, and what leads there did not come");
                self.join(id).await
            }
            Ok(false) => {
                self.fall_behind(id, epoch, DRAIN_WAIT);
                Ok(())
            }
            Err(error) if error.code().is_some_and(is_over) => Err(error),
            Err(error) => {
                self.fall_behind(id, epoch, pause_after(&error));
                Ok(())
            }
        }
    }

    /// A request about a chat failed. Says whether the session can go on; what may pass is tried again later, what
    /// cannot is told to whoever waits.
    ///
    /// A broken request does not end the session: if it is the network, the socket will notice, and if it is this one
    /// request (too large for a proxy, too slow for a line), the other chats shall not suffer.
    async fn chat_failed(&mut self, chat: ChatId, error: ClientError) -> Result<(), ClientError> {
        let code = match (error.code().cloned(), &error) {
            (Some(code), _) if is_over(&code) || code == ErrorCode::TokenExpired => return Err(error),
            (Some(code), _) => code,
            (None, ClientError::Store(_)) => return Err(error),
            (None, _) => {
                tracing::warn!(%error, "a conversation has to wait");
                self.paused.insert(chat, Instant::now() + PAUSE);
                return Ok(());
            }
        };
        self.paused.insert(chat, Instant::now() + pause_after(&error));
        if code.retry() == Retry::Never {
            return self.fail_queued(chat, &code).await;
        }
        self.context.emit(Event::Delayed { chat, code });
        Ok(())
    }

    /// Gives up everything that is queued for a chat.
    async fn fail_queued(&mut self, chat: ChatId, code: &ErrorCode) -> Result<(), ClientError> {
        let queued = self.context.store.read(move |c| outbox::ready(c, chat, usize::MAX >> 1)).await?;
        for message in queued {
            self.give_up(message.message_id, code.clone()).await?;
        }
        // Files that are still being uploaded fail at their turn.
        Ok(())
    }
}

/// How long to wait after a failure: as long as the server asks for.
fn pause_after(error: &ClientError) -> Duration {
    match error {
        ClientError::Server { retry_after: Some(pause), .. } => *pause,
        _ => PAUSE,
    }
}

/// The other user of a direct conversation was deleted. Whoever has that name now is somebody else.
fn is_dead(group: &Group) -> bool {
    group.kind == GroupKind::Direct && group.participants.len() < 2
}

fn is_due(group: &StoredGroup, now_ms: i64) -> bool {
    match group.state {
        GroupState::Broken => true,
        GroupState::Active => group.reconcile || group.rotate_at <= now_ms,
        GroupState::Creating | GroupState::Joining => false,
    }
}
