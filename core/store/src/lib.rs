//! The encrypted database of a PrivMsg client.
//!
//! One SQLCipher file holds everything that a device keeps: its keys, the MLS state of its groups, messages, and the
//! queues that let it be killed anywhere and go on.
//!
//! - [`Store::write`] runs a closure inside one transaction ([`Tx`]), so that "decrypt, advance the ratchet, store the
//!   message" happens as a whole or not at all. One thread writes.
//! - [`Store::read`] runs one on a [`Snapshot`]. Reading never waits for writing.
//! - [`Store::changes`] tells what each commit has changed, by this process or another one with the same profile: every
//!   function notes what it writes that anybody shows or waits for. (Steps of MLS, and where an upload stands, concern
//!   only the task that does them, and that is asked again after each piece.) What is rolled back is not told.
//!
//! The closures use the functions of the modules here ([`chats`], [`messages`], [`outbox`], …) and [`mls_storage`] for
//! OpenMLS. The store knows no MLS and no network: identity keys, certificates and contents are bytes here.
//!
//! | state of an outgoing message | outbox row | ciphertext in it |
//! |---|---|---|
//! | `queued`, files to upload | yes, with `upload` rows | none |
//! | `queued` | yes | none, or encrypted in an epoch and perhaps on its way |
//! | `held` | yes, and it goes out when the user says so: it was queued before they blocked who it is for, or before others came who would have it | as for `queued` |
//! | `sent` | none: the server has acknowledged it as durable | |
//! | `failed` | none: refused for a reason that a retry does not change | |

pub mod account;
pub mod blocks;
pub mod challenges;
pub mod chats;
pub mod consent;
pub mod contacts;
mod db;
pub mod drafts;
mod error;
pub mod group_chats;
pub mod group_steps;
pub mod groups;
pub mod key;
pub mod key_packages;
pub mod known_devices;
pub mod leaf_dates;
pub mod listed_devices;
mod mls;
pub mod reached;
pub mod sealed_identity;
pub mod search;
pub mod settings;
pub mod sign_outs;
mod sql_types;
mod stamp;
mod tasks;
mod timeline;

pub use db::{Change, ChangeSet, Changes, DATABASE_FILE, Savepoint, Snapshot, Store, TaskName, Tx, wait_until_closed};
pub use error::StoreError;
pub use mls::former;
pub use mls::{CodecError, MlsStorage, MlsStorageError, mls_stamp, mls_storage};
pub use stamp::Stamp;
pub use tasks::*;
pub use timeline::{amended, epoch_ends, gaps, held, messages, position, receipts, relations, unknown};
