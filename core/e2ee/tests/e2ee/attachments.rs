//! Files that travel encrypted.

use std::io::{Read as _, Write as _};

use privmsg_e2ee::attachment::{AttachmentError, DecryptingWriter, EncryptedFile, EncryptingReader, encrypted_len};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};

const CHUNK: usize = 65_536;
const SEALED: usize = CHUNK + 16;

fn file(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn encrypt(plain: &[u8]) -> (Vec<u8>, EncryptedFile) {
    let mut reader = EncryptingReader::new(plain, plain.len() as u64, &mut ChaCha20Rng::from_seed([5; 32])).unwrap();
    let mut sealed = Vec::new();
    reader.read_to_end(&mut sealed).unwrap();
    (sealed, reader.finish().unwrap())
}

fn decrypt(sealed: &[u8], file: &EncryptedFile, piece: usize) -> Result<Vec<u8>, AttachmentError> {
    let mut writer = DecryptingWriter::new(Vec::new(), file.key.clone(), file.size, file.digest);
    let written = sealed.chunks(piece.max(1)).try_for_each(|piece| writer.write_all(piece));
    written.and_then(|()| writer.finish()).map_err(|error| AttachmentError::of(&error).unwrap())
}

/// A file whose ciphertext has a header and four chunks.
fn four_chunks() -> (Vec<u8>, EncryptedFile) {
    let (sealed, file) = encrypt(&file(3 * CHUNK + 100));
    assert_eq!(sealed.len().div_ceil(SEALED), 4);
    (sealed, file)
}

#[test]
fn files_of_every_size_come_back() {
    for len in [0, 1, 100, CHUNK - 9, CHUNK - 8, CHUNK - 7, CHUNK, 2 * CHUNK - 8, 3 * CHUNK + 100, 1_000_000] {
        let plain = file(len);
        let (sealed, info) = encrypt(&plain);
        assert_eq!(sealed.len() as u64, encrypted_len(len as u64).unwrap(), "{len}");
        assert_eq!(info.size, len as u64);
        for piece in [4096, SEALED, 1 << 20] {
            assert_eq!(decrypt(&sealed, &info, piece).unwrap(), plain, "{len} by {piece}");
        }
    }
}

#[test]
fn sizes_are_hidden_within_a_few_percent() {
    assert_eq!(encrypted_len(1_000_000), encrypted_len(1_010_000));
    assert!(encrypted_len(1_000_000).unwrap() < 1_040_000);
    assert_eq!(encrypted_len(u64::MAX), Err(AttachmentError::TooLong));
}

#[test]
fn every_file_has_its_own_key() {
    let rng = &mut ChaCha20Rng::from_seed([6; 32]);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut reader = EncryptingReader::new(&b"same"[..], 4, rng).unwrap();
        reader.read_to_end(&mut Vec::new()).unwrap();
        keys.push(reader.finish().unwrap().key);
    }
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_file_that_changes_underway_is_not_sent() {
    for (len, claimed) in [(99, 100), (101, 100), (CHUNK, CHUNK + 1), (0, 1)] {
        let plain = file(len);
        let rng = &mut ChaCha20Rng::from_seed([7; 32]);
        let mut reader = EncryptingReader::new(plain.as_slice(), claimed as u64, rng).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(AttachmentError::of(&error), Some(AttachmentError::Changed), "{len} for {claimed}");
        assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::Other);
        assert_eq!(reader.finish(), Err(AttachmentError::Changed));
    }
    let reader = EncryptingReader::new(&b"unread"[..], 6, &mut ChaCha20Rng::from_seed([7; 32])).unwrap();
    assert_eq!(reader.finish(), Err(AttachmentError::Changed));
}

#[test]
fn cut_swapped_repeated_and_extended_files_are_refused() {
    let (sealed, info) = four_chunks();
    let chunk = |i: usize| &sealed[8 + i * SEALED..sealed.len().min(8 + (i + 1) * SEALED)];
    let header = &sealed[..8];
    let forgeries = [
        Vec::new(),
        header.to_vec(),
        sealed[..sealed.len() - 1].to_vec(),
        [header, chunk(0), chunk(1), chunk(2)].concat(),
        [header, chunk(0)].concat(),
        [header, chunk(1), chunk(0), chunk(2), chunk(3)].concat(),
        [header, chunk(0), chunk(0), chunk(2), chunk(3)].concat(),
        [header, chunk(0), chunk(2), chunk(3)].concat(),
        [header, chunk(3)].concat(),
        [&sealed, &b"\0"[..]].concat(),
        [&sealed, chunk(3)].concat(),
    ];
    for (i, forgery) in forgeries.iter().enumerate() {
        assert_eq!(decrypt(forgery, &info, 10_000), Err(AttachmentError::Corrupt), "forgery {i}");
    }
}

#[test]
fn another_file_under_the_right_name_is_refused() {
    let (sealed, info) = encrypt(b"the picture");
    let other_size = EncryptedFile { size: 12, ..info.clone() };
    assert_eq!(decrypt(&sealed, &other_size, 100), Err(AttachmentError::Mismatch));
    let other_digest = EncryptedFile { digest: [0; 32], ..info.clone() };
    assert_eq!(decrypt(&sealed, &other_digest, 100), Err(AttachmentError::Mismatch));
    let (_, other_key) = encrypt(b"another one");
    assert!(decrypt(&[2; 100], &other_key, 100) == Err(AttachmentError::UnsupportedVersion(2)));
}

/// Files that lie on servers must open for ever.
#[test]
fn an_old_file_still_opens() {
    let (sealed, info) = encrypt(b"old");
    let hex: String = sealed.iter().map(|b| format!("{b:02x}")).collect();
    insta::assert_snapshot!(hex, @"01a65007ae15ae0206ede51512d473304be186cf738abf27121d1429fb82fcdcbb1f22a7");
    assert_eq!(decrypt(&sealed, &info, 1).unwrap(), b"old");
    let (sealed, _) = four_chunks();
    let digest: String = Sha256::digest(&sealed).iter().map(|b| format!("{b:02x}")).collect();
    insta::assert_snapshot!(digest, @"c36b29a4964ed398c8bd251baee3e0541ddc0a1f04698b4bcf1e328d296def05");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (mut sealed, info) = four_chunks();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(decrypt(&sealed, &info, 50_000).is_err());
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>(), piece in 1..64usize) {
        let (_, info) = encrypt(b"");
        prop_assert!(decrypt(&bytes, &info, piece).is_err());
    }
}
