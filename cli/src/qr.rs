//! QR codes on a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{Output, Style};

/// Shows a text as a picture, if somebody looks and there is room.
pub(crate) fn show(output: &Output, text: &str) -> Result<(), Failure> {
    if !output.is_terminal() {
        return Ok(());
    }
    let Some(lines) = picture(text, output.has_colours()) else { return Ok(()) };
    let wide = lines.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    if output.columns().is_some_and(|columns| columns < wide) {
        output.remark(&output.lang().too_narrow_for_qr(wide));
        return Ok(());
    }
    lines.lines().try_for_each(|line| output.text(&Zeroizing::new(output.styled(Style::Paper, line))))
}

/// A text, which may be a secret, as lines of a picture, two rows of the code in each; `None` if it is too long for any code. Black
/// on white where there are colours: some readers do not take a code whose colours are the other way round. Without colours light is
/// drawn, for terminals are dark.
fn picture(text: &str, in_colours: bool) -> Option<Zeroizing<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .or_else(|_| QrCode::with_error_correction_level(text, EcLevel::L))
        .ok()?;
    let (dark, light) = if in_colours { (Dense1x2::Dark, Dense1x2::Light) } else { (Dense1x2::Light, Dense1x2::Dark) };
    Some(Zeroizing::new(code.render::<Dense1x2>().dark_color(dark).light_color(light).build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_on_a_screen_and_what_no_code_can_hold_is_not_drawn() {
        let link = format!("privmsg://contact?server=https%3A%2F%2Fchat.example.org&user_id=bob#{}", "A".repeat(54));
        let drawn = picture(&link, true).unwrap();
        let is_narrow = drawn.lines().all(|line| line.chars().count() <= 70);
        assert!(is_narrow && drawn.lines().count() <= 35, "{}", *drawn);
        assert!(picture(&"a".repeat(3_000), true).is_none());
    }

    /// With colours the finder in the corner is drawn on white, as wide around it as readers want it; without, what is white is.
    #[test]
    fn what_is_dark_is_drawn_only_where_there_is_white_under_it() {
        let corner = |in_colours| {
            let drawn = picture("privmsg://", in_colours).unwrap();
            drawn.lines().nth(2).unwrap().chars().take(11).collect::<String>()
        };
        assert_eq!(corner(true), "    █▀▀▀▀▀█");
        assert_eq!(corner(false), "████ ▄▄▄▄▄ ");
    }
}
