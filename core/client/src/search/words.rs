//! What a word is, and which words are the same.

use std::collections::BTreeSet;
use std::ops::Range;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Letters of a word that count. Longer than any word that somebody looks for; what is longer is no word.
const LONGEST: usize = 64;

/// Different words by which one message is found: more than the longest text has that somebody writes. Each costs when it is written
/// down and when it is taken out, so nobody is to send many more.
const MOST: usize = 4_000;

/// Words of one search that the database is asked for. What else is looked for is seen when the message is read.
const ASKED: usize = 16;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it is, in bytes.
    pub(super) range: Range<usize>,
    /// Its letters without what makes no difference. Not empty.
    pub(super) folded: String,
}

/// The words of a text, in order.
pub(super) fn of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begun: Option<usize> = None;
    let end = |words: &mut Vec<Word>, range: Range<usize>| {
        let folded = text.get(range.clone()).map(fold).unwrap_or_default();
        if !folded.is_empty() {
            words.push(Word { range, folded });
        }
    };
    for (at, c) in text.char_indices() {
        let (part, alone) = (is_part(c), is_alone(c));
        if (alone || !part)
            && let Some(start) = begun.take()
        {
            end(&mut words, start..at);
        }
        if alone {
            end(&mut words, at..at + c.len_utf8());
        } else if part {
            begun = begun.or(Some(at));
        }
    }
    if let Some(start) = begun {
        end(&mut words, start..text.len());
    }
    words
}

/// What a message says, as a set of words.
#[derive(Debug, Default)]
pub(super) struct Words(BTreeSet<String>);

impl Words {
    pub(super) fn add(&mut self, text: &str) {
        for word in of(text) {
            if self.0.len() >= MOST {
                break;
            }
            self.0.insert(word.folded);
        }
    }

    /// Adds a word that is no text's.
    pub(super) fn mark(&mut self, word: &str) {
        self.0.insert(word.to_owned());
    }

    /// Whether a word begins so.
    fn any_begins(&self, beginning: &str) -> bool {
        let from = (std::ops::Bound::Included(beginning), std::ops::Bound::Unbounded);
        self.0.range::<str, _>(from).next().is_some_and(|word| word.starts_with(beginning))
    }

    /// As the database has them: with spaces between them.
    pub(super) fn joined(self) -> Option<String> {
        let all: Vec<_> = self.0.into_iter().collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

/// Words that are looked for, each as the beginning of one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms(Vec<String>);

impl Terms {
    /// Those of what somebody has typed, without such that others begin with.
    pub(crate) fn of(typed: &str) -> Self {
        let mut all: Vec<String> = of(typed).into_iter().map(|word| word.folded).collect();
        all.sort_unstable();
        all.dedup();
        // In order, what another one begins with stands right before it, or before more such.
        let mut terms: Vec<String> = Vec::with_capacity(all.len());
        for term in all.into_iter().rev() {
            if !terms.last().is_some_and(|longer| longer.starts_with(&term)) {
                terms.push(term);
            }
        }
        Self(terms)
    }

    /// Those that the database is asked for: the longest, in which least begins.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.0.clone();
        asked.sort_by_key(|term| std::cmp::Reverse(term.len()));
        asked.truncate(ASKED);
        asked
    }

    /// Whether all of them are there.
    pub(super) fn are_in(&self, words: &Words) -> bool {
        self.0.iter().all(|term| words.any_begins(term))
    }

    /// Which of them a word begins with, by its place. There is one at most: none begins with another.
    pub(super) fn which(&self, word: &str) -> Option<usize> {
        self.0.iter().position(|term| word.starts_with(term.as_str()))
    }
}

/// The letters of a word without what makes no difference: case, accents, the dots of ё.
fn fold(word: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize_iter(word.chars());
    let mut folded = String::with_capacity(word.len());
    for c in composed.flat_map(without_marks).flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).take(LONGEST) {
        folded.push(match c {
            'ς' => 'σ',
            other => other,
        });
    }
    folded
}

/// A letter without its accents. In Cyrillic letters with marks are letters of their own (й, ї, ў), but for ё and such as only
/// bear a stress.
fn without_marks(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        'Ё' | 'ё' | 'Ѐ' | 'ѐ' => Some('е'),
        'Ѝ' | 'ѝ' => Some('и'),
        '\u{400}'..='\u{52f}' => Some(c),
        _ => None,
    };
    let parts = plain.is_none().then(|| DecomposingNormalizerBorrowed::new_nfd().normalize_iter(std::iter::once(c)));
    plain.into_iter().chain(parts.into_iter().flatten()).filter(|part| is_part(*part) || is_alone(*part))
}

/// Whether words are made of it.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// What stands on a letter, or is not seen at all, and parts no word.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
            // Soft hyphen, joiners.
            | '\u{ad}'
            | '\u{200c}'
            | '\u{200d}'
            | '\u{2060}'
    )
}

/// What is a word by itself: emoji and other pictures, and the characters of scripts that leave no spaces.
fn is_alone(c: char) -> bool {
    matches!(
        c,
        '\u{2300}'..='\u{23ff}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{2e80}'..='\u{2fdf}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{1f000}'..='\u{1faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        of(text).into_iter().map(|word| word.folded).collect()
    }

    fn finds(typed: &str, text: &str) -> bool {
        let mut words = Words::default();
        words.add(text);
        Terms::of(typed).are_in(&words)
    }

    #[test]
    fn what_makes_no_difference_makes_none() {
        assert_eq!(folded("Привет, МИР! don't"), ["привет", "мир", "don", "t"]);
        assert_eq!(folded("Ёлка елка е\u{308}лка"), ["елка", "елка", "елка"]);
        assert_eq!(folded("Crème BRÛLÉE naïve cafe\u{301} İstanbul"), ["creme", "brulee", "naive", "cafe", "istanbul"]);
        assert_eq!(folded("за\u{301}мок со\u{ad}рок"), ["замок", "сорок"]);
        assert_eq!(folded("мой и\u{306}од мои їжак"), ["мой", "йод", "мои", "їжак"]);
        assert_eq!(folded("ΟΔΟΣ οδος"), ["οδοσ", "οδοσ"]);
        assert_eq!(folded("plans_v2.pdf a+b=c"), ["plans", "v2", "pdf", "a", "b", "c"]);
    }

    #[test]
    fn emoji_and_what_leaves_no_spaces_are_words() {
        assert_eq!(folded("ура🎉🎉 ❤\u{fe0f}x"), ["ура", "🎉", "🎉", "❤", "x"]);
        assert_eq!(folded("北京abc"), ["北", "京", "abc"]);
        assert_eq!(folded("\u{301}\u{fe0f} \0 * \" ( ) - :"), <[&str; 0]>::default());
    }

    #[test]
    fn all_words_must_begin_somewhere() {
        assert!(finds("прив", "Привет, мир"));
        assert!(finds("мир прив", "Привет, мир"));
        assert!(finds("елк", "под Ёлкой"));
        assert!(!finds("вет", "Привет"));
        assert!(!finds("привет война", "Привет, мир"));
        assert!(finds("при привет пр", "Привет"));
    }

    #[test]
    fn of_several_beginnings_the_longest_is_asked_for() {
        assert_eq!(Terms::of("a ab abc b ба б").0, ["ба", "b", "abc"]);
        assert_eq!(Terms::of(&"x ".repeat(5_000)).asked(), ["x"]);
        let many: String = (0..5_000).map(|n| format!("{n} ")).collect();
        assert_eq!(Terms::of(&many).asked().len(), ASKED);
        assert_eq!(Terms::of(&"ж".repeat(10_000)).asked(), ["ж".repeat(LONGEST)]);
    }

    #[test]
    fn a_message_has_so_many_words_at_most() {
        let mut words = Words::default();
        words.add(&(0..MOST * 2).map(|n| format!("{n} ")).collect::<String>());
        assert_eq!(words.joined().map(|all| all.split(' ').count()), Some(MOST));
    }

    proptest! {
        /// No word that is written down can be two for the database, or none.
        #[test]
        fn words_have_no_ascii_but_letters_and_digits(text in "\\PC{0,40}|[\\x00-\\x{2fff}]{0,40}") {
            for word in of(&text) {
                prop_assert!(text.get(word.range.clone()).is_some());
                prop_assert!(!word.folded.is_empty());
                prop_assert!(word.folded.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric()), "{word:?}");
                prop_assert!(finds(&text, &text));
                // What is folded is folded.
                prop_assert_eq!(fold(&word.folded), word.folded.clone());
            }
        }
    }
}
