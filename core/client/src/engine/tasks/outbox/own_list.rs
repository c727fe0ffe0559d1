//! Every message names the newest device list of its author's account, and the first one in a group since that has changed
//! brings the list itself: a server that withholds a list is noticed by everybody who is written to, and by-passed.

use privmsg_e2ee::Content;
use privmsg_mls_public::{DeviceList, ListNumber};
use privmsg_protocol::{GroupId, MessageId};
use privmsg_store::groups;
use privmsg_store::outbox::Queued;
use zeroize::Zeroizing;

use crate::device_lists;
use crate::error::ClientError;
use crate::group::mls::Step;

/// This account's device list, on its way into what is said in a group.
pub(super) struct OwnList {
    newest: Option<DeviceList>,
    is_told: bool,
    /// The message that tells it.
    pub(super) told: Option<(MessageId, ListNumber)>,
}

impl OwnList {
    pub(super) fn of(step: &Step<'_, '_>, group: &GroupId) -> Result<Self, ClientError> {
        let known = device_lists::load(step.tx, &step.identity.user_id, step.identity.account)?;
        let newest = known.lists().first().cloned();
        let is_told = match &newest {
            Some(list) => groups::is_told(step.tx, group, device_lists::stored(list.number()))?,
            None => true,
        };
        Ok(Self { newest, is_told, told: None })
    }

    /// What is queued, with the number of the list, and in the first message since it changed the list itself.
    pub(super) fn put_into(&mut self, queued: &Queued) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let as_it_is = || Zeroizing::new(queued.content.to_vec());
        let Some(list) = &self.newest else { return Ok(as_it_is()) };
        let Ok(content) = Content::decode(&queued.content) else { return Ok(as_it_is()) };
        let content = content.under(list, !self.is_told);
        if content.list.is_some() {
            (self.is_told, self.told) = (true, Some((queued.message_id, list.number())));
        }
        // One that is as long as can be has no room for the number either.
        Ok(content.encode().unwrap_or_else(|_| as_it_is()))
    }
}
