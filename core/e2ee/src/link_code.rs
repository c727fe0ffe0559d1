//! What a new device shows to be linked: who it is, and a secret that proves to it who has seen that.
//!
//! `privmsg://link?user_id=<id>&device_id=<id>&type=<type>#<base64url(device_key[32] ‖ secret[32] ‖ name)>`, without
//! padding, as a QR code or to be copied; the name, in UTF-8, is for the user's list of devices. It goes from one of a person's screens to another. Whoever reads it on the way can, together with the server,
//! make the new device believe another identity; that it is shown, and to whom, is the protection.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privmsg_mls_public::{DevicePublicKey, NewDevice};
use privmsg_protocol::limits::MAX_NAME_LEN;
use privmsg_protocol::{DeviceId, Secret, UserId, unwrapped_link};
use zeroize::Zeroizing;

const START: &str = "privmsg://link?";

/// Two identifiers of 64 characters, and a name of 64 characters at most, with room.
const MAX_LEN: usize = 1024;

/// Longest kind of client.
const MAX_TYPE_LEN: usize = 32;

/// The code of a new device.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode {
    /// Who it says it is.
    pub device: NewDevice,
    /// `cli`, `desktop`, `android`, …
    pub device_type: String,
    /// As the user calls it.
    pub device_name: String,
    /// Known to who has seen the code.
    pub secret: Zeroizing<[u8; 32]>,
}

/// What a text lacks to be the code of a new device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkCodeError {
    /// Something else.
    #[error("the code of a new device begins with privmsg://link?")]
    NotALink,
    /// No user, or a name that cannot be one.
    #[error("the code names no user")]
    UserId,
    /// No device, or a name that cannot be one.
    #[error("the code names no device")]
    DeviceId,
    /// The part behind `#` is missing or damaged.
    #[error("the end of the code is missing or damaged")]
    Key,
}

impl LinkCode {
    /// The text to be shown.
    #[must_use]
    pub fn link(&self) -> Secret {
        let key = [&self.device.device_key.as_bytes()[..], &*self.secret, self.device_name.as_bytes()];
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(key.concat())));
        let NewDevice { user_id, device_id, .. } = &self.device;
        let kind = &self.device_type;
        Secret::new(format!("{START}user_id={user_id}&device_id={device_id}&type={kind}#{}", *key))
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkCode({}, {}, …)", self.device.user_id, self.device.device_id)
    }
}

impl FromStr for LinkCode {
    type Err = LinkCodeError;

    fn from_str(text: &str) -> Result<Self, LinkCodeError> {
        let text = &*unwrapped_link(text);
        let start = text.get(..START.len()).filter(|start| start.eq_ignore_ascii_case(START));
        start.filter(|_| text.len() <= MAX_LEN).ok_or(LinkCodeError::NotALink)?;
        let (query, key) = text[START.len()..].split_once('#').ok_or(LinkCodeError::Key)?;
        let user_id = value(query, "user_id").and_then(|id| UserId::new(id).ok()).ok_or(LinkCodeError::UserId)?;
        let device_id =
            value(query, "device_id").and_then(|id| DeviceId::new(id).ok()).ok_or(LinkCodeError::DeviceId)?;
        let is_type = |text: &&str| {
            (1..=MAX_TYPE_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let device_type = value(query, "type").filter(is_type).unwrap_or_default().to_owned();
        let (device_key, secret, device_name) = read_key(key).ok_or(LinkCodeError::Key)?;
        Ok(Self { device: NewDevice { user_id, device_id, device_key }, device_type, device_name, secret })
    }
}

fn read_key(text: &str) -> Option<(DevicePublicKey, Zeroizing<[u8; 32]>, String)> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    let (key, rest) = bytes.split_first_chunk()?;
    let (secret, name) = rest.split_first_chunk()?;
    let name = std::str::from_utf8(name).ok().filter(|name| name.chars().count() <= MAX_NAME_LEN)?;
    Some((DevicePublicKey::from_bytes(*key).ok()?, Zeroizing::new(*secret), name.to_owned()))
}

/// The only value of this name: of two, either could be what was meant.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (value, None) = (values.next()?, values.next()) else { return None };
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::DeviceKeys;

    const LINK: &str = "privmsg://link?user_id=al&device_id=phone&type=cli#gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5QICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICNGC0LXQu9C10YTQvtC9";

    fn code() -> LinkCode {
        let (user_id, device_id) = (UserId::new("al").unwrap(), DeviceId::new("phone").unwrap());
        let device_key = DeviceKeys::from_bytes(&[2; 32]).public();
        let device = NewDevice { user_id, device_id, device_key };
        let (device_type, device_name) = ("cli".to_owned(), "телефон".to_owned());
        LinkCode { device, device_type, device_name, secret: Zeroizing::new([8; 32]) }
    }

    #[test]
    fn the_text_is_pinned_and_debug_hides_the_secret() {
        assert_eq!(code().link().expose(), LINK);
        assert_eq!(LINK.parse(), Ok(code()));
        assert_eq!(format!("> {}\n> {}", &LINK[..40], &LINK[40..]).parse(), Ok(code()), "as a chat breaks it");
        assert_eq!(format!("{:?}", code()), "LinkCode(al, phone, …)");
    }

    #[test]
    fn what_is_damaged_is_named() {
        let error = |text: &str| text.parse::<LinkCode>().unwrap_err();
        assert_eq!(error("privmsg://contact?user_id=al"), LinkCodeError::NotALink);
        assert_eq!(error(&format!("{LINK}{}", "A".repeat(MAX_LEN))), LinkCodeError::NotALink);
        assert_eq!(error(&LINK.replace("=al", "=a/l")), LinkCodeError::UserId);
        assert_eq!(error(&LINK.replace("&device_id=phone", "&user_id=eve&device_id=phone")), LinkCodeError::UserId);
        assert_eq!(error(&LINK.replace("=phone", "=")), LinkCodeError::DeviceId);
        for end in [LINK.split_once('#').unwrap().0, &LINK[..80], &format!("{LINK}_")] {
            assert_eq!(error(end), LinkCodeError::Key, "{end}");
        }
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in any::<String>()) {
            let _ = text.parse::<LinkCode>();
            let _ = format!("{START}{text}").parse::<LinkCode>();
            let _ = format!("{LINK}{text}").parse::<LinkCode>();
        }
    }
}
