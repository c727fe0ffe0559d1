//! A line that is being typed at the bottom of a terminal.
//!
//! A terminal by itself edits lines well enough, but keeps what is typed to itself until the line ends: a message that
//! arrives meanwhile would tear it, and a text of several lines that is pasted would be sent line by line. This edits at the
//! end of the line only.

use crate::foreign;

/// What came of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, or several that were pasted, is complete.
    Line(String),
    /// The line has changed.
    Changed,
    /// Nothing more will be typed.
    End,
}

/// What a terminal sends around what is pasted, if it is asked to.
const PASTE_BEGINS: &[u8] = b"[200~";
const PASTE_ENDS: &[u8] = b"[201~";

/// Longest sequence of a key that is waited for to end. What is longer is none.
const LONGEST_SEQUENCE: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Editor {
    line: String,
    /// Bytes of a character that is not complete.
    character: Vec<u8>,
    /// Bytes behind an escape.
    sequence: Option<Vec<u8>>,
    pasting: bool,
}

impl Editor {
    /// What has been typed so far.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let before = self.line.clone();
        let mut typed = Vec::new();
        for byte in bytes {
            self.key(*byte, &mut typed);
        }
        if typed.is_empty() && self.line != before {
            typed.push(Typed::Changed);
        }
        typed
    }

    fn key(&mut self, byte: u8, typed: &mut Vec<Typed>) {
        if let Some(sequence) = &mut self.sequence {
            sequence.push(byte);
            // A letter or '~' ends it; behind '[' or 'O' there is more to come.
            let ends =
                sequence.len() > 1 && matches!(byte, b'@'..=b'~') || sequence.len() == 1 && !b"[O".contains(&byte);
            if ends || sequence.len() > LONGEST_SEQUENCE {
                match sequence.as_slice() {
                    PASTE_BEGINS => self.pasting = true,
                    PASTE_ENDS => self.pasting = false,
                    _ => {}
                }
                self.sequence = None;
            }
            return;
        }
        match byte {
            0x1b => self.sequence = Some(Vec::new()),
            b'\r' | b'\n' if self.pasting => self.line.push('\n'),
            b'\r' | b'\n' => typed.push(Typed::Line(std::mem::take(&mut self.line))),
            b'\t' => self.line.push('\t'),
            _ if self.pasting && byte < 0x20 => {}
            // Backspace, Ctrl-H.
            0x7f | 0x08 => {
                self.line.pop();
            }
            // Ctrl-U.
            0x15 => self.line.clear(),
            // Ctrl-W.
            0x17 => {
                let kept = self.line.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
                self.line.truncate(kept);
            }
            // Ctrl-D.
            0x04 if self.line.is_empty() => typed.push(Typed::End),
            0x00..0x20 => {}
            _ => self.byte_of_text(byte),
        }
    }

    fn byte_of_text(&mut self, byte: u8) {
        self.character.push(byte);
        match std::str::from_utf8(&self.character) {
            Ok(text) => {
                self.line.push_str(text);
                self.character.clear();
            }
            // Broken for good, not only incomplete.
            Err(error) if error.error_len().is_some() || self.character.len() > 3 => self.character.clear(),
            Err(_) => {}
        }
    }

    /// The line as it is drawn: harmless, and its end, if it is too long for `width` columns.
    pub(crate) fn shown(&self, prompt: &str, width: usize) -> String {
        let room = width.saturating_sub(columns(prompt) + 1);
        let mut shown: Vec<char> = Vec::new();
        let mut used = 0;
        for character in self.line.replace('\n', "⏎").chars().rev() {
            let wide = width_of(character);
            if used + wide > room {
                break;
            }
            used += wide;
            shown.push(character);
        }
        let end: String = shown.into_iter().rev().collect();
        format!("{prompt}{}", foreign::line(&end))
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// Columns of a character. Too many only make the line shorter than it could be.
const fn width_of(character: char) -> usize {
    if character as u32 >= 0x1100 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    #[test]
    fn lines_are_typed_and_mended() {
        let mut editor = Editor::default();
        assert_eq!(editor.feed(b"Hallo"), [Typed::Changed]);
        assert_eq!(editor.feed("\x7f\u{451}ж\r".as_bytes()), [line("Hallёж")]);
        assert_eq!(editor.feed(b"one two \x17\x17three\x15four\n"), [line("four")]);
        assert_eq!(editor.feed(b"a\x04b\rc\r"), [line("ab"), line("c")], "in the middle of a line Ctrl-D is nothing");
        assert_eq!(editor.feed(b"\x04"), [Typed::End]);
    }

    #[test]
    fn a_character_may_come_in_pieces_and_a_broken_one_is_left_out() {
        let mut editor = Editor::default();
        let emoji = "👍".as_bytes();
        assert_eq!(editor.feed(&emoji[..2]), []);
        assert_eq!(editor.feed(&emoji[2..]), [Typed::Changed]);
        assert_eq!(editor.feed(b"\xff\xfeok\r"), [line("👍ok")]);
    }

    #[test]
    fn what_is_pasted_is_one_text() {
        let mut editor = Editor::default();
        let pasted = b"\x1b[200~one\rtwo\n\x1bthree\x03\x1b[201~";
        assert_eq!(editor.feed(pasted), [Typed::Changed]);
        assert_eq!(editor.feed(b"\r"), [line("one\ntwo\nhree")], "an escape in it is a key that is not known");
        assert_eq!(editor.feed(b"\r"), [line("")]);
    }

    #[test]
    fn keys_that_are_not_known_leave_nothing() {
        let mut editor = Editor::default();
        for key in ["\x1b[A", "\x1bOP", "\x1b[1;5C", "\x1bx", "\x0c", "\x1b[99999999999999999999~"] {
            editor.feed(key.as_bytes());
        }
        assert_eq!(editor.feed(b"\x15ok\r"), [line("ok")]);
    }

    #[test]
    fn the_end_of_a_long_line_is_shown() {
        let mut editor = Editor::default();
        editor.feed("\x1b[200~abc\ndef\x1b[201~".as_bytes());
        assert_eq!(editor.shown("> ", 80), "> abc⏎def");
        assert_eq!(editor.shown("> ", 8), "> ⏎def");
        editor.feed("漢字\u{202e}".as_bytes());
        assert!(!editor.shown("> ", 80).contains('\u{202e}'));
    }
}
