//! What the user of a conversation types: line by line, or key by key where a terminal allows that.

use std::io::{BufRead as _, Read as _};

use tokio::sync::mpsc;

use crate::editor::{Editor, Typed};
use crate::screen::Screen;

/// Lines, or bursts of keys, that may be typed or come through a pipe before they are taken.
const WAITING: usize = 16;

/// Bytes of keys that are read at a time.
const BURST: usize = 4096;

const PROMPT: &str = "> ";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A text to be sent.
    Line(String),
    /// The user is at it, or has given it up.
    Typing(bool),
    /// Nothing more will come.
    End,
}

pub(super) struct Keyboard {
    source: mpsc::Receiver<Vec<u8>>,
    keys: Option<Keys>,
}

/// A terminal whose keys come one by one.
struct Keys {
    screen: Screen,
    editor: Editor,
    ready: std::collections::VecDeque<Typed>,
    /// What stands before the line.
    before: String,
    resumed: Resumed,
}

impl Keyboard {
    pub(super) fn new() -> Self {
        match Screen::of_terminal() {
            Some(screen) => Self { source: read(bursts), keys: Some(Keys::on(screen)) },
            None => Self { source: read(lines), keys: None },
        }
    }

    /// Whether what is typed is drawn here, and is to be printed once it is said.
    pub(super) const fn draws(&self) -> bool {
        self.keys.is_some()
    }

    /// What is typed next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Input {
        let Some(keys) = &mut self.keys else {
            return match self.source.recv().await {
                Some(line) => Input::Line(String::from_utf8_lossy(&line).into_owned()),
                None => Input::End,
            };
        };
        loop {
            if let Some(typed) = keys.ready.pop_front() {
                keys.draw();
                return match typed {
                    Typed::Line(line) => Input::Line(line),
                    Typed::Changed => Input::Typing(!keys.editor.line().is_empty()),
                    Typed::End => Input::End,
                };
            }
            tokio::select! {
                burst = self.source.recv() => match burst {
                    Some(burst) => keys.ready.extend(keys.editor.feed(&burst)),
                    None => return Input::End,
                },
                () = keys.resumed.next() => {
                    // If the terminal has gone, the next read says so.
                    let _ = keys.screen.take();
                    keys.draw();
                }
            }
        }
    }

    /// Prints something above the line that is being typed.
    pub(super) fn above<T>(&mut self, print: impl FnOnce() -> T) -> T {
        let Some(keys) = &mut self.keys else { return print() };
        // Whether it can be drawn shows when something is printed.
        let _ = keys.screen.clear();
        let printed = print();
        keys.draw();
        printed
    }

    /// Says something before the line that is being typed.
    pub(super) fn remark(&mut self, remark: &str) {
        if let Some(keys) = &mut self.keys {
            keys.before = format!("{remark}{PROMPT}");
            keys.draw();
        }
    }
}

impl Keys {
    fn on(screen: Screen) -> Self {
        let mut keys = Self {
            screen,
            editor: Editor::default(),
            ready: std::collections::VecDeque::new(),
            before: PROMPT.to_owned(),
            resumed: Resumed::new(),
        };
        keys.draw();
        keys
    }

    fn draw(&mut self) {
        let _ = self.screen.draw(&self.before, &self.editor);
    }
}

/// Hears that the program goes on after it was stopped, by Ctrl-Z for one: whoever had the terminal has changed it.
struct Resumed {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Resumed {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok() }
    }

    #[cfg(not(unix))]
    const fn new() -> Self {
        Self {}
    }

    /// Cancel-safe.
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Reading standard input cannot be cut off, so it has a thread of its own, which ends with the program.
fn read(from: fn(&mpsc::Sender<Vec<u8>>)) -> mpsc::Receiver<Vec<u8>> {
    let (sender, source) = mpsc::channel(WAITING);
    std::thread::spawn(move || from(&sender));
    source
}

fn lines(to: &mpsc::Sender<Vec<u8>>) {
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(mut line) = line else { return };
        if line.ends_with(b"\r") {
            line.pop();
        }
        if to.blocking_send(line).is_err() {
            return;
        }
    }
}

fn bursts(to: &mpsc::Sender<Vec<u8>>) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = [0; BURST];
    while let Ok(count) = stdin.read(&mut buffer) {
        if count == 0 || to.blocking_send(buffer[..count].to_vec()).is_err() {
            return;
        }
    }
}
