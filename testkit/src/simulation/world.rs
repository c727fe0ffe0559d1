//! Server, network, people and their devices.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_client::ClientError;
use privmsg_protocol::{DeviceId, ErrorCode, MessageId, UserId};

use super::books::{Books, Chat, Pair, Place};
use super::mallory::Mallory;
use super::rooms::{self, Room};
use super::{Plan, Rows};
use crate::clock::Clock;
use crate::person::Person;
use crate::random::Random;
use crate::{Account, Faults, Proxy, ServerProcess, binaries, without_limits};

/// Chats of each person, at least.
const CIRCLE: usize = 2;

/// Tries of what needs an answer of the server, which may be off or cut.
const TRIES: u32 = 40;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// A device of somebody's.
pub(super) struct Device {
    pub(super) person: Person,
    pub(super) device_id: DeviceId,
    pub(super) clock: Clock,
    pub(super) online: bool,
    /// Signed out by another device of the same person, when so many messages had been said.
    pub(super) signed_out: Option<usize>,
    /// It has not been there from the beginning, but came when so many messages had been said.
    pub(super) came_later: Option<usize>,
    in_backup: bool,
}

/// Somebody.
pub(super) struct User {
    pub(super) account: Account,
    /// The first one stays; the others come and go.
    pub(super) devices: Vec<Device>,
    pub(super) blocks: BTreeSet<usize>,
    /// The devices, by their places, on which they have blocked or unblocked whom.
    pub(super) blocked_on: BTreeSet<(usize, usize)>,
}

impl User {
    pub(super) fn name(&self) -> &UserId {
        &self.account.user_id
    }
}

/// How often what has happened.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// Everything.
pub(super) struct World {
    pub(super) server: ServerProcess,
    pub(super) network: Proxy,
    pub(super) people: Vec<User>,
    pub(super) pairs: Vec<Pair>,
    pub(super) rooms: Vec<Room>,
    /// Somebody who keeps no rules, and takes part in the first group.
    pub(super) mallory: Option<Mallory>,
    pub(super) books: Books,
    /// What was said before has been compared.
    pub(super) compared: usize,
    pub(super) tally: Tally,
    pub(super) was_restored: bool,
    /// Between whom a block was put or taken back since the last comparison.
    pub(super) blocked_lately: BTreeSet<Pair>,
    /// How much each device showed as missing, and what it lacked, when it was compared after the restore: from then on nothing more may.
    gaps: BTreeMap<(Chat, Place), u64>,
    pub(super) missed: BTreeSet<(Place, MessageId)>,
    max_devices: usize,
    backup: PathBuf,
    /// So many messages had been said.
    backed_up: usize,
    // Goes last.
    _dir: tempfile::TempDir,
}

impl World {
    pub(super) async fn begin(plan: &Plan, random: &mut Random) -> Result<Self> {
        let dir = binaries::dir_on_disk()?;
        let data = dir.path().join("server");
        std::fs::create_dir(&data)?;
        let server = ServerProcess::start(&plan.server, &data, &without_limits()).await?;
        let network = Proxy::start(server.address(), plan.seed).await?;
        let mut people = Vec::new();
        for number in 0..plan.people {
            let account = server.admin().creates(&format!("user{number}")).await?;
            let clock = Clock::right();
            let mut person = Person::signs_in_by(&network.url(), &account, Arc::new(clock.clone())).await?;
            person.goes_online().await?;
            let device_id = person.client().whoami().await?.device_id.context("a device id")?;
            let first =
                Device { person, device_id, clock, online: true, signed_out: None, came_later: None, in_backup: false };
            people.push(User { account, devices: vec![first], blocks: BTreeSet::new(), blocked_on: BTreeSet::new() });
        }
        let mut world = Self {
            server,
            network,
            pairs: circles(plan.people, random),
            rooms: Vec::new(),
            mallory: None,
            people,
            books: Books::default(),
            compared: 0,
            tally: Tally::default(),
            was_restored: false,
            missed: BTreeSet::new(),
            blocked_lately: BTreeSet::new(),
            gaps: BTreeMap::new(),
            max_devices: plan.devices,
            backup: dir.path().join("backup.tar"),
            backed_up: 0,
            _dir: dir,
        };
        rooms::founded(&mut world, plan.rooms, random).await?;
        world.mallory_comes().await?;
        Ok(world)
    }

    pub(super) fn device(&self, (user, device): Place) -> Result<&Device> {
        self.people.get(user).and_then(|user| user.devices.get(device)).context("no such device")
    }

    pub(super) fn device_mut(&mut self, (user, device): Place) -> Result<&mut Device> {
        self.people.get_mut(user).and_then(|user| user.devices.get_mut(device)).context("no such device")
    }

    /// One of the conversations of a user, by chance.
    pub(super) fn pair_of(&self, user: usize, random: &mut Random) -> Pair {
        let own: Vec<_> = self.pairs.iter().filter(|(one, other)| *one == user || *other == user).collect();
        *own[index(random, own.len())]
    }

    /// One of the groups in which a user takes part, or has, by chance.
    pub(super) fn room_of(&self, user: usize, random: &mut Random) -> Option<usize> {
        let is_theirs = |room: &Room| room.members.contains(&user) || room.touched.contains(&user);
        let own: Vec<_> = (0..self.rooms.len()).filter(|number| is_theirs(&self.rooms[*number])).collect();
        if own.is_empty() { None } else { Some(own[index(random, own.len())]) }
    }

    /// The one of the two whose device this is not.
    pub(super) fn other(&self, pair: Pair, place: Place) -> &UserId {
        self.people[if pair.0 == place.0 { pair.1 } else { pair.0 }].name()
    }

    /// Devices that are signed in.
    pub(super) fn places(&self) -> Vec<Place> {
        let of = |(number, user): (usize, &User)| {
            let here = user.devices.iter().enumerate().filter(|(_, device)| device.signed_out.is_none());
            here.map(move |(device, _)| (number, device)).collect::<Vec<_>>()
        };
        self.people.iter().enumerate().flat_map(of).collect()
    }

    /// Starts the engine of a device that is off.
    pub(super) async fn goes_online(&mut self, place: Place) -> Result<()> {
        let device = self.device_mut(place)?;
        if !device.online {
            device.person.starts().await?;
            device.online = true;
        }
        Ok(())
    }

    /// A further device, if there may be one more. Returns whether there is.
    pub(super) async fn gets_a_device(&mut self, user: usize) -> Result<bool> {
        let held = self.people[user].devices.iter().filter(|device| device.signed_out.is_none()).count();
        if held >= self.max_devices {
            return Ok(false);
        }
        self.goes_online((user, 0)).await?;
        let url = self.network.url();
        let first = &self.people[user].devices[0];
        // A half-made device is another one at the next try: this is not about that.
        self.network.behaves(Faults::default());
        let person = first.person.takes_another_device(&url).await?;
        let (clock, came) = (first.clock.clone(), self.books.messages());
        let device_id = person.client().whoami().await?.device_id.context("a device id")?;
        self.people[user].devices.push(Device {
            person,
            device_id,
            clock,
            online: true,
            signed_out: None,
            came_later: Some(came),
            in_backup: false,
        });
        Ok(true)
    }

    /// The first device signs out another one, or calls the newest back as stolen, for those that came after a stolen one do
    /// not stay. Returns whether there is one.
    pub(super) async fn signs_out(&mut self, (user, device): Place, is_stolen: bool) -> Result<bool> {
        let newest = || self.people[user].devices.iter().rposition(|device| device.signed_out.is_none());
        let device = if is_stolen { newest().unwrap_or(0) } else { device };
        if device == 0 {
            return Ok(false);
        }
        self.goes_online((user, 0)).await?;
        let gone = self.device((user, device))?.device_id.clone();
        if is_stolen {
            rooms::is_called_back(self, user, &gone).await?;
        } else {
            let first = self.device((user, 0))?.person.client().clone();
            let removes = async || match first.remove_device(&gone).await {
                Err(ClientError::Server { code: ErrorCode::UnknownDevice, .. }) => Ok(()),
                removed => removed.map(drop),
            };
            insist("signing a device out", removes).await?;
        }
        let said = self.books.messages();
        self.books.may_be_unsaid((user, device), self.compared);
        let device = self.device_mut((user, device))?;
        device.signed_out = Some(said);
        device.online = false;
        device.person.goes_offline().await.ok();
        Ok(true)
    }

    /// Ends at once, and is started again.
    pub(super) async fn server_is_killed(&mut self) -> Result<()> {
        self.server.kill()?;
        self.server.restart().await.map(drop)
    }

    pub(super) fn backs_up(&mut self) -> Result<()> {
        self.backed_up = self.books.messages();
        self.rooms.iter_mut().for_each(|room| room.touched_since_backup = room.touched.clone());
        self.people.iter_mut().flat_map(|user| &mut user.devices).for_each(|device| device.in_backup = true);
        self.server.administer(&[OsStr::new("backup"), self.backup.as_os_str()])
    }

    /// Its disk is gone, and the backup is what there is.
    pub(super) async fn is_restored(&mut self) -> Result<()> {
        self.server.kill()?;
        let said = self.books.messages();
        for device in self.people.iter_mut().flat_map(|user| &mut user.devices).filter(|device| !device.in_backup) {
            // The server will never have heard of it: it would have to be let in again.
            device.signed_out.get_or_insert(said);
            device.online = false;
            device.person.goes_offline().await.ok();
        }
        let backup = self.backup.as_os_str();
        self.server.administer(&["restore".as_ref(), backup, "--force".as_ref(), "--verify".as_ref()])?;
        self.server.restart().await?;
        self.was_restored = true;
        self.books.are_lost(self.backed_up);
        // Who has come and gone since, the server has forgotten, too.
        for (number, room) in self.rooms.iter_mut().enumerate() {
            for user in room.touched_since_backup.clone() {
                room.touched.insert(user);
                self.books.may_be_kept_back(Chat::Room(number), Some(user), self.backed_up);
            }
            let lost = room.past.iter_mut().filter(|past| past.sayings.end > self.backed_up);
            lost.for_each(|past| past.is_lost = true);
        }
        self.tally.count("restores of the server");
        Ok(())
    }

    /// The conversations of a user, and all groups: nobody is to show anything of those in which they have no part.
    pub(super) fn chats_of(&self, user: usize) -> Vec<Chat> {
        let own = self.pairs.iter().copied().filter(|(one, other)| *one == user || *other == user);
        own.map(Chat::Pair).chain((0..self.rooms.len()).map(Chat::Room)).collect()
    }

    /// How many numbers a device may show as missing: none, but for what a restored server had lost.
    pub(super) fn tolerated_gap(&self, chat: Chat, place: Place) -> u64 {
        match self.gaps.get(&(chat, place)) {
            _ if self.pairs_in(chat).into_iter().any(|pair| self.was_blocked_by_who_is_gone(pair, place.0)) => u64::MAX,
            Some(gap) => *gap,
            None if self.comes_back(chat, place) => u64::MAX,
            None => 0,
        }
    }

    /// Two who have a conversation for themselves, or a group.
    fn pairs_in(&self, chat: Chat) -> Vec<Pair> {
        match chat {
            Chat::Pair(pair) => vec![pair],
            Chat::Room(number) => self.rooms[number].pairs(),
        }
    }

    /// Whether somebody has blocked the other one on a device that has gone since: that the server keeps back what it does at their own
    /// wish the others may not have heard, and then they show it as missing.
    fn was_blocked_by_who_is_gone(&self, (one, other): Pair, user: usize) -> bool {
        let peer = if user == one { other } else { one };
        let user = &self.people[user];
        let is_gone = |place: usize| user.devices.get(place).is_none_or(|device| device.signed_out.is_some());
        user.blocked_on.iter().any(|(device, whom)| *whom == peer && is_gone(*device))
    }

    /// Whether a device comes back to a conversation after the restore, since the last comparison.
    fn comes_back(&self, chat: Chat, place: Place) -> bool {
        let was_there = self.device(place).is_ok_and(|device| device.in_backup);
        self.was_restored && was_there && !self.gaps.contains_key(&(chat, place))
    }

    /// Whether that is not said again to it which was said before it came back: by devices that were not there before the restore
    /// themselves, and before those came.
    pub(super) fn is_not_said_again(&self, pair: Pair, place: Place) -> bool {
        let devices = [pair.0, pair.1].into_iter().flat_map(|user| &self.people[user].devices);
        self.comes_back(Chat::Pair(pair), place) && devices.into_iter().any(|device| !device.in_backup)
    }

    /// All has been compared. Where somebody blocks the other one they join anew when they do not any more.
    pub(super) async fn gaps_are_known(&mut self) -> Result<()> {
        if !self.was_restored {
            return Ok(());
        }
        for place in self.places() {
            for chat in self.chats_of(place.0) {
                let is_blocked = matches!(chat, Chat::Pair(pair) if self.one_blocks_the_other(pair));
                if is_blocked || self.gaps.contains_key(&(chat, place)) {
                    continue;
                }
                let shows = self.shows(chat, place).await?;
                self.gaps.insert((chat, place), shows.gap);
                self.missed.extend(self.books.not_among(chat, &shows.ids()).into_iter().map(|one| (place, one)));
            }
        }
        Ok(())
    }

    /// Whether one of the two blocks the other, or has at any time since the last comparison.
    pub(super) fn has_blocked_lately(&self, pair: Pair) -> bool {
        self.blocked_lately.contains(&pair) || self.one_blocks_the_other(pair)
    }

    pub(super) fn one_blocks_the_other(&self, (one, other): Pair) -> bool {
        self.people[one].blocks.contains(&other) || self.people[other].blocks.contains(&one)
    }

    pub(super) fn rows(&self) -> Rows {
        let devices = self.people.iter().map(|user| user.devices.len()).sum::<usize>();
        let network = self.network.done();
        let mut rows = vec![
            ("people".to_owned(), self.people.len().to_string()),
            ("devices, in all".to_owned(), devices.to_string()),
            ("conversations".to_owned(), self.pairs.len().to_string()),
            ("groups of people".to_owned(), self.rooms.len().to_string()),
            ("messages".to_owned(), self.books.messages().to_string()),
            ("connections cut".to_owned(), network.cuts.to_string()),
            ("frames repeated".to_owned(), network.repeats.to_string()),
        ];
        rows.extend(self.tally.0.iter().map(|(what, count)| ((*what).to_owned(), count.to_string())));
        rows
    }
}

/// Tries again what a network or server that is down refuses.
pub(super) async fn insist<T, F, E>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, E>>,
    E: Into<anyhow::Error>,
{
    for _ in 1..TRIES {
        if let Ok(done) = attempt().await {
            return Ok(done);
        }
        tokio::time::sleep(PAUSE).await;
    }
    attempt().await.map_err(Into::into).with_context(|| what.to_owned())
}

/// Everybody talks to the next ones in the round, and to somebody by chance.
fn circles(people: usize, random: &mut Random) -> Vec<Pair> {
    let mut pairs = BTreeSet::new();
    for one in 0..people {
        let next = (1..=CIRCLE).map(|step| (one + step) % people);
        let others: Vec<usize> = next.chain([index(random, people)]).collect();
        pairs.extend(others.into_iter().filter(|other| *other != one).map(|other| (one.min(other), one.max(other))));
    }
    pairs.into_iter().collect()
}

/// A place in something that has so many, at least one.
pub(super) fn index(random: &mut Random, len: usize) -> usize {
    usize::try_from(random.within(0..u64::try_from(len).unwrap_or(1))).unwrap_or(0)
}
