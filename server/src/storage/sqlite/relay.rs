//! The path that every message takes: repeat? destination? room? then one body, and a row per mailbox.

use std::rc::Rc;

use privmsg_protocol::{Epoch, ErrorCode, GroupId, Seq, UserId};

use super::asking::{Asked, are_many};
use super::blocks::KeptFrom;
use super::tx::{Piece, Source, Tx};
use crate::frame_text;
use crate::storage::{Destination, Outcome, Outgoing, Refusal, Result, StorageError, Submission};

type Accepted = Option<(GroupId, Seq)>;

/// Who receives a message, and the group that numbers it.
struct Route {
    devices: Vec<i64>,
    group: Option<GroupId>,
    /// What it counts to in mailboxes.
    source: Source,
    /// Who has blocked the sender, and gets nothing of it.
    kept_from: Option<KeptFrom>,
    /// To whom the sender shows himself, if a person has written it.
    shown: Option<Shown>,
    /// Who may have to answer first.
    asks: Option<Asked>,
}

/// See [`super::contacts`].
#[derive(Clone, Copy)]
enum Shown {
    ToUser(i64),
    /// By the first message in the group since somebody has come, which has this number.
    ToGroup(GroupId, i64, Seq),
}

impl Tx<'_> {
    /// Carries out a submission and fills in its outcomes. Refusals are outcomes; an error is the engine's, and undoes
    /// the transaction.
    pub(super) fn relay(&mut self, submission: &mut Submission, outcomes: &mut [Outcome]) -> Result<()> {
        let device = submission.device.0;
        for position in submission.acknowledged.drain(..) {
            self.take(device, position.0)?;
        }
        let owner = self.state.cache.owner(self.conn, device)?;
        for (message, outcome) in submission.messages.drain(..).zip(outcomes) {
            let relayed = match owner {
                Some(owner) => self.relay_one(device, owner, message),
                None => Err(signed_out().into()),
            };
            outcome.result = match relayed {
                Ok(accepted) => Ok(accepted),
                Err(StorageError::Refused(refusal)) => Err(refusal),
                Err(fault) => return Err(fault),
            };
        }
        Ok(())
    }

    fn relay_one(&mut self, device: i64, owner: i64, message: Outgoing) -> Result<Accepted> {
        let destination = destination_hash(&message.to);
        let group = match &message.to {
            Destination::Group(group_id, _) => Some(*group_id),
            Destination::User(_) => None,
        };
        match self.seen(device, message.message_id)? {
            Some((known, seq)) if known == destination => return Ok(accepted(group, seq)),
            Some(_) => return Err(conflict().into()),
            None => {}
        }
        let route = self.route(device, owner, &message.to)?;
        if self.has_too_much(owner, message.frame.len())? {
            return Err(too_much_waits().into());
        }
        let (reached, spared) = self.parted(route.kept_from, route.devices)?;
        if let Some(asked) = route.asks {
            self.count_request(owner, asked, message.frame.len())?;
        }
        let was_reached = self.reaches_another(owner, &reached)?;
        let reached = self.with_room(reached, route.source, message.frame.len())?;
        if was_reached && !self.reaches_another(owner, &reached)? {
            // The only one has just lost the group, and joins anew.
            return Err(not_back().into());
        }
        match route.shown.filter(|_| message.by_person) {
            None => {}
            Some(Shown::ToUser(peer)) => self.note_contact(owner, peer)?,
            Some(Shown::ToGroup(group_id, group, seq)) => {
                self.note_act(group, owner, i64::try_from(seq.0).unwrap_or(i64::MAX))?;
                self.state.cache.has_acted(group_id, owner);
            }
        }
        let seq = route.group.map_or(0, |id| self.state.cache.take_seq(id));
        let frame = if route.group.is_some() {
            frame_text::with_seq(&message.frame, Seq(seq.unsigned_abs()))
        } else {
            message.frame
        };
        self.note_seen(device, message.message_id, destination, seq)?;
        if let (Some(kept_from), Some(group_id)) = (route.kept_from, route.group) {
            self.keep_from(kept_from, owner, (group_id, seq), &spared)?;
        }
        self.post(Piece::new(message.message_id, &reached, route.source, owner), frame)?;
        self.state.accepted += 1;
        Ok(accepted(group, seq))
    }

    fn route(&mut self, device: i64, owner: i64, to: &Destination) -> Result<Route> {
        match to {
            Destination::User(user_id) => self.route_to_user(device, owner, user_id),
            Destination::Group(group_id, epoch) => self.route_to_group(device, owner, *group_id, *epoch),
        }
    }

    fn route_to_user(&mut self, device: i64, owner: i64, user_id: &UserId) -> Result<Route> {
        let Some(peer) = self.state.cache.account(self.conn, user_id)? else {
            return Err(Refusal::new(ErrorCode::UnknownRecipient, "there is no such user").into());
        };
        let theirs = self.state.cache.devices_of(self.conn, peer)?;
        if theirs.is_empty() {
            return Err(no_devices().into());
        }
        let mut devices: Vec<i64> = theirs.to_vec();
        if peer != owner {
            devices.extend_from_slice(&self.state.cache.devices_of(self.conn, owner)?);
        }
        devices.retain(|to| *to != device);
        let is_blocked = self.state.cache.blocks(self.conn, peer, owner)?;
        let kept_from = is_blocked.then_some(KeptFrom { user: peer, group: None });
        let is_other = peer != owner;
        let (shown, asks) = (is_other.then_some(Shown::ToUser(peer)), is_other.then_some(Asked::User(peer)));
        Ok(Route { devices, group: None, source: Source::User(owner), kept_from, shown, asks })
    }

    fn route_to_group(&mut self, device: i64, owner: i64, group_id: GroupId, epoch: Epoch) -> Result<Route> {
        let group = self.state.cache.group_of(self.conn, owner, group_id)?;
        group.require_leaf(device)?;
        if group.epoch.unsigned_abs() != epoch.0 {
            return Err(Refusal::stale(Epoch(group.epoch.unsigned_abs())).into());
        }
        let is_new = group.unheard.contains(&owner) || group.declined.contains(&owner);
        let shown = is_new.then_some(Shown::ToGroup(group_id, group.id, Seq(group.seq.unsigned_abs()).next()));
        let (hearing, present, participants) = (group.hearing(), group.present(), Rc::clone(&group.participants));
        // A group of people that has only two is like a conversation between them for whoever has not answered, or has declined the other.
        // Of one whom a receiver has blocked it delivers what is said, and their devices pass it over: they know the roster.
        let (is_direct, is_of_two) = (group.is_direct, group.is_direct || group.participants.len() == 2);
        let other = group.participants.iter().copied().find(|user| *user != owner).filter(|_| is_of_two);
        let row = group.id;
        let asks = match other {
            Some(other) => {
                let is_asked = group.began == Some(owner) && group.silent.contains(&other);
                (is_asked || group.brought.iter().any(|(user, _)| *user == other)).then_some(Asked::User(other))
            }
            None => {
                let brought = group.brought.iter().filter(|(user, _)| *user != owner).count();
                are_many(brought, group.participants.len()).then_some(Asked::Chat(group.chat))
            }
        };
        let is_declined = other.is_some_and(|other| group.declined.contains(&other));
        let kept_from = match other {
            Some(user) if is_declined || (is_direct && self.state.cache.blocks(self.conn, user, owner)?) => {
                Some(KeptFrom { user, group: Some(row) })
            }
            _ => None,
        };
        // What is kept from the other one is taken all the same: after a restore they do not join where they have blocked
        // somebody, and whoever is blocked would see that nothing of theirs is taken any more.
        if participants.len() > 1 && kept_from.is_none() && !self.reaches_another(owner, &present)? {
            // Taking it would be a promise to deliver to nobody: whoever comes back joins in a later epoch.
            return Err(self.nobody_there(owner, &participants)?.into());
        }
        let devices = hearing.into_iter().filter(|to| *to != device).collect();
        Ok(Route { devices, group: Some(group_id), source: Source::Group(row), kept_from, shown, asks })
    }

    /// Why nothing reaches anybody else of these users.
    fn nobody_there(&mut self, owner: i64, participants: &[i64]) -> Result<Refusal> {
        for user in participants.iter().filter(|user| **user != owner) {
            if !self.state.cache.devices_of(self.conn, *user)?.is_empty() {
                return Ok(not_back());
            }
        }
        Ok(no_devices())
    }

    /// Whether any of these devices is another user's than `owner`'s.
    fn reaches_another(&mut self, owner: i64, devices: &[i64]) -> Result<bool> {
        for device in devices {
            if self.state.cache.owner(self.conn, *device)?.is_some_and(|theirs| theirs != owner) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn accepted(group: Option<GroupId>, seq: i64) -> Accepted {
    group.map(|id| (id, Seq(seq.unsigned_abs())))
}

pub(super) fn signed_out() -> Refusal {
    Refusal::new(ErrorCode::Unauthorized, "this device is signed out")
}

fn no_devices() -> Refusal {
    Refusal::new(ErrorCode::RecipientHasNoDevices, "the recipient is not signed in on any device")
}

fn not_back() -> Refusal {
    Refusal::new(ErrorCode::RecipientNotBack, "no device of anybody else has come back to the group yet")
}

pub(super) fn conflict() -> Refusal {
    Refusal::new(ErrorCode::MessageIdConflict, "this message_id has been used for another recipient")
}

pub(super) fn too_much_waits() -> Refusal {
    let detail = "too much of what you have sent waits for devices that do not fetch it; try again later";
    Refusal::new(ErrorCode::MailboxFull, detail)
}

pub(super) fn unknown_group() -> Refusal {
    Refusal::new(ErrorCode::UnknownGroup, "there is no such group")
}

pub(super) fn not_a_member() -> Refusal {
    Refusal::new(ErrorCode::NotAMember, "this device is not a leaf of the group; join it anew")
}

/// 64 bits that stand for a destination in the table of sent ids, the same in every run. A collision would need one
/// device to reuse a message id on purpose, and would hurt only that device.
fn destination_hash(to: &Destination) -> i64 {
    match to {
        Destination::User(user_id) => fnv([b"u", user_id.as_str().as_bytes()]),
        Destination::Group(group_id, _) => fnv([b"g", group_id.as_bytes()]),
    }
}

/// The same for a commit. The epoch counts: the same id for another epoch is another commit.
pub(super) fn commit_hash(group_id: GroupId, epoch: Epoch) -> i64 {
    let mut place = [0; 24];
    place[..16].copy_from_slice(group_id.as_bytes());
    place[16..].copy_from_slice(&epoch.0.to_be_bytes());
    fnv([b"c", &place])
}

/// FNV-1a.
fn fnv(parts: [&[u8]; 2]) -> i64 {
    let hash = parts
        .into_iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    i64::from_ne_bytes(hash.to_ne_bytes())
}
