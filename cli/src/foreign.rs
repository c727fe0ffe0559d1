//! Text that others wrote, made harmless for a terminal.
//!
//! A terminal obeys control characters: they move the cursor, change the window's title, answer as if typed, or make one
//! message look like another. Direction marks turn `exe.gpj` into `jpg.exe`. None of them reaches the screen.

/// One line: line ends become visible signs too.
#[must_use]
pub fn line(text: &str) -> String {
    text.chars().map(tame).collect()
}

/// The lines of a text that may have several.
pub fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('\n').map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
}

/// JSON escapes only what JSON must; the rest of the control characters could still reach a terminal.
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        // In valid JSON they stand in strings only, where an escape means the same. All are below U+10000.
        if tame(character) == character {
            safe.push(character);
        } else {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    safe
}

fn tame(character: char) -> char {
    match character {
        '\t' => ' ',
        // Control pictures: visible, and one can see what it was.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        // C1 controls (some terminals obey them in UTF-8), line and paragraph separators, direction overrides and
        // isolates.
        '\u{80}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
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
        assert!(tamed.chars().all(|c| !c.is_control() && tame(c) == c), "{tamed:?}");
        assert!(tamed.contains("␛[2J"), "{tamed:?}");
    }

    #[test]
    fn lines_end_where_the_writer_ended_them() {
        assert_eq!(lines("one\r\ntwo\n\nfour\rfive").collect::<Vec<_>>(), ["one", "two", "", "four␍five"]);
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let text = "a\u{9b}\x7fb\u{202e}\n\"\\ я 🙂";
        let written = json(&serde_json::to_string(text).unwrap());
        assert!(written.contains("\\u009b") && written.contains("\\u202e") && written.contains("\\u007f"));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["Привет, Боб! Ça va? 你好 🙂👩‍👩‍👧", "שלום"] {
            assert_eq!(line(text), text);
        }
    }
}
