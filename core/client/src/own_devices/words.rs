//! What the recovery words are for on a device that is signed in: they open the identity, for a moment.

use privmsg_e2ee::{AccountKey, IdentityAction, IdentityRequest, OsRng, RecoveryError, RecoveryKey};
use privmsg_mls_public::Device;
use privmsg_protocol::rest::{ChallengePurpose, ChallengeRequest, EndReplacement, IdentityPurpose, SetAccessKey};
use privmsg_protocol::{DeviceId, Opaque, Secret};

use super::generation;
use super::learn::{known, stands};
use super::publish::Publisher;
use crate::error::ClientError;
use crate::identity::public_identity;
use crate::net::http::Api;

/// The identity that the words open: as one of the copies has it, the server's, those before it, or this device's own. It has to
/// be the one that is known here.
pub(crate) async fn open(
    api: &Api,
    words: &RecoveryKey,
    account: &privmsg_store::account::Account,
) -> Result<(AccountKey, Vec<u8>), ClientError> {
    let kept = match api.sealed_identity().await {
        Ok(kept) => [kept.backup].into_iter().chain(kept.earlier).filter_map(|sealed| sealed.decode()).collect(),
        // A server that has lost it, or a session that ends: there is a copy here.
        Err(ClientError::Server { .. }) if account.sealed_identity.is_some() => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut refused = RecoveryError::Malformed;
    for (at, sealed) in kept.into_iter().chain(account.sealed_identity.clone()).enumerate() {
        match words.open(&sealed, &account.user_id) {
            Ok(key) => return Ok((key, sealed)),
            Err(error) if at == 0 => refused = error,
            Err(_) => {}
        }
    }
    Err(refused.into())
}

impl Publisher<'_> {
    /// Begins a generation of the account without these devices, which may be in somebody else's hands. The others stay, as
    /// far as this device remembers them.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong.
    pub(crate) async fn begin_without(self, words: &str, gone: &[DeviceId]) -> Result<(), ClientError> {
        let key = self.identity(words).await?;
        self.catch_up().await?;
        let mut account = self.account.clone();
        let own = account.clone();
        let known = self.store.read(move |at| known(at, &own)).await?;
        if !stands(&known, &account) {
            return Err(ClientError::NotListed);
        }
        let stays = |device: &&Device| {
            !gone.contains(&device.device_id) && account.device_id.as_ref() != Some(&device.device_id)
        };
        let keep = known.devices().iter().filter(stays).cloned().collect();
        generation::begin(self.store, &mut account, &key, keep, (self.now_ms, self.now_s)).await?;
        Publisher { account: &account, ..self }.catch_up().await.map(drop)
    }

    /// Ends a replacement of the identity that somebody has begun.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong; the server's refusal.
    pub(crate) async fn end_replacement(self, words: &str) -> Result<(), ClientError> {
        let (challenge, signature) = self.ask(words, IdentityPurpose::EndReplacement, b"").await?;
        self.api.end_replacement(&EndReplacement { challenge, signature }).await
    }

    /// Sets another access key, by the words.
    ///
    /// # Errors
    /// As [`Publisher::end_replacement`].
    pub(crate) async fn set_access_key(self, words: &str, access_key: Secret) -> Result<(), ClientError> {
        let text = access_key.expose().as_bytes();
        let (challenge, signature) = self.ask(words, IdentityPurpose::SetAccessKey, text).await?;
        let (challenge, signature) = (Some(challenge), Some(signature));
        self.api.set_access_key(&SetAccessKey { access_key, present_access_key: None, challenge, signature }).await
    }

    /// A request that only the identity may make: the server's challenge, and the signature over it.
    async fn ask(self, words: &str, purpose: IdentityPurpose, body: &[u8]) -> Result<(Opaque, Opaque), ClientError> {
        let key = self.identity(words).await?;
        let user_id = self.account.user_id.clone();
        let request = ChallengeRequest { user_id: user_id.clone(), purpose: ChallengePurpose::Identity(purpose) };
        let challenge = self.api.challenge(&request).await?.challenge;
        let bytes = challenge.decode().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(ClientError::Protocol("a challenge that is none"))?;
        let action = match purpose {
            IdentityPurpose::SetAccessKey => IdentityAction::SetAccessKey,
            IdentityPurpose::SealIdentity => IdentityAction::SealIdentity,
            IdentityPurpose::EndReplacement => IdentityAction::EndReplacement,
        };
        let signature = key.ask(&IdentityRequest::new(user_id, bytes, action, body));
        Ok((challenge, Opaque::encode(&signature)))
    }

    /// The account's identity, by the words.
    async fn identity(self, words: &str) -> Result<AccountKey, ClientError> {
        let words: RecoveryKey = words.parse()?;
        let (key, _) = open(self.api, &words, self.account).await?;
        if public_identity(self.account)? == key.public() { Ok(key) } else { Err(ClientError::AnotherOwnIdentity) }
    }
}

/// Positions of three of the twelve words, for a person to type back.
pub(crate) fn three_of_twelve() -> [usize; 3] {
    use rand_core::RngCore as _;
    let mut left: Vec<usize> = (0..12).collect();
    let mut picked = [0, 1, 2].map(|_| {
        let at = usize::try_from(OsRng.next_u64() % left.len() as u64).unwrap_or(0);
        left.swap_remove(at)
    });
    picked.sort_unstable();
    picked
}
