use std::io::{self, Write};

use aes_gcm::aead::stream::DecryptorBE32;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{AttachmentError, AttachmentKey, CHUNK, HEADER, Prefix, TAG, VERSION, stream_len};

const SEALED_CHUNK: usize = CHUNK + TAG;

/// Takes the ciphertext of a file in pieces of any size, and writes the file to `sink`, chunk by chunk, only what is
/// authenticated, in the memory of one chunk.
///
/// That the file is complete is known only after [`DecryptingWriter::finish`]: write to a temporary place, and throw it
/// away on any error. `io::Error`s of `write` hold an [`AttachmentError`] unless they come from the sink; they are final.
pub struct DecryptingWriter<W> {
    sink: W,
    key: AttachmentKey,
    size: u64,
    digest: [u8; 32],
    state: State,
    hasher: Sha256,
    /// Ciphertext that is not decrypted yet: the header, or a chunk that may be the last.
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes of the stream so far.
    stream: u64,
    /// Bytes of the file that are still to come, once its length is known.
    file_left: u64,
}

enum State {
    Header,
    Running { decryptor: Box<DecryptorBE32<Aes256Gcm>>, header: [u8; HEADER] },
    Failed,
}

impl<W: Write> DecryptingWriter<W> {
    /// Will decrypt with `key` and expect a file of this `size` with this SHA-256 `digest`, as the message says.
    #[must_use]
    pub fn new(sink: W, key: AttachmentKey, size: u64, digest: [u8; 32]) -> Self {
        Self {
            sink,
            key,
            size,
            digest,
            state: State::Header,
            hasher: Sha256::new(),
            buffer: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK)),
            stream: 0,
            file_left: 0,
        }
    }

    /// Decrypts the last chunk, checks that the file is whole and the one described, and gives the sink back, flushed.
    ///
    /// # Errors
    /// An [`AttachmentError`] inside the [`io::Error`] ([`AttachmentError::of`] finds it), or one
    /// of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        let State::Running { decryptor, header } = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(invalid(AttachmentError::Corrupt));
        };
        decryptor.decrypt_last_in_place(&header, &mut *self.buffer).map_err(|_| invalid(AttachmentError::Corrupt))?;
        self.release()?;
        if self.file_left > 0 || stream_len(self.size).ok() != Some(self.stream) {
            return Err(invalid(AttachmentError::Corrupt));
        }
        if <[u8; 32]>::from(self.hasher.finalize()) != self.digest {
            return Err(invalid(AttachmentError::Mismatch));
        }
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// Decrypts what is in the buffer, now that it is known whether more comes.
    fn advance(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Header => self.start(),
            State::Running { mut decryptor, header } => {
                decryptor
                    .decrypt_next_in_place(&header, &mut *self.buffer)
                    .map_err(|_| invalid(AttachmentError::Corrupt))?;
                self.release()?;
                self.state = State::Running { decryptor, header };
                Ok(())
            }
            State::Failed => Err(invalid(AttachmentError::Corrupt)),
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let header: [u8; HEADER] = self.buffer.as_slice().try_into().map_err(|_| invalid(AttachmentError::Corrupt))?;
        if header[0] != VERSION {
            return Err(invalid(AttachmentError::UnsupportedVersion(header[0])));
        }
        self.buffer.clear();
        let cipher = Aes256Gcm::new(self.key.as_bytes().into());
        let decryptor = Box::new(DecryptorBE32::from_aead(cipher, Prefix::from_slice(&header[1..])));
        self.state = State::Running { decryptor, header };
        Ok(())
    }

    /// Writes the file's part of a decrypted chunk to the sink.
    fn release(&mut self) -> io::Result<()> {
        let mut plain = self.buffer.as_slice();
        if self.stream == 0 {
            let (length, rest) = plain.split_first_chunk().ok_or_else(|| invalid(AttachmentError::Corrupt))?;
            if u64::from_be_bytes(*length) != self.size {
                return Err(invalid(AttachmentError::Mismatch));
            }
            self.file_left = self.size;
            plain = rest;
        }
        self.stream += self.buffer.len() as u64;
        let part = usize::try_from(self.file_left).unwrap_or(plain.len()).min(plain.len());
        self.hasher.update(&plain[..part]);
        self.sink.write_all(&plain[..part])?;
        self.file_left -= part as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Bytes that the buffer takes before it has to be decrypted.
    const fn room(&self) -> usize {
        match self.state {
            State::Header => HEADER,
            _ => SEALED_CHUNK,
        }
    }
}

impl<W: Write> Write for DecryptingWriter<W> {
    fn write(&mut self, ciphertext: &[u8]) -> io::Result<usize> {
        if ciphertext.is_empty() {
            return Ok(0);
        }
        if self.buffer.len() == self.room() || matches!(self.state, State::Failed) {
            self.advance()?;
        }
        let len = ciphertext.len().min(self.room() - self.buffer.len());
        self.buffer.extend_from_slice(&ciphertext[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn invalid(error: AttachmentError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
