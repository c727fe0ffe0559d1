//! How loud a voice is from its beginning to its end, and how far it was heard.

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::{self, Quad, Renderer as _};
use iced::advanced::widget::Tree;
use iced::advanced::{Clipboard, Shell, Widget, mouse};
use iced::{Border, Element, Event, Length, Rectangle, Renderer, Size, Theme};

use crate::theme;

/// Of a bar, and between two, logical pixels.
const BAR: f32 = 3.0;
const STEP: f32 = 5.0;

/// Of all of it, and of a bar where nothing is heard.
const HEIGHT: f32 = 28.0;
const LEAST: f32 = 3.0;

/// Whoever presses on it is told where, from 0 to 1.
pub(crate) struct Waveform<'a, Message> {
    bars: Vec<u8>,
    /// How much of it was heard, from 0 to 1.
    heard: f32,
    on_press: Option<Box<dyn Fn(f32) -> Message + 'a>>,
}

impl<'a, Message> Waveform<'a, Message> {
    /// Of bars, the loudest of which are 255, of which a part was heard, from 0 to 1.
    pub(crate) fn new(bars: impl IntoIterator<Item = u8>, heard: f32) -> Self {
        Self { bars: bars.into_iter().collect(), heard, on_press: None }
    }

    pub(crate) fn on_press(mut self, told: impl Fn(f32) -> Message + 'a) -> Self {
        self.on_press = Some(Box::new(told));
        self
    }
}

impl<Message> Widget<Message, Theme, Renderer> for Waveform<'_, Message> {
    fn size(&self) -> Size<Length> {
        Size::new(Length::Fixed(self.bars.len().max(1) as f32 * STEP), Length::Fixed(HEIGHT))
    }

    fn layout(&mut self, _: &mut Tree, _: &Renderer, limits: &layout::Limits) -> layout::Node {
        let Size { width, height } = self.size();
        layout::atomic(limits, width, height)
    }

    fn update(
        &mut self,
        _: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        _: &Renderer,
        _: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        _: &Rectangle,
    ) {
        let Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) = event else { return };
        let bounds = layout.bounds();
        if let (Some(told), Some(at)) = (&self.on_press, cursor.position_in(bounds)) {
            shell.publish(told((at.x / bounds.width).clamp(0.0, 1.0)));
            shell.capture_event();
        }
    }

    fn draw(
        &self,
        _: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        _: &renderer::Style,
        layout: Layout<'_>,
        _: mouse::Cursor,
        _: &Rectangle,
    ) {
        let bounds = layout.bounds();
        let (heard, unheard) = theme::bars(theme);
        for (at, loud) in self.bars.iter().enumerate() {
            let height = (f32::from(*loud) / f32::from(u8::MAX) * HEIGHT).max(LEAST);
            let bar = Rectangle {
                x: (at as f32).mul_add(STEP, bounds.x),
                y: bounds.y + (HEIGHT - height) / 2.0,
                width: BAR,
                height,
            };
            let is_heard = (at as f32 + 0.5) / self.bars.len() as f32 <= self.heard;
            let border = Border { radius: (BAR / 2.0).into(), ..Border::default() };
            renderer.fill_quad(Quad { bounds: bar, border, ..Quad::default() }, if is_heard { heard } else { unheard });
        }
    }

    fn mouse_interaction(
        &self,
        _: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        _: &Rectangle,
        _: &Renderer,
    ) -> mouse::Interaction {
        if self.on_press.is_some() && cursor.is_over(layout.bounds()) {
            mouse::Interaction::Pointer
        } else {
            mouse::Interaction::default()
        }
    }
}

impl<'a, Message: 'a> From<Waveform<'a, Message>> for Element<'a, Message> {
    fn from(waveform: Waveform<'a, Message>) -> Self {
        Self::new(waveform)
    }
}
