//! How a list has changed.

/// One step from a list to the next. Steps are applied in order; each index is that of the list before the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListDiff<T> {
    /// An item is new.
    Insert {
        /// Where it stands now.
        index: usize,
        /// The item.
        item: T,
    },
    /// An item is another one, at the same place.
    Update {
        /// Where it stands.
        index: usize,
        /// As it is now.
        item: T,
    },
    /// An item is gone.
    Remove {
        /// Where it stood.
        index: usize,
    },
    /// The whole list is another one.
    Reset {
        /// All of it.
        items: Vec<T>,
    },
}

impl<T> ListDiff<T> {
    /// Takes a list one step further.
    ///
    /// # Panics
    /// If `list` is not as it was before the step.
    pub fn apply(self, list: &mut Vec<T>) {
        match self {
            Self::Insert { index, item } => list.insert(index, item),
            Self::Update { index, item } => list[index] = item,
            Self::Remove { index } => drop(list.remove(index)),
            Self::Reset { items } => *list = items,
        }
    }

    /// The same step of a list of something that is made of each item.
    #[must_use]
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> ListDiff<U> {
        match self {
            Self::Insert { index, item } => ListDiff::Insert { index, item: make(item) },
            Self::Update { index, item } => ListDiff::Update { index, item: make(item) },
            Self::Remove { index } => ListDiff::Remove { index },
            Self::Reset { items } => ListDiff::Reset { items: items.into_iter().map(make).collect() },
        }
    }

    /// The items that are new, or others than before.
    #[must_use]
    pub fn into_items(self) -> Vec<T> {
        match self {
            Self::Insert { item, .. } | Self::Update { item, .. } => vec![item],
            Self::Remove { .. } => Vec::new(),
            Self::Reset { items } => items,
        }
    }
}

/// A sorted list that notes how it changes.
#[derive(Debug)]
pub(crate) struct Noted<'a, T> {
    list: &'a mut Vec<T>,
    diffs: Vec<ListDiff<T>>,
}

impl<'a, T: Clone + PartialEq> Noted<'a, T> {
    pub(crate) const fn new(list: &'a mut Vec<T>) -> Self {
        Self { list, diffs: Vec::new() }
    }

    pub(crate) fn list(&self) -> &[T] {
        self.list
    }

    pub(crate) fn remove(&mut self, index: usize) {
        self.step(ListDiff::Remove { index });
    }

    /// Puts `item` where it belongs by `key`. An item with the same key is replaced, if it differs.
    pub(crate) fn put<K: Ord>(&mut self, item: T, key: impl Fn(&T) -> K) {
        match self.list.binary_search_by_key(&key(&item), key) {
            Ok(index) if self.list[index] == item => {}
            Ok(index) => self.step(ListDiff::Update { index, item }),
            Err(index) => self.step(ListDiff::Insert { index, item }),
        }
    }

    pub(crate) fn into_diffs(self) -> Vec<ListDiff<T>> {
        self.diffs
    }

    fn step(&mut self, diff: ListDiff<T>) {
        diff.clone().apply(self.list);
        self.diffs.push(diff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_one_list_to_the_next() {
        let mut list = vec![(1, 'a'), (3, 'c')];
        let mut shown = list.clone();
        let mut noted = Noted::new(&mut list);
        noted.put((2, 'b'), |item| item.0);
        noted.put((3, 'c'), |item| item.0);
        noted.put((3, 'd'), |item| item.0);
        noted.remove(0);
        let diffs = noted.into_diffs();
        assert_eq!(diffs.len(), 3, "what is as it was is no step: {diffs:?}");
        diffs.into_iter().for_each(|diff| diff.apply(&mut shown));
        assert_eq!(shown, list);
        assert_eq!(list, [(2, 'b'), (3, 'd')]);
        ListDiff::Reset { items: vec![(9, 'z')] }.apply(&mut shown);
        assert_eq!(shown, [(9, 'z')]);
    }
}
