//! QR codes on a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// A text as lines of a picture, two rows of the code in each; `None` if it is too long for any code. Light is drawn, for
/// terminals are dark; on a light one the picture is inverted, which readers take as well.
pub(crate) fn picture(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .or_else(|_| QrCode::with_error_correction_level(text, EcLevel::L))
        .ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

/// Columns that it takes.
pub(crate) fn width(picture: &str) -> usize {
    picture.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_on_a_screen_and_what_no_code_can_hold_is_not_drawn() {
        let link = format!("privmsg://contact?server=https%3A%2F%2Fchat.example.org&user_id=bob#{}", "A".repeat(54));
        let picture = picture(&link).unwrap();
        assert!(width(&picture) <= 70 && picture.lines().count() <= 35, "{picture}");
        assert!(super::picture(&"a".repeat(3_000)).is_none());
    }
}
