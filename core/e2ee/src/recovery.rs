//! The recovery key: twelve words that open the account backup when no device is left.
//!
//! The words (BIP-39, English) stand for 128 random bits, so nothing needs to be stretched against guessing. From
//! them HKDF-SHA-256 (RFC 5869) derives an AES-256-GCM key that seals the account identity key. Backup layout:
//!
//! ```text
//! version (1 byte, = 2) | nonce (12 bytes) | ciphertext (32 bytes) | tag (16 bytes)
//! ```
//!
//! The version and the `user_id` are additional authenticated data, so a backup opens only for the account it was
//! made for. It holds the identity and no MLS secret: restoring those would reuse nonces.
//!
//! The same words give the *recovery sign-in key* ([`RecoveryKey::answer`]), Ed25519, under an info of its own: whoever
//! has them comes as far as a session that waits, without an access key.

use std::fmt;
use std::str::FromStr;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use bip39::{Language, Mnemonic};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use privmsg_mls_public::{RecoveryPublicKey, SignIn};
use privmsg_protocol::UserId;
use rand_core::CryptoRngCore;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::identity::AccountKey;

const VERSION: u8 = 2;
const SALT: &[u8] = b"PrivMsg recovery key v1";
const BACKUP_INFO: &[u8] = b"PrivMsg account backup v1 AES-256-GCM";
const SIGN_IN_INFO: &[u8] = b"PrivMsg recovery sign-in v1";
const NONCE_LEN: usize = 12;
const SEALED_LEN: usize = 32 + 16;

/// Why a recovery key or a backup was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Not twelve words of the list, or their checksum is wrong: a typing mistake.
    #[error("these are not the twelve words of a recovery key")]
    Words,
    /// The backup does not open with this key for this user.
    #[error("the recovery key does not open this backup")]
    WrongKey,
    /// The bytes are no backup.
    #[error("malformed account backup")]
    Malformed,
    /// The backup was made by a newer version.
    #[error("account backup of unknown version {0}")]
    UnsupportedVersion(u8),
}

/// 128 secret bits, shown to the user once as twelve words. Wiped when dropped.
pub struct RecoveryKey(Zeroizing<[u8; 16]>);

impl RecoveryKey {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut entropy = Zeroizing::new([0; 16]);
        rng.fill_bytes(entropy.as_mut());
        Self(entropy)
    }

    /// The twelve words, lower case, separated by single spaces.
    #[must_use]
    pub fn words(&self) -> Zeroizing<String> {
        let mnemonic = mnemonic(&self.0);
        let mut words = Zeroizing::new(String::with_capacity(12 * 9));
        for (i, word) in mnemonic.words().enumerate() {
            if i > 0 {
                words.push(' ');
            }
            words.push_str(word);
        }
        words
    }

    /// Seals the account identity key of `user_id`: 61 bytes that may be given to the server.
    pub fn seal(&self, account: &AccountKey, user_id: &UserId, rng: &mut impl CryptoRngCore) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let secret = account.to_bytes();
        let payload = Payload { msg: secret.as_slice(), aad: &additional_data(user_id) };
        let sealed = self.cipher().encrypt(Nonce::from_slice(&nonce), payload).expect("32 bytes are not too long");
        let mut backup = Vec::with_capacity(1 + NONCE_LEN + SEALED_LEN);
        backup.push(VERSION);
        backup.extend_from_slice(&nonce);
        backup.extend_from_slice(&sealed);
        backup
    }

    /// Opens a backup that [`RecoveryKey::seal`] made for the same user.
    ///
    /// # Errors
    /// [`RecoveryError::WrongKey`], [`RecoveryError::Malformed`] or [`RecoveryError::UnsupportedVersion`].
    pub fn open(&self, backup: &[u8], user_id: &UserId) -> Result<AccountKey, RecoveryError> {
        let (&version, rest) = backup.split_first().ok_or(RecoveryError::Malformed)?;
        if version != VERSION {
            return Err(RecoveryError::UnsupportedVersion(version));
        }
        if rest.len() != NONCE_LEN + SEALED_LEN {
            return Err(RecoveryError::Malformed);
        }
        let (nonce, sealed) = rest.split_at(NONCE_LEN);
        let payload = Payload { msg: sealed, aad: &additional_data(user_id) };
        let opened = self.cipher().decrypt(Nonce::from_slice(nonce), payload);
        let opened = Zeroizing::new(opened.map_err(|_| RecoveryError::WrongKey)?);
        let secret: &[u8; 32] = opened.as_slice().try_into().map_err(|_| RecoveryError::Malformed)?;
        Ok(AccountKey::from_bytes(secret))
    }

    /// The public half of the recovery sign-in key, which the server keeps.
    #[must_use]
    pub fn sign_in_key(&self) -> RecoveryPublicKey {
        let public = self.signer().verifying_key().to_bytes();
        RecoveryPublicKey::from_bytes(public).expect("a secret scalar has a sound public key")
    }

    /// The answer to a server's challenge, by which a new device is let in that waits.
    #[must_use]
    pub fn answer(&self, sign_in: &SignIn) -> [u8; 64] {
        self.signer().sign(&sign_in.by_recovery()).to_bytes()
    }

    fn signer(&self) -> SigningKey {
        SigningKey::from_bytes(&self.derive(SIGN_IN_INFO))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.derive(BACKUP_INFO).as_slice().into())
    }

    fn derive(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(SALT), self.0.as_slice())
            .expand(info, key.as_mut())
            .expect("32 bytes are a valid HKDF-SHA-256 output length");
        key
    }
}

impl FromStr for RecoveryKey {
    type Err = RecoveryError;

    /// Reads the words as people type them: any case, separated by blanks, line breaks, commas, or numbered
    /// (`1. abandon 2. ability`).
    fn from_str(s: &str) -> Result<Self, RecoveryError> {
        let mut normal = Zeroizing::new(String::with_capacity(s.len()));
        for word in s.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
            if !normal.is_empty() {
                normal.push(' ');
            }
            normal.extend(word.chars().flat_map(char::to_lowercase));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &normal).map_err(|_| RecoveryError::Words)?;
        let (mut bytes, len) = mnemonic.to_entropy_array();
        let entropy = <[u8; 16]>::try_from(&bytes[..len]);
        bytes.zeroize();
        entropy.map(|entropy| Self(Zeroizing::new(entropy))).map_err(|_| RecoveryError::Words)
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(…)")
    }
}

fn mnemonic(entropy: &[u8; 16]) -> Mnemonic {
    Mnemonic::from_entropy_in(Language::English, entropy).expect("16 bytes make twelve words")
}

fn additional_data(user_id: &UserId) -> Vec<u8> {
    let mut data = vec![VERSION];
    data.extend_from_slice(user_id.as_str().as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;

    const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn alice() -> UserId {
        UserId::new("alice").unwrap()
    }

    #[test]
    fn words_are_bip39_and_debug_hides_them() {
        let key = RecoveryKey(Zeroizing::new([0x7f; 16]));
        assert_eq!(key.words().as_str(), WORDS, "the test vector of BIP-39");
        assert_eq!(format!("{key:?}"), "RecoveryKey(…)");
    }

    #[test]
    fn people_may_type_carelessly_but_not_wrongly() {
        let sloppy = "  Legal, WINNER\nthank year;wave sausage 7. worth useful legal winner thank\tyellow. ";
        assert_eq!(sloppy.parse::<RecoveryKey>().unwrap().words().as_str(), WORDS);
        for bad in ["", "legal", &WORDS.replace("yellow", "year"), &WORDS.replace("yellow", "yello"), "ſ ſ"] {
            assert_eq!(bad.parse::<RecoveryKey>().unwrap_err(), RecoveryError::Words, "{bad:?}");
        }
        let twenty_four = format!("{} {}", "abandon ".repeat(23), "art");
        assert_eq!(twenty_four.parse::<RecoveryKey>().unwrap_err(), RecoveryError::Words);
    }

    #[test]
    fn alice_gets_her_identity_back_and_nobody_else_does() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (account, key) = (AccountKey::generate(&mut rng), RecoveryKey::generate(&mut rng));
        let backup = key.seal(&account, &alice(), &mut rng);
        let typed: RecoveryKey = key.words().parse().unwrap();
        assert_eq!(typed.open(&backup, &alice()), Ok(account));

        let other = RecoveryKey::generate(&mut rng);
        assert_eq!(other.open(&backup, &alice()), Err(RecoveryError::WrongKey));
        assert_eq!(key.open(&backup, &UserId::new("bob").unwrap()), Err(RecoveryError::WrongKey));
        assert_eq!(key.open(&[3; 61], &alice()), Err(RecoveryError::UnsupportedVersion(3)));
        assert_eq!(key.open(&[], &alice()), Err(RecoveryError::Malformed));
    }

    #[test]
    fn bytes_are_pinned() {
        let key: RecoveryKey = WORDS.parse().unwrap();
        let backup = key.seal(&AccountKey::from_bytes(&[9; 32]), &alice(), &mut ChaCha20Rng::from_seed([2; 32]));
        let hex: String = backup.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"02f6a12ca8ffc30a66ca140ccc9b43dcd3a820b01231f7342fe2ad6331083a64f642727e6f41f09e05804655779b0135cd69f6e18742f199173d9f221f");
        let words = RecoveryKey::generate(&mut ChaCha20Rng::from_seed([2; 32])).words();
        insta::assert_snapshot!(words.as_str(), @"wall annual clay zebra cost cricket choose light small neck mimic search");
    }

    /// A backup made by version 1.0 must open for ever.
    #[test]
    fn an_old_backup_still_opens() {
        let hex = "02f6a12ca8ffc30a66ca140ccc9b43dcd3a820b01231f7342fe2ad6331083a64f642727e6f41f09e05804655779b0135cd69f6e18742f199173d9f221f";
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let backup: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let key: RecoveryKey = WORDS.parse().unwrap();
        assert_eq!(key.open(&backup, &alice()), Ok(AccountKey::from_bytes(&[9; 32])));
    }

    /// The server keeps the public half: these bytes are for ever.
    #[test]
    fn the_words_sign_in_and_other_words_do_not() {
        let key: RecoveryKey = WORDS.parse().unwrap();
        insta::assert_snapshot!(key.sign_in_key(), @"wCPKTk0qu7zKd2yGYLJJrBhzz4wTb4dtdqfcztWg1gE=");
        let device_id = privmsg_protocol::DeviceId::new("phone").unwrap();
        let sign_in = SignIn { user_id: alice(), device_id, challenge: [7; 32] };
        assert!(sign_in.is_signed_by_recovery(&key.sign_in_key(), &key.answer(&sign_in)));
        let other = RecoveryKey::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        assert!(!sign_in.is_signed_by_recovery(&key.sign_in_key(), &other.answer(&sign_in)));
    }

    proptest! {
        #[test]
        fn changed_backups_do_not_open(bytes in any::<Vec<u8>>(), at in 0..61usize, flip in 1..=255u8) {
            let mut rng = ChaCha20Rng::from_seed([3; 32]);
            let key = RecoveryKey::generate(&mut rng);
            let _ = key.open(&bytes, &alice());
            let mut backup = key.seal(&AccountKey::generate(&mut rng), &alice(), &mut rng);
            prop_assert!(key.open(&backup[..at], &alice()).is_err());
            backup[at] ^= flip;
            prop_assert!(key.open(&backup, &alice()).is_err());
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC*") {
            let _ = text.parse::<RecoveryKey>();
        }
    }
}
