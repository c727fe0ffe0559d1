//! What the recovery words are for on a device that is signed in: they open the identity, for a moment.

use privmsg_e2ee::content::SealedIdentity;
use privmsg_e2ee::{AccountKey, IdentityAction, IdentityRequest, OsRng, RecoveryError, RecoveryKey};
use privmsg_mls_public::Device;
use privmsg_protocol::rest::{
    ChallengePurpose, ChallengeRequest, EndReplacement, IdentityPurpose, SetAccessKey, StoreBackup,
};
use privmsg_protocol::{DeviceId, Opaque, Secret};
use privmsg_store::account::{self, Account};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::sealed_identity::{self, NewWords};
use privmsg_store::{Snapshot, Store, Tx};

use super::generation;
use super::learn::{self, known, stands};
use super::publish::Publisher;
use super::remembered::Remembered;
use super::sealed_copy;
use crate::content;
use crate::error::ClientError;
use crate::identity::public_identity;
use crate::net::http::Api;

/// What recovery words open.
pub(crate) struct Opened {
    pub(crate) key: AccountKey,
    /// The copy that they have opened.
    pub(crate) sealed: Vec<u8>,
    /// The server serves it as the newest.
    is_served: bool,
    /// The server has served another identity under the same words.
    pub(crate) is_another_served: bool,
    /// The server serves something else as the newest than these words open, and than this device has sealed.
    is_spoilt: bool,
}

/// The identity that the words open: as the newest copy has it, the server's or this device's own. Where the account's identity is
/// known here, it is that one.
///
/// # Errors
/// [`ClientError::FormerWords`] if they open only what others have replaced;
/// [`ClientError::Recovery`] if the words open none; [`ClientError::AnotherOwnIdentity`] if they open another one only.
pub(crate) async fn open(
    api: &Api,
    store: &Store,
    words: &RecoveryKey,
    account: &Account,
) -> Result<Opened, ClientError> {
    let served: Vec<Vec<u8>> = match api.sealed_identity().await {
        Ok(kept) => [kept.backup].into_iter().chain(kept.earlier).filter_map(|sealed| sealed.decode()).collect(),
        // A server that has lost it, or a session that ends: there is a copy here.
        Err(ClientError::Server { .. }) if account.sealed_identity.is_some() => Vec::new(),
        Err(error) => return Err(error),
    };
    let (own, newest) = (account.clone(), served.first().cloned());
    let first = newest.clone();
    let kept = move |at: &Snapshot<'_>| {
        let begun = sealed_identity::new_words(at)?.map(|begun| begun.sealed);
        let is_replaced = first.map_or(Ok(false), |first| sealed_copy::is_replaced(at, &first))?;
        Ok::<_, ClientError>((sealed_copy::all(at, &own)?, begun, is_replaced))
    };
    let (copies, begun, is_replaced) = store.read(kept).await?;
    let known = public_identity(account).ok();
    let (mut refused, mut is_another_served) = (RecoveryError::Malformed, false);
    let is_ours = |sealed: &Vec<u8>| begun.as_ref() == Some(sealed);
    let Copies { present, former } = Copies::of(served, copies, is_replaced);
    for (at, sealed) in present.into_iter().enumerate() {
        match words.open(&sealed, &account.user_id) {
            Ok(key) if known.is_none_or(|known| known == key.public()) => {
                let is_served = newest.as_ref() == Some(&sealed);
                let is_spoilt = !is_served && newest.as_ref().is_some_and(|newest| !is_ours(newest));
                return Ok(Opened { key, sealed, is_served, is_another_served, is_spoilt });
            }
            Ok(_) => is_another_served = true,
            Err(error) if at == 0 => refused = error,
            Err(_) => {}
        }
    }
    if is_another_served {
        return Err(ClientError::AnotherOwnIdentity);
    }
    let opens = |sealed: &Vec<u8>| {
        words.open(sealed, &account.user_id).is_ok_and(|key| known.is_none_or(|known| known == key.public()))
    };
    Err(if former.iter().any(opens) { ClientError::FormerWords } else { refused.into() })
}

/// Copies of the sealed identity.
#[derive(Debug, PartialEq, Eq)]
struct Copies {
    /// Those that count: what the server has as the newest, and this device.
    present: Vec<Vec<u8>>,
    former: Vec<Vec<u8>>,
}

impl Copies {
    /// Sorts what the server serves and what this device keeps, the newest first in both. What this device keeps the identity has
    /// signed for: nothing takes its place but what the identity has signed for, too. That the server says of it that it was replaced is
    /// nobody's word, or it would have the right words refused. `is_replaced`: this device has seen others take the place of what the server
    /// serves as the newest.
    fn of(served: Vec<Vec<u8>>, kept: Vec<Vec<u8>>, is_replaced: bool) -> Self {
        let (mut served, mut kept) = (served.into_iter(), kept.into_iter());
        let (newest, own) = (served.next(), kept.next());
        let (replaced, replaced_here): (Vec<_>, Vec<_>) = (served.collect(), kept.collect());
        let (mut present, mut former) = (Vec::new(), Vec::new());
        if let Some(newest) = newest {
            // A server that serves what was replaced does not make it the newest again.
            let is_former = is_replaced || replaced_here.contains(&newest);
            if is_former { former.push(newest) } else { present.push(newest) }
        }
        present.extend(own);
        former.extend(replaced.into_iter().chain(replaced_here));
        former.retain(|one| !present.contains(one));
        Self { present, former }
    }
}

impl Publisher<'_> {
    /// Begins a generation of the account without these devices, which may be in somebody else's hands. The others stay that
    /// this device knew of before it asked the server, and that it has seen no later than the first of these: what came later
    /// may have been let in by whoever has one of them. It waits, and is let in once more by hand.
    ///
    /// # Errors
    /// [`ClientError::NeverListed`] for a device that this one has never seen in a list, and nothing begins;
    /// [`ClientError::Recovery`] if the words are wrong; [`ClientError::ClocksDiffer`].
    pub(crate) async fn begin_without(self, words: &str, gone: &[DeviceId]) -> Result<(), ClientError> {
        let remembered = self.remembered().await?;
        self.catch_up().await?;
        // The thief may have come and gone since this device had last heard of a list.
        let remembers = self.remembered().await?;
        if !gone.iter().all(|device| remembers.has_seen(device)) {
            return Err(ClientError::NeverListed);
        }
        let key = self.identity(words).await?;
        let mut account = self.account.clone();
        let own = account.clone();
        let known = self.store.read(move |at| known(at, &own)).await?;
        if !stands(&known, &account) {
            return Err(ClientError::NotListed);
        }
        let stays = |device: &&Device| {
            let is_own = account.device_id.as_ref() == Some(&device.device_id);
            !is_own && remembered.stands(device) && remembers.stays(device, gone)
        };
        let keep = known.devices().iter().filter(stays).cloned().collect();
        generation::begin(self.store, &mut account, &key, keep, (self.clock.now_ms(), self.agreed()?)).await?;
        Publisher { account: &account, ..self }.catch_up().await.map(drop)
    }

    /// What this device remembers of the account's devices.
    pub(crate) async fn remembered(self) -> Result<Remembered, ClientError> {
        let account = self.account.clone();
        self.store.read(move |at| Remembered::load(at, known(at, &account)?)).await
    }

    /// Ends a replacement of the identity that somebody has begun.
    ///
    /// # Errors
    /// [`ClientError::Recovery`] if the words are wrong, [`ClientError::FormerWords`] if others have taken their place; the server's
    /// refusal.
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

    /// Seals the identity with other words. They are stored before the server hears of them, and whoever is cut off goes on with
    /// the same ones; the other devices are told.
    ///
    /// # Errors
    /// As [`Publisher::end_replacement`].
    pub(crate) async fn new_words(self, words: &str) -> Result<Secret, ClientError> {
        let key = self.identity(words).await?;
        let user_id = self.account.user_id.clone();
        let begun = match self.store.read(sealed_identity::new_words).await? {
            Some(begun) => begun,
            None => {
                let words = RecoveryKey::generate(&mut OsRng);
                let sealed = words.seal(&key, &user_id, &mut OsRng);
                let new = NewWords { words: Secret::new(words.words().to_string()), sealed };
                let kept = new.clone();
                self.store.write(move |tx| sealed_identity::set_new_words(tx, &kept)).await?;
                new
            }
        };
        let new: RecoveryKey = begun.words.expose().parse().map_err(|_| ClientError::Damaged("recovery key"))?;
        let sign_in_key = new.sign_in_key();
        let body = SealedIdentity::body(&begun.sealed, &sign_in_key);
        let (challenge, signature) = self.sign(&key, IdentityPurpose::SealIdentity, &body).await?;
        let request = StoreBackup {
            backup: Opaque::encode(&begun.sealed),
            recovery_key: sign_in_key.to_string(),
            challenge: Opaque::encode(&challenge),
            signature: Opaque::encode(&signature),
        };
        self.api.seal_identity(&request).await?;
        let told = SealedIdentity::new(begun.sealed, &sign_in_key, challenge, signature);
        let now_ms = self.clock.now_ms();
        self.store.write(move |tx| new_words_count(tx, &told, now_ms)).await?;
        Ok(begun.words)
    }

    /// A request that only the identity may make: the server's challenge, and the signature over it.
    async fn ask(self, words: &str, purpose: IdentityPurpose, body: &[u8]) -> Result<(Opaque, Opaque), ClientError> {
        let key = self.identity(words).await?;
        let (challenge, signature) = self.sign(&key, purpose, body).await?;
        Ok((Opaque::encode(&challenge), Opaque::encode(&signature)))
    }

    async fn sign(
        self,
        key: &AccountKey,
        purpose: IdentityPurpose,
        body: &[u8],
    ) -> Result<([u8; 32], [u8; 64]), ClientError> {
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
        Ok((bytes, key.ask(&IdentityRequest::new(user_id, bytes, action, body))))
    }

    /// The account's identity, by the words. That the server has another one under them is an alarm, whether or not there is
    /// a copy of the right one.
    async fn identity(self, words: &str) -> Result<AccountKey, ClientError> {
        public_identity(self.account)?;
        let words: RecoveryKey = words.parse()?;
        let opened = open(self.api, self.store, &words, self.account).await;
        let alarming = match &opened {
            Ok(opened) => opened.is_another_served,
            Err(error) => matches!(error, ClientError::AnotherOwnIdentity),
        };
        if alarming {
            let now_ms = self.clock.now_ms();
            let told = self.store.write(move |tx| learn::another_identity(tx, now_ms)).await?;
            if let Some(context) = self.told {
                context.emit_all(told);
            }
        }
        let Opened { key, sealed, is_served, is_spoilt, .. } = opened?;
        if is_spoilt {
            let now_ms = self.clock.now_ms();
            let told = self.store.write(move |tx| learn::note_spoilt(tx, true, now_ms)).await?;
            if let Some(context) = self.told {
                context.emit_all(told);
            }
        }
        if is_served {
            // A device that has not heard of it keeps it from now on.
            let copy = sealed_copy::sign(&key, &self.account.user_id, &words, sealed);
            self.store.write(move |tx| sealed_copy::keep(tx, &copy)).await?;
        }
        Ok(key)
    }
}

/// The words that were on their way are those of the account; the other devices keep what is sealed with them, too.
fn new_words_count(tx: &Tx<'_>, told: &SealedIdentity, now_ms: i64) -> Result<(), ClientError> {
    sealed_copy::keep(tx, told)?;
    sealed_identity::new_words_count(tx)?;
    let Some(account) = account::load(tx)? else { return Ok(()) };
    let known = known(tx, &account)?;
    let Some((user, device)) = account::sender(tx)? else { return Ok(()) };
    if known.devices().len() < 2 {
        return Ok(());
    }
    let content = content::compose(told, now_ms)?;
    let chat = chats::ensure(tx, &ChatKind::SelfNotes, now_ms)?;
    content::say(tx, (&user, &device), chat, &content, now_ms).map(drop)
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

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
