//! What a roster step has changed, as a line in the chat.

use privmsg_e2ee::{Participant, Person, Role, Roster};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::chats::ChatId;
use privmsg_store::group_steps::Touched;
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, StoreError, said_again};
use serde::{Deserialize, Serialize};

use super::mls::Step;
use super::rosters::{self, role_name};
use crate::content::new_message_id;
use crate::error::{ClientError, During as _};
use crate::events::Event;
use crate::trust;

/// What has changed in a group of people, by whose word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupNews {
    /// Who takes part from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<UserId>,
    /// Who was sent away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<UserId>,
    /// Who has left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<UserId>,
    /// Who has another role, and which: `owner`, `admin` or `member`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<(UserId, String)>,
    /// Who takes part under another identity than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_identity: Vec<UserId>,
    /// Of all whom it names, whoever it is by among them, those who are known by another key than the one under which they do, or are,
    /// this: they are perhaps not who the name says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namesakes: Vec<UserId>,
    /// This device is in it from here on, by nobody's word that is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub came_in: bool,
    /// The server says that it knows no such group any more, or not this user in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_to_server: bool,
    /// The conversation goes on in another group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub went_on: bool,
    /// All of it has changed while this device did not follow, and by whose word is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// This device has done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
}

/// Where a change of a group stands in its chat, and when it was made, ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) place: Place,
    pub(crate) at_ms: i64,
}

impl GroupNews {
    /// What is another in `after`, by its author.
    pub(crate) fn between(before: &Roster, after: &Roster) -> Self {
        let mut news = Self::default();
        let author = after.author().user_id();
        for old in before.participants() {
            let user = old.user_id().clone();
            match after.participant(&user) {
                None if user == *author => news.left.push(user),
                None => news.removed.push(user),
                Some(new) => {
                    if new.identity() != old.identity() {
                        news.other_identity.push(user.clone());
                    }
                    if new.role() != old.role() {
                        news.roles.push((user, role_name(new.role()).to_owned()));
                    }
                }
            }
        }
        for new in after.participants().iter().filter(|new| before.participant(new.user_id()).is_none()) {
            news.added.push(new.user_id().clone());
            if new.role() > Role::Member {
                news.roles.push((new.user_id().clone(), role_name(new.role()).to_owned()));
            }
        }
        news
    }

    /// The same with a mark for each whom the user knows by another key than the one under which they are one of these `people`.
    pub(crate) fn marked(
        mut self,
        at: &Snapshot<'_>,
        own: (&UserId, Option<[u8; 32]>),
        people: &[Person],
    ) -> Result<Self, StoreError> {
        for person in people {
            let is_marked = self.namesakes.contains(&person.user_id);
            if !is_marked && trust::is_namesake(at, own, &person.user_id, &person.identity)? {
                self.namesakes.push(person.user_id.clone());
            }
        }
        Ok(self)
    }

    /// Whom it names, as the rosters around it know them; and by whom it is, if `after` has led to it in one step.
    pub(crate) fn people(&self, before: &Roster, after: &Roster, is_one_step: bool) -> Vec<Person> {
        let roles = self.roles.iter().map(|(user, _)| user);
        let named = [&self.added, &self.removed, &self.left, &self.other_identity].into_iter().flatten().chain(roles);
        let place = |user| after.participant(user).or_else(|| before.participant(user));
        let person = |place: &Participant| Person { user_id: place.user_id().clone(), identity: *place.identity() };
        let author = (is_one_step && !self.is_empty()).then(|| rosters::person(after.author()));
        author.into_iter().chain(named.filter_map(place).map(person)).collect()
    }

    /// Whether there is nothing to tell, as when somebody only signs with another key.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self { here: self.here, ..Self::default() }
    }

    /// Whether there is somebody who sees what is said from here on, and nothing of before.
    pub(crate) fn brings_somebody(&self) -> bool {
        !self.added.is_empty() || !self.other_identity.is_empty()
    }

    /// Enters it into the chat, as somebody's deed of which this device hears now.
    pub(crate) fn tell(&self, step: &Step<'_, '_>, chat: ChatId, by: &UserId) -> Result<Vec<Event>, ClientError> {
        self.tell_of(step, chat, by, Moment { place: Place::Here, at_ms: step.now_ms })
    }

    /// The same of a deed of which it is known when it was done.
    pub(crate) fn tell_of(
        &self,
        step: &Step<'_, '_>,
        chat: ChatId,
        by: &UserId,
        moment: Moment,
    ) -> Result<Vec<Event>, ClientError> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        if self.brings_somebody() {
            said_again::drop_queued(step.tx, chat)?;
        }
        let content = serde_json::to_vec(self).during("storing what has changed in a group")?;
        let notice = NewMessage {
            chat,
            message_id: new_message_id(step.now_ms)?,
            sender_id: by,
            sender_device: &step.identity.device_id,
            place: moment.place,
            expires_at: None,
            sent_at: moment.at_ms,
            received_at: step.now_ms,
            kind: Kind::GROUP_CHANGED,
            content: &content,
        };
        let id = messages::insert(step.tx, &notice, Direction::Incoming)?;
        Ok(id.map(|id| Event::Received { id, chat }).into_iter().collect())
    }

    pub(crate) fn read(content: &[u8]) -> Self {
        serde_json::from_slice(content).unwrap_or_default()
    }
}

/// What has been changed in a group in the account's name since a device came that was removed as stolen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepsToConfirm {
    /// That device.
    pub(crate) device: String,
    /// All of it.
    #[serde(flatten)]
    pub(crate) news: GroupNews,
}

impl StepsToConfirm {
    /// What steps of the account's own come to by the newest roster, if by anything: whom they were about, and as what those take part
    /// now. What was taken back since is none of it.
    pub(crate) fn of(device: &DeviceId, own: &UserId, touched: Vec<Touched>, newest: &Roster) -> Option<Self> {
        let mut news = GroupNews::default();
        for Touched { user, added, removed, role, identity } in touched {
            match newest.participant(&user) {
                None if !removed => {}
                None if user == *own => news.left.push(user),
                None => news.removed.push(user),
                Some(place) => {
                    if role {
                        news.roles.push((user.clone(), role_name(place.role()).to_owned()));
                    }
                    if identity {
                        news.other_identity.push(user.clone());
                    }
                    if added {
                        news.added.push(user);
                    }
                }
            }
        }
        (!news.is_empty()).then(|| Self { device: device.to_string(), news })
    }

    pub(crate) fn read(content: &[u8]) -> Self {
        serde_json::from_slice(content).unwrap_or_default()
    }
}
