//! The part of a history that is shown.

use super::super::diff::{ListDiff, Noted};
use super::super::history::{Bounds, HistoryItem, Stretch};

/// An end of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Older,
    Newer,
}

/// Everything between its bounds, and not too much of it.
#[derive(Debug)]
pub(super) struct Window {
    items: Vec<HistoryItem>,
    bounds: Bounds,
    /// Where the reader has last turned to: what is too much goes from the other end.
    turned_to: Side,
    most: usize,
}

impl Window {
    /// An empty one, of an empty history, that will hold up to `most` messages.
    pub(super) fn new(most: usize) -> Self {
        Self { items: Vec::new(), bounds: Bounds::default(), turned_to: Side::Newer, most }
    }

    pub(super) fn items(&self) -> &[HistoryItem] {
        &self.items
    }

    pub(super) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) fn messages(&self) -> usize {
        self.items.iter().filter(|item| item.row().is_some()).count()
    }

    #[cfg(test)]
    pub(super) const fn hold_at_most(&mut self, most: usize) {
        self.most = most;
    }

    /// Shows something else.
    pub(super) fn reset(&mut self, stretch: Stretch) -> Vec<ListDiff<HistoryItem>> {
        self.turned_to = Side::Newer;
        self.bounds = stretch.bounds;
        self.items = stretch.items;
        vec![ListDiff::Reset { items: self.items.clone() }]
    }

    /// Adds what stands before or behind.
    pub(super) fn extend(&mut self, stretch: Stretch, side: Side) -> Vec<ListDiff<HistoryItem>> {
        self.turned_to = side;
        match side {
            Side::Older => self.bounds.from = stretch.bounds.from,
            Side::Newer => self.bounds.to = stretch.bounds.to,
        }
        let mut list = Noted::new(&mut self.items);
        for item in stretch.items {
            put(&mut list, item);
        }
        trim(&mut list, &mut self.bounds, self.turned_to, self.most);
        list.into_diffs()
    }

    /// Messages have changed, or are gone from here; and the gaps are these, if given.
    pub(super) fn change(
        &mut self,
        messages: Vec<(i64, Option<HistoryItem>)>,
        gaps: Option<Vec<HistoryItem>>,
    ) -> Vec<ListDiff<HistoryItem>> {
        let mut list = Noted::new(&mut self.items);
        for (row, item) in messages {
            match item {
                Some(item) => put(&mut list, item),
                None => take(&mut list, row),
            }
        }
        if let Some(gaps) = gaps {
            for index in (0..list.list().len()).rev() {
                let item = &list.list()[index];
                if item.row().is_none() && !gaps.iter().any(|gap| gap.key() == item.key()) {
                    list.remove(index);
                }
            }
            for gap in gaps {
                list.put(gap, HistoryItem::key);
            }
        }
        trim(&mut list, &mut self.bounds, self.turned_to, self.most);
        list.into_diffs()
    }
}

/// Puts an item where it belongs. A message that stood elsewhere moves.
fn put(list: &mut Noted<'_, HistoryItem>, item: HistoryItem) {
    if let Some(row) = item.row()
        && let Some(before) = list.list().iter().find(|known| known.row() == Some(row))
        && before.key() != item.key()
    {
        take(list, row);
    }
    list.put(item, HistoryItem::key);
}

fn take(list: &mut Noted<'_, HistoryItem>, row: i64) {
    if let Some(index) = list.list().iter().position(|known| known.row() == Some(row)) {
        list.remove(index);
    }
}

/// Lets go of what is too much, and of the gaps beside it.
fn trim(list: &mut Noted<'_, HistoryItem>, bounds: &mut Bounds, turned_to: Side, most: usize) {
    let messages: Vec<_> = list.list().iter().filter_map(HistoryItem::message).map(|message| message.cursor).collect();
    if messages.len() <= most {
        return;
    }
    match turned_to {
        Side::Older => bounds.to = Some(messages[most - 1]),
        Side::Newer => bounds.from = Some(messages[messages.len() - most]),
    }
    for index in (0..list.list().len()).rev() {
        if !bounds.cover(list.list()[index].key()) {
            list.remove(index);
        }
    }
}
