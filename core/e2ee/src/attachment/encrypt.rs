use std::io::{self, Read};

use aes_gcm::aead::stream::EncryptorBE32;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::{AttachmentError, AttachmentKey, CHUNK, HEADER, Prefix, TAG, VERSION, stream_len};

/// What the message says about a file, beside where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedFile {
    /// Opens the ciphertext.
    pub key: AttachmentKey,
    /// Size of the file itself, in bytes.
    pub size: u64,
    /// SHA-256 of the file itself.
    pub digest: [u8; 32],
}

/// Reads a file and gives its ciphertext, [`encrypted_len`](super::encrypted_len) bytes, in the memory of one chunk.
///
/// After the end, [`EncryptingReader::finish`] gives the key. An error of the source, or [`AttachmentError::Changed`]
/// inside an [`io::Error`], is final: encrypt anew, under another key.
pub struct EncryptingReader<R> {
    source: R,
    size: u64,
    /// The length at the head of the stream, until it is written.
    length: Option<[u8; 8]>,
    /// Bytes of the file that are still to come.
    file_left: u64,
    /// Bytes of the stream that are still to come.
    stream_left: u64,
    key: AttachmentKey,
    header: [u8; HEADER],
    state: State,
    digest: Sha256,
    buffer: Zeroizing<Vec<u8>>,
    /// How much of the buffer was given away.
    read: usize,
}

enum State {
    Running(Box<EncryptorBE32<Aes256Gcm>>),
    Complete,
    Failed,
}

impl<R: Read> EncryptingReader<R> {
    /// Will encrypt the `size` bytes of `source` under a fresh key.
    ///
    /// # Errors
    /// [`AttachmentError::TooLong`].
    pub fn new(source: R, size: u64, rng: &mut impl CryptoRngCore) -> Result<Self, AttachmentError> {
        let stream_left = stream_len(size)?;
        let key = AttachmentKey::generate(rng);
        let mut prefix = Prefix::default();
        rng.fill_bytes(&mut prefix);
        let mut header = [VERSION; HEADER];
        header[1..].copy_from_slice(&prefix);
        let mut buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        buffer.extend_from_slice(&header);
        let cipher = Aes256Gcm::new(key.as_bytes().into());
        Ok(Self {
            source,
            size,
            length: Some(size.to_be_bytes()),
            file_left: size,
            stream_left,
            key,
            header,
            state: State::Running(Box::new(EncryptorBE32::from_aead(cipher, &prefix))),
            digest: Sha256::new(),
            buffer,
            read: 0,
        })
    }

    /// The key, size and digest, once everything has been read.
    ///
    /// # Errors
    /// [`AttachmentError::Changed`] if it has not: the ciphertext is not complete, and its key is forgotten.
    pub fn finish(self) -> Result<EncryptedFile, AttachmentError> {
        match self.state {
            State::Complete if self.read == self.buffer.len() => {
                Ok(EncryptedFile { key: self.key, size: self.size, digest: self.digest.finalize().into() })
            }
            _ => Err(AttachmentError::Changed),
        }
    }

    /// Fills the buffer with the next encrypted chunk. Leaves it empty at the end, and after an error, when it may
    /// hold plaintext.
    fn next_chunk(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.read = 0;
        self.seal_chunk().inspect_err(|_| self.buffer.zeroize())
    }

    fn seal_chunk(&mut self) -> io::Result<()> {
        let mut encryptor = match std::mem::replace(&mut self.state, State::Failed) {
            State::Running(encryptor) => encryptor,
            State::Complete => {
                self.state = State::Complete;
                return Ok(());
            }
            State::Failed => return Err(changed()),
        };
        self.fill()?;
        let sealed = if self.stream_left > 0 {
            let sealed = encryptor.encrypt_next_in_place(&self.header, &mut *self.buffer);
            self.state = State::Running(encryptor);
            sealed
        } else {
            if self.source.read(&mut [0])? > 0 {
                return Err(changed());
            }
            let sealed = encryptor.encrypt_last_in_place(&self.header, &mut *self.buffer);
            self.state = State::Complete;
            sealed
        };
        sealed.map_err(|_| io::Error::other(AttachmentError::TooLong))
    }

    /// Puts the next bytes of the stream into the buffer: the length in front, then the file, then zeros.
    fn fill(&mut self) -> io::Result<()> {
        let len = usize::try_from(self.stream_left).unwrap_or(CHUNK).min(CHUNK);
        if let Some(length) = self.length.take() {
            self.buffer.extend_from_slice(&length);
        }
        let start = self.buffer.len();
        let part = usize::try_from(self.file_left).unwrap_or(CHUNK).min(len - start);
        self.buffer.resize(start + part, 0);
        self.source.read_exact(&mut self.buffer[start..]).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => error,
        })?;
        self.digest.update(&self.buffer[start..]);
        self.buffer.resize(len, 0);
        self.file_left -= part as u64;
        self.stream_left -= len as u64;
        Ok(())
    }
}

impl<R: Read> Read for EncryptingReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.buffer.len() && !out.is_empty() {
            self.next_chunk()?;
        }
        let len = out.len().min(self.buffer.len() - self.read);
        out[..len].copy_from_slice(&self.buffer[self.read..self.read + len]);
        self.read += len;
        Ok(len)
    }
}

fn changed() -> io::Error {
    io::Error::other(AttachmentError::Changed)
}
