//! A device that waits to be let in, and the ways in which it is.

use std::time::Duration;

use privmsg_e2ee::{DeviceKeys, LinkCode, LinkPins, RecoveryKey};
use privmsg_mls_public::{LinkReply, NewDevice};
use privmsg_protocol::rest::ReplaceIdentity;
use privmsg_protocol::{ErrorCode, Secret, UserId};
use privmsg_store::account;
use privmsg_store::contacts::words;
use privmsg_store::holds::{self, Scope};
use privmsg_store::{outbox, sign_outs};
use zeroize::Zeroizing;

use super::introduced::remove;
use super::steps::{Steps, save};
use super::{LoggedIn, LoginError, by_device};
use crate::content::pins;
use crate::device_lists;
use crate::error::{ClientError, Retry};
use crate::identity::public_identity;
use crate::own_devices::words::{Opened, open};
use crate::own_devices::{learn, linking, sealed_copy};
use crate::profile::Profile;

/// How often it is looked whether somebody has let the device in: a person holds two devices in their hands. Each time is
/// a request or two.
const EVERY: Duration = Duration::from_secs(2);

/// How long it is asked whether somebody has let the device in, before nobody waits for that any more.
const LAST_LOOK: Duration = Duration::from_secs(3);

/// A sign-in that waits to be let in.
#[derive(Debug)]
pub struct PendingLogin {
    steps: Steps,
    /// The server has let the device in to wait.
    has_been_in: bool,
}

/// Another identity is on its way to take the place of the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacing {
    /// When, unless somebody who has the present one ends it; seconds since 1970.
    pub takes_effect_at: i64,
}

impl PendingLogin {
    pub(super) fn new(steps: Steps) -> Self {
        let has_been_in = steps.api.token().is_some();
        Self { steps, has_been_in }
    }

    /// Whose device it wants to be.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.steps.account.user_id
    }

    /// What another device of the account has to see to let this one in. It is the same until it is used.
    ///
    /// # Errors
    /// [`ClientError`] of the database, or of the system's randomness.
    pub async fn code(&mut self) -> Result<LinkCode, ClientError> {
        let secret = match &self.steps.account.link_secret {
            Some(secret) => secret.clone(),
            None => {
                let mut secret = Zeroizing::new([0; 32]);
                getrandom::fill(&mut *secret).map_err(|_| ClientError::NoRandomness)?;
                self.steps.account.link_secret = Some(secret.clone());
                save(&self.steps.store, &self.steps.account).await?;
                secret
            }
        };
        let (device_type, device_name) = (self.steps.device_type.to_owned(), self.steps.account.device_name.clone());
        Ok(LinkCode { device: self.this_device()?, device_type, device_name, secret })
    }

    fn this_device(&self) -> Result<NewDevice, ClientError> {
        let account = &self.steps.account;
        Ok(NewDevice {
            user_id: account.user_id.clone(),
            device_id: account.device_id.clone().ok_or(ClientError::NotSignedIn)?,
            device_key: DeviceKeys::from_bytes(&account.device_key).public(),
        })
    }

    /// Waits until another device has let this one in by its [code](Self::code). Cancel-safe.
    ///
    /// # Errors
    /// [`LoginError::ForgedLink`] if the server brings an answer of somebody who has not seen the code;
    /// [`LoginError::BegunAnew`] if this profile knew the account by another identity.
    pub async fn wait_until_linked(&mut self) -> Result<LoggedIn, LoginError> {
        self.code().await?;
        loop {
            if let Some(reply) = self.reply().await? {
                return self.accept(reply).await;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Nobody waits any more: the profile, which holds nothing but this code, is removed, unless another device has let this one in, or
    /// may have: then it is kept, and signing in goes on where it stopped. Returns whether it was removed.
    pub async fn give_up(self, profile: &Profile) -> bool {
        let Self { steps, has_been_in } = self;
        let asked = tokio::time::timeout(LAST_LOOK, by_device::sign_in(&steps.api, &steps.store, &steps.account));
        let asked = asked.await;
        let is_unknown = !has_been_in
            && match asked {
                Ok(Err(ClientError::DeviceForgotten(_))) => true,
                // The answer to any device that it does not know, for a month after a restore.
                Ok(Err(error)) => error.is(&ErrorCode::ServerRestored),
                _ => false,
            };
        drop(steps);
        if is_unknown {
            remove(profile.clone()).await;
        }
        is_unknown
    }

    /// The answer to the code, if there is one.
    async fn reply(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        if self.steps.api.token().is_none() {
            let steps = &mut self.steps;
            match by_device::sign_in(&steps.api, &steps.store, &steps.account).await {
                Ok(answer) => {
                    steps.account.token = Some(answer.token);
                    steps.account.token_expires_at = answer.expires_at;
                    save(&steps.store, &steps.account).await?;
                    self.has_been_in = true;
                }
                // Before it is let in, nobody knows it.
                Err(ClientError::DeviceForgotten(_)) if !self.has_been_in => return Ok(None),
                Err(error) => return passing(error).map(|()| None),
            }
        }
        match self.steps.api.link_reply().await {
            Ok(reply) => reply.link_reply.decode().ok_or(ClientError::Protocol("an answer that is none")).map(Some),
            Err(error) if error.is(&ErrorCode::NoLinkReply) => Ok(None),
            Err(error) if error.needs_sign_in() => {
                self.steps.api.set_token(None);
                Ok(None)
            }
            Err(error) => passing(error).map(|()| None),
        }
    }

    /// Believes the identity of who has seen this device's code, and no other.
    async fn accept(&mut self, reply: Vec<u8>) -> Result<LoggedIn, LoginError> {
        let device = self.this_device()?;
        let secret = self.steps.account.link_secret.clone().ok_or(ClientError::NotSignedIn)?;
        let reply = LinkReply::decode(&reply, &secret, &device).map_err(|error| match error {
            privmsg_e2ee::StatementError::UpdateNeeded(newer) => LoginError::Client(newer.into()),
            _ => LoginError::ForgedLink,
        })?;
        let identity = reply.certificate().identity_key();
        if public_identity(&self.steps.account).is_ok_and(|known| known != *identity) {
            // It stands among the devices of an account that it does not go on with.
            if let Err(error) = self.steps.api.logout().await {
                tracing::info!(%error, "a device that was let in and does not come stays in the list of devices");
            }
            return Err(LoginError::BegunAnew);
        }
        let steps = &mut self.steps;
        steps.account.identity = Some(*identity.as_bytes());
        steps.account.certificate = Some(reply.certificate().encode());
        let known = LinkPins::open(reply.pins(), &secret).map_err(|_| LoginError::ForgedLink)?;
        let (account, list, now) = (steps.account.clone(), reply.list().clone(), steps.clock.now_ms());
        let learnt = steps.store.write(move |tx| {
            account::save(tx, &account)?;
            learn::learn(tx, &account, list, now)?;
            // What this device knew before, the others have not heard, perhaps.
            words::tell_again(tx)?;
            if let Some(copy) = known.sealed() {
                sealed_copy::keep(tx, copy)?;
            }
            pins::hear(tx, known.told_by(), known.pins(), now)?;
            linking::hear_how_far(tx, known.told_by(), known.chats())?;
            linking::hear_titles(tx, known.told_by(), known.titles())?;
            // It waits to be let in no more.
            holds::forget_of(tx, &outbox::TASK, Scope::Profile)?;
            // The list may have called back the key by which this device has signed.
            account::load(tx)?.ok_or(ClientError::NotSignedIn)
        });
        steps.account = learnt.await?;
        Ok(steps.finish().await?)
    }

    /// Goes on with the recovery key: begins a generation of the account in which this device is the only one. The others
    /// wait to be let in again.
    ///
    /// # Errors
    /// [`LoginError::Recovery`] if the words are wrong; call again with others.
    pub async fn recover(&mut self, words: &str) -> Result<LoggedIn, LoginError> {
        let words: RecoveryKey = words.parse()?;
        let steps = &mut self.steps;
        let Opened { key, sealed, .. } = open(&steps.api, &steps.store, &words, &steps.account).await?;
        let profile = steps.api.own_profile().await?.profile;
        let known = public_identity(&steps.account).ok();
        // Those of an attempt of our own that another device was faster than count for nothing.
        let known = known.filter(|_| steps.account.identity_secret.is_none());
        let (opened, published) = (key.public(), profile.public_key);
        // By the words of either: the profile is of the one, and the account has the other.
        if known.is_some_and(|known| published.as_ref().is_some_and(|published| *published != known.to_string())) {
            return Err(LoginError::BegunAnew);
        }
        if published != Some(opened.to_string()) || known.is_some_and(|known| known != opened) {
            return Err(LoginError::IdentityMismatch);
        }
        let theirs = steps.api.device_list(&steps.account.user_id).await?;
        let theirs = device_lists::read(&steps.account.user_id, &theirs)?;
        if *theirs.certificate().identity_key() != key.public() {
            return Err(LoginError::IdentityMismatch);
        }
        steps.forget_identity();
        steps.account.certificate = None;
        steps.account.identity = Some(*key.public().as_bytes());
        let copy = sealed_copy::sign(&key, &steps.account.user_id, &words, sealed);
        steps.account.sealed_identity = Some(sealed_copy::encode(&copy)?);
        let (account, now) = (steps.account.clone(), steps.clock.now_ms());
        steps.store.write(move |tx| learn::learn(tx, &account, theirs, now)).await?;
        let time = steps.publisher().agreed()?;
        steps.begin_generation(&key, time).await?;
        steps.publisher().catch_up().await?;
        Ok(steps.finish().await?)
    }

    /// Begins to put another identity in the place of the account's, with the access key. It takes effect after some days,
    /// unless somebody who has the present identity ends it; [`PendingLogin::wait_until_replaced`], or another sign-in then,
    /// goes on.
    ///
    /// # Errors
    /// [`LoginError`]; [`ClientError::NotSignedIn`] where there is no access key.
    pub async fn replace_identity(&mut self) -> Result<Replacing, LoginError> {
        let access_key: Secret = self.steps.account.access_key.clone().ok_or(ClientError::NotSignedIn)?;
        let steps = &mut self.steps;
        if steps.account.identity_secret.is_none() {
            steps.forget_identity();
            steps.account.certificate = None;
        }
        let identity = steps.new_identity().await?;
        let begun = steps.api.begin_replacement(&ReplaceIdentity { access_key, identity }).await?;
        let at = begun.takes_effect_at;
        steps.store.write(move |tx| sign_outs::set_begins_at(tx, at)).await?;
        Ok(Replacing { takes_effect_at: begun.takes_effect_at })
    }

    /// Waits until the identity that was begun here is the account's. Cancel-safe.
    ///
    /// # Errors
    /// [`LoginError`]; [`LoginError::IdentityMismatch`] if it was ended.
    pub async fn wait_until_replaced(&mut self) -> Result<LoggedIn, LoginError> {
        let own = public_identity(&self.steps.account)?.to_string();
        loop {
            match self.steps.api.own_profile().await {
                Ok(now) if now.profile.public_key.as_ref() == Some(&own) && !now.waiting => {
                    return Ok(self.steps.finish().await?);
                }
                Ok(now) if now.identity_replacement.is_none() => return Err(LoginError::IdentityMismatch),
                Ok(_) => {}
                Err(error) => passing(error)?,
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Whether it helps to ask again in a moment.
fn passing(error: ClientError) -> Result<(), ClientError> {
    match error.retry() {
        Retry::Later => {
            tracing::info!(%error, "asks again whether it was let in");
            Ok(())
        }
        _ => Err(error),
    }
}
