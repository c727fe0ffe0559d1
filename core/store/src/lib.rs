//! The encrypted database of a PrivMsg client.
//!
//! One SQLCipher file holds everything that a device keeps: its keys, the MLS state of its groups, messages, and the
//! queues that let it be killed anywhere and go on. [`Store`] owns the only connection of a process on a thread of its
//! own; [`Store::transact`] runs a closure inside one `BEGIN IMMEDIATE … COMMIT`, so that "decrypt, advance the ratchet,
//! store the message" happens as a whole or not at all. The closures use the free functions of the modules here
//! ([`chats`], [`messages`], [`outbox`], …), which all take a `&Connection`, and [`mls_storage`] for OpenMLS.
//!
//! The store knows no MLS and no network: identity keys, certificates and contents are bytes here.
//!
//! | state of an outgoing message | outbox row | ciphertext in it |
//! |---|---|---|
//! | `queued`, files to upload | yes, with `upload` rows | none |
//! | `queued` | yes | none, or encrypted in an epoch and perhaps on its way |
//! | `sent` | none: the server has acknowledged it as durable | |
//! | `failed` | none: refused for a reason that a retry does not change | |

pub mod account;
pub mod chats;
pub mod contacts;
mod database;
mod error;
pub mod gaps;
pub mod groups;
pub mod key;
pub mod messages;
pub mod meta;
mod mls;
pub mod outbox;
pub mod parked;
pub mod receipts;
mod sql_types;

pub use database::{DATABASE_FILE, Store, wait_until_closed};
pub use error::StoreError;
pub use mls::{MlsStorage, mls_storage};
pub use rusqlite::Connection;
