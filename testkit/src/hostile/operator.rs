//! A server's operator who puts a group of their own in the place of somebody's chat.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_e2ee::Content;
use privmsg_protocol::frames::{Accepted, Ack, DeliveredMessage, MessageType, SendMessage, ServerFrame};
use privmsg_protocol::rest::{CommitAccepted, Group, GroupDevice, GroupKind, GroupStateAt, SubmitCommit};
use privmsg_protocol::{DeviceId, GroupId, Incarnation, MessageId, Opaque, Seq};
use serde_json::{Value, json};

use super::rogue::{Forged, RogueGroup, new_message_id, now_ms};
use super::rules::{Answer, Frame};
use super::server::{HostileServer, group_of, refused_as_no_member};

/// Later than anything that was said in the real group.
const START: Seq = Seq(1000);

/// How long an operator waits for somebody to fall for it.
const LONG_ENOUGH: Duration = Duration::from_secs(6);

/// Somebody who listens.
#[derive(Debug)]
pub struct Operator {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug)]
struct Held {
    group: RogueGroup,
    seq: Seq,
    overheard: Vec<String>,
    /// What is said as soon as somebody has joined.
    greeting: Option<String>,
    /// Which device stands on the envelopes.
    envelope: DeviceId,
    /// How often the state was asked for.
    served: usize,
}

impl HostileServer {
    /// Puts a group in the place of the real one with the same identifier: serves its state, takes commits for it, says that
    /// everybody else is no leaf of it, delivers nothing of the real one, and reads what is sent to it.
    ///
    /// # Errors
    /// As [`HostileServer::answers`].
    pub fn takes_over(&self, group: RogueGroup) -> Result<Operator> {
        let id = group.group_id();
        let envelope = group.rogue().device_id().clone();
        let (overheard, greeting) = (Vec::new(), None);
        let held = Arc::new(Mutex::new(Held { group, seq: START, overheard, greeting, envelope, served: 0 }));
        let of = |held: &Arc<Mutex<Held>>| Arc::clone(held);
        let served = of(&held);
        self.answers(&format!("GET groups/{id}/state"), move |_| locked(&served).state().ok())?;
        let (committed, told) = (of(&held), self.rules.told.clone());
        self.answers(&format!("POST groups/{id}/commits"), move |asked| {
            let mut held = locked(&committed);
            let taken = held.takes(asked.body.clone());
            if let (Ok(_), Some(text)) = (&taken, held.greeting.take())
                && let Ok(Frame::FromServer(frame)) = held.says(&text)
            {
                // Whoever is not connected hears nothing.
                let _ = told.send(frame);
            }
            Some(taken.unwrap_or_else(|_| Answer { status: 422, body: json!({ "code": "invalid_request" }) }))
        })?;
        let (one, all) = (of(&held), of(&held));
        self.rewrites(&format!("GET groups/{id}"), move |_, group| locked(&one).shows(group))?;
        self.rewrites("GET groups", move |_, answer| {
            let groups = answer.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten();
            groups.filter(|group| group["group_id"] == id.to_string()).for_each(|group| locked(&all).shows(group));
        })?;
        let heard = of(&held);
        self.rewrites_frames(move |frame| {
            if group_of(&frame) != Some(id.to_string().as_str()) {
                return vec![frame];
            }
            match locked(&heard).hears(&frame) {
                Ok(answer) => vec![answer],
                Err(_) => refused_as_no_member(&frame, id).into_iter().collect(),
            }
        });
        Ok(Operator { held })
    }
}

fn locked(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    fn state(&mut self) -> Result<Answer> {
        self.served += 1;
        let (epoch, seq, state) = (self.group.epoch(), self.seq, self.group.state()?);
        let claim = self.group.claim();
        let roster = claim.roster.as_ref().map(|roster| Opaque::encode(&roster.encode()));
        let founding_roster = claim.founding_roster.clone();
        Answer::ok(&GroupStateAt { epoch, seq, state, roster, founding_roster })
    }

    fn takes(&mut self, commit: Value) -> Result<Answer> {
        let commit: SubmitCommit = serde_json::from_value(commit)?;
        self.group.follows(&commit.commit.decode().context("base64")?)?;
        self.seq = self.seq.next();
        Answer::ok(&CommitAccepted { epoch: self.group.epoch(), seq: self.seq })
    }

    /// The real group's description, true but for its devices: those of this one, and as no leaves those of its people.
    fn shows(&self, group: &mut Value) {
        let leaves = self.group.leaves();
        let people = &self.group.claim().people;
        let mut devices: Vec<Value> = group["devices"].as_array().cloned().unwrap_or_default();
        devices.retain(|device| {
            people.iter().any(|user| device["user_id"] == user.as_str())
                && leaves.iter().all(|(_, leaf)| device["device_id"] != leaf.as_str())
        });
        devices.iter_mut().for_each(|device| device["leaf"] = Value::Bool(false));
        let leaves = leaves.into_iter();
        let leaves = leaves.map(|(user_id, device_id)| GroupDevice {
            user_id,
            device_id,
            leaf: true,
            active: true,
            no_commits_until: None,
        });
        devices.extend(leaves.map(|device| json!(device)));
        group["devices"] = devices.into();
        group["epoch"] = json!(self.group.epoch());
        group["seq"] = json!(self.seq);
    }

    /// Reads what a client sends to the group, and says that it was delivered.
    fn hears(&mut self, frame: &Frame) -> Result<Frame> {
        if matches!(frame, Frame::FromServer(_)) {
            bail!("of the real group");
        }
        let message = frame.payload("message").context("a message")?.clone();
        let message: SendMessage = serde_json::from_value(message)?;
        let said = self.group.reads(&message.encrypted_content.decode().context("base64")?)?;
        self.overheard.push(said);
        self.seq = self.seq.next();
        let (message_id, group_id) = (message.message_id, self.group.group_id());
        let accepted = vec![Accepted { message_id, group_id, seq: self.seq }];
        Frame::of(&ServerFrame::Ack(Ack { message_ids: vec![message_id], accepted }))
    }

    /// A frame of the group by its own leaf.
    fn frame(&mut self, message_id: MessageId, bytes: &[u8], kind: MessageType) -> Result<Frame> {
        self.seq = self.seq.next();
        let rogue = self.group.rogue();
        Frame::of(&ServerFrame::Message(DeliveredMessage {
            message_id,
            sender_id: rogue.who().user_id,
            sender_device_id: Some(self.envelope.clone()),
            recipient_id: None,
            group_id: Some(self.group.group_id()),
            epoch: Some(self.group.epoch()),
            seq: Some(self.seq),
            first_seq: None,
            encrypted_content: Opaque::encode(bytes),
            message_type: kind,
            timestamp: i64::try_from(now_ms() / 1000)?,
        }))
    }

    fn says(&mut self, text: &str) -> Result<Frame> {
        let message_id = new_message_id()?;
        let bytes = self.group.says(message_id, text)?;
        self.frame(message_id, &bytes, MessageType::Text)
    }
}

impl Operator {
    /// Says of the group, of which the real server has none, that a chat between those whom it claims has begun, or has gone
    /// on, in it.
    ///
    /// # Errors
    /// As [`HostileServer::answers`].
    pub fn is_said_to_go_on(&self, server: &HostileServer, incarnation: Incarnation) -> Result<()> {
        let held = Arc::clone(&self.held);
        let claim = locked(&held).group.claim().clone();
        let kind = if claim.founding_roster.is_some() { GroupKind::Group } else { GroupKind::Direct };
        let id = claim.group_id;
        server.answers(&format!("GET groups/{id}"), move |_| {
            let held = locked(&held);
            let mut group = json!(Group {
                group_id: id,
                kind,
                chat_id: claim.chat_id,
                incarnation,
                epoch: held.group.epoch(),
                seq: held.seq,
                participants: claim.people.clone(),
                devices: Vec::new(),
                roster: None,
                steps: Vec::new(),
            });
            held.shows(&mut group);
            Answer::ok(&group).ok()
        })
    }

    /// Puts another device on the envelopes than the group's.
    pub fn posts_from(&self, device: &DeviceId) {
        locked(&self.held).envelope = device.clone();
    }

    /// Which group it is.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        locked(&self.held).group.group_id()
    }

    /// What the operator could read, in order.
    #[must_use]
    pub fn overheard(&self) -> Vec<String> {
        locked(&self.held).overheard.clone()
    }

    /// Invites, by a welcome, whoever this key package is of.
    ///
    /// # Errors
    /// If it is none, or nobody is connected.
    pub fn invites(&self, server: &HostileServer, key_package: Vec<u8>) -> Result<()> {
        let made = locked(&self.held).group.commit(&[key_package], &[])?;
        self.passes_on(server, &made)
    }

    /// Delivers the welcome of a commit that was made in the group.
    ///
    /// # Errors
    /// If there is none, or nobody is connected.
    pub fn passes_on(&self, server: &HostileServer, made: &Forged) -> Result<()> {
        let mut held = locked(&self.held);
        let welcome = made.welcome.clone().context("a welcome")?;
        server.tells(held.frame(new_message_id()?, &welcome, MessageType::KeyExchange)?)
    }

    /// Says something in the group, as its own leaf.
    ///
    /// # Errors
    /// If nobody is connected.
    pub fn says(&self, server: &HostileServer, text: &str) -> Result<()> {
        server.tells(locked(&self.held).says(text)?)
    }

    /// Says anything in the group, as its own leaf.
    ///
    /// # Errors
    /// If nobody is connected.
    pub fn says_any(&self, server: &HostileServer, content: &Content) -> Result<()> {
        let mut held = locked(&self.held);
        let bytes = held.group.says_any(content)?;
        server.tells(held.frame(content.message_id, &bytes, MessageType::Text)?)
    }

    /// Says something in the group, as its own leaf, as soon as somebody has joined it: before they can put it out.
    pub fn greets_with(&self, text: &str) {
        locked(&self.held).greeting = Some(text.to_owned());
    }

    /// Waits for as long as it takes to fall for it.
    ///
    /// # Errors
    /// If the operator has read something, or nobody has even asked for the group: that was no attack.
    pub async fn learns_nothing(&self) -> Result<()> {
        let start = std::time::Instant::now();
        while start.elapsed() < LONG_ENOUGH {
            if let Some(said) = self.overheard().first() {
                bail!("the operator of the server has read {said:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ensure!(locked(&self.held).served > 0, "nobody has asked for the operator's group");
        Ok(())
    }
}
