//! What the server asks of its storage, in words of the domain: the methods of [`SqliteStorage`], each where its work is done. No SQL
//! is visible outside [`sqlite`].
//!
//! The rules that it keeps, and another engine would have to:
//!
//! - An operation that has answered is durable. An operation that was refused has changed nothing.
//! - Each device has a mailbox in order of [`Position`]. A message leaves it only by that device's acknowledgement or
//!   by age.
//! - A message is known by (sending device, message id), also long after it was delivered: a repeat gets the first
//!   answer and is delivered to nobody. This is looked at before anything else.
//! - Whatever became deliverable is told to the [`Observer`] after it is durable, in order of position.

mod administration;
mod error;
mod handshake;
mod identity;
mod model;
pub(crate) mod rosters;
pub(crate) mod sqlite;
#[cfg(test)]
mod suite;

use std::sync::Arc;

pub(crate) use administration::{
    Act, Actor, AuditNote, Consequences, Credentials, DeviceSummary, Request, RequestId, StoredInvitation, UserDetail,
    UserSummary,
};
pub(crate) use error::{Refusal, StorageError, not_listed, over_quota};
pub(crate) use handshake::{Checked, Commit, Founding, Named, StoredState, Welcomed};
pub(crate) use identity::{
    Authority, Enrolment, NewIdentity, NewList, Own, Relisted, RemovedDevice, Replaced, SignIn, SignedIn, Signer,
    StoredList,
};
pub(crate) use model::{
    Blocked, Bounds, Cutoffs, Declined, Delivery, Destination, DeviceKey, Login, NewFile, Outcome, Outgoing, Page,
    PageLimit, Position, Sample, Session, StorageStats, StoredUpload, Submission, Transaction, UploadBounds, UserKey,
};
pub(crate) use rosters::Rosters;

use self::sqlite::SqliteStorage;

pub(crate) type Result<T> = std::result::Result<T, StorageError>;

/// Is told what has become deliverable, after it is durable. Called on the storage's own thread: must not block.
pub(crate) trait Observer: Send + Sync {
    fn committed(&self, deliveries: Vec<Delivery>);

    /// A transaction has ended, well or not.
    fn transaction(&self, _transaction: Transaction) {}
}

/// Takes the answers to one [`Submission`], in its order, after they are durable. Must not block.
pub(crate) trait Replies: Send + Sync {
    fn replied(&self, outcomes: Vec<Outcome>);
}

/// Shared handle to the storage.
pub(crate) type SharedStorage = Arc<SqliteStorage>;
