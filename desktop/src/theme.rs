//! Colours, sizes and the looks of what the screens are made of, in one place.

use iced::border::Radius;
use iced::theme::{Mode, Palette};
use iced::widget::{button, container, text};
use iced::{Border, Color, Font, Theme, color, font};

/// Sizes of type, in logical pixels.
pub(crate) mod type_size {
    /// Times, states and counts.
    pub(crate) const SMALL: f32 = 12.0;
    /// What is read.
    pub(crate) const BODY: f32 = 15.0;
    /// Names in headings.
    pub(crate) const HEADING: f32 = 18.0;
    /// The title of a screen.
    pub(crate) const TITLE: f32 = 26.0;
}

/// Steps between things, in logical pixels.
pub(crate) mod gap {
    /// Within one thing.
    pub(crate) const TINY: f32 = 4.0;
    /// Between things that belong together.
    pub(crate) const SMALL: f32 = 8.0;
    /// Between others.
    pub(crate) const MEDIUM: f32 = 16.0;
    /// Around a screen.
    pub(crate) const LARGE: f32 = 32.0;
}

/// For what is an emoji and nothing else: others draw some of them without colour.
pub(crate) const EMOJI: Font = Font::with_name("Twemoji Mozilla");

/// For what the app says among what people say.
pub(crate) const ITALIC: Font = Font { style: font::Style::Italic, ..Font::with_name("Fira Sans") };

const LIGHT: Palette = Palette {
    background: color!(0xffffff),
    text: color!(0x1b1f24),
    primary: color!(0x1f5fbf),
    success: color!(0x1a7f4b),
    warning: color!(0x9a5b00),
    danger: color!(0xb3261e),
};

const DARK: Palette = Palette {
    background: color!(0x16191d),
    text: color!(0xe8eaed),
    primary: color!(0x3d7ddb),
    success: color!(0x3fb37a),
    warning: color!(0xe0a040),
    danger: color!(0xf07068),
};

/// The theme for a mode of the system. Where it names none, it is light.
pub(crate) fn of(mode: Mode) -> Theme {
    match mode {
        Mode::Dark => Theme::custom("dark", DARK),
        Mode::Light | Mode::None => Theme::custom("light", LIGHT),
    }
}

/// A colour between the background and the text: `share` 0 is the one, 1 the other.
fn between(theme: &Theme, share: f32) -> Color {
    let Palette { background: from, text: to, .. } = theme.palette();
    let mix = |from: f32, to: f32| (to - from).mul_add(share, from);
    Color::from_rgb(mix(from.r, to.r), mix(from.g, to.g), mix(from.b, to.b))
}

fn rounded(radius: f32) -> Border {
    Border { radius: Radius::new(radius), ..Border::default() }
}

/// What is said beside the matter: times, hints.
pub(crate) fn faint(theme: &Theme) -> text::Style {
    text::Style { color: Some(between(theme, 0.72)) }
}

/// What happened, among what was said.
pub(crate) fn fainter(theme: &Theme) -> text::Style {
    text::Style { color: Some(between(theme, 0.66)) }
}

/// The list at the side.
pub(crate) fn sidebar(theme: &Theme) -> container::Style {
    container::Style::default().background(between(theme, 0.04))
}

/// The line above and below a conversation.
pub(crate) fn bar(theme: &Theme) -> container::Style {
    container::Style::default().background(between(theme, 0.02))
}

/// Somebody's words, or one's own; with an edge where they are chosen.
pub(crate) fn bubble(is_own: bool, is_chosen: bool) -> impl Fn(&Theme) -> container::Style {
    move |theme| {
        let Palette { primary, background, .. } = theme.palette();
        let mix = |from: f32, to: f32| (to - from).mul_add(0.2, from);
        let own = || {
            Color::from_rgb(mix(background.r, primary.r), mix(background.g, primary.g), mix(background.b, primary.b))
        };
        let background = if is_own { own() } else { between(theme, 0.08) };
        let width = if is_chosen { 1.5 } else { 0.0 };
        let border = Border { color: primary, width, radius: Radius::new(10.0) };
        container::Style { border, ..container::Style::default() }.background(background)
    }
}

/// What happened in a chat: who came, who left, which day it is.
pub(crate) fn notice(theme: &Theme) -> container::Style {
    container::Style { border: rounded(8.0), ..container::Style::default() }.background(between(theme, 0.05))
}

/// What is to be looked at before anything else is believed.
pub(crate) fn alarm(theme: &Theme) -> container::Style {
    let danger = theme.palette().danger;
    let border = Border { color: danger, width: 1.0, radius: Radius::new(8.0) };
    container::Style { border, text_color: Some(danger), ..container::Style::default() }
}

/// A file, an answer's object, a reaction: what is no text of the message.
pub(crate) fn piece(theme: &Theme) -> container::Style {
    let border = Border { color: between(theme, 0.3), width: 1.0, radius: Radius::new(6.0) };
    container::Style { border, ..container::Style::default() }.background(between(theme, 0.02))
}

/// A button beside the one that is meant.
pub(crate) fn quiet(theme: &Theme, status: button::Status) -> button::Style {
    let share = match status {
        button::Status::Hovered | button::Status::Pressed => 0.14,
        button::Status::Active | button::Status::Disabled => 0.05,
    };
    let text_color = match status {
        button::Status::Disabled => between(theme, 0.5),
        _ => theme.palette().text,
    };
    let border = Border { color: between(theme, 0.25), width: 1.0, radius: Radius::new(2.0) };
    button::Style { text_color, border, ..button::Style::default() }.with_background(between(theme, share))
}

/// Of a voice: what was heard of it, and what was not.
pub(crate) fn bars(theme: &Theme) -> (Color, Color) {
    (theme.palette().primary, between(theme, 0.45))
}

/// How many messages are new.
pub(crate) fn badge(theme: &Theme) -> container::Style {
    let primary = theme.palette().primary;
    container::Style { border: rounded(9.0), text_color: Some(Color::WHITE), ..container::Style::default() }
        .background(primary)
}

/// A row of the list of chats.
pub(crate) fn chat_row(is_open: bool) -> impl Fn(&Theme, button::Status) -> button::Style {
    move |theme, status| {
        let share = match status {
            _ if is_open => 0.14,
            button::Status::Hovered | button::Status::Pressed => 0.08,
            button::Status::Active | button::Status::Disabled => 0.0,
        };
        let background = (share > 0.0).then(|| between(theme, share).into());
        button::Style { background, text_color: theme.palette().text, border: rounded(8.0), ..button::Style::default() }
    }
}

/// The colour of somebody's picture, as long as they have none: the same for one name everywhere.
pub(crate) fn of_name(name: &str) -> Color {
    const COLOURS: [Color; 6] =
        [color!(0x7a4fb5), color!(0x1f6f8b), color!(0x9a4b1f), color!(0x2f7d4f), color!(0xa63d6b), color!(0x4a5a9c)];
    let sum = name.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    COLOURS[sum % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2: relative luminance.
    fn luminance(color: Color) -> f32 {
        let [red, green, blue] = [color.r, color.g, color.b]
            .map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.2126f32.mul_add(red, 0.7152f32.mul_add(green, 0.0722 * blue))
    }

    fn contrast(one: Color, other: Color) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn background(style: &container::Style) -> Color {
        match style.background {
            Some(iced::Background::Color(color)) => color,
            _ => panic!("no plain background"),
        }
    }

    /// AA asks for 4.5 where something is read.
    #[test]
    fn everything_that_is_read_stands_out() {
        for mode in [Mode::Light, Mode::Dark] {
            let theme = of(mode);
            let palette = theme.palette();
            for style in
                [sidebar(&theme), bar(&theme), bubble(false, false)(&theme), bubble(true, true)(&theme), notice(&theme)]
            {
                let under = background(&style);
                assert!(contrast(palette.text, under) >= 4.5, "{mode:?}: text");
                assert!(contrast(faint(&theme).color.unwrap(), under) >= 4.5, "{mode:?}: faint {style:?}");
            }
            assert!(contrast(palette.danger, palette.background) >= 4.5, "{mode:?}: danger");
            assert!(contrast(Color::WHITE, background(&badge(&theme))) >= 4.0, "{mode:?}: badge");
        }
        for name in ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"] {
            assert!(contrast(Color::WHITE, of_name(name)) >= 4.5, "{name}");
        }
    }
}
