//! Text that others wrote, made harmless for a terminal, or another screen.
//!
//! A terminal obeys control characters: they move the cursor, change the window's title, answer as if typed, or make one
//! message look like another. Direction marks turn `exe.gpj` into `jpg.exe`, and what nobody sees makes two names of one. None of
//! them reaches the screen; nor does a letter with so many marks that they cover the lines around it.

use privmsg_protocol::is_ignorable;
use unicode_segmentation::UnicodeSegmentation as _;

/// Characters of one sign. Scripts stack three or four; letters of several consonants have some more.
const LONGEST_SIGN: usize = 8;

/// The same of emoji that are put together: a kiss between people of two colours has ten, a flag of a region seven.
const LONGEST_EMOJI: usize = 16;

const JOINER: char = '\u{200d}';

/// One line: line ends become visible signs too.
#[must_use]
pub fn line(text: &str) -> String {
    if text.is_ascii() {
        return text.chars().map(tame).collect();
    }
    let mut shown = String::with_capacity(text.len());
    for sign in text.graphemes(true) {
        add(&mut shown, sign);
    }
    shown
}

/// The lines of a text that may have several.
pub fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('\n').map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
}

/// The same, as one text.
#[must_use]
pub fn text(text: &str) -> String {
    lines(text).collect::<Vec<_>>().join("\n")
}

/// The first line of a text in which anything is said, cut after so many characters. No more of the text is looked at.
#[must_use]
pub fn first_line(text: &str, most: usize) -> String {
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else { return String::new() };
    let first = first.trim();
    match first.char_indices().nth(most) {
        None => line(first),
        Some((end, _)) => line(&first[..end]) + "…",
    }
}

/// JSON escapes only what JSON must; the rest of the control characters could still reach a terminal.
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        // In valid JSON they stand in strings only, where an escape means the same.
        if tame(character) == character && (!is_ignorable(character) || joins(character)) {
            safe.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe
}

/// What is seen as one. What belongs to no letter or picture is shown as that.
fn add(shown: &mut String, sign: &str) {
    let Some(first) = sign.chars().next() else { return };
    let is_put_together = sign.contains(JOINER) || first == FLAG;
    let most = if is_put_together { LONGEST_EMOJI } else { LONGEST_SIGN };
    if shown.is_empty() && !is_ignorable(first) && is_mark(first) {
        // It would stand over what is printed before the line.
        shown.push(NOTHING);
    }
    let mut is_hidden = false;
    for (at, character) in sign.chars().enumerate() {
        match character {
            // Without them the same is read, from left to right.
            '\u{ad}' | '\u{61c}' | '\u{200e}' | '\u{200f}' => {}
            _ if at >= most => is_hidden = true,
            _ if is_ignorable(character) && !(at > 0 && (joins(character) || (first == FLAG && is_tag(character)))) => {
                is_hidden = true;
            }
            _ => shown.push(tame(character)),
        }
    }
    if is_hidden {
        shown.push(char::REPLACEMENT_CHARACTER);
    }
}

/// What a mark stands on that stands on nothing.
const NOTHING: char = '\u{25cc}';

/// The black flag that regions' flags begin with. Tags follow it that nobody sees.
const FLAG: char = '\u{1f3f4}';

/// What scripts and emoji are put together with, and what says which form of a sign is meant.
const fn joins(character: char) -> bool {
    matches!(character, '\u{200c}' | JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

const fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0020}'..='\u{e007f}')
}

/// Whether it belongs to the letter before it.
fn is_mark(character: char) -> bool {
    !character.is_ascii() && ["a", character.encode_utf8(&mut [0; 4])].concat().graphemes(true).nth(1).is_none()
}

fn tame(character: char) -> char {
    match character {
        '\t' => ' ',
        // Control pictures: visible, and one can see what it was.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        // C1 controls (some terminals obey them in UTF-8), line and paragraph separators.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let hostile = "\x1b]0;title\x07\x1b[2J\u{9b}31m\r\x08\x7f\u{202e}gpj.exe\u{2028}\0";
        let tamed = line(hostile);
        assert!(tamed.chars().all(|c| !c.is_control() && tame(c) == c && !is_ignorable(c)), "{tamed:?}");
        assert!(tamed.contains("␛[2J"), "{tamed:?}");
    }

    #[test]
    fn what_nobody_sees_is_shown_or_goes() {
        for (text, shown) in [
            ("b\u{200b}ob", "b\u{fffd}ob"),
            ("\u{feff}bob", "\u{fffd}bob"),
            ("bo\u{2060}b", "bo\u{fffd}b"),
            ("\u{200d}bob", "\u{fffd}bob"),
            ("b\u{e0062}ob", "b\u{fffd}ob"),
            ("ok \u{1160}\u{3164}", "ok \u{fffd}\u{fffd}"),
            ("jpg\u{202e}exe\u{2069}", "jpg\u{fffd}exe\u{fffd}"),
            // What only says which way is read, as people who write from right to left use it.
            ("שלום\u{200f}!", "שלום!"),
            ("so\u{ad}da\u{200e}", "soda"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
        }
    }

    #[test]
    fn marks_stay_with_their_letter_and_are_few() {
        let many = format!("a{}b", "\u{301}".repeat(200));
        assert_eq!(line(&many), format!("a{}\u{fffd}b", "\u{301}".repeat(LONGEST_SIGN - 1)));
        assert_eq!(line("\u{301}\u{302}a"), "\u{25cc}\u{301}\u{302}a");
        let people = format!("👩{}", "\u{200d}👩".repeat(30));
        assert!(line(&people).chars().count() <= LONGEST_EMOJI + 1);
    }

    #[test]
    fn lines_end_where_the_writer_ended_them() {
        assert_eq!(lines("one\r\ntwo\n\nfour\rfive").collect::<Vec<_>>(), ["one", "two", "", "four␍five"]);
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let text = "a\u{9b}\x7fb\u{202e}\u{200b}\u{e0041}\n\"\\ я 🙂👩\u{200d}👧";
        let written = json(&serde_json::to_string(text).unwrap());
        for escaped in ["\\u009b", "\\u202e", "\\u007f", "\\u200b", "\\udb40\\udc41"] {
            assert!(written.contains(escaped), "{written}");
        }
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "Привет, Боб! Ça va? 你好 🙂👩‍👩‍👧",
            "שָׁלוֹם",
            "می‌خواهم",
            "क्षत्रिय",
            "❤️ 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 1️⃣",
            "👩🏽‍❤️‍💋‍👩🏻",
            "e\u{301}",
        ] {
            assert_eq!(line(text), text);
        }
    }
}
