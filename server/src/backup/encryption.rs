//! Encryption of archives, in the format of the program `age`, which opens them too.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::stream::StreamWriter;
use privmsg_protocol::Secret;

use super::BackupError;

/// Bytes that are handed to the disk at once.
const BUFFER: usize = 256 * 1024;

/// What every file of age begins with.
const MAGIC: &[u8] = b"age-encryption.org/";

/// What an armoured one begins with, as `age --armor` makes it.
const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// A text without the mark that editors on Windows put in front of it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

/// Work that a passphrase costs, as a power of two: 128 MB of memory for about half a second. The usual choice would
/// double both, which is more than a small server has to spare.
const WORK: u8 = 17;

/// Work that opening with a passphrase may cost: about a minute. What an archive asks for beyond that is no accident.
const MOST_WORK: u8 = 22;

/// Whom an archive is encrypted to.
#[derive(Debug, Default)]
pub(crate) enum Encryption {
    /// Anybody who has the file reads it.
    #[default]
    None,
    /// The holders of these keys; never empty.
    Recipients(Vec<age::x25519::Recipient>),
    /// Whoever knows this.
    Passphrase(Secret),
}

/// Reads public keys; none is no encryption.
pub(crate) fn recipients<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Encryption, BackupError> {
    let recipients = texts
        .into_iter()
        .map(|text| text.trim().parse().map_err(|_| BackupError::Recipient { text: text.to_owned() }))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(if recipients.is_empty() { Encryption::None } else { Encryption::Recipients(recipients) })
}

impl Encryption {
    pub(super) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Begins writing.
    pub(super) fn seal(&self, file: File) -> Result<Sealed, SealError> {
        let file = BufWriter::with_capacity(BUFFER, file);
        let encryptor = match self {
            Self::None => return Ok(Sealed::Plain(file)),
            Self::Recipients(recipients) => {
                age::Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn age::Recipient))
                    .map_err(SealError::Encrypt)?
            }
            Self::Passphrase(passphrase) => {
                let mut recipient = age::scrypt::Recipient::new(secret(passphrase));
                recipient.set_work_factor(WORK);
                age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
                    .map_err(SealError::Encrypt)?
            }
        };
        Ok(Sealed::Age(Box::new(encryptor.wrap_output(file).map_err(SealError::Write)?)))
    }
}

/// Why writing did not begin.
#[derive(Debug)]
pub(super) enum SealError {
    Encrypt(age::EncryptError),
    Write(io::Error),
}

/// An archive that is being written.
pub(super) enum Sealed {
    Plain(BufWriter<File>),
    Age(Box<StreamWriter<BufWriter<File>>>),
}

impl Sealed {
    /// Writes what is still held back. Without it an encrypted archive is cut off.
    pub(super) fn finish(self) -> io::Result<File> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Age(file) => file.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Age(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Age(file) => file.flush(),
        }
    }
}

/// What opens an encrypted archive.
#[derive(Debug, Default)]
pub(crate) struct Unlock {
    /// Contents of files of secret keys (`AGE-SECRET-KEY-1…`).
    pub(crate) identities: Vec<Secret>,
    pub(crate) passphrase: Option<Secret>,
}

impl Unlock {
    /// Begins reading. Whether it is encrypted shows by its first bytes.
    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn Read>, BackupError> {
        let failed = BackupError::io("read", path);
        let mut start = Vec::new();
        let longest = MAGIC.len().max(ARMOUR.len()) as u64;
        File::open(path).and_then(|file| file.take(longest).read_to_end(&mut start)).map_err(&failed)?;
        let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(&failed)?);
        if !start.starts_with(MAGIC) && !start.starts_with(ARMOUR) {
            return Ok(Box::new(file));
        }
        let mut identities: Vec<Box<dyn age::Identity>> = Vec::new();
        for text in &self.identities {
            let keys = without_mark(text.expose())
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'));
            for key in keys {
                let key: age::x25519::Identity = key.parse().map_err(|_| BackupError::NoKey)?;
                identities.push(Box::new(key));
            }
        }
        if let Some(passphrase) = &self.passphrase {
            let mut identity = age::scrypt::Identity::new(secret(passphrase));
            identity.set_max_work_factor(MOST_WORK);
            identities.push(Box::new(identity));
        }
        if identities.is_empty() {
            return Err(BackupError::Locked);
        }
        let wrong = |error| match error {
            age::DecryptError::Io(source) => failed(source),
            other => BackupError::WrongKey(other),
        };
        // Opens what is armoured as well as what is not.
        let decryptor = age::Decryptor::new_buffered(age::armor::ArmoredReader::new(file)).map_err(&wrong)?;
        let stream = decryptor.decrypt(identities.iter().map(AsRef::as_ref)).map_err(&wrong)?;
        Ok(Box::new(stream))
    }
}

fn secret(text: &Secret) -> SecretString {
    SecretString::from(text.expose().to_owned())
}
