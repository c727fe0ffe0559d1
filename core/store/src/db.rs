//! Connections, transactions, and the news of what they changed.

mod bell;
mod changes;
mod closing;
mod connection;
mod log;
mod migrate;
mod readers;
mod store;
mod tx;
mod writer;

pub use changes::{Change, ChangeSet, Changes, TaskName};
pub use closing::wait_until_closed;
pub use connection::DATABASE_FILE;
pub use store::Store;
pub use tx::{Savepoint, Snapshot, Tx};
