//! A stretch of a long list, which stands still where it is looked at, whatever comes or goes above and below.
//!
//! Whoever draws it holds an [`Anchor`] and hears by a [`Sight`] what is to be seen. Only the rows around that are to be given: all of
//! them are laid out.

use std::collections::HashMap;
use std::hash::Hash;

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::{self, Quad, Renderer as _};
use iced::advanced::widget::operation::{self, Operation, Scrollable};
use iced::advanced::widget::tree::{self, Tree};
use iced::advanced::{Clipboard, Shell, Widget, mouse, overlay};
use iced::mouse::ScrollDelta;
use iced::{Border, Element, Event, Length, Point, Rectangle, Renderer, Size, Theme, Vector};

/// Of the view, above the first row and below the last.
const PADDING: f32 = 12.0;

/// A line of a mouse wheel, logical pixels.
const WHEEL_LINE: f32 = 60.0;

/// How wide the mark of where one is.
const BAR: f32 = 5.0;

/// What holds the list where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Anchor<K> {
    /// The end of the last row is at the lower edge.
    End,
    /// The top of a row is so far below the upper edge.
    Row(K, f32),
}

/// What is to be seen, logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight<K> {
    /// The first row of which something is.
    pub first: K,
    /// How far its top is below the upper edge.
    pub top: f32,
    /// The last row that has been seen to its end, or fills the view.
    pub last: Option<K>,
    /// The last row of which something is.
    pub lowest: K,
    /// How much of the given rows is below the lower edge.
    pub below: f32,
    /// The height of the view.
    pub height: f32,
}

/// See the module.
pub(crate) struct Anchored<'a, K, Message> {
    keys: Vec<K>,
    rows: Vec<Element<'a, Message>>,
    anchor: Anchor<K>,
    /// Which part of the whole list is in sight, from 0 to 1.
    part: Option<(f32, f32)>,
    on_sight: fn(Sight<K>) -> Message,
}

/// What is kept from one drawing to the next.
struct State<K> {
    /// Of the rows that there are.
    keys: Vec<K>,
    /// The rows that were laid out last, and their tops: by these a row is found in whose place another one is.
    laid: Vec<(K, f32)>,
    /// By how much the wheel was turned since.
    turned: f32,
    told: Option<Sight<K>>,
}

impl<'a, K: Copy, Message> Anchored<'a, K, Message> {
    /// Of rows, in their order.
    pub(crate) fn new(
        rows: impl IntoIterator<Item = (K, Element<'a, Message>)>,
        anchor: Anchor<K>,
        on_sight: fn(Sight<K>) -> Message,
    ) -> Self {
        let (keys, rows) = rows.into_iter().unzip();
        Self { keys, rows, anchor, part: None, on_sight }
    }

    /// Shows at the edge which part of all there is is in sight, from 0 to 1.
    pub(crate) fn part(mut self, from: f32, to: f32) -> Self {
        self.part = Some((from, to));
        self
    }
}

impl<K: Copy + Eq + Hash> State<K> {
    /// Where the first row's top is to be, so that the anchor is where it should be. `tops` are those of the rows below it.
    fn hangs(&self, keys: &[K], anchor: Anchor<K>, tops: &[f32], total: f32, height: f32) -> f32 {
        let at_end = height - total;
        let wanted = match anchor {
            Anchor::End => at_end,
            Anchor::Row(key, top) => self.beside(keys, key, top).map_or(at_end, |(at, top)| top - tops[at]),
        };
        // Short of a view, it is at its lower end.
        wanted.min(0.0).max(at_end)
    }

    /// A row, and where its top is to be: the wanted one, or, where that is gone, the next one of those around it.
    fn beside(&self, keys: &[K], wanted: K, top: f32) -> Option<(usize, f32)> {
        let place = |key: &K| keys.iter().position(|there| there == key);
        if let Some(at) = place(&wanted) {
            return Some((at, top));
        }
        let was = self.laid.iter().position(|(key, _)| *key == wanted)?;
        let (above, below) = self.laid.split_at(was);
        below.iter().chain(above.iter().rev()).find_map(|(key, top)| Some((place(key)?, *top)))
    }
}

/// What is in sight when the wheel was turned by so much, and by how much it can be.
fn sight<K: Copy>(keys: &[K], layout: Layout<'_>, turned: f32) -> Option<(Sight<K>, f32)> {
    let (y, height) = (layout.bounds().y, layout.bounds().height);
    let mut rows: Vec<_> =
        layout.children().map(|row| row.bounds()).map(|row| (row.y - y, row.y - y + row.height)).collect();
    // As far as there are rows.
    let above = (PADDING - rows.first()?.0).max(0.0);
    let below = (rows.last()?.1 + PADDING - height).max(0.0);
    let turned = turned.clamp(-below, above);
    rows.iter_mut().for_each(|(top, end)| (*top, *end) = (*top + turned, *end + turned));
    let at = rows.iter().position(|(_, end)| *end > 0.0).unwrap_or(rows.len() - 1);
    let lowest = rows.iter().rposition(|(top, _)| *top < height).unwrap_or(at).max(at);
    let fills_view = |top: f32, end: f32| top <= 0.0 && end >= height;
    let seen = rows[at..=lowest].iter().rposition(|(top, end)| *end <= height || fills_view(*top, *end));
    let sight = Sight {
        first: keys[at],
        top: rows[at].0,
        last: seen.map(|seen| keys[at + seen]),
        lowest: keys[lowest],
        below: below + turned,
        height,
    };
    Some((sight, turned))
}

impl<K, Message> Widget<Message, Theme, Renderer> for Anchored<'_, K, Message>
where
    K: Copy + Eq + Hash + 'static,
{
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<State<K>>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(State::<K> { keys: self.keys.clone(), laid: Vec::new(), turned: 0.0, told: None })
    }

    fn children(&self) -> Vec<Tree> {
        self.rows.iter().map(Tree::new).collect()
    }

    fn diff(&self, tree: &mut Tree) {
        let state = tree.state.downcast_mut::<State<K>>();
        let mut known: HashMap<K, Tree> = state.keys.drain(..).zip(tree.children.drain(..)).collect();
        let rows = self.keys.iter().zip(&self.rows).map(|(key, row)| match known.remove(key) {
            Some(mut tree) => {
                row.as_widget().diff(&mut tree);
                tree
            }
            None => Tree::new(row),
        });
        tree.children = rows.collect();
        state.keys.clone_from(&self.keys);
    }

    fn size(&self) -> Size<Length> {
        Size::new(Length::Fill, Length::Fill)
    }

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        let size = limits.resolve(Length::Fill, Length::Fill, Size::ZERO);
        let inner = layout::Limits::new(Size::ZERO, Size::new(size.width, f32::INFINITY));
        let rows = self.rows.iter_mut().zip(&mut tree.children);
        let mut nodes: Vec<_> = rows.map(|(row, tree)| row.as_widget_mut().layout(tree, renderer, &inner)).collect();
        let mut total = PADDING;
        let mut tops = Vec::with_capacity(nodes.len());
        for node in &nodes {
            tops.push(total);
            total += node.size().height;
        }
        total += PADDING;
        let state = tree.state.downcast_mut::<State<K>>();
        let from = state.hangs(&self.keys, self.anchor, &tops, total, size.height);
        tops.iter_mut().for_each(|top| *top += from);
        for (node, top) in nodes.iter_mut().zip(&tops) {
            node.move_to_mut(Point::new(0.0, *top));
        }
        state.laid = self.keys.iter().copied().zip(tops).collect();
        state.turned = 0.0;
        layout::Node::with_children(size, nodes)
    }

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let bounds = layout.bounds();
        operation.scrollable(None, bounds, bounds, Vector::ZERO, &mut StandsStill);
        operation.traverse(&mut |operation| {
            for ((row, tree), layout) in self.rows.iter_mut().zip(&mut tree.children).zip(layout.children()) {
                row.as_widget_mut().operate(tree, layout, renderer, operation);
            }
        });
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        viewport: &Rectangle,
    ) {
        let bounds = layout.bounds();
        let Some(in_sight) = bounds.intersection(viewport) else { return };
        let inside = if cursor.is_over(in_sight) { cursor } else { mouse::Cursor::Unavailable };
        for ((row, tree), layout) in self.rows.iter_mut().zip(&mut tree.children).zip(layout.children()) {
            row.as_widget_mut().update(tree, event, layout, inside, renderer, clipboard, shell, &in_sight);
        }
        let state = tree.state.downcast_mut::<State<K>>();
        if let Event::Mouse(mouse::Event::WheelScrolled { delta }) = event
            && inside.position().is_some()
            && !shell.is_event_captured()
        {
            state.turned += match delta {
                ScrollDelta::Lines { y, .. } => y * WHEEL_LINE,
                ScrollDelta::Pixels { y, .. } => *y,
            };
            shell.capture_event();
        }
        if let Some((now, turned)) = sight(&self.keys, layout, state.turned) {
            state.turned = turned;
            if state.told.replace(now) != Some(now) {
                shell.publish((self.on_sight)(now));
            }
        }
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        let Some(in_sight) = layout.bounds().intersection(viewport).filter(|bounds| cursor.is_over(*bounds)) else {
            return mouse::Interaction::None;
        };
        let rows = self.rows.iter().zip(&tree.children).zip(layout.children());
        let of_rows = rows
            .map(|((row, tree), layout)| row.as_widget().mouse_interaction(tree, layout, cursor, &in_sight, renderer));
        of_rows.max().unwrap_or_default()
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        style: &renderer::Style,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        let bounds = layout.bounds();
        let Some(in_sight) = bounds.intersection(viewport) else { return };
        let inside = if cursor.is_over(in_sight) { cursor } else { mouse::Cursor::Unavailable };
        renderer.with_layer(in_sight, |renderer| {
            for ((row, tree), layout) in self.rows.iter().zip(&tree.children).zip(layout.children()) {
                if layout.bounds().intersects(&in_sight) {
                    row.as_widget().draw(tree, renderer, theme, style, layout, inside, &in_sight);
                }
            }
        });
        if let Some((from, to)) = self.part.filter(|(from, to)| *from > 0.0 || *to < 1.0) {
            let length = ((to - from) * bounds.height).max(4.0 * BAR);
            let bar = Rectangle {
                x: bounds.x + bounds.width - 2.0 * BAR,
                y: bounds.y + from * (bounds.height - length).max(0.0) / (1.0 - (to - from)).max(f32::EPSILON),
                width: BAR,
                height: length,
            };
            let color = theme.extended_palette().background.strongest.color;
            renderer.with_layer(in_sight, |renderer| {
                let border = Border::default().rounded(BAR / 2.0);
                renderer.fill_quad(Quad { bounds: bar, border, ..Quad::default() }, color);
            });
        }
    }

    fn overlay<'b>(
        &'b mut self,
        tree: &'b mut Tree,
        layout: Layout<'b>,
        renderer: &Renderer,
        viewport: &Rectangle,
        translation: Vector,
    ) -> Option<overlay::Element<'b, Message, Theme, Renderer>> {
        overlay::from_children(&mut self.rows, tree, layout, renderer, viewport, translation)
    }
}

/// It is moved by its anchor only.
struct StandsStill;

impl Scrollable for StandsStill {
    fn snap_to(&mut self, _: operation::scrollable::RelativeOffset<Option<f32>>) {}

    fn scroll_to(&mut self, _: operation::scrollable::AbsoluteOffset<Option<f32>>) {}

    fn scroll_by(&mut self, _: operation::scrollable::AbsoluteOffset, _: Rectangle, _: Rectangle) {}
}

impl<'a, K, Message> From<Anchored<'a, K, Message>> for Element<'a, Message>
where
    K: Copy + Eq + Hash + 'static,
    Message: 'a,
{
    fn from(anchored: Anchored<'a, K, Message>) -> Self {
        Self::new(anchored)
    }
}
