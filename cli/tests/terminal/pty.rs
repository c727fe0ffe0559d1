//! A command on a terminal of its own: `script`, which every Debian has, makes one.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::people::Person;

const PATIENCE: Duration = Duration::from_secs(30);

/// What has appeared on the screen so far, and whether nothing more will.
#[derive(Default)]
struct Screen {
    shown: Mutex<(String, bool)>,
    changed: Condvar,
}

pub(crate) struct Pty {
    child: Child,
    keys: Option<ChildStdin>,
    screen: Arc<Screen>,
    /// How much of it was looked at.
    seen: usize,
}

impl Pty {
    pub(crate) fn of(person: &Person, arguments: &str, environment: &[(&str, &str)]) -> Self {
        Self::after("", person, arguments, environment)
    }

    /// On a terminal of so many columns.
    pub(crate) fn of_width(person: &Person, arguments: &str, columns: u16) -> Self {
        Self::after(&format!("stty cols {columns}; "), person, arguments, &[])
    }

    fn after(first: &str, person: &Person, arguments: &str, environment: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_privmsg");
        // An interrupt is for the program; the shell goes on.
        let command = format!("trap : INT; {first}{program} --profile {} {arguments}", person.profile);
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .current_dir(&person.dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("HOME", &person.dir)
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let screen = Arc::new(Screen::default());
        let (mut output, drawn) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut bytes = Vec::new();
            while let Ok(count) = output.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..count]);
                let mut shown = drawn.shown.lock().unwrap();
                *shown = (String::from_utf8_lossy(&bytes).into_owned(), count == 0);
                drawn.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let keys = child.stdin.take();
        Self { child, keys, screen, seen: 0 }
    }

    /// Sends a signal to the program, which is a child of the shell's.
    pub(crate) fn program_gets(&self, signal: &str) {
        let child_of = |parent: u32| {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
            let is_child = |pid: &u32| {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                // Behind the name, which may hold anything: the state, and the parent.
                let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
                behind.split_whitespace().nth(1) == Some(&parent.to_string())
            };
            pids.find(is_child).unwrap()
        };
        let program = child_of(child_of(self.child.id()));
        assert!(Command::new("kill").args(["-s", signal, &program.to_string()]).status().unwrap().success());
    }

    pub(crate) fn types(&mut self, keys: &str) {
        let pipe = self.keys.as_mut().unwrap();
        pipe.write_all(keys.as_bytes()).unwrap();
        pipe.flush().unwrap();
    }

    /// Waits until a text appears behind what was looked at before. Returns what came before it.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> String {
        let start = Instant::now();
        let mut shown = self.screen.shown.lock().unwrap();
        loop {
            if let Some(at) = shown.0[self.seen..].find(text) {
                let before = shown.0[self.seen..self.seen + at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            let left = PATIENCE.checked_sub(start.elapsed()).filter(|_| !shown.1);
            let Some(left) = left else { panic!("{text:?} does not appear behind {:?}", &shown.0[self.seen..]) };
            shown = self.screen.changed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits for the end of the command. Returns its exit code, and everything that was on the screen.
    pub(crate) fn ends(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap();
        let mut shown = self.screen.shown.lock().unwrap();
        while !shown.1 {
            shown = self.screen.changed.wait_timeout(shown, PATIENCE).unwrap().0;
        }
        (code, shown.0.clone())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
