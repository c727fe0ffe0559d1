//! A server that lies: a proxy before the real one, with rules for what it makes of what goes through.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use privmsg_protocol::GroupId;
use serde_json::Value;

use super::rules::{self, Answer, Asked, Frame, Rules};
use crate::wait::{PATIENCE, until};
use crate::{Proxy, Server};

/// What clients take for the server. It is honest until it is told otherwise.
#[derive(Debug)]
pub struct HostileServer {
    proxy: Proxy,
    pub(super) rules: Arc<Rules>,
}

impl HostileServer {
    /// Stands before the real one.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn before(server: &Server) -> Result<Self> {
        Self::at(server.address()).await
    }

    /// Stands before the one at this address.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn at(server: SocketAddr) -> Result<Self> {
        let rules = Arc::new(Rules::new());
        let proxy = Proxy::start_with(server, 0, Some(Arc::clone(&rules))).await?;
        Ok(Self { proxy, rules })
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        self.proxy.url()
    }

    /// Answers requests like `GET groups/*/state` itself, unless the answer is `None`.
    ///
    /// # Errors
    /// If that is no pattern.
    pub fn answers(&self, pattern: &str, answer: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) -> Result<()> {
        rules::check(pattern)?;
        self.rules.add_answering(pattern, Box::new(answer));
        Ok(())
    }

    /// Changes the real answers to requests like `GET groups/*/state`.
    ///
    /// # Errors
    /// If that is no pattern.
    pub fn rewrites(&self, pattern: &str, mut change: impl FnMut(&Asked, &mut Value) + Send + 'static) -> Result<()> {
        rules::check(pattern)?;
        let pattern = pattern.to_owned();
        self.rules.add_answers(Box::new(move |asked, answer| {
            if rules::matches(&pattern, asked) {
                change(asked, answer);
            }
        }));
        Ok(())
    }

    /// Changes requests before they reach the real server.
    pub fn rewrites_requests(&self, change: impl FnMut(&mut Asked) + Send + 'static) {
        self.rules.add_requests(Box::new(change));
    }

    /// Makes of each frame what it likes: passes it, changes it, drops it, keeps it, repeats it, or adds others, in either
    /// direction.
    pub fn rewrites_frames(&self, change: impl FnMut(Frame) -> Vec<Frame> + Send + 'static) {
        self.rules.add_frames(Box::new(change));
    }

    /// Says something to all clients that are connected.
    ///
    /// # Errors
    /// If nobody is connected, or it is something that a client says.
    pub fn tells(&self, frame: Frame) -> Result<()> {
        let Frame::FromServer(value) = frame else { bail!("no server says that") };
        ensure!(self.rules.told.send(value).is_ok(), "nobody is connected");
        Ok(())
    }

    /// How often it was asked something like `GET groups/*/state`.
    #[must_use]
    pub fn times_asked(&self, pattern: &str) -> usize {
        self.rules.times_asked(pattern)
    }

    /// Waits until it has been asked something so many times.
    ///
    /// # Errors
    /// If it is not.
    pub async fn is_asked(&self, pattern: &str, times: usize) -> Result<()> {
        rules::check(pattern)?;
        let look = || async { Ok((self.times_asked(pattern) >= times).then_some(())) };
        until(&format!("{pattern}, {times} times"), PATIENCE, look).await
    }

    /// Lies no more. What it has told stays told.
    pub fn stops_lying(&self) {
        self.rules.forget();
    }

    /// Lies no more, and has everybody connect anew.
    pub fn becomes_honest(&self) {
        self.stops_lying();
        self.cuts_all();
    }

    /// Ends all connections.
    pub fn cuts_all(&self) {
        self.proxy.cuts_all();
    }

    /// Tells its clients that one user is the other one, and the server the same of what they say.
    pub fn renames(&self, one: &'static str, other: &'static str) {
        let swapped = move |name: &str| match name {
            name if name == one => Some(other),
            name if name == other => Some(one),
            _ => None,
        };
        self.rules.add_requests(Box::new(move |asked| {
            let pieces = asked.path.split('/').map(|piece| swapped(piece).unwrap_or(piece));
            asked.path = pieces.collect::<Vec<_>>().join("/");
            rename(&mut asked.body, swapped);
        }));
        self.rules.add_answers(Box::new(move |_, answer| rename(answer, swapped)));
        self.rules.add_frames(Box::new(move |mut frame| {
            rename(frame.value_mut(), swapped);
            vec![frame]
        }));
    }

    /// Says that it has lost what it knew of a group: nobody is in it, and nobody may send to it.
    ///
    /// # Errors
    /// As [`HostileServer::answers`].
    pub fn claims_restore(&self, group: GroupId) -> Result<()> {
        let id = group.to_string();
        let forget = move |group: &mut Value| {
            if group.get("group_id").and_then(Value::as_str) == Some(id.as_str()) {
                let devices = group.get_mut("devices").and_then(Value::as_array_mut);
                devices.into_iter().flatten().for_each(|device| device["leaf"] = Value::Bool(false));
            }
        };
        let forget_one = forget.clone();
        self.rewrites("GET groups/*", move |_, group| forget_one(group))?;
        self.rewrites("GET groups", move |_, answer| {
            answer.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten().for_each(&forget);
        })?;
        self.rewrites_frames(move |frame| match refused_as_no_member(&frame, group) {
            Some(refusal) => vec![refusal],
            None => vec![frame],
        });
        Ok(())
    }

    /// Delivers nothing of a group.
    pub fn withholds(&self, group: GroupId) {
        let id = group.to_string();
        self.rewrites_frames(move |frame| {
            let is_kept = matches!(frame, Frame::FromServer(_)) && group_of(&frame) == Some(id.as_str());
            if is_kept { Vec::new() } else { vec![frame] }
        });
    }
}

/// Which group a message is of.
pub(super) fn group_of(frame: &Frame) -> Option<&str> {
    frame.payload("message")?.get("group_id")?.as_str()
}

/// That whoever has sent this to the group is not in it.
pub(super) fn refused_as_no_member(frame: &Frame, group: GroupId) -> Option<Frame> {
    if !matches!(frame, Frame::FromClient(_)) || group_of(frame)? != group.to_string() {
        return None;
    }
    let message_id = frame.payload("message")?.get("message_id")?;
    let payload = serde_json::json!({ "code": "not_a_member", "message": "", "message_id": message_id });
    Some(Frame::FromServer(serde_json::json!({ "type": "error", "payload": payload })))
}

fn rename(value: &mut Value, swapped: impl Fn(&str) -> Option<&'static str> + Copy) {
    match value {
        Value::String(text) => {
            if let Some(other) = swapped(text) {
                *text = other.to_owned();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, swapped)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, swapped)),
        _ => {}
    }
}
