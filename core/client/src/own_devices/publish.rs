//! Another list in place of the one that the server has.

use std::cmp::Ordering;

use privmsg_e2ee::{AccountSigningKey, SigningKeyCertificate};
use privmsg_mls_public::{Device, DeviceList, ListNumber};
use privmsg_protocol::rest::{EnrolDevice, PublishDeviceList};
use privmsg_protocol::{ErrorCode, Opaque};
use privmsg_store::account::Account;
use privmsg_store::{Snapshot, Store};

use super::learn::{By, known, learn_by};
use crate::clock::Clock;
use crate::context::Context;
use crate::device_lists;
use crate::error::{ClientError, During as _};
use crate::identity::public_identity;
use crate::net::clock::ListTime;
use crate::net::http::Api;

/// How often another device may be faster before this one gives up for now.
const ATTEMPTS: usize = 5;

/// What lists are published with.
#[derive(Clone, Copy)]
pub(crate) struct Publisher<'a> {
    pub(crate) api: &'a Api,
    pub(crate) store: &'a Store,
    pub(crate) account: &'a Account,
    /// This machine's.
    pub(crate) clock: &'a dyn Clock,
    /// Who is told what has changed.
    pub(crate) told: Option<&'a Context>,
}

impl<'a> Publisher<'a> {
    /// For an open profile.
    pub(crate) fn of(context: &'a Context, account: &'a Account) -> Self {
        let (api, store, clock) = (&context.api, &context.store, &*context.clock);
        Self { api, store, account, clock, told: Some(context) }
    }

    /// What a list goes by that is made now.
    ///
    /// # Errors
    /// [`ClientError::ClocksDiffer`]
    pub(crate) fn agreed(self) -> Result<ListTime, ClientError> {
        self.api.clock().agreed(self.clock)
    }

    /// Publishes the list of devices that `change` makes of the present one. `enrol` says what is to be known of those that
    /// it lets in.
    ///
    /// # Errors
    /// [`ClientError::NoSigningKey`] if this device signs for the account no more, or not yet;
    /// [`ClientError::AnotherOwnIdentity`] if the server has a list of another identity; [`ClientError::ClocksDiffer`].
    pub(crate) async fn publish(
        self,
        change: impl Fn(&[Device]) -> Vec<Device>,
        enrol: impl Fn(&DeviceList) -> Result<Vec<EnrolDevice>, ClientError>,
    ) -> Result<(), ClientError> {
        let signing = signing_key(self.account)?;
        let generation = signing.certificate().generation();
        let mut attempt = 1;
        loop {
            let replaces = self.catch_up().await?;
            let account = self.account.clone();
            let known = self.store.read(move |at| known(at, &account)).await?;
            if known.generation() > generation {
                return Err(ClientError::NoSigningKey);
            }
            let counter = known.next_counter(generation, self.agreed()?.number_s).ok_or(ClientError::NoSigningKey)?;
            let list = signing.list(counter, change(known.devices())).during("signing a device list")?;
            let request = request(&list, enrol(&list)?);
            match self.api.publish_device_list(&request, &replaces).await {
                Err(error) if is_overtaken(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return self.learn(list, By::This).await,
            }
        }
    }

    /// Learns the server's list, and takes this device's own back to a server that has an older one, as after a restored
    /// backup. Returns what the server's list is called.
    ///
    /// # Errors
    /// [`ClientError::AnotherOwnIdentity`] if the server has a list of another identity.
    pub(crate) async fn catch_up(self) -> Result<[u8; 32], ClientError> {
        let mut attempt = 1;
        loop {
            let (hash, number) = self.fetch().await?;
            let account = self.account.clone();
            let known = self.store.read(move |at: &Snapshot<'_>| known(at, &account)).await?;
            // Of two with one number each is as good as evidence, and the server has one.
            let [ours] = known.lists() else { return Ok(hash) };
            if ours.number().cmp(&number) != Ordering::Greater {
                return Ok(hash);
            }
            match self.api.publish_device_list(&request(ours, Vec::new()), &hash).await {
                Err(error) if is_overtaken(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => return Ok(ours.hash()),
            }
        }
    }

    /// Learns the server's list, and leaves it at that.
    ///
    /// # Errors
    /// As [`Publisher::catch_up`].
    pub(crate) async fn learn_theirs(self) -> Result<(), ClientError> {
        self.fetch().await.map(drop)
    }

    async fn fetch(self) -> Result<([u8; 32], ListNumber), ClientError> {
        let theirs = self.api.device_list(&self.account.user_id).await?;
        let theirs = device_lists::read(&self.account.user_id, &theirs)?;
        let (hash, number) = (theirs.hash(), theirs.number());
        let is_own = public_identity(self.account)? == *theirs.certificate().identity_key();
        self.learn(theirs, By::Another).await?;
        if is_own { Ok((hash, number)) } else { Err(ClientError::AnotherOwnIdentity) }
    }

    async fn learn(self, list: DeviceList, by: By) -> Result<(), ClientError> {
        let (account, now_ms) = (self.account.clone(), self.clock.now_ms());
        let events = self.store.write(move |tx| learn_by(tx, &account, list, by, now_ms)).await?;
        if let Some(context) = self.told {
            context.emit_all(events);
        }
        Ok(())
    }
}

fn request(list: &DeviceList, enrol: Vec<EnrolDevice>) -> PublishDeviceList {
    PublishDeviceList {
        certificate: Opaque::encode(&list.certificate().encode()),
        list: Opaque::encode(&list.encode()),
        enrol,
    }
}

/// Another device has published meanwhile: its list is read, and the next one made.
fn is_overtaken(error: &ClientError) -> bool {
    error.is(&ErrorCode::ListChanged) || error.is(&ErrorCode::ListNotNewer)
}

/// What signs for the account on this device.
///
/// # Errors
/// [`ClientError::NoSigningKey`] if there is none.
pub(crate) fn signing_key(account: &Account) -> Result<AccountSigningKey, ClientError> {
    let signing = account.signing.as_ref().ok_or(ClientError::NoSigningKey)?;
    SigningKeyCertificate::decode(&signing.certificate)
        .and_then(|certificate| AccountSigningKey::from_bytes(&signing.key, certificate))
        .map_err(|_| ClientError::Damaged("signing key"))
}
