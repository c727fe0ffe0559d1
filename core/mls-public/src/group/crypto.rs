//! RustCrypto's cryptography for the check of one commit.
//!
//! OpenMLS hashes the whole tree three times for each commit: for the parent hashes, for the GroupContext, and once more when
//! the commit is staged. With the keys of ML-KEM these are megabytes in a large group, and most of what the check costs. So
//! the hash of what was hashed before is remembered, for as long as the check lasts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use openmls::prelude::tls_codec::SecretVLBytes;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput,
    SignatureScheme,
};

/// No node of a tree is longer, and what is hashed besides is hashed once.
const MAX_REMEMBERED: usize = 16 * 1024;

/// All that is hashed of a group of a thousand devices is shorter: leaves and parents have about four kilobytes for each.
const MAX_REMEMBERED_IN_ALL: usize = 8 * 1024 * 1024;

/// Nodes differ at their beginning (the leaf's index, the key) or at their end (the children's hashes).
const END_LEN: usize = 64;

/// What tells most inputs apart: length, beginning and end.
type Key = (usize, [u8; END_LEN], [u8; END_LEN]);

#[derive(Default)]
pub(super) struct Crypto {
    inner: RustCrypto,
    /// Inputs of SHA-384 with their hashes. Inputs under the same key are compared whole.
    hashes: Mutex<Hashes>,
}

#[derive(Default)]
struct Hashes {
    known: HashMap<Key, Vec<Hashed>>,
    /// Of all inputs.
    len: usize,
}

struct Hashed {
    input: Vec<u8>,
    hash: Vec<u8>,
}

impl Crypto {
    fn remembered_hash(&self, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (Some(first), Some(last)) = (data.first_chunk(), data.last_chunk()) else {
            return self.inner.hash(HashType::Sha2_384, data);
        };
        let key = (data.len(), *first, *last);
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hashes.known.get(&key).and_then(|alike| alike.iter().find(|known| known.input == data)) {
            return Ok(known.hash.clone());
        }
        let hash = self.inner.hash(HashType::Sha2_384, data)?;
        // A key and what stands around it take more than a short input.
        let len = hashes.len + data.len() + size_of::<(Key, Hashed)>();
        if len <= MAX_REMEMBERED_IN_ALL {
            hashes.len = len;
            hashes.known.entry(key).or_default().push(Hashed { input: data.to_vec(), hash: hash.clone() });
        }
        Ok(hash)
    }
}

impl OpenMlsCrypto for Crypto {
    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match hash_type {
            HashType::Sha2_384 if data.len() <= MAX_REMEMBERED => self.remembered_hash(data),
            _ => self.inner.hash(hash_type, data),
        }
    }

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.inner.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.inner.supported_ciphersuites()
    }

    fn hkdf_extract(&self, hash_type: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_extract(hash_type, salt, ikm)
    }

    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hmac(hash_type, key, message)
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_expand(hash_type, prk, info, okm_len)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.inner.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.inner.verify_signature(alg, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.sign(alg, data, key)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.inner.hpke_seal(config, pk_r, info, aad, ptxt)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.hpke_open(config, input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.inner.hpke_setup_sender_and_export(config, pk_r, info, exporter_context, exporter_length)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.inner.hpke_setup_receiver_and_export(config, enc, sk_r, info, exporter_context, exporter_length)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        self.inner.derive_hpke_keypair(config, ikm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_look_alike_have_their_own_hashes() {
        let crypto = Crypto::default();
        let alike = |middle| [&[7; END_LEN][..], &[middle; 1000], &[7; END_LEN]].concat();
        let inputs = [alike(0), alike(1), vec![7; 100], vec![7; 10], Vec::new(), vec![7; MAX_REMEMBERED + 1]];
        for _ in 0..2 {
            for input in &inputs {
                for hash_type in [HashType::Sha2_384, HashType::Sha2_512] {
                    assert_eq!(crypto.hash(hash_type, input), crypto.inner.hash(hash_type, input));
                }
            }
        }
    }

    #[test]
    fn only_so_much_is_remembered() {
        let crypto = Crypto::default();
        let inputs: Vec<Vec<u8>> = (0..2_000_u32).map(|at| [&at.to_be_bytes()[..], &[0; 6_000]].concat()).collect();
        for input in inputs.iter().chain(&inputs) {
            assert_eq!(crypto.hash(HashType::Sha2_384, input), crypto.inner.hash(HashType::Sha2_384, input));
        }
        let hashes = crypto.hashes.lock().unwrap();
        let kept: usize = hashes.known.values().flatten().map(|known| known.input.len()).sum();
        assert!(kept > MAX_REMEMBERED_IN_ALL * 9 / 10 && kept <= MAX_REMEMBERED_IN_ALL, "{kept}");
    }
}
