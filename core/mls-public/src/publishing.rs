//! Which device list a server takes in place of the one that it has.

use crate::device_list::DeviceList;
use crate::numbers::{is_acceptable, within_a_day};

/// Lists of one account in one day and one generation: a person who moves house with all devices needs fewer. A new
/// generation has a day of its own, or a thief could use up the one in which the owner calls the theft back.
pub const MAX_LISTS_A_DAY: usize = 20;

/// Why a list is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Of another account, or signed by another identity than the one that is there.
    #[error("signed by another identity")]
    OtherIdentity,
    /// The list that it was to replace is not there any more: to be read, and tried again.
    #[error("the list has changed in the meantime")]
    Changed,
    /// Its number is not higher than that of the one that is there.
    #[error("not newer than the list that is there")]
    NotNewer,
    /// Its number is more than a day ahead.
    #[error("the number of the list is too far ahead of the time")]
    Ahead,
    /// There were too many today.
    #[error("too many lists in one day")]
    TooMany,
}

/// Whether the server takes `list`, which was made to replace the one with the hash `replaces`. `stored` is what it
/// has, `published` when it took the lists of this generation. It takes lists back from whoever has newer ones by the
/// same rules: to know less than it once did needs no other.
///
/// # Errors
/// [`PublishError`].
pub fn check_published(
    stored: Option<&DeviceList>,
    replaces: Option<&[u8; 32]>,
    list: &DeviceList,
    published: &[u64],
    now: u64,
) -> Result<(), PublishError> {
    let other = |stored: &&DeviceList| {
        stored.user_id() != list.user_id() || stored.certificate().identity_key() != list.certificate().identity_key()
    };
    if stored.is_some_and(|stored| other(&stored)) {
        return Err(PublishError::OtherIdentity);
    }
    if stored.map(DeviceList::hash).as_ref() != replaces {
        return Err(PublishError::Changed);
    }
    let (old, new) = (stored.map(DeviceList::number), list.number());
    if Some(new) <= old {
        return Err(PublishError::NotNewer);
    }
    let generation = old.map_or(0, |old| old.generation);
    let counter = old.filter(|old| old.generation == new.generation).map_or(0, |old| old.counter);
    if !is_acceptable(new.generation, generation, now) || !is_acceptable(new.counter, counter, now) {
        return Err(PublishError::Ahead);
    }
    if within_a_day(published, now) >= MAX_LISTS_A_DAY {
        return Err(PublishError::TooMany);
    }
    Ok(())
}
