//! Running the program.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let Some(code) = output.status.code() else { panic!("{}: {stderr}{stdout}", output.status) };
        Self { code, stdout, stderr }
    }

    /// The error object of `--json`, behind what else there was to be said.
    pub(crate) fn error(&self) -> Value {
        let object: Value = serde_json::from_str(self.stderr.lines().last().unwrap()).unwrap();
        object["error"].clone()
    }

    /// The objects of `--json`.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Itself, if the command did what it should.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stderr, self.stdout);
        self
    }
}

/// The program with nothing of the tester's own environment that could change what it does.
pub(crate) fn command(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privmsg"));
    command
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn privmsg(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    Run::of(command(dir, arguments, environment).output().unwrap())
}

pub(crate) fn is_russian(text: &str) -> bool {
    text.chars().any(|c| ('а'..='я').contains(&c))
}
