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

/// Colours of a terminal, from the part of its palette that themes leave alone.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const PLAIN: &str = "\u{1b}[0m";

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

    /// The link as lines of text, two rows of the code in each. On a terminal that knows colours it is black on white
    /// whatever its own are: some programs do not read a code whose colours are the other way round. Without colours it
    /// is made for dark terminals.
    pub(crate) fn text(&self, coloured: bool) -> Secret {
        let code = self.code();
        let mut picture = code.render::<unicode::Dense1x2>();
        if !coloured {
            picture.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark);
            return Secret::new(picture.build());
        }
        picture.dark_color(unicode::Dense1x2::Dark).light_color(unicode::Dense1x2::Light);
        let lines = Secret::new(picture.build());
        let lines = lines.expose();
        let mut text =
            String::with_capacity(lines.len() + lines.lines().count() * (BLACK_ON_WHITE.len() + PLAIN.len()));
        for (at, line) in lines.lines().enumerate() {
            text.extend([if at == 0 { "" } else { "\n" }, BLACK_ON_WHITE, line, PLAIN]);
        }
        Secret::new(text)
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
        assert!(fresh.text(false).expose().lines().count() > 20);
    }

    /// On a light terminal the code was white on black, which not every program reads.
    #[test]
    fn the_code_has_colours_of_its_own() {
        let (fresh, _) = fresh(UserId::new("alice").unwrap(), "https://chat.example.org", None, 1, 0);
        let text = fresh.text(true);
        let lines: Vec<&str> = text.expose().lines().collect();
        assert!(lines.iter().all(|line| line.starts_with(BLACK_ON_WHITE) && line.ends_with(PLAIN)));
        let inside = |line: &str| line.trim_start_matches(BLACK_ON_WHITE).trim_end_matches(PLAIN).to_owned();
        let picture: Vec<String> = lines.iter().map(|line| inside(line)).collect();
        // White around it, as wide as readers want it, and in its corner the black frame of a finder.
        assert!(picture[..2].iter().all(|line| line.chars().all(|letter| letter == ' ')), "{picture:?}");
        let corner: String = picture[2].chars().take(11).collect();
        assert_eq!(corner, "    █▀▀▀▀▀█");
        assert!(!fresh.text(false).expose().contains('\u{1b}'));
    }
}
