//! The initial of somebody's name, until they have a picture.

use iced::border::Radius;
use iced::widget::{container, text};
use iced::{Border, Color, Element};

use crate::theme;

/// The first letter of a name: a person's in a circle, a group's in a square. `name` decides about the colour, too.
pub(crate) fn avatar<'a, Message: 'a>(name: &str, size: f32, is_group: bool) -> Element<'a, Message> {
    let initial: String = name
        .chars()
        .find(|letter| letter.is_alphanumeric())
        .map_or_else(|| "#".to_owned(), |letter| letter.to_uppercase().collect());
    let color = theme::of_name(name);
    container(text(initial).size(size * 0.45))
        .center(size)
        .style(move |_| {
            let border = Border { radius: Radius::new(if is_group { 6.0 } else { size / 2.0 }), ..Border::default() };
            container::Style { border, text_color: Some(Color::WHITE), ..container::Style::default() }.background(color)
        })
        .into()
}
