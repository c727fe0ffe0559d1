//! It has calmed in the groups, too: who is in them, and what they show.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::Draft;

use super::books::{Chat, Place, Saying};
use super::check::{Missing, waits_for_the_hostile_one};
use super::looks::{Look, SETTLING, Shown, Shows, settles};
use super::rooms::{self, Past};
use super::world::World;
use crate::database;

/// All groups.
pub(super) async fn compare(world: &mut World) -> Result<()> {
    for number in 0..world.rooms.len() {
        let what = || format!("in group {number}");
        // Whoever says something first takes away what has to go.
        speaks(world, number).await.with_context(what)?;
        let members = settles("who takes part", || async { who_takes_part(world, number).await }).await;
        let members = members.with_context(what)?;
        let lost = world.rooms[number].lost(|user| members.contains(&user));
        ensure!(lost.is_empty(), "in group {number}: {lost:?} take part no more, and nobody wanted that");
        settles("whose devices are in it", || devices_are_theirs(world, number, &members)).await.with_context(what)?;
        let (sayings, people) = (world.compared..world.books.messages(), world.people.len());
        let is_lost = world.books.since(world.compared).iter().any(|saying| saying.said_again);
        let is_kept_back = world.rooms[number].pairs().into_iter().any(|pair| world.has_blocked_lately(pair));
        if is_kept_back {
            world.books.may_be_kept_back(Chat::Room(number), None, world.compared);
        }
        world.rooms[number].settles(Past { sayings, is_lost, is_kept_back, ..Past::default() }, members, people);
        for place in world.places() {
            let looked = settles("what it shows", || async { shows_what_it_should(world, number, place).await }).await;
            if let Err(error) = looked {
                let (device, waiting) =
                    (format!("device {}.{}", place.0, place.1), what_is_known(world, number).await?);
                return Err(error.context(device).context(format!("in group {number}; {waiting}")));
            }
        }
    }
    Ok(())
}

/// What everybody shows otherwise than it should be, and what waits, for whoever looks into a difference.
async fn what_is_known(world: &World, number: usize) -> Result<String> {
    let room = &world.rooms[number];
    let mut known = format!("{:?}", room.past.last());
    for item in world.device((room.founder, 0))?.person.client().history(&room.recipient(), u32::MAX).await? {
        if let Some(message) = item.message()
            && let Some(news) = &message.group_news
        {
            known += &format!("; {}: {news:?}", message.kind.as_str());
        }
    }
    for place in world.places() {
        let Shows { messages, gap, went_back, .. } = world.shows(Chat::Room(number), place).await?;
        let wrong = |(message, text): &&Shown| world.books.find(*message).is_none_or(|saying| saying.text != *text);
        let wrong: Vec<_> = messages.iter().filter(wrong).collect();
        let (came, holds) = (world.device(place)?.came_later, world.device(place)?.person.client().holds().await?);
        let len = messages.len();
        known += &format!("; {place:?} came {came:?}, shows {len}, a gap of {gap}, {went_back}, {wrong:?}, {holds:?}");
    }
    Ok(known)
}

async fn speaks(world: &mut World, number: usize) -> Result<()> {
    let room = &world.rooms[number];
    let by = (room.founder, 0);
    let text = format!("{} from {}.0 in room {number}, at last", world.books.messages(), room.founder);
    let client = world.device(by)?.person.client().clone();
    let sent = client.send(&room.recipient(), Draft::text(text.clone())).await?;
    let waits = tokio::time::timeout(SETTLING, client.wait_acknowledged(&sent.said())).await;
    let saying = Saying::new(Chat::Room(number), by, sent, text, waits.is_err());
    let Ok(fate) = waits else {
        if !waits_for_the_hostile_one(world, &saying).await? {
            let people = rooms::people(&client, &world.rooms[number]).await?;
            bail!("the founder cannot say anything; holds {:?}, people {people:?}", client.holds().await?);
        }
        // What has left in this moment, because somebody has come, is not taken back.
        let message = saying.sent.message_id;
        if client.delete(message).await?.is_some() {
            world.books.enter(saying);
            world.books.change(message, None, None, true);
        }
        return Ok(());
    };
    fate?;
    world.books.enter(saying);
    Ok(())
}

/// All devices that take part agree about who does, and all of theirs do.
async fn who_takes_part(world: &World, number: usize) -> Result<Look<BTreeSet<usize>>> {
    let room = &world.rooms[number];
    let mut known: BTreeMap<Place, BTreeMap<String, _>> = BTreeMap::new();
    for place in world.places() {
        let client = world.device(place)?.person.client();
        if let Some((people, is_split, waiting)) = rooms::people(client, room).await? {
            if is_split || waiting > 0 {
                let holds = client.holds().await?;
                return Ok(Err(format!(
                    "{place:?} has {waiting} changes that wait, split: {is_split}, {people:?}, {holds:?}"
                )));
            }
            known.insert(place, people);
        }
    }
    let Some(people) = known.get(&(room.founder, 0)) else { return Ok(Err("the founder is out".to_owned())) };
    if let Some((place, other)) = known.iter().find(|(_, other)| *other != people) {
        return Ok(Err(format!("{place:?} knows of {other:?}, and the founder of {people:?}")));
    }
    let is_in = |user: usize| people.contains_key(world.people[user].name().as_str());
    for place in world.places() {
        if is_in(place.0) != known.contains_key(&place) {
            let stands = rooms::stands(world.device(place)?.person.client(), room).await?;
            world.answers(place.0).await?;
            return Ok(Err(format!("{place:?} stands like this: {stands}; of {people:?}")));
        }
    }
    Ok(Ok((0..world.people.len()).filter(|user| is_in(*user)).collect()))
}

/// The server delivers to the devices of those who take part, and to no others.
async fn devices_are_theirs(world: &World, number: usize, members: &BTreeSet<usize>) -> Result<Look<()>> {
    let mut wanted = BTreeSet::new();
    for place in world.places().iter().filter(|place| members.contains(&place.0)) {
        let device = world.device(*place)?;
        wanted.insert((world.people[place.0].name().to_string(), device.device_id.to_string()));
    }
    let there: BTreeSet<_> = database::devices_in(&world.server, &world.rooms[number].conversation)?
        .into_iter()
        .filter(|(user, _)| user != "mallory")
        .collect();
    if there == wanted {
        return Ok(Ok(()));
    }
    let (missing, too_many): (Vec<_>, Vec<_>) =
        (wanted.difference(&there).collect(), there.difference(&wanted).collect());
    let mut wrong = format!("missing {missing:?}, not to be there {too_many:?}, of {members:?}");
    for place in world.places().iter().filter(|place| members.contains(&place.0)) {
        let stands = rooms::stands(world.device(*place)?.person.client(), &world.rooms[number]).await?;
        wrong.push_str(&format!("; {place:?} stands like this: {stands}"));
    }
    Ok(Err(wrong))
}

async fn shows_what_it_should(world: &World, number: usize, place: Place) -> Result<Look<()>> {
    let (room, chat) = (&world.rooms[number], Chat::Room(number));
    let reference = world.shows(chat, (room.founder, 0)).await?;
    let shows = world.shows(chat, place).await?;
    if let Some(wrong) = world.is_out_of_order(chat, &reference, &shows)? {
        return Ok(Err(wrong));
    }
    let (here, there) = (shows.ids(), reference.ids());
    let mut missing = Missing::default();
    for past in &room.past {
        let of_it = world.books.since(past.sayings.start).iter().take(past.sayings.len());
        let of_it = of_it.filter(|saying| saying.chat == chat);
        if past.outside.contains(&place.0) {
            let heard = of_it.filter(|saying| here.contains(&saying.sent.message_id)).count();
            ensure!(heard == 0, "{place:?} shows {heard} messages of a group in which it had no part");
        } else if past.inside.contains(&place.0) && !past.is_kept_back && is_since(world, place, past.sayings.start)? {
            for saying in of_it {
                let (has, founder_has) =
                    (here.contains(&saying.sent.message_id), there.contains(&saying.sent.message_id));
                let is_certain = !saying.blocked && saying.text.is_some() && is_there(world, saying)?;
                if !has && (founder_has || is_certain) || has && !founder_has {
                    let lacks = if has { "the founder" } else { "it" };
                    missing.push(past.is_lost, format!("{lacks} lacks {:?} by {:?}", saying.text, saying.by));
                }
            }
        }
    }
    let since = heard_all_since(world, number, place)?;
    is_as_changed(world, since, &shows, &mut missing)?;
    if let Some(wrong) = missing.is_not_shown(&shows) {
        return Ok(Err(wrong));
    }
    // Numbers that nobody can read are shown as missing, wherever one was at the time.
    let garbage = if number == 0 { world.mallory.as_ref().map_or(0, |mallory| mallory.garbage) } else { 0 };
    let tolerated = garbage.saturating_add(world.tolerated_gap(chat, place));
    // Whoever was sent away may never have heard that the last of their own words was taken, also if they have come back.
    let gap = since.map_or(0, |since| shows.gap_since(|message| world.books.number_of(message) >= Some(since)));
    Ok(if gap > tolerated { Err(format!("a gap of {gap}, and not {tolerated}")) } else { Ok(()) })
}

/// Since which message a device has heard all that was said in a group, if it does now.
fn heard_all_since(world: &World, number: usize, place: Place) -> Result<Option<usize>> {
    let since = world.rooms[number].is_inside_since(place.0);
    Ok(since.filter(|_| world.device(place).is_ok_and(|device| device.came_later.is_none())))
}

/// Whether it reads as it was made last. Whoever was out heard nothing of what was made of it meanwhile.
fn is_as_changed(world: &World, since: Option<usize>, shows: &Shows, missing: &mut Missing) -> Result<()> {
    for (message, text) in shows.messages.iter().filter(|(message, _)| world.books.number_of(*message) >= since) {
        let Some(saying) = world.books.find(*message).filter(|saying| since.is_some() && !saying.blocked) else {
            continue;
        };
        if *text != saying.text && (!saying.changed || is_there(world, saying)?) {
            missing.push(saying.lost, format!("{message} reads {text:?} instead of {:?}", saying.text));
        }
    }
    Ok(())
}

/// Whether a device was there when so many messages had been said.
fn is_since(world: &World, place: Place, said: usize) -> Result<bool> {
    Ok(world.device(place)?.came_later.is_none_or(|came| came <= said))
}

/// What a device was about to say when it was signed out nobody hears.
fn is_there(world: &World, saying: &Saying) -> Result<bool> {
    Ok(world.device(saying.by)?.signed_out.is_none())
}
