//! Where a sign-in gets its secrets from: files, the environment, standard input, the terminal. Never the arguments.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use privmsg_protocol::{Invitation, InvitationError, Secret};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::lang::Lang;
use crate::{prompt, variable};

/// Typing mistakes in the recovery key that a person is given.
const ATTEMPTS: usize = 3;

/// More than any key or invitation. Whatever is longer is another file.
const MAX_INPUT: u64 = 64 * 1024;

/// Lines that an invitation may have been broken into when it is pasted.
const MAX_LINES: usize = 16;

/// From the file, the environment, standard input or the terminal.
pub(in crate::commands) async fn access_key(lang: Lang, file: Option<&Path>) -> Result<Secret, Failure> {
    let text = match (file, variable("PRIVMSG_ACCESS_KEY").filter(|key| !key.is_empty())) {
        (Some(path), _) => from_file(path, lang)?,
        (None, Some(key)) => Zeroizing::new(key),
        (None, None) => match standard_input(lang).await? {
            Some(text) => text,
            None if prompt::somebody_is_there() => prompt::secret(lang.ask_access_key()).await?,
            None => return Err(Failure::NoAccessKey),
        },
    };
    Ok(Secret::new(trimmed(&text).to_owned()))
}

/// From the environment, standard input or the terminal: it holds a key, so it does not belong among the arguments.
pub(super) async fn invitation(lang: Lang) -> Result<Invitation, Failure> {
    let text = match variable("PRIVMSG_INVITATION").filter(|link| !link.is_empty()) {
        Some(link) => Zeroizing::new(link),
        None => match standard_input(lang).await? {
            Some(text) => text,
            None if prompt::somebody_is_there() => return asked_for_invitation(lang).await,
            None => return Err(Failure::NoInvitation),
        },
    };
    text.parse().map_err(|_| Failure::NotAnInvitation)
}

/// The code of a new device. It holds a secret, so it does not belong among the arguments either.
pub(in crate::commands) async fn link_code(lang: Lang) -> Result<Zeroizing<String>, Failure> {
    match variable("PRIVMSG_LINK_CODE").filter(|code| !code.is_empty()) {
        Some(code) => Ok(Zeroizing::new(code)),
        None => match standard_input(lang).await? {
            Some(text) => Ok(text),
            None if prompt::somebody_is_there() => prompt::secret(lang.ask_link_code()).await,
            None => Err(Failure::Usage(lang.no_link_code())),
        },
    }
}

/// A link that is pasted may come in several lines.
async fn asked_for_invitation(lang: Lang) -> Result<Invitation, Failure> {
    let mut text = prompt::secret(lang.ask_invitation()).await?;
    for _ in 1..MAX_LINES {
        match text.parse::<Invitation>() {
            Ok(invitation) => return Ok(invitation),
            Err(InvitationError::Key) => {
                let line = prompt::secret(lang.ask_rest_of_invitation()).await?;
                if line.is_empty() {
                    break;
                }
                let longer = Zeroizing::new([text.as_str(), line.as_str()].concat());
                text = longer;
            }
            Err(_) => break,
        }
    }
    text.parse().map_err(|_| Failure::NotAnInvitation)
}

/// From the environment or the terminal, where a person may choose the other way (`None`).
pub(super) async fn recovery_key_or_link(lang: Lang) -> Result<Option<Zeroizing<String>>, Failure> {
    match recovery_variable() {
        Some(words) => Ok(Some(words)),
        None if prompt::somebody_is_there() => {
            let words = prompt::secret(lang.ask_recovery_key_or_link()).await?;
            Ok(Some(words).filter(|words| !words.trim().is_empty()))
        }
        None => Err(Failure::NoWayIn),
    }
}

/// From the environment or the terminal.
pub(in crate::commands) async fn recovery_key(lang: Lang) -> Result<Zeroizing<String>, Failure> {
    match recovery_variable() {
        Some(words) => Ok(words),
        None if prompt::somebody_is_there() => prompt::secret(lang.ask_recovery_key()).await,
        None => Err(Failure::NoRecoveryKey),
    }
}

fn recovery_variable() -> Option<Zeroizing<String>> {
    variable("PRIVMSG_RECOVERY_KEY").filter(|words| !words.trim().is_empty()).map(Zeroizing::new)
}

/// A person who mistyped may try again; the environment says the same each time.
pub(super) fn may_try_again(attempt: usize) -> bool {
    attempt < ATTEMPTS && recovery_variable().is_none()
}

/// What is piped in, if anything is.
async fn standard_input(lang: Lang) -> Result<Option<Zeroizing<String>>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(Failure::Input(lang.io(&error))),
        Err(error) => return Err(Failure::Input(error.to_string())),
    };
    let text = decoded(&bytes).ok_or_else(|| Failure::Input(lang.stdin_not_text()))?;
    Ok(Some(text).filter(|text| !trimmed(text).is_empty()))
}

fn from_file(path: &Path, lang: Lang) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: &std::io::Error| Failure::file(path, lang.io(error));
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(MAX_INPUT).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    decoded(&bytes).ok_or_else(|| failed(&std::io::ErrorKind::InvalidData.into()))
}

/// UTF-8, or what Windows makes of a text: with a byte order mark, or in UTF-16.
fn decoded(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks(2).map(|two| two.try_into().map(unit)).collect::<Result<Vec<_>, _>>().ok()?;
        String::from_utf16(&Zeroizing::new(units)).ok()
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest).ok()?.to_owned(),
    };
    Some(Zeroizing::new(text))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_however_windows_has_written_it() {
        let wide = |unit: fn(u16) -> [u8; 2]| "\u{feff}key\r\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for bytes in
            [b"key\n".to_vec(), b"\xef\xbb\xbfkey\r\n".to_vec(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)]
        {
            assert_eq!(trimmed(&decoded(&bytes).unwrap()), "key", "{bytes:?}");
        }
        for bytes in [&b"\xff\xfek"[..], b"\xff\xfe\x00\xd8", b"\x80"] {
            assert!(decoded(bytes).is_none(), "{bytes:?}");
        }
    }
}
