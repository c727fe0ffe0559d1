//! A terminal on which somebody types while messages arrive.

#[cfg(unix)]
pub(crate) use unix::{Screen, put_back};

#[cfg(not(unix))]
pub(crate) use elsewhere::{Screen, put_back};

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal as _, Write as _};
    use std::sync::{Mutex, PoisonError};

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

    use crate::editor::Editor;

    /// Ask the terminal to mark what is pasted, and not to any more.
    const MARK_PASTES: &str = "\x1b[?2004h";
    const MARK_NOTHING: &str = "\x1b[?2004l";

    /// To the beginning of the line, and nothing behind.
    const ERASE: &str = "\r\x1b[K";

    /// Columns of a terminal that does not say.
    const COLUMNS: u16 = 80;

    /// How the terminal was before: also the end of the process by a second signal has to put it back.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// The terminal, with keys read one by one and not echoed; put back when dropped.
    #[derive(Debug)]
    pub(crate) struct Screen {
        drawn: String,
    }

    impl Screen {
        /// `None` if nobody types on a terminal, or what is printed goes elsewhere.
        pub(crate) fn of_terminal() -> Option<Self> {
            let obeys = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
            if !obeys || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
                return None;
            }
            let before = tcgetattr(io::stdin()).ok()?;
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
            let mut screen = Self { drawn: String::new() };
            screen.take().ok()?;
            Some(screen)
        }

        /// Takes the terminal, again if somebody else had it: after a stop, a shell has put its own settings.
        pub(crate) fn take(&mut self) -> io::Result<()> {
            let mut settings = tcgetattr(io::stdin())?;
            settings.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            settings.special_codes[SpecialCodeIndex::VMIN] = 1;
            settings.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(io::stdin(), OptionalActions::Now, &settings)?;
            self.drawn.clear();
            write(MARK_PASTES)
        }

        /// Makes room for something to be printed.
        pub(crate) fn clear(&mut self) -> io::Result<()> {
            if self.drawn.is_empty() {
                return Ok(());
            }
            self.drawn.clear();
            write(ERASE)
        }

        /// Draws what is typed, unless it stands there.
        pub(crate) fn draw(&mut self, prompt: &str, editor: &Editor) -> io::Result<()> {
            let columns =
                tcgetwinsize(io::stdout()).map_or(COLUMNS, |size| if size.ws_col == 0 { COLUMNS } else { size.ws_col });
            let line = editor.shown(prompt, columns.into());
            if line == self.drawn {
                return Ok(());
            }
            write(&format!("{ERASE}{line}"))?;
            self.drawn = line;
            Ok(())
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            // A terminal that has gone needs nothing.
            let _ = self.clear();
            put_back();
        }
    }

    /// Puts the terminal back as it was, if it was taken.
    pub(crate) fn put_back() {
        if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            let _ = write(MARK_NOTHING);
        }
    }

    fn write(text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

/// Where keys cannot be read one by one yet, lines are.
#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    use crate::editor::Editor;

    #[derive(Debug)]
    pub(crate) enum Screen {}

    impl Screen {
        pub(crate) const fn of_terminal() -> Option<Self> {
            None
        }

        pub(crate) fn take(&mut self) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn clear(&mut self) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn draw(&mut self, _prompt: &str, _editor: &Editor) -> io::Result<()> {
            match *self {}
        }
    }

    pub(crate) const fn put_back() {}
}
