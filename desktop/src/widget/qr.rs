//! A QR code.

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::{self, Quad, Renderer as _};
use iced::advanced::widget::Tree;
use iced::advanced::{Widget, mouse};
use iced::{Color, Element, Length, Rectangle, Renderer, Size, Theme};
use qrcode::{EcLevel, QrCode};

/// The side of a square, logical pixels.
const SQUARE: f32 = 4.0;

/// White squares around it, as the standard wants them.
const QUIET: usize = 4;

struct Qr {
    squares: Vec<bool>,
    side: usize,
}

/// A text as a QR code, black on white in every theme; nothing if it is too long for one.
pub(crate) fn qr_code<'a, Message: 'a>(text: &str) -> Option<Element<'a, Message>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width();
    let squares = code.to_colors().into_iter().map(|color| color == qrcode::Color::Dark).collect();
    Some(Element::new(Qr { squares, side }))
}

impl<Message> Widget<Message, Theme, Renderer> for Qr {
    fn size(&self) -> Size<Length> {
        Size::new(Length::Shrink, Length::Shrink)
    }

    fn layout(&mut self, _: &mut Tree, _: &Renderer, _: &layout::Limits) -> layout::Node {
        let side = (self.side + 2 * QUIET) as f32 * SQUARE;
        layout::Node::new(Size::new(side, side))
    }

    fn draw(
        &self,
        _: &Tree,
        renderer: &mut Renderer,
        _: &Theme,
        _: &renderer::Style,
        layout: Layout<'_>,
        _: mouse::Cursor,
        _: &Rectangle,
    ) {
        let bounds = layout.bounds();
        renderer.fill_quad(Quad { bounds, ..Quad::default() }, Color::WHITE);
        for (at, _) in self.squares.iter().enumerate().filter(|(_, is_dark)| **is_dark) {
            let bounds = Rectangle {
                x: ((at % self.side + QUIET) as f32).mul_add(SQUARE, bounds.x),
                y: ((at / self.side + QUIET) as f32).mul_add(SQUARE, bounds.y),
                width: SQUARE,
                height: SQUARE,
            };
            renderer.fill_quad(Quad { bounds, ..Quad::default() }, Color::BLACK);
        }
    }
}
