//! Groups of people, and what happens to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context as _, Result};
use privmsg_client::{AskedChange, Client, ClientError, GroupView, Recipient, Role};
use privmsg_protocol::ConversationId;

use super::books::{Chat, Pair, Place};
use super::world::{World, index, insist};
use crate::random::Random;
use crate::wait::{PATIENCE, until};

/// People in each at the beginning, the founder included.
const PEOPLE: Range<u64> = 3..6;

/// Notices of a group that are printed where something is wrong there, the last ones.
const LAST_NEWS: usize = 8;

/// A group of people, as it should be.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) conversation: ConversationId,
    /// An owner from the beginning to the end.
    pub(super) founder: usize,
    /// Who takes part, by what was compared last.
    pub(super) members: BTreeSet<usize>,
    /// Whose part in it somebody has wanted to be another since: it may be, or not.
    pub(super) touched: BTreeSet<usize>,
    /// The same since the backup.
    pub(super) touched_since_backup: BTreeSet<usize>,
    /// Of all that was said between two comparisons: who must have it, and who must not.
    pub(super) past: Vec<Past>,
}

/// What lies between two comparisons.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// In the order of saying.
    pub(super) sayings: Range<usize>,
    /// They took part all the time.
    pub(super) inside: BTreeSet<usize>,
    /// They did not, at any time.
    pub(super) outside: BTreeSet<usize>,
    /// The server was restored from a backup that is older.
    pub(super) is_lost: bool,
    /// Two of whom one blocks the other were perhaps alone in it: what they say is kept back.
    pub(super) is_kept_back: bool,
}

impl Room {
    pub(super) const fn recipient(&self) -> Recipient {
        Recipient::Group(self.conversation)
    }

    /// Since which message somebody has taken part without a break.
    pub(super) fn is_inside_since(&self, user: usize) -> Option<usize> {
        let since = self.past.iter().rev().take_while(|past| past.inside.contains(&user));
        since.last().map(|past| past.sayings.start)
    }

    /// Somebody's part in it may be another from now on.
    fn is_touched(&mut self, user: usize) {
        self.touched.insert(user);
        self.touched_since_backup.insert(user);
    }

    /// Who took part when it was compared last, takes part no more, and whom nobody wanted out since.
    pub(super) fn lost(&self, takes_part: impl Fn(usize) -> bool) -> Vec<usize> {
        self.members.difference(&self.touched).copied().filter(|user| !takes_part(*user)).collect()
    }

    /// Who may have been alone in it since the last comparison, two and two.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let perhaps: BTreeSet<_> = self.members.union(&self.touched).copied().collect();
        let is_alone = |pair: &Pair| {
            self.members.iter().all(|user| self.touched.contains(user) || *user == pair.0 || *user == pair.1)
        };
        let all = perhaps.iter().flat_map(|one| perhaps.range(one + 1..).map(|other| (*one, *other)));
        all.filter(is_alone).collect()
    }

    /// It was compared: these take part.
    pub(super) fn settles(&mut self, past: Past, members: BTreeSet<usize>, people: usize) {
        let changed = |user: &usize| self.touched.contains(user);
        let inside = self.members.iter().filter(|user| members.contains(user) && !changed(user)).copied();
        let is_outside = |user: &usize| !self.members.contains(user) && !members.contains(user) && !changed(user);
        let (inside, outside) = (inside.collect(), (0..people).filter(is_outside).collect());
        self.past.push(Past { inside, outside, ..past });
        self.members = members;
        self.touched.clear();
    }
}

/// So many groups, each of a few people, who all know it.
pub(super) async fn founded(world: &mut World, rooms: usize, random: &mut Random) -> Result<()> {
    for number in 0..rooms {
        let founder = number % world.people.len();
        let mut members = BTreeSet::from([founder]);
        let size = usize::try_from(random.within(PEOPLE))?.min(world.people.len());
        while members.len() < size {
            members.insert(index(random, world.people.len()));
        }
        let others = members.iter().filter(|user| **user != founder);
        let names: Vec<_> = others.map(|user| world.people[*user].name().clone()).collect();
        let client = world.device((founder, 0))?.person.client().clone();
        let chat = client.create_group(&format!("room {number}"), &names).await?;
        tokio::time::timeout(PATIENCE, client.wait_group_made(chat)).await.context("a group is made")??;
        let conversation = client.group(chat).await?.conversation;
        let (touched, touched_since_backup) = <(BTreeSet<_>, BTreeSet<_>)>::default();
        let room = Room { conversation, founder, members, touched, touched_since_backup, past: Vec::new() };
        for member in &room.members {
            let client = world.device((*member, 0))?.person.client();
            let title = format!("room {number}");
            until("that everybody knows the group", PATIENCE, || async {
                let Some(chat) = client.chat_with(&room.recipient()).await? else { return Ok(None) };
                Ok((client.group(chat).await?.title == title).then_some(()))
            })
            .await?;
            world.answers(*member).await?;
        }
        world.rooms.push(room);
    }
    Ok(())
}

/// Somebody wants a group to be another one.
pub(super) async fn changes(world: &mut World, place: Place, random: &mut Random) -> Result<()> {
    let Some(number) = world.room_of(place.0, random) else { return Ok(()) };
    let client = world.device(place)?.person.client().clone();
    let Some(chat) = client.chat_with(&world.rooms[number].recipient()).await? else { return Ok(()) };
    let user = index(random, world.people.len());
    let name = world.people[user].name().clone();
    let founder = world.rooms[number].founder;
    let (what, touched, asked) = match random.within(0..10) {
        0..3 => ("people added", user, client.add_to_group(chat, &[name]).await),
        3..5 if user != founder => ("people removed", user, client.remove_from_group(chat, &[name]).await),
        5..7 if user != founder => {
            let role = [Role::Member, Role::Admin, Role::Owner][index(random, 3)];
            // It changes nothing of who takes part.
            let asked = client.set_role(chat, &name, role).await;
            return counts(world, "changes of a role", asked);
        }
        7 if place.0 != founder => ("leavings", place.0, client.leave_group(chat, None).await),
        8 => {
            let title = client.set_group_title(chat, &format!("room {number}, {}", world.books.messages())).await;
            return counts(world, "titles", title.map(|_| Vec::new()));
        }
        _ => return Ok(()),
    };
    if asked.is_ok() {
        world.rooms[number].is_touched(touched);
        // What they have said may be on its way.
        world.books.may_be_kept_back(Chat::Room(number), Some(touched), world.compared);
    }
    counts(world, what, asked)
}

/// What cannot be, or not now, is no fault.
fn counts(world: &mut World, what: &'static str, asked: Result<Vec<AskedChange>, ClientError>) -> Result<()> {
    match asked {
        Ok(_) => world.tally.count(what),
        Err(error) if is_refusal(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// What somebody who is not in a group, or is nobody to change it, or has no network, hears.
pub(super) const fn is_refusal(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::GroupChange(_)
            | ClientError::NotInGroup
            | ClientError::NoSuchGroup(_)
            | ClientError::NoSigningKey
            | ClientError::Network(_)
            | ClientError::GoingAway { .. }
            | ClientError::Server { .. }
            | ClientError::Blocked(_)
    )
}

/// Who takes part in a group, whether two rosters are known of it, and how many changes wait, as a device knows it; `None` if it
/// takes no part.
pub(super) async fn people(client: &Client, room: &Room) -> Result<Option<(BTreeMap<String, Role>, bool, usize)>> {
    let Some(group) = known(client, room).await?.filter(|group| group.gone.is_none()) else { return Ok(None) };
    let people = group.people.into_iter().map(|person| (person.user_id.to_string(), person.role)).collect();
    Ok(Some((people, group.is_split, group.waiting)))
}

/// What a device knows of a group: nothing, too, where its user has let it in and it has not joined yet.
async fn known(client: &Client, room: &Room) -> Result<Option<GroupView>> {
    let Some(chat) = client.chat_with(&room.recipient()).await? else { return Ok(None) };
    match client.group(chat).await {
        Err(ClientError::NoSuchGroup(_)) => Ok(None),
        known => Ok(Some(known?)),
    }
}

/// Where a device stands in a group, for who looks for a fault.
pub(super) async fn stands(client: &Client, room: &Room) -> Result<String> {
    let known = known(client, room).await?.map(|group| (group.gone, group.waiting));
    let (requests, holds, kept_out) = (client.requests().await?, client.holds().await?, client.kept_out().await);
    let items = client.history(&room.recipient(), u32::MAX).await?;
    let news = items.iter().filter_map(|item| item.message()).filter(|message| message.kind.is_notice());
    let news: Vec<_> = news.map(|message| (message.sent_at, message.kind.as_str(), &message.group_news)).collect();
    let last = news.get(news.len().saturating_sub(LAST_NEWS)..).unwrap_or_default();
    Ok(format!(
        "gone, and changes that wait: {known:?}, requests {requests:?}, kept out {kept_out:?}, holds {holds:?}, told {last:?}"
    ))
}

/// Calls a stolen device back: the first device begins another generation of the account.
pub(super) async fn is_called_back(world: &World, user: usize, gone: &privmsg_protocol::DeviceId) -> Result<()> {
    let first = &world.device((user, 0))?.person;
    let (client, words) = (first.client().clone(), first.words()?.to_owned());
    insist("calling a device back", || client.remove_stolen(std::slice::from_ref(gone), &words)).await.map(drop)
}
