use std::io::{Read as _, Write as _};
use std::sync::LazyLock;

use aes_gcm::aead::Payload;
use aes_gcm::aead::stream::EncryptorBE32;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use privmsg_e2ee::attachment::{AttachmentKey, DecryptingWriter, EncryptedFile, EncryptingReader, encrypted_len};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};

use super::edits::edited;

const CHUNK: usize = 65_536;

/// Three chunks and a bit.
const LONG: usize = 3 * CHUNK + 100;

/// Encrypted files: only the whole of what was encrypted opens, and what is written before something else is noticed
/// is the beginning of it.
///
/// ```text
/// input = 0 | a file | or  1 | edits of the ciphertext of a long file |  or 2 | edits of that of a short one | or
///         3 | a ciphertext | or  4 | size and length (2 bytes each) of the file in a rogue's stream | what is in it
/// ```
pub fn attachment(input: &[u8]) {
    static FILES: LazyLock<[Encrypted; 2]> =
        LazyLock::new(|| [Encrypted::of(pattern(LONG)), Encrypted::of(pattern(9))]);
    let [long, short] = &*FILES;
    match input {
        [0, file @ ..] => {
            let file = Encrypted::of(file.to_vec());
            assert_eq!(file.sealed.len() as u64, encrypted_len(file.plain.len() as u64).expect("not too long"));
            file.check(&file.sealed);
        }
        [1, edits @ ..] => long.check(&edited(&long.sealed, &short.sealed, edits)),
        [2, edits @ ..] => short.check(&edited(&short.sealed, &long.sealed, edits)),
        [3, sealed @ ..] => short.check(sealed),
        [4, s0, s1, l0, l1, stream @ ..] => {
            rogue(u16::from_le_bytes([*s0, *s1]), u16::from_le_bytes([*l0, *l1]), stream)
        }
        _ => {}
    }
}

struct Encrypted {
    plain: Vec<u8>,
    sealed: Vec<u8>,
    about: EncryptedFile,
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

impl Encrypted {
    /// Always under the same key, which is no secret here.
    fn of(plain: Vec<u8>) -> Self {
        let rng = &mut ChaCha20Rng::from_seed([5; 32]);
        let mut reader = EncryptingReader::new(plain.as_slice(), plain.len() as u64, rng).expect("not too long");
        let mut sealed = Vec::new();
        reader.read_to_end(&mut sealed).expect("a vector is read");
        let about = reader.finish().expect("all of it was read");
        Self { plain, sealed, about }
    }

    fn check(&self, sealed: &[u8]) {
        let mut written = Vec::new();
        let EncryptedFile { key, size, digest } = self.about.clone();
        let mut writer = DecryptingWriter::new(&mut written, key, size, digest);
        // Pieces that are none of the format's.
        let opened = sealed.chunks(9_973).try_for_each(|piece| writer.write_all(piece));
        let opened = opened.and_then(|()| writer.finish().map(|_| ())).is_ok();
        assert_eq!(opened, sealed == self.sealed, "opens if, and only if, it is what was encrypted");
        assert!(self.plain.starts_with(&written), "nothing is written that was not authenticated");
        assert!(!opened || written == self.plain);
    }
}

/// A sender that encrypts as it should, but not the stream that it should: the receiver gets exactly what the message
/// describes, or nothing.
fn rogue(size: u16, length: u16, file: &[u8]) {
    let (key, header) = ([7; 32], [1, 0, 0, 0, 0, 0, 0, 0]);
    let mut stream = u64::from(length).to_be_bytes().to_vec();
    stream.extend_from_slice(file.get(..CHUNK - 8).unwrap_or(file));
    let sealed = EncryptorBE32::from_aead(Aes256Gcm::new(&key.into()), header[1..].into())
        .encrypt_last(Payload { msg: &stream, aad: &header })
        .expect("one chunk");
    let sealed = [&header[..], &sealed].concat();

    let described = file.get(..usize::from(size)).unwrap_or(file);
    let digest = Sha256::digest(described).into();
    let mut writer = DecryptingWriter::new(Vec::new(), AttachmentKey::from_bytes(key), size.into(), digest);
    let written = writer.write_all(&sealed).and_then(|()| writer.finish());
    let honest = size == length && encrypted_len(size.into()).is_ok_and(|len| len == sealed.len() as u64);
    assert_eq!(written.ok().as_deref(), honest.then_some(described));
}
