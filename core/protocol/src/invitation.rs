//! Invitations: all that somebody needs to sign in for the first time, in one link.
//!
//! `privmsg://join?server=<address>&user_id=<id>#<key>`. The key stands behind `#`, which no program sends to a server
//! when the link is opened by mistake. `&fingerprint=<SHA256:…>` names the only key that is to be accepted at the server,
//! where no authority vouches for its certificate.

use std::fmt::Write as _;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::ids::UserId;
use crate::secret::Secret;

const START: &str = "privmsg://join?";

/// Longest address of a server: more than any real one, and short enough for a QR code that a phone can read.
pub const MAX_SERVER_URL_LEN: usize = 512;

/// Longest fingerprint: 64 hexadecimal digits with colons between them, a name in front, and room.
const MAX_FINGERPRINT_LEN: usize = 128;

/// An invitation to sign in as a user, good for one use.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Where the server is: `https://…` or `http://…`.
    pub server: String,
    /// The account.
    pub user_id: UserId,
    /// Fingerprint of the only key that is to be accepted at the server.
    pub fingerprint: Option<String>,
    /// Spent at `POST /api/v1/auth/redeem`.
    pub key: Secret,
}

/// What a text lacks to be an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// Something else.
    #[error("an invitation begins with privmsg://join?")]
    NotALink,
    /// No server, or an address that cannot be one.
    #[error("the invitation names no server")]
    Server,
    /// No user, or a name that cannot be one.
    #[error("the invitation names no user")]
    UserId,
    /// A fingerprint that cannot be one. Without it another key would be accepted than the one that was meant.
    #[error("the fingerprint in the invitation is damaged")]
    Fingerprint,
    /// The part behind `#` is missing: the link was cut.
    #[error("the end of the invitation is missing")]
    Key,
}

impl Invitation {
    /// Whether this can stand as the server's address in an invitation. Names may have letters of any script.
    #[must_use]
    pub fn is_server_url(url: &str) -> bool {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        url.len() <= MAX_SERVER_URL_LEN
            && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
            && url.chars().all(|c| c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()))
            && !url.contains(['?', '#', '@', '"', '<', '>', '\\'])
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> Secret {
        let mut link = format!("{START}server=");
        encode(&self.server, &mut link);
        link.push_str("&user_id=");
        encode(self.user_id.as_str(), &mut link);
        if let Some(fingerprint) = &self.fingerprint {
            link.push_str("&fingerprint=");
            encode(fingerprint, &mut link);
        }
        link.push('#');
        link.push_str(self.key.expose());
        Secret::new(link)
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let text = unwrapped_link(text);
        let start = text.get(..START.len()).filter(|start| start.eq_ignore_ascii_case(START));
        start.ok_or(InvitationError::NotALink)?;
        let (query, key) = text[START.len()..].split_once('#').ok_or(InvitationError::Key)?;
        let is_key = (16..=128).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_key {
            return Err(InvitationError::Key);
        }
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.and_then(decode)
        };
        let server = value("server").filter(|server| Self::is_server_url(server)).ok_or(InvitationError::Server)?;
        let user_id = value("user_id").and_then(|id| UserId::new(&id).ok()).ok_or(InvitationError::UserId)?;
        let fingerprint = match query.split('&').any(|pair| pair.starts_with("fingerprint=")) {
            true => Some(value("fingerprint").filter(|text| is_fingerprint(text)).ok_or(InvitationError::Fingerprint)?),
            false => None,
        };
        Ok(Self { server, user_id, fingerprint, key: Secret::new(key.to_owned()) })
    }
}

fn is_fingerprint(text: &str) -> bool {
    (1..=MAX_FINGERPRINT_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What mail programs and chats make of a link is undone: lines broken in two, quotes and brackets around it, signs of
/// quotation in front of each line, a full stop behind it. None of that can be part of an invitation, nor of a
/// contact link.
#[must_use]
pub fn unwrapped_link(text: &str) -> Zeroizing<String> {
    let is_invisible = |c| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let kept = text.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c) && !matches!(c, '<' | '>'));
    // As long as the text from the beginning, so that growing leaves no copies behind.
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    whole.extend(kept);
    let is_around =
        |c: char| matches!(c, '"' | '\'' | '`' | '«' | '»' | '“' | '”' | '„' | '‘' | '’' | '(' | ')' | '[' | ']');
    Zeroizing::new(whole.trim_matches(|c| is_around(c) || matches!(c, '.' | ',' | ';')).to_owned())
}

/// RFC 3986: everything but unreserved characters as `%XX`.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(digits[0])? * 16 + digit(digits[1])?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";

    #[test]
    fn a_link_is_read_as_it_was_written() {
        let invitation = Invitation {
            server: "https://chat.example.org:9443/path".to_owned(),
            user_id: UserId::new("alice.b-1").unwrap(),
            fingerprint: None,
            key: Secret::new(KEY.to_owned()),
        };
        let link = invitation.link();
        let text =
            format!("privmsg://join?server=https%3A%2F%2Fchat.example.org%3A9443%2Fpath&user_id=alice.b-1#{KEY}");
        assert_eq!(link.expose(), text);
        for form in [text.clone(), format!("  {text}\n"), text.replacen("privmsg", "PrivMsg", 1)] {
            let read: Invitation = form.parse().unwrap();
            assert_eq!((read.server, read.user_id.as_str()), (invitation.server.clone(), "alice.b-1"));
            assert_eq!(read.key.expose(), KEY);
        }
        assert!(!format!("{invitation:?}").contains(KEY));
    }

    #[test]
    fn what_mail_programs_do_to_a_link_is_undone() {
        let link = format!("privmsg://join?server=https%3A%2F%2Fchat.example.org&user_id=alice#{KEY}");
        let (first, second) = link.split_at(40);
        for form in [
            format!("{first}\n{second}"),
            format!("{first}\r\n  {second}\r\n"),
            format!("> {first}\n> {second}\n"),
            format!("{first} \u{200b}{second}"),
            format!("\"{link}\""),
            format!("'{link}'"),
            format!("«{link}»."),
            format!("“{link}”"),
            format!("<{link}>"),
            format!("({link})"),
            format!("\u{feff}`{link}`;\n"),
        ] {
            let read: Invitation = form.parse().unwrap_or_else(|error| panic!("{form}: {error}"));
            assert_eq!((read.server.as_str(), read.key.expose()), ("https://chat.example.org", KEY), "{form}");
        }
    }

    #[test]
    fn a_key_of_the_server_comes_along() {
        let fingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        let invitation = Invitation {
            server: "https://чат.пример.рф".to_owned(),
            user_id: UserId::new("alice").unwrap(),
            fingerprint: Some(fingerprint.to_owned()),
            key: Secret::new(KEY.to_owned()),
        };
        let link = invitation.link();
        assert!(link.expose().is_ascii());
        let read: Invitation = link.expose().parse().unwrap();
        assert_eq!((read.server, read.fingerprint.as_deref()), (invitation.server, Some(fingerprint)));
        for damaged in ["", "%", "%20", "%FF"] {
            let text = format!("privmsg://join?server=https%3A%2F%2Fa.b&user_id=alice&fingerprint={damaged}#{KEY}");
            assert_eq!(text.parse::<Invitation>().err(), Some(InvitationError::Fingerprint), "{damaged}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let read = |text: &str| text.parse::<Invitation>().err();
        let query = "server=https%3A%2F%2Fa.b&user_id=alice";
        assert_eq!(read("https://a.b/join"), Some(InvitationError::NotALink));
        assert_eq!(read(""), Some(InvitationError::NotALink));
        assert_eq!(read("приглашение privmsg"), Some(InvitationError::NotALink));
        assert_eq!(read(&format!("privmsg://join?{query}")), Some(InvitationError::Key));
        assert_eq!(read(&format!("privmsg://join?{query}#")), Some(InvitationError::Key));
        assert_eq!(read(&format!("privmsg://join?{query}#{KEY}%20")), Some(InvitationError::Key));
        assert_eq!(read(&format!("privmsg://join?user_id=alice#{KEY}")), Some(InvitationError::Server));
        for server in ["", "a.b", "ftp%3A%2F%2Fa.b", "https%3A%2F%2F", "https%3A%2F%2Fa.b%", "https%3A%2F%2Fa.b%0A"] {
            let text = format!("privmsg://join?server={server}&user_id=alice#{KEY}");
            assert_eq!(read(&text), Some(InvitationError::Server), "{server}");
        }
        let text = format!("privmsg://join?server=https%3A%2F%2Fa.b&user_id=a%2Fb#{KEY}");
        assert_eq!(read(&text), Some(InvitationError::UserId));
    }
}
