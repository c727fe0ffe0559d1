//! Stories of a member whose public keys are none.

use std::sync::atomic::{AtomicUsize, Ordering};

use openmls::prelude::tls_codec::SecretVLBytes;
use openmls::prelude::{LeafNodeParameters, OpenMlsCrypto};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput,
    SignatureScheme,
};
use privmsg_e2ee::{ProcessError, RejectReason};
use privmsg_mls_public::Refused;
use privmsg_mls_public::group::{GroupInfoError, UnusableKey};

use crate::people::{direct, open_chat, person};
use crate::rogue::{Forged, Rogue};
use crate::server::Server;

/// RustCrypto's, but one of the public keys that it makes is spoiled.
struct Spoiler {
    crypto: RustCrypto,
    which: usize,
    made: AtomicUsize,
    spoil: fn(&mut Vec<u8>),
}

impl OpenMlsCrypto for Spoiler {
    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let mut pair = self.crypto.derive_hpke_keypair(config, ikm)?;
        if self.made.fetch_add(1, Ordering::Relaxed) == self.which {
            (self.spoil)(&mut pair.public);
        }
        Ok(pair)
    }

    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> {
        self.crypto.supports(suite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.crypto.supported_ciphersuites()
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hmac(hash, key, message)
    }

    fn hkdf_expand(&self, hash: HashType, prk: &[u8], info: &[u8], len: usize) -> Result<SecretVLBytes, CryptoError> {
        self.crypto.hkdf_expand(hash, prk, info, len)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.crypto.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.aead_decrypt(alg, key, sealed, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.crypto.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        key: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.crypto.verify_signature(alg, data, key, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.crypto.sign(alg, data, key)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.crypto.hpke_seal(config, key, info, aad, plain)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.crypto.hpke_open(config, input, key, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.crypto.hpke_setup_sender_and_export(config, key, info, context, len)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        key: &[u8],
        info: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.crypto.hpke_setup_receiver_and_export(config, enc, key, info, context, len)
    }
}

fn is_unusable(refused: &Refused) -> bool {
    let Refused::Invalid(cause) = refused else { return false };
    let external_pub = Some(&GroupInfoError::ExternalPub(UnusableKey));
    cause.is::<UnusableKey>() || cause.downcast_ref() == external_pub
}

#[test]
fn a_key_to_which_nobody_can_encrypt_is_refused() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &bobs]));
    let disk = bobs.disk();
    let commit = |which, spoil| -> Forged {
        bobs.restore(disk.clone());
        let spoiler = Spoiler { crypto: RustCrypto::default(), which, made: AtomicUsize::new(0), spoil };
        Rogue::of(&bobs).commit_with(&spoiler, Vec::new(), LeafNodeParameters::default(), None)
    };
    let spoils: [fn(&mut Vec<u8>); 3] = [|key| key[..1184].fill(0xff), |key| key.truncate(1215), Vec::clear];
    for spoil in spoils {
        // The leaf's, the root's and external_pub.
        for which in 0..3 {
            let forged = commit(which, spoil);
            let refused = server.refuse(&forged.commit, &forged.group_info);
            assert!(is_unusable(&refused), "{which}: {refused:?}");
        }
        // Of those that are in the commit, receivers derive the root's for themselves, and look at the leaf's.
        let client = phone.process_commit(&commit(0, spoil).commit);
        assert!(matches!(client, Err(ProcessError::Rejected(RejectReason::Invalid(_)))), "{client:?}");
        let fine = commit(3, spoil);
        server.chat().apply(&fine.commit, &fine.group_info).unwrap();
    }
}
