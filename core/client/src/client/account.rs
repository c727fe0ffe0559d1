//! The account and its devices.

use privmsg_e2ee::LinkCode;
use privmsg_protocol::rest::{IdentityReplacement, SetAccessKey};
use privmsg_protocol::{DeviceId, ErrorCode, Secret};
use privmsg_store::account::{self, Account, AccountState};
use privmsg_store::chats::ChatKind;
use privmsg_store::holds::{self, Reason, Scope};
use privmsg_store::sign_outs::{self, SignOutCause, SignedOut};
use privmsg_store::{Snapshot, consent};

use super::Client;
use crate::engine::waiting;
use crate::error::ClientError;
use crate::identity::Whoami;
use crate::net::Endpoint;
use crate::own_devices::learn;
use crate::own_devices::publish::Publisher;
use crate::own_devices::words::three_of_twelve;
use crate::sign_in::{by_device, left_out, new_access_key, was_lost};

/// What the access key is changed by.
#[derive(Debug, Clone)]
pub enum ChangeBy {
    /// The present one.
    AccessKey(Secret),
    /// The recovery words.
    Words(Secret),
}

impl Client {
    /// What this profile is.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        Ok(Whoami::from(&self.context.account().await?))
    }

    /// Why this device is signed out, if it is.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn signed_out(&self) -> Result<Option<SignedOut>, ClientError> {
        Ok(self.context.store.read(sign_outs::load).await?)
    }

    /// Tries the key of a device that the server has called signed out: that was nobody's signature, and a server that was wrong, or
    /// has lied, lets it in. Whoever is signed out indeed is refused once more. Returns whether it is in.
    ///
    /// # Errors
    /// [`ClientError`] of the request and the database; [`ClientError::KeyInUseElsewhere`].
    pub async fn comes_back(&self) -> Result<bool, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let Some(account) = account::load(at)? else { return Ok(None) };
            let by_word = sign_outs::load(at)?.is_some_and(|out| out.cause.is_the_servers_word());
            let stands = by_word && learn::stands(&learn::known(at, &account)?, &account);
            Ok::<_, ClientError>(stands.then_some(account))
        };
        let Some(account) = self.context.store.read(look).await? else { return Ok(false) };
        let api = &self.context.api;
        api.follow(&account);
        match by_device::sign_in(api, &self.context.store, &account).await {
            Ok(answer) => {
                let (token, expires_at) = (answer.token, answer.expires_at);
                self.context.store.write(move |tx| sign_outs::take_back(tx, &token, expires_at)).await?;
                Ok(true)
            }
            Err(error @ ClientError::KeyInUseElsewhere) => Err(error),
            Err(error) if error.signs_out() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// When the identity takes effect that was begun on this device, in seconds since 1970, if it waits for that.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn identity_begins_at(&self) -> Result<Option<i64>, ClientError> {
        Ok(self.context.store.read(sign_outs::begins_at).await?)
    }

    /// Where the server is, and how it is reached; `None` if what is stored of that is damaged.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn endpoint(&self) -> Result<Option<Endpoint>, ClientError> {
        Ok(Endpoint::of(&self.context.account().await?).ok())
    }

    /// Lets a new device in that has shown this code.
    ///
    /// # Errors
    /// [`ClientError::AnotherUsersCode`]; [`ClientError::NoSigningKey`] if this device cannot sign for the account;
    /// [`ClientError`] of the requests.
    pub async fn link_device(&self, code: &LinkCode) -> Result<(), ClientError> {
        let account = self.context.account().await?;
        Publisher::of(&self.context, &account).link(code).await
    }

    /// Whether a device stands in the account's list, or has stood there, as this one has seen: it may know of the account's keys. The
    /// others only wait.
    ///
    /// # Errors
    /// [`ClientError::NoSuchDevice`] if there is none and was none; [`ClientError`] of the requests.
    pub async fn was_ever_listed(&self, device: &DeviceId) -> Result<bool, ClientError> {
        let account = self.context.account().await?;
        let publisher = Publisher::of(&self.context, &account);
        publisher.catch_up().await?;
        if publisher.remembered().await?.has_seen(device) {
            return Ok(true);
        }
        let is_there = self.context.api.devices().await?.devices.iter().any(|one| one.device_id == *device);
        if is_there { Ok(false) } else { Err(ClientError::NoSuchDevice) }
    }

    /// Signs another device of the account out: it leaves the device list. One that only waits to be let in stands in none.
    ///
    /// # Errors
    /// [`ClientError::NoSigningKey`] if this device cannot sign for the account; [`ClientError`] of the requests.
    pub async fn remove_device(&self, device: &DeviceId) -> Result<(), ClientError> {
        let account = self.context.account().await?;
        let publisher = Publisher::of(&self.context, &account);
        publisher.catch_up().await?;
        let own = account.clone();
        let known = self.context.store.read(move |at| learn::known(at, &own)).await?;
        if !known.devices().iter().any(|one| one.device_id == *device) {
            return self.context.api.remove_device(device).await;
        }
        let without_it = |present: &[privmsg_mls_public::Device]| {
            present.iter().filter(|one| one.device_id != *device).cloned().collect()
        };
        publisher.publish(without_it, |_| Ok(Vec::new())).await
    }

    /// Forgets the recovery key and an access key that was made here, once they have been shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn forget_recovery_key(&self) -> Result<(), ClientError> {
        Ok(self.context.store.write(account::forget_recovery_words).await?)
    }

    /// The recovery key, if it was made and never shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn recovery_key(&self) -> Result<Option<Secret>, ClientError> {
        Ok(self.context.account().await?.recovery_words)
    }

    /// The access key, if it was made at the sign-in and never shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn access_key(&self) -> Result<Option<Secret>, ClientError> {
        Ok(self.context.account().await?.access_key)
    }

    /// Whether this device does not stand in its account's device list any more, as far as it knows: it waits to be let in.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_left_out(&self) -> Result<bool, ClientError> {
        left_out(&self.context.store).await
    }

    /// Whether the server was restored from a backup and does not know this device, which had heard so before. It is asked.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn was_lost(&self) -> Result<bool, ClientError> {
        was_lost(&self.context.store).await
    }

    /// What is wrong with the account, by what this device has found, in whichever process: another identity in its place, two lists of
    /// its devices, a sealed identity that is not its own, a replacement that somebody has begun. It stands until it is over.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn alarms(&self) -> Result<Vec<Reason>, ClientError> {
        self.read(learn::alarms).await
    }

    /// Whether this device waits to be let in, as far as it knows by itself.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_known_to_wait(&self) -> Result<bool, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let account = account::load(at)?.filter(|account| account.state == AccountState::Ready);
            let Some(account) = account else { return Ok(false) };
            let known = learn::known(at, &account)?;
            let is_out = known.number().is_some() && !learn::stands(&known, &account);
            let holds = holds::all(at)?;
            Ok(is_out || holds.iter().any(|hold| hold.reason == Reason::NotListed && hold.scope == Scope::Profile))
        };
        self.context.store.read(look).await
    }

    /// Whether this device waits to be let in. Where it knows of that, the server is asked whether it has been meanwhile; one
    /// that cannot be asked leaves it at that.
    ///
    /// # Errors
    /// [`ClientError`] of the database, or of a session that has ended.
    pub async fn waits_to_be_let_in(&self) -> Result<bool, ClientError> {
        if !self.is_known_to_wait().await? {
            return Ok(false);
        }
        match waiting::still_waits(&self.context).await {
            Err(ClientError::Network(_) | ClientError::GoingAway { .. }) => Ok(true),
            other => other,
        }
    }

    /// Signs devices of the account out that may be in somebody else's hands: the recovery words begin a generation of the
    /// account without them, in which what they know of it is worth nothing. All others stay that this device has seen before
    /// them, whether or not they have signed themselves out meanwhile. Returns the chats about which somebody had decided who does not
    /// stay: they stand as before.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong; [`ClientError::NotListed`] on a device that waits itself;
    /// [`ClientError::NeverListed`] for one that this device has never seen in the list, and no generation begins;
    /// [`ClientError`] of the requests.
    pub async fn remove_stolen(&self, devices: &[DeviceId], words: &str) -> Result<Vec<ChatKind>, ClientError> {
        let account = self.context.account().await?;
        let decided = |at: &Snapshot<'_>| Ok::<_, ClientError>(consent::decided_by_others(at, &[])?);
        let before = self.context.store.read(decided).await?;
        Publisher::of(&self.context, &account).begin_without(words, devices).await?;
        let after = self.context.store.read(decided).await?;
        let undone = before.into_iter().filter(|one| !after.iter().any(|still| still.chat == one.chat));
        Ok(undone.map(|one| one.chat).collect())
    }

    /// Signs a device out at the server that was [removed as stolen](Client::remove_stolen): it still waits to be let in, if it has
    /// not gone by itself.
    ///
    /// # Errors
    /// [`ClientError`] of the requests.
    pub async fn sign_out_stolen(&self, device: &DeviceId) -> Result<(), ClientError> {
        match self.remove_device(device).await {
            Err(error) if error.is(&ErrorCode::UnknownDevice) => Ok(()),
            other => other,
        }
    }

    /// A replacement of the account's identity that somebody has begun, if there is one.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn replacement(&self) -> Result<Option<IdentityReplacement>, ClientError> {
        let begun = self.context.api.own_profile().await?.identity_replacement;
        self.note_replacement(begun.is_some()).await?;
        Ok(begun)
    }

    async fn note_replacement(&self, begun: bool) -> Result<(), ClientError> {
        let now = self.context.clock.now_ms();
        Ok(self.context.store.write(move |tx| learn::note_replacement(tx, begun, now)).await?)
    }

    /// Ends it, by the recovery words.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong; [`ClientError`] of the requests.
    pub async fn end_replacement(&self, words: &str) -> Result<(), ClientError> {
        let account = self.context.account().await?;
        Publisher::of(&self.context, &account).end_replacement(words).await?;
        self.context.tell_of_replacement(None);
        self.note_replacement(false).await
    }

    /// Sets another access key, and returns it: the only time that it is known here.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong; [`ClientError`] of the requests.
    pub async fn change_access_key(&self, by: ChangeBy) -> Result<Secret, ClientError> {
        let (account, new) = (self.context.account().await?, new_access_key()?);
        match by {
            ChangeBy::AccessKey(present) => {
                let request = SetAccessKey {
                    access_key: new.clone(),
                    present_access_key: Some(present),
                    challenge: None,
                    signature: None,
                };
                self.context.api.set_access_key(&request).await?;
            }
            ChangeBy::Words(words) => {
                Publisher::of(&self.context, &account).set_access_key(words.expose(), new.clone()).await?;
            }
        }
        Ok(new)
    }

    /// Puts the account's identity under other recovery words, by the present ones, and returns them. They stay on the device until
    /// [`Client::forget_recovery_key`]; the present ones open nothing of the server's from then on.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the present words are wrong; [`ClientError::AnotherOwnIdentity`] if they open another
    /// identity than this account's; [`ClientError`] of the requests: then the same call goes on with the same words.
    pub async fn new_recovery_words(&self, present: &str) -> Result<Secret, ClientError> {
        let account = self.context.account().await?;
        Publisher::of(&self.context, &account).new_words(present).await
    }

    /// Which three of the twelve recovery words a person is to type back, from 0.
    #[must_use]
    pub fn words_to_type_back() -> [usize; 3] {
        three_of_twelve()
    }

    /// Publishes a device list without this device, if it may: which signs it out.
    async fn leave_list(&self, account: &Account) -> Result<(), ClientError> {
        let own = account.clone();
        let known = self.context.store.read(move |at| learn::known(at, &own)).await?;
        if !learn::stands(&known, account) {
            return Ok(());
        }
        let without_this = |present: &[privmsg_mls_public::Device]| {
            present.iter().filter(|one| account.device_id.as_ref() != Some(&one.device_id)).cloned().collect()
        };
        let publisher = Publisher { told: None, ..Publisher::of(&self.context, account) };
        publisher.publish(without_this, |_| Ok(Vec::new())).await
    }

    /// Signs this device out, on the server and here. History stays readable until the profile is deleted.
    ///
    /// # Errors
    /// [`ClientError`] of the request; a device that the server does not know is signed out already.
    pub async fn logout(&self) -> Result<(), ClientError> {
        // Another process may have renewed the token since.
        let account = self.context.account().await?;
        let api = &self.context.api;
        api.set_token(account.token.clone());
        match self.leave_list(&account).await {
            // Without a connection nothing is left.
            Err(error @ ClientError::Network(_)) => return Err(error),
            Err(error) => tracing::info!(%error, "leaves without another device list"),
            Ok(()) => {}
        }
        let left = match api.logout().await {
            Err(error) if error.needs_sign_in() => match by_device::sign_in(api, &self.context.store, &account).await {
                Ok(_) => api.logout().await,
                Err(error) => Err(error),
            },
            other => other,
        };
        match left {
            Err(error @ ClientError::KeyInUseElsewhere) => return Err(error),
            Err(error) if !error.signs_out() => return Err(error),
            _ => {}
        }
        api.set_token(None);
        let signed_out = SignedOut { cause: SignOutCause::Here, at_ms: self.context.clock.now_ms() };
        Ok(self.context.store.write(move |tx| sign_outs::set(tx, &signed_out)).await?)
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::UserId;
    use zeroize::Zeroizing;

    use super::*;
    use crate::KeyPlace;
    use crate::identity::signed_in_account;
    use crate::profile::Profile;

    /// Whoever takes the database of the first device afterwards has nothing that opens the account.
    #[tokio::test]
    async fn what_was_typed_back_is_gone_and_the_identity_key_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path().join("profile"));
        profile.create(KeyPlace::File, None).unwrap();
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let signed_in = signed_in_account(UserId::new("alice").unwrap());
        let first = Account {
            identity_secret: Some(Zeroizing::new([2; 32])),
            recovery_words: secret("twelve words"),
            access_key: secret("made here"),
            sealed_identity: Some(b"a copy".to_vec()),
            ..signed_in
        };
        let kept = first.clone();
        profile.open_store(None).unwrap().write(move |tx| account::save(tx, &kept)).await.unwrap();
        let client = Client::open(&profile, None).await.unwrap();
        assert!(client.recovery_key().await.unwrap().is_some() && client.access_key().await.unwrap().is_some());
        client.forget_recovery_key().await.unwrap();
        let left = client.context().account().await.unwrap();
        assert!(left.identity_secret.is_none() && left.recovery_words.is_none() && left.access_key.is_none());
        assert_eq!((left.identity, left.sealed_identity), (first.identity, first.sealed_identity), "the rest is there");
    }
}
