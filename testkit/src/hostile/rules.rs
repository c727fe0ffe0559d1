//! What a hostile server makes of what goes through it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use privmsg_protocol::frames::ServerFrame;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

/// A request of REST, as the client has made it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `POST`, …
    pub method: String,
    /// Behind `/api/v1/`, with what follows a `?`.
    pub path: String,
    /// JSON, or null.
    pub body: Value,
}

/// An answer of the test's own.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

impl Answer {
    /// Says yes.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self> {
        Ok(Self { status: 200, body: serde_json::to_value(body)? })
    }
}

/// A frame of the WebSocket, by who it is from: the other one gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// For the server.
    FromClient(Value),
    /// For the client.
    FromServer(Value),
}

impl Frame {
    /// As a frame of the server.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn of(frame: &ServerFrame) -> Result<Self> {
        Ok(Self::FromServer(serde_json::to_value(frame)?))
    }

    /// What the frame carries, if it is of this type.
    #[must_use]
    pub fn payload(&self, kind: &str) -> Option<&Value> {
        let (Self::FromClient(value) | Self::FromServer(value)) = self;
        (value.get("type")?.as_str()? == kind).then(|| value.get("payload"))?
    }

    /// Its JSON.
    pub const fn value_mut(&mut self) -> &mut Value {
        let (Self::FromClient(value) | Self::FromServer(value)) = self;
        value
    }
}

type Answering = Box<dyn FnMut(&Asked) -> Option<Answer> + Send>;
type ChangingRequests = Box<dyn FnMut(&mut Asked) + Send>;
type ChangingAnswers = Box<dyn FnMut(&Asked, &mut Value) + Send>;
type ChangingFrames = Box<dyn FnMut(Frame) -> Vec<Frame> + Send>;

#[derive(Default)]
struct Lists {
    answering: Vec<(String, Answering)>,
    requests: Vec<ChangingRequests>,
    answers: Vec<ChangingAnswers>,
    frames: Vec<ChangingFrames>,
    asked: Vec<Asked>,
}

/// The rules that hold at the moment, and what was asked so far.
pub(crate) struct Rules {
    lists: Mutex<Lists>,
    /// What clients are to hear.
    pub(super) told: broadcast::Sender<Value>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rules(…)")
    }
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { lists: Mutex::default(), told: broadcast::Sender::new(1024) }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self) {
        let mut lists = self.lists();
        *lists = Lists { asked: std::mem::take(&mut lists.asked), ..Lists::default() };
    }

    pub(super) fn add_answering(&self, pattern: &str, answer: Answering) {
        self.lists().answering.push((pattern.to_owned(), answer));
    }

    pub(super) fn add_requests(&self, change: ChangingRequests) {
        self.lists().requests.push(change);
    }

    pub(super) fn add_answers(&self, change: ChangingAnswers) {
        self.lists().answers.push(change);
    }

    pub(super) fn add_frames(&self, change: ChangingFrames) {
        self.lists().frames.push(change);
    }

    pub(super) fn times_asked(&self, pattern: &str) -> usize {
        self.lists().asked.iter().filter(|asked| matches(pattern, asked)).count()
    }

    /// Notes a request, and has it answered here, by the newest rule that wants to, or changed.
    pub(super) fn ask(&self, asked: &mut Asked) -> Option<Answer> {
        let mut lists = self.lists();
        lists.asked.push(asked.clone());
        for (pattern, answer) in lists.answering.iter_mut().rev() {
            if matches(pattern, asked)
                && let Some(answer) = answer(asked)
            {
                return Some(answer);
            }
        }
        lists.requests.iter_mut().for_each(|change| change(asked));
        None
    }

    /// Changes the server's answer.
    pub(super) fn answered(&self, asked: &Asked, answer: &mut Value) {
        self.lists().answers.iter_mut().for_each(|change| change(asked, answer));
    }

    /// What becomes of a frame.
    pub(super) fn passes(&self, frame: Frame) -> Vec<Frame> {
        let mut lists = self.lists();
        lists.frames.iter_mut().fold(vec![frame], |frames, change| frames.into_iter().flat_map(&mut **change).collect())
    }
}

/// Whether a request is one of `METHOD path`, where `*` stands for any piece of the path.
pub(super) fn matches(pattern: &str, asked: &Asked) -> bool {
    let Some((method, path)) = pattern.split_once(' ') else { return false };
    let asked_path = asked.path.split('?').next().unwrap_or_default();
    let (wanted, pieces) = (path.split('/'), asked_path.split('/'));
    method == asked.method
        && path.matches('/').count() == asked_path.matches('/').count()
        && wanted.zip(pieces).all(|(wanted, piece)| wanted == "*" || wanted == piece)
}

/// A pattern that can match something: a test with a slip in it would attack nothing.
pub(super) fn check(pattern: &str) -> Result<()> {
    let (method, path) = pattern.split_once(' ').unwrap_or_default();
    ensure!(matches!(method, "GET" | "POST" | "PUT" | "DELETE" | "PATCH"), "{pattern:?} begins with no method");
    ensure!(!path.is_empty() && !path.starts_with('/'), "{pattern:?} begins behind /api/v1/");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> Asked {
        Asked { method: "GET".to_owned(), path: path.to_owned(), body: Value::Null }
    }

    #[test]
    fn a_star_is_one_piece() {
        assert!(matches("GET groups/*/state", &asked("groups/x/state?epoch=1")));
        for other in ["groups/x", "groups/x/y/state", "users/x/state"] {
            assert!(!matches("GET groups/*/state", &asked(other)), "{other}");
        }
        assert!(!matches("POST groups/*/state", &asked("groups/x/state")));
        assert!(check("GET groups").is_ok() && check("groups").is_err() && check("GET /groups").is_err());
    }

    #[test]
    fn frames_pass_change_vanish_and_multiply_in_the_order_of_the_rules() {
        let rules = Rules::new();
        let frame = |text: &str| Frame::FromServer(text.into());
        assert_eq!(rules.passes(frame("a")), [frame("a")]);
        rules.add_frames(Box::new(|frame| vec![frame.clone(), frame]));
        rules.add_frames(Box::new(move |given| if given == frame("b") { Vec::new() } else { vec![given] }));
        assert_eq!(rules.passes(Frame::FromServer("a".into())).len(), 2);
        assert!(rules.passes(Frame::FromServer("b".into())).is_empty());
        rules.forget();
        assert_eq!(rules.passes(Frame::FromServer("b".into())).len(), 1);
    }

    #[test]
    fn the_newest_answer_counts() {
        let rules = Rules::new();
        let says = |status| move |_: &Asked| Some(Answer { status, body: Value::Null });
        rules.add_answering("GET groups", Box::new(says(200)));
        rules.add_answering("GET groups", Box::new(says(404)));
        rules.add_answering("GET groups", Box::new(|_| None));
        assert_eq!(rules.ask(&mut asked("groups")).map(|answer| answer.status), Some(404));
        assert!(rules.ask(&mut asked("users/me")).is_none());
        assert_eq!(rules.times_asked("GET groups"), 1);
    }
}
