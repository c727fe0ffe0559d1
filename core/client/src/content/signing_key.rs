//! The account signing key, for a device of one's own that has none, and the wish for it.

use privmsg_e2ee::{Content, Kind, SigningKey, SigningKeyWanted};
use privmsg_mls_public::Verdict;
use privmsg_store::account::{self, Account, Signing};
use privmsg_store::chats::ChatKind;
use privmsg_store::messages::Direction;
use privmsg_store::{Snapshot, StoreError, TaskName, Tx, blocks, groups, settings};

use super::{ContentKind, Effect, Said, chat_kind};
use crate::error::ClientError;
use crate::own_devices::learn;

/// The queue.
pub(crate) const TASK: TaskName = TaskName::new("signing_key");

/// A device of one's own has asked for the key.
pub(crate) const WANTED: &str = "signing_key_wanted";

/// How often this one has told it.
pub(crate) const TOLD: &str = "signing_key_told";

pub(super) struct SigningKeyKind;

pub(super) struct SigningKeyWantedKind;

impl ContentKind for SigningKeyKind {
    fn number(&self) -> u32 {
        SigningKey::NUMBER
    }

    fn name(&self) -> &'static str {
        "signing_key"
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    /// The key that the identity has vouched for in the generation that this device knows. Of a later one, the list has to
    /// come first.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let SigningKey(key) = said.content.body()?;
        let Some(account) = of_own_device(tx, said)? else { return Ok(Effect::default()) };
        let mut known = learn::known(tx, &account)?;
        match known.learn_certificate(key.certificate()) {
            Ok(Verdict::Known) => {
                settings::set(tx, WANTED, 0)?;
                let certificate = key.certificate().encode();
                if account.signing.as_ref().is_none_or(|signing| signing.certificate != certificate) {
                    let signing = Some(Signing { key: key.to_bytes(), certificate });
                    account::save(tx, &Account { signing, ..account })?;
                    groups::reconcile_people(tx)?;
                }
            }
            Ok(Verdict::Newer) => blocks::note_news(tx)?,
            Ok(Verdict::Older) => {}
            Ok(Verdict::Conflict) | Err(_) => tracing::warn!("rejected a signing key that is not the account's"),
        }
        Ok(Effect::default())
    }
}

impl ContentKind for SigningKeyWantedKind {
    fn number(&self) -> u32 {
        SigningKeyWanted::NUMBER
    }

    fn name(&self) -> &'static str {
        "signing_key_wanted"
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<SigningKeyWanted>()?;
        if of_own_device(tx, said)?.is_some() {
            settings::set(tx, WANTED, 1)?;
        }
        Ok(Effect::default())
    }
}

/// The account, if another device of its list has said this, in the conversation with oneself.
pub(super) fn of_own_device(tx: &Tx<'_>, said: &Said<'_>) -> Result<Option<Account>, ClientError> {
    if said.direction == Direction::Outgoing {
        return Ok(None);
    }
    let in_place = said.sender == said.own && chat_kind(tx, said.chat)? == ChatKind::SelfNotes;
    let account = account::load(tx)?.filter(|_| in_place);
    let Some((account, key)) = account.zip(said.sender_key) else {
        tracing::warn!("rejected what only one's own devices may say");
        return Ok(None);
    };
    let listed = learn::known(tx, &account)?.counts(said.sender_device, key);
    if !listed {
        tracing::warn!("rejected what a device outside of the device list has said");
    }
    Ok(listed.then_some(account))
}

/// Whether somebody has asked for the key.
pub(crate) fn is_wanted(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(settings::get(at, WANTED)?.unwrap_or(0) != 0)
}

/// How often this device has told others the key.
pub(crate) fn times_told(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    Ok(settings::get(at, TOLD)?.unwrap_or(0))
}

/// The key is told now.
pub(crate) fn note_told(tx: &Tx<'_>) -> Result<(), StoreError> {
    settings::set(tx, TOLD, times_told(tx)?.saturating_add(1))
}

/// Whether somebody has asked, who is answered now.
pub(crate) fn take_wish(tx: &Tx<'_>) -> Result<bool, StoreError> {
    let wanted = is_wanted(tx)?;
    settings::set(tx, WANTED, 0)?;
    Ok(wanted)
}

#[cfg(test)]
#[path = "signing_key_tests.rs"]
mod tests;
