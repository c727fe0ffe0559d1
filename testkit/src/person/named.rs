//! Who can be the other side of a chat.

use privmsg_protocol::UserId;

use super::Person;

/// Whoever can be named as the other side of a chat.
pub trait Named {
    /// The name.
    fn name(&self) -> &UserId;
}

impl Named for Person {
    fn name(&self) -> &UserId {
        &self.account.user_id
    }
}

impl Named for UserId {
    fn name(&self) -> &UserId {
        self
    }
}
