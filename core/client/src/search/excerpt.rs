//! A stretch of what was found, with the words in it.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation as _;

use super::Excerpt;
use super::words::{self, Terms, Word};
use crate::view::message::MessageView;

/// Characters that are shown before the first word that was found: enough to see what it is about.
const BEFORE: usize = 40;

/// Characters that are shown from there on: with those before, two or three lines on a telephone.
const FROM: usize = 120;

/// Where the words are: in the text, or in the name of the file in which most of them are if there are more than in the text.
pub(super) fn of(message: &MessageView, terms: &Terms) -> Excerpt {
    let mut best = Source::of(&message.text, None, terms);
    for (place, file) in message.attachments.iter().enumerate() {
        let source = Source::of(&file.name, Some(place), terms);
        if source.terms > best.terms || best.text.is_empty() {
            best = source;
        }
    }
    best.excerpt()
}

/// A text of a message, and what of the words is in it.
struct Source<'a> {
    text: &'a str,
    file: Option<usize>,
    /// Words that fit.
    words: Vec<Word>,
    /// How many of those that are looked for.
    terms: usize,
}

impl<'a> Source<'a> {
    fn of(text: &'a str, file: Option<usize>, terms: &Terms) -> Self {
        let mut found = BTreeSet::new();
        let mut words = words::of(text);
        words.retain(|word| {
            let which = terms.which(&word.folded);
            found.extend(which);
            which.is_some()
        });
        Self { text, file, words, terms: found.len() }
    }

    fn excerpt(self) -> Excerpt {
        let first = self.words.first().map_or(0, |word| word.range.start);
        let (before, rest) = self.text.split_at_checked(first).unwrap_or(("", self.text));
        let from = before.grapheme_indices(true).rev().take(BEFORE).last().map_or(before.len(), |(at, _)| at);
        let to = rest.grapheme_indices(true).nth(FROM).map_or(self.text.len(), |(at, _)| before.len() + at);
        let within = |word: &Word| {
            // A word that is cut is marked as far as it is there.
            let (start, end) = (word.range.start.max(from), word.range.end.min(to));
            (start < end).then(|| start - from..end - from)
        };
        Excerpt {
            text: self.text.get(from..to).unwrap_or_default().to_owned(),
            found: self.words.iter().filter_map(within).collect(),
            file: self.file,
            is_cut_before: from > 0,
            is_cut_after: to < self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(text: &str, typed: &str) -> Excerpt {
        Source::of(text, None, &Terms::of(typed)).excerpt()
    }

    fn marked(excerpt: &Excerpt) -> Vec<&str> {
        excerpt.found.iter().map(|range| &excerpt.text[range.clone()]).collect()
    }

    #[test]
    fn the_words_are_marked_where_they_stand() {
        let found = excerpt("Ёлка и ёлки, а не палка", "елк");
        assert_eq!(marked(&found), ["Ёлка", "ёлки"]);
        assert_eq!((found.is_cut_before, found.is_cut_after), (false, false));
        let found = excerpt("cafe\u{301} 🎉", "🎉 café");
        assert_eq!(marked(&found), ["cafe\u{301}", "🎉"]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_of_them() {
        let text = format!("{} needle {}", "до ".repeat(1_000), "после ".repeat(1_000));
        let found = excerpt(&text, "needle");
        assert_eq!(marked(&found), ["needle"]);
        assert_eq!(found.text.chars().count(), BEFORE + FROM);
        assert!(found.is_cut_before && found.is_cut_after);
        let found = excerpt(&"x".repeat(1_000), "x");
        assert_eq!(marked(&found), ["x".repeat(FROM)]);
        assert_eq!(excerpt("", "x"), Excerpt::default());
    }

    proptest! {
        #[test]
        fn whatever_the_text_is_ranges_lie_between_characters(
            text in "(\\PC|[ e\u{301}ё🎉\u{200d}\n]){0,300}", typed in "\\PC{0,3}",
        ) {
            let found = excerpt(&text, &typed);
            let mut end = 0;
            for range in &found.found {
                prop_assert!(range.start >= end && range.start < range.end);
                prop_assert!(found.text.get(range.clone()).is_some());
                end = range.end;
            }
        }
    }
}
