//! A server that remembers what it should have forgotten, and leads clients back there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use privmsg_mls_public::PublicConversation;
use privmsg_protocol::rest::{CommitAccepted, CreateGroup, GroupKind, GroupStateAt, PublicGroupState, SubmitCommit};
use privmsg_protocol::{Epoch, GroupId, Opaque, Seq};
use serde_json::{Value, json};

use super::rules::{Answer, Frame};
use super::server::{HostileServer, group_of};
use super::thief::Taken;

/// What a group was in each epoch.
#[derive(Debug, Clone, Default)]
pub struct Past(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    /// As it follows from what its members have handed in.
    states: BTreeMap<Epoch, Known>,
    /// As the server has described it.
    descriptions: BTreeMap<Epoch, Value>,
    /// What it has taken since it has led somebody back.
    taken: Vec<Taken>,
}

/// A group in one epoch.
#[derive(Debug, Clone)]
struct Known {
    group_info: Opaque,
    /// An encoded `PublicConversation`.
    state: Vec<u8>,
}

impl Known {
    fn founded(group: &CreateGroup) -> Option<(Epoch, Self)> {
        let PublicGroupState { group_info, ratchet_tree } = &group.state;
        let (conversation, _) = PublicConversation::begin(&group_info.decode()?, &ratchet_tree.decode()?, None).ok()?;
        Some((conversation.epoch(), Self::of(&conversation, group_info)))
    }

    /// After a commit.
    fn next(&self, commit: &SubmitCommit) -> Option<(Epoch, Self)> {
        let mut conversation = PublicConversation::decode(self.state.clone()).ok()?;
        conversation.apply(&commit.commit.decode()?, &commit.group_info.decode()?).ok()?;
        Some((conversation.epoch(), Self::of(&conversation, &commit.group_info)))
    }

    fn of(conversation: &PublicConversation, group_info: &Opaque) -> Self {
        Self { group_info: group_info.clone(), state: conversation.encoded().to_vec() }
    }

    fn at(&self, epoch: Epoch, seq: Seq) -> Result<GroupStateAt> {
        let ratchet_tree = Opaque::encode(&PublicConversation::decode(self.state.clone())?.ratchet_tree());
        let state = PublicGroupState { group_info: self.group_info.clone(), ratchet_tree };
        Ok(GroupStateAt { epoch, seq, state, roster: None, founding_roster: None })
    }
}

/// What is said of the group now.
#[derive(Debug)]
struct Now {
    known: Known,
    epoch: Epoch,
    seq: Seq,
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Past {
    /// The epochs whose state is known, oldest first.
    #[must_use]
    pub fn epochs(&self) -> Vec<Epoch> {
        locked(&self.0).states.keys().copied().collect()
    }

    /// What was taken since somebody was led back.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        locked(&self.0).taken.clone()
    }
}

impl HostileServer {
    /// Keeps what becomes of the only direct conversation that is made and changed through it.
    ///
    /// # Errors
    /// As [`HostileServer::answers`].
    pub fn remembers(&self) -> Result<Past> {
        let past = Past::default();
        let (kept, described) = (past.clone(), past.clone());
        self.rewrites_requests(move |asked| {
            let made = serde_json::from_value::<CreateGroup>(asked.body.clone());
            let made = made
                .ok()
                .filter(|group| asked.path == "groups" && group.kind == GroupKind::Direct)
                .and_then(|group| Known::founded(&group));
            let changed = serde_json::from_value::<SubmitCommit>(asked.body.clone());
            let changed = changed.ok().filter(|_| asked.path.ends_with("/commits"));
            let states = &mut locked(&kept.0).states;
            let changed = changed.and_then(|commit| states.get(&commit.epoch)?.next(&commit));
            states.extend(made.or(changed));
        });
        self.rewrites("GET groups/*", move |_, group| {
            if let Some(epoch) = group["epoch"].as_u64().filter(|_| group["kind"] == "direct") {
                locked(&described.0).descriptions.insert(Epoch(epoch), group.clone());
            }
        })?;
        Ok(past)
    }

    /// Says that a group is at an earlier epoch, as if it had been restored from a backup, with no number missing. Whoever
    /// comes back to it is let in, and what they say is taken.
    ///
    /// # Errors
    /// If that epoch is not known.
    pub fn leads_back(&self, past: &Past, group: GroupId, to: Epoch, last: Seq) -> Result<()> {
        let (known, description) = {
            let memory = locked(&past.0);
            let before = memory.descriptions.range(..=to).next_back();
            let (_, description) = before.or(memory.descriptions.first_key_value()).context("no description")?;
            let description = description.clone();
            (memory.states.get(&to).cloned().context("no state of that epoch")?, description)
        };
        let now = Arc::new(Mutex::new(Now { known, epoch: to, seq: last }));
        let served = Arc::clone(&now);
        self.answers(&format!("GET groups/{group}/state"), move |_| {
            let now = locked(&served);
            Answer::ok(&now.known.at(now.epoch, now.seq).ok()?).ok()
        })?;
        let (joined, committed) = (Arc::clone(&now), past.clone());
        self.answers(&format!("POST groups/{group}/commits"), move |asked| {
            let commit: SubmitCommit = serde_json::from_value(asked.body.clone()).ok()?;
            let mut now = locked(&joined);
            let (epoch, known) = now.known.next(&commit)?;
            *now = Now { known, epoch, seq: now.seq.next() };
            locked(&committed.0).taken.push(Taken::Commit(commit.commit.decode()?));
            Answer::ok(&CommitAccepted { epoch: now.epoch, seq: now.seq }).ok()
        })?;
        let shown = Arc::clone(&now);
        let conversation = description["chat_id"].clone();
        let show = move |group: &mut Value| {
            let now = locked(&shown);
            group.clone_from(&description);
            (group["epoch"], group["seq"]) = (json!(now.epoch), json!(now.seq));
        };
        let show_one = show.clone();
        self.rewrites(&format!("GET groups/{group}"), move |_, group| show_one(group))?;
        // It stands in the place of whatever the conversation has gone on in since.
        self.rewrites("GET groups", move |_, answer| {
            let groups = answer.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten();
            groups.filter(|group| group["chat_id"] == conversation).for_each(&show);
        })?;
        let (id, said) = (group.to_string(), past.clone());
        self.rewrites_frames(move |frame| match (&frame, group_of(&frame)) {
            (_, other) if other != Some(id.as_str()) => vec![frame],
            (Frame::FromServer(_), _) => Vec::new(),
            (Frame::FromClient(_), _) => {
                let (answer, taken) = answer(&frame, &mut locked(&now)).unzip();
                locked(&said.0).taken.extend(taken.flatten());
                answer.into_iter().collect()
            }
        });
        Ok(())
    }
}

/// What is said to a message: that it is of another epoch, or that it was taken.
fn answer(frame: &Frame, now: &mut Now) -> Option<(Frame, Option<Taken>)> {
    let message = frame.payload("message")?;
    let (id, group) = (message.get("message_id")?, message.get("group_id")?);
    let epoch = message.get("epoch").and_then(Value::as_u64).map(Epoch);
    let is_taken = epoch == Some(now.epoch);
    let answer = if is_taken {
        now.seq = now.seq.next();
        let accepted = json!([{ "message_id": id, "group_id": group, "seq": now.seq }]);
        json!({ "type": "ack", "payload": { "message_ids": [id], "accepted": accepted } })
    } else {
        let payload = json!({ "code": "stale_epoch", "message": "", "message_id": id, "epoch": now.epoch });
        json!({ "type": "error", "payload": payload })
    };
    let content: Option<Opaque> = serde_json::from_value(message.get("encrypted_content")?.clone()).ok();
    let taken = content.filter(|_| is_taken).and_then(|content| Some(Taken::Message(content.decode()?)));
    Some((Frame::FromServer(answer), taken))
}
