//! Encrypted files: each under a fresh key that is used once, in a stream of constant memory.
//!
//! ```text
//! file       = header chunk* last-chunk
//! header     = version (1 byte, = 1) nonce-prefix (7 random bytes)
//! chunk      = AES-256-GCM of 65,536 bytes of the stream, and its tag (16 bytes)
//! last-chunk = the same of what is left, 1 to 65,536 bytes
//! stream     = length of the file (8 bytes, big-endian) file zeros
//! ```
//!
//! The chunks are bound together by the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as RustCrypto
//! implements it: the nonce is prefix, chunk number and a mark of the last chunk, so chunks that are missing, repeated,
//! swapped or appended do not decrypt. The header is additional data of every chunk.
//!
//! The zeros hide the file's size: the stream is padded to a Padmé length (Nikitin et al., *Reducing Metadata Leakage
//! from Encrypted Files and Communication with PURBs*, PETS 2019, section 4), which leaks O(log log n) bits of the
//! size and costs at most 12 %.
//!
//! [`EncryptingReader`] makes its key itself and gives it away at the end, so there is no way to encrypt a second file,
//! or a changed one, under it. A failed upload may be repeated with the same ciphertext; encrypting again takes a new
//! key.

mod decrypt;
mod encrypt;
mod key;
mod padme;

pub use decrypt::DecryptingWriter;
pub use encrypt::{EncryptedFile, EncryptingReader};
pub use key::AttachmentKey;

use std::io;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::stream::{NonceSize, StreamBE32};

/// Plaintext of one chunk. Small enough for little devices, large enough that tags and calls cost nothing.
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const VERSION: u8 = 1;
const HEADER: usize = 8;
/// The length in front of the file inside the stream.
const LENGTH: u64 = 8;

/// Longest file: 64 TiB, a quarter of what chunk numbers of 32 bits allow.
pub const MAX_FILE_LEN: u64 = 1 << 46;

type Prefix = aes_gcm::aead::generic_array::GenericArray<u8, NonceSize<Aes256Gcm, StreamBE32<Aes256Gcm>>>;

/// Why a file was not encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Longer than [`MAX_FILE_LEN`].
    #[error("file too long")]
    TooLong,
    /// The file grew or shrank while it was read. Nothing was lost: encrypt it anew.
    #[error("the file changed while it was read")]
    Changed,
    /// The ciphertext was written by a newer version.
    #[error("encrypted file of unknown version {0}")]
    UnsupportedVersion(u8),
    /// The ciphertext is damaged, cut, extended, or not of this key. What was written so far is to be thrown away.
    #[error("encrypted file damaged or forged")]
    Corrupt,
    /// It decrypts, but is not the file that the message describes: size or digest differ.
    #[error("not the file that the message describes")]
    Mismatch,
}

impl AttachmentError {
    /// The error inside one that a reader or writer of this module returned, or `None` if the file system failed.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Length in bytes of the ciphertext of a file of `len` bytes.
///
/// # Errors
/// [`AttachmentError::TooLong`].
pub fn encrypted_len(len: u64) -> Result<u64, AttachmentError> {
    let stream = stream_len(len)?;
    Ok(HEADER as u64 + stream + stream.div_ceil(CHUNK as u64) * TAG as u64)
}

fn stream_len(len: u64) -> Result<u64, AttachmentError> {
    if len > MAX_FILE_LEN { Err(AttachmentError::TooLong) } else { Ok(padme::padme(LENGTH + len)) }
}
