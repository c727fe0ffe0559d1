//! Invitations, as they are made and shown.

use privmsg_protocol::{Invitation, Secret, UserId};
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

use crate::secrets::{KeyHash, random_key};
use crate::storage::Act;

/// Hours that an invitation is good for: until after a weekend.
pub(crate) const DEFAULT_HOURS: u32 = 72;

/// Hours that an invitation is good for at most: a year.
pub(crate) const MAX_HOURS: u32 = 365 * 24;

/// Width of the picture, at least: large enough to be read from a screen.
const PICTURE: u32 = 256;

/// A new invitation, shown to the administrator this once.
pub(crate) struct Fresh {
    pub(crate) user_id: UserId,
    pub(crate) link: Secret,
    pub(crate) expires_at: i64,
}

/// An invitation of a user to this server, and the act that makes it good. `hours` has been checked. The key that clients
/// are to pin comes along where they can see one.
pub(crate) fn fresh(user_id: UserId, server: &str, fingerprint: Option<String>, hours: u32, now: i64) -> (Fresh, Act) {
    let fingerprint = fingerprint.filter(|_| server.starts_with("https://"));
    let key = random_key();
    let expires_at = now + i64::from(hours) * 3600;
    let act = Act::Invite { user_id: user_id.clone(), key: KeyHash::of(key.expose()), expires_at };
    let link = Invitation { server: server.to_owned(), user_id: user_id.clone(), fingerprint, key }.link();
    (Fresh { user_id, link, expires_at }, act)
}

impl Fresh {
    /// The link as a picture: an SVG document.
    pub(crate) fn svg(&self) -> Secret {
        let code = self.code();
        Secret::new(code.render::<svg::Color<'_>>().min_dimensions(PICTURE, PICTURE).build())
    }

    /// The link as lines of text, two rows of the code in each. Light is drawn, for terminals are dark; on a light
    /// one the picture is inverted, which readers take as well.
    pub(crate) fn text(&self) -> Secret {
        let code = self.code();
        let mut picture = code.render::<unicode::Dense1x2>();
        picture.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark);
        Secret::new(picture.build())
    }

    fn code(&self) -> QrCode {
        QrCode::with_error_correction_level(self.link.expose(), EcLevel::M)
            .or_else(|_| QrCode::with_error_correction_level(self.link.expose(), EcLevel::L))
            .expect("the longest link has some 2,100 bytes, and a code holds 2,953")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_link_fits_into_a_code() {
        let server = format!("https://{}", "%".repeat(privmsg_protocol::MAX_SERVER_URL_LEN - 8));
        assert!(Invitation::is_server_url(&server));
        let (fresh, _) = fresh(UserId::new(&"a".repeat(64)).unwrap(), &server, Some("/".repeat(128)), 1, 0);
        assert!(fresh.svg().expose().contains("<svg"));
        assert!(fresh.text().expose().lines().count() > 20);
    }
}
