//! The contact link: who somebody is, in a text or a QR code.
//!
//! `privmsg://contact?server=<address>&user_id=<id>#<key>`. Behind `#`, which no program sends to a server when the
//! link is opened by mistake, stands base64url without padding of `identity_key[32] ‖ uint64 generation`: the whole
//! key, so that there is no hash to grind. Everything else as in RFC 3986; unknown parameters are passed over.
//!
//! Nobody has signed it. Where it was scanned from the person's own screen, that is its proof; where it came some other
//! way, it is whoever sent it who says so.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use privmsg_protocol::{Invitation, UserId, unwrapped_link};

use crate::keys::AccountPublicKey;
use crate::statement::is_number;

const START: &str = "privmsg://contact?";

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest address has 512 bytes, each three characters at most, a user id 64.
const MAX_LEN: usize = 2048;

/// Who somebody is, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactLink {
    /// Where the server is: `https://…` or `http://…`.
    pub server: String,
    /// The account.
    pub user_id: UserId,
    /// The identity.
    pub identity: AccountPublicKey,
    /// The account's generation when the link was made. Where it was scanned from the person's own screen, the least
    /// that counts ([`KnownDevices::require_generation`](crate::KnownDevices::require_generation)). Where it came some
    /// other way, only a reason to ask for what is newer ([`KnownDevices::misses`](crate::KnownDevices::misses)):
    /// anybody could silence a contact with a link that names the right key and a generation that will never be.
    pub generation: u64,
}

/// What a text lacks to be a contact link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactLinkError {
    /// Something else.
    #[error("a contact link begins with privmsg://contact?")]
    NotALink,
    /// No server, or an address that cannot be one.
    #[error("the contact link names no server")]
    Server,
    /// No user, or a name that cannot be one.
    #[error("the contact link names no user")]
    UserId,
    /// The part behind `#` is missing or damaged.
    #[error("the end of the contact link is missing or damaged")]
    Key,
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&self.identity.as_bytes()[..], &self.generation.to_be_bytes()].concat();
        let server = utf8_percent_encode(&self.server, RESERVED);
        write!(f, "{START}server={server}&user_id={}#{}", self.user_id, URL_SAFE_NO_PAD.encode(key))
    }
}

impl FromStr for ContactLink {
    type Err = ContactLinkError;

    fn from_str(text: &str) -> Result<Self, ContactLinkError> {
        let text = &*unwrapped_link(text);
        let start = text.get(..START.len()).filter(|start| start.eq_ignore_ascii_case(START));
        start.filter(|_| text.len() <= MAX_LEN).ok_or(ContactLinkError::NotALink)?;
        let (query, key) = text[START.len()..].split_once('#').ok_or(ContactLinkError::Key)?;
        let server = value(query, "server").filter(|server| Invitation::is_server_url(server));
        let user_id = value(query, "user_id").and_then(|id| UserId::new(&id).ok());
        let (identity, generation) = read_key(key).ok_or(ContactLinkError::Key)?;
        Ok(Self {
            server: server.ok_or(ContactLinkError::Server)?,
            user_id: user_id.ok_or(ContactLinkError::UserId)?,
            identity,
            generation,
        })
    }
}

fn read_key(text: &str) -> Option<(AccountPublicKey, u64)> {
    let mut bytes = [0; 40];
    let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    let (identity, generation) = bytes.split_first_chunk()?;
    let generation = u64::from_be_bytes(generation.try_into().ok()?);
    let whole = len == bytes.len() && is_number(generation);
    whole.then_some((AccountPublicKey::from_bytes(*identity).ok()?, generation))
}

/// The only value of this name: of two, either could be what was meant.
fn value(query: &str, name: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (value, None) = (values.next()?, values.next()) else { return None };
    Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
#[path = "contact_link_tests.rs"]
mod tests;
