//! What goes to standard output and standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::Manner;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;

/// Emphasis for terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Faint,
    Bold,
    Alarm,
    /// Black on white, whatever the terminal's own colours are.
    Paper,
}

impl Style {
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Faint => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Alarm => "\x1b[1;31m",
            Self::Paper => "\x1b[38;5;16;48;5;231m",
        }
    }
}

/// The two streams, and in which form they are written.
#[derive(Debug)]
pub(crate) struct Output {
    lang: Lang,
    json: bool,
    colour: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(manner: Manner) -> Self {
        // https://no-color.org: set to anything but nothing.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            lang: manner.lang,
            json: manner.json,
            colour: wanted && io::stdout().is_terminal(),
            terminal: io::stderr().is_terminal(),
        }
    }

    pub(crate) const fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether a program reads the output.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody watches, so that progress may be drawn.
    pub(crate) const fn is_watched(&self) -> bool {
        self.terminal && !self.json
    }

    /// Whether somebody reads the result on a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// How wide the terminal is that shows the result, where that is known.
    #[cfg(unix)]
    pub(crate) fn columns(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        // One that was never told its size says 0.
        (size.ws_col > 0).then_some(usize::from(size.ws_col))
    }

    #[cfg(not(unix))]
    pub(crate) const fn columns(&self) -> Option<usize> {
        None
    }

    /// Whether standard output shows styles.
    pub(crate) const fn has_colours(&self) -> bool {
        self.colour
    }

    /// Text in a style, if standard output shows it. The text must be harmless already.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if self.colour && style != Style::Plain && !text.is_empty() {
            format!("{}{text}\x1b[0m", style.sequence())
        } else {
            text.to_owned()
        }
    }

    /// Lines of a result, written out at once. The text must be harmless already.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        write_line(text).map_err(Failure::Output)
    }

    /// A result for scripts.
    pub(crate) fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(object).map_err(|error| Failure::Output(error.into()))?;
        write_line(&foreign::json(&json)).map_err(Failure::Output)
    }

    /// Something that people should know, on standard error.
    pub(crate) fn note(&self, text: &str) {
        note(text);
    }

    /// As [`Output::note`], with a name for scripts.
    pub(crate) fn notice(&self, code: &str, text: &str) {
        note(&notice(self.json, code, text));
    }

    /// As [`Output::note`], but only for people: a script reads the result.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            self.note(text);
        }
    }

    /// Says why a command has failed, and whose help says more; returns how to end.
    pub(crate) fn failure(&self, failure: &Failure, command: &str) -> Exit {
        if failure.is_broken_pipe() {
            return Exit::Ok;
        }
        let described = failure.describe(self.lang);
        if matches!(failure, Failure::Said(_)) {
            return described.exit;
        }
        if self.json {
            let error = ErrorObject {
                error: ErrorBody {
                    code: &described.code,
                    message: &described.message,
                    message_id: described.message_id.map(|id| id.to_string()),
                },
            };
            if let Ok(json) = serde_json::to_string(&error) {
                self.note(&foreign::json(&json));
            }
        } else {
            // Reasons may hold what a server or a file name says.
            self.note(&format!("{}: {}", self.lang.error_prefix(), foreign::text(&described.message)));
            if described.exit == Exit::Usage && described.code == "usage" {
                self.note(&self.lang.see_help(command));
            }
        }
        described.exit
    }
}

/// Something that people or scripts should know, as one line.
pub(crate) fn notice(json: bool, code: &str, text: &str) -> String {
    if json { serde_json::json!({"notice": {"code": code, "message": text}}).to_string() } else { text.to_owned() }
}

/// A line on standard error.
pub(crate) fn note(text: &str) {
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

fn write_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}
