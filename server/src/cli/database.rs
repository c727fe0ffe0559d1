//! The database as the administrative commands use it, beside a running server or without one.

use std::sync::Arc;

use privmsg_protocol::Secret;

use super::CommandError;
use crate::clock::Clock;
use crate::config::Config;
use crate::secrets::KeyHash;
use crate::serve::ServerError;
use crate::storage::sqlite::{Options, SqliteStorage};
use crate::storage::{Delivery, Observer, Storage};

/// Nobody is connected to this process.
struct Nobody;

impl Observer for Nobody {
    fn committed(&self, _deliveries: Vec<Delivery>) {}

    fn accepted(&self, _messages: u64) {}
}

/// Opens the database for somebody who has the admin key.
pub(super) async fn open(config: &Config, admin_key: Option<&Secret>) -> Result<impl Storage + use<>, CommandError> {
    let options = Options {
        path: &config.storage.database_path,
        max_pending: config.limits.max_pending_messages,
        clock: Clock::system(),
    };
    let storage = SqliteStorage::open(options, Arc::new(Nobody)).map_err(ServerError::from)?;
    let configured = config.admin.master_key.expose();
    let expected = if configured.is_empty() {
        storage.admin_key_hash().await?.ok_or(CommandError::NoAdminKey)?
    } else {
        KeyHash::of(configured)
    };
    let given = KeyHash::of(admin_key.map_or("", Secret::expose));
    if !given.matches(&expected) {
        return Err(CommandError::AdminKey);
    }
    Ok(storage)
}
