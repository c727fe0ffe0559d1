//! What happens next.

use std::time::Duration;

use anyhow::Result;
use privmsg_client::{Client, ClientError, Draft, MessageState};

use super::books::{Chat, Place, Saying};
use super::rooms;
use super::world::{World, index, insist};
use crate::Faults;
use crate::random::Random;

/// How long the network stays as it is, in things that happen.
const WEATHER: std::ops::Range<u64> = 20..120;

/// A text that is edited or deleted is one of so many last ones.
const RECENT: usize = 200;

/// How far a clock jumps, in seconds, either way: by more, people are told that it is wrong.
const JUMP: u64 = 2 * 3600;

/// The network's mood.
#[derive(Debug, Default)]
pub(super) struct Weather {
    lasts: u64,
}

impl Weather {
    fn blows(&mut self, world: &World, random: &mut Random) {
        if self.lasts > 0 {
            self.lasts -= 1;
            return;
        }
        self.lasts = random.within(WEATHER);
        let is_bad = random.permille(700);
        let up_to = |random: &mut Random, most: u64| u32::try_from(random.within(0..most)).unwrap_or(0);
        world.network.behaves(if is_bad {
            Faults {
                cut_permille: up_to(random, 25),
                repeat_permille: up_to(random, 150),
                refuse_permille: up_to(random, 200),
                delay: Duration::ZERO..Duration::from_millis(random.within(1..40)),
                ..Faults::default()
            }
        } else {
            Faults::default()
        });
    }
}

/// One thing happens somewhere.
pub(super) async fn next(world: &mut World, weather: &mut Weather, random: &mut Random) -> Result<()> {
    weather.blows(world, random);
    let places = world.places();
    let place = places[index(random, places.len())];
    match random.within(0..1000) {
        0..400 => says(world, place, random).await,
        400..770 if world.rooms.is_empty() => says(world, place, random).await,
        400..770 => says_in_a_room(world, place, random).await,
        770..800 => rooms::changes(world, place, random).await,
        800..870 => changes(world, random, true).await,
        870..900 => changes(world, random, false).await,
        900..940 => crashes(world, place).await,
        940..970 => comes_or_goes(world, place).await,
        970..980 => world.answers(place.0).await,
        980..985 => {
            // Back as often as on, so that nobody drifts away.
            let ahead = i64::try_from(random.within(0..2 * JUMP))? - i64::try_from(JUMP)?;
            let clock = &world.device(place)?.clock;
            clock.advance(ahead - clock.is_ahead_by());
            world.tally.count("clocks that jumped");
            Ok(())
        }
        985..989 => {
            if world.gets_a_device(place.0).await? {
                weather.lasts = 0;
                world.tally.count("devices that came");
            }
            Ok(())
        }
        989..991 => {
            let is_stolen = random.permille(400);
            if world.signs_out(place, is_stolen).await? {
                world.tally.count(if is_stolen { "devices stolen" } else { "devices signed out" });
            }
            Ok(())
        }
        991..994 => blocks_or_unblocks(world, place, random).await,
        994..996 => world.mallory_does_harm(random).await,
        _ => {
            world.tally.count("SIGKILLs of the server");
            world.server_is_killed().await
        }
    }
}

async fn says(world: &mut World, place: Place, random: &mut Random) -> Result<()> {
    let pair = world.pair_of(place.0, random);
    let peer = world.other(pair, place).clone();
    let text = format!("{} from {}.{}", world.books.messages(), place.0, place.1);
    match world.device(place)?.person.says(&peer, &text).await {
        Ok(sent) => {
            let chat = Chat::Pair(pair);
            let blocked = is_blocked(world, chat, place.0);
            world.books.enter(Saying::new(chat, place, sent, text, blocked));
            Ok(())
        }
        Err(error) => refused_by_a_block(error),
    }
}

async fn says_in_a_room(world: &mut World, place: Place, random: &mut Random) -> Result<()> {
    let Some(number) = world.room_of(place.0, random) else { return Ok(()) };
    let room = &world.rooms[number];
    let text = format!("{} from {}.{} in room {number}", world.books.messages(), place.0, place.1);
    let client = world.device(place)?.person.client();
    // A device that has just come, or is out, has no such chat.
    if client.chat_with(&room.recipient()).await?.is_none() {
        return Ok(());
    }
    match client.send(&room.recipient(), Draft::text(text.clone())).await {
        Ok(sent) => {
            let chat = Chat::Room(number);
            let blocked = is_blocked(world, chat, place.0);
            world.books.enter(Saying::new(chat, place, sent, text, blocked));
            Ok(())
        }
        Err(error) if rooms::is_refusal(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An author edits or deletes something that they have said lately.
async fn changes(world: &mut World, random: &mut Random, edits: bool) -> Result<()> {
    let from = world.books.messages().saturating_sub(RECENT);
    let recent = world.books.since(from);
    if recent.is_empty() {
        return Ok(());
    }
    let saying = recent[index(random, recent.len())].clone();
    let (message, device) = (saying.sent.message_id, world.device(saying.by)?);
    let Some(text) = saying.text.filter(|_| device.signed_out.is_none()) else { return Ok(()) };
    let text = edits.then(|| format!("{text}, edited"));
    let done = match &text {
        Some(text) => match device.person.client().edit(message, text.clone()).await {
            // What is held and may have left before is not edited.
            Err(ClientError::NotChangeable) if is_held(device.person.client(), saying.sent.id).await? => return Ok(()),
            edited => edited,
        },
        None => device.person.client().delete(message).await,
    };
    match done {
        Ok(said) => {
            let blocked = is_blocked(world, saying.chat, saying.by.0);
            world.books.change(message, text, said, blocked);
            world.tally.count(if edits { "edits" } else { "deletions" });
            Ok(())
        }
        Err(error) => refused_by_a_block(error.into()),
    }
}

async fn is_held(client: &Client, message: i64) -> Result<bool> {
    Ok(client.message(message).await?.is_some_and(|message| matches!(message.state, MessageState::Held(_))))
}

/// Who blocks somebody does not write to them either, and who is out of a group not there. The same text is no change.
fn refused_by_a_block(error: anyhow::Error) -> Result<()> {
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Blocked(_) | ClientError::NotInGroup | ClientError::Unchanged) => Ok(()),
        _ => Err(error),
    }
}

async fn crashes(world: &mut World, place: Place) -> Result<()> {
    let device = world.device_mut(place)?;
    device.person.crashes().await?;
    device.online = false;
    world.tally.count("clients that crashed");
    world.goes_online(place).await
}

async fn comes_or_goes(world: &mut World, place: Place) -> Result<()> {
    let device = world.device_mut(place)?;
    if device.online {
        device.online = false;
        world.tally.count("clients that went offline");
        return world.device_mut(place)?.person.goes_offline().await;
    }
    world.goes_online(place).await
}

/// Whether what somebody says may not arrive.
fn is_blocked(world: &World, chat: Chat, by: usize) -> bool {
    match chat {
        Chat::Pair(pair) => world.one_blocks_the_other(pair),
        Chat::Room(number) => {
            let room = &world.rooms[number];
            room.touched.contains(&by) || !room.members.contains(&by)
        }
    }
}

async fn blocks_or_unblocks(world: &mut World, place: Place, random: &mut Random) -> Result<()> {
    let pair = world.pair_of(place.0, random);
    let peer = if pair.0 == place.0 { pair.1 } else { pair.0 };
    let name = world.other(pair, place).clone();
    let client = world.device(place)?.person.client().clone();
    // What was said and has not been compared may be on its way.
    world.books.may_be_kept_back(Chat::Pair(pair), None, world.compared);
    world.people[place.0].blocked_on.insert((place.1, peer));
    world.blocked_lately.insert(pair);
    if world.people[place.0].blocks.remove(&peer) {
        insist("unblocking", || client.unblock(&name)).await?;
    } else {
        insist("blocking", || client.block(&name)).await?;
        world.people[place.0].blocks.insert(peer);
        world.tally.count("blocks");
    }
    Ok(())
}
