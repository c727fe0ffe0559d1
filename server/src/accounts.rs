//! Making accounts, for the API and the command line alike.

use privmsg_protocol::rest::CreatedUser;
use privmsg_protocol::{ErrorCode, UserId};

use crate::secrets::{KeyHash, random_key, random_user_id};
use crate::storage::{Storage, StorageError};

/// Creates an account with a new access key, which only the caller ever sees. Without a name one is made up.
pub(crate) async fn create(storage: &dyn Storage, user_id: Option<UserId>) -> Result<CreatedUser, StorageError> {
    let access_key = random_key();
    let hash = KeyHash::of(access_key.expose());
    let chosen = user_id.is_some();
    let mut user_id = user_id.unwrap_or_else(random_user_id);
    loop {
        match storage.create_user(user_id.clone(), hash).await {
            Ok(()) => {
                return Ok(CreatedUser { user_id, access_key });
            }
            // A made-up name that is taken: chance, so another one.
            Err(StorageError::Refused(refusal)) if !chosen && refusal.code == ErrorCode::UserExists => {
                user_id = random_user_id();
            }
            Err(error) => return Err(error),
        }
    }
}
