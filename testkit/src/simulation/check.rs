//! It calms, and what every device shows is compared with the books.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::{Acknowledged, HistoryItem, OTHERS_CAME, Said};
use privmsg_protocol::ErrorCode;
use tokio::time::{sleep, timeout};

use super::books::{Chat, Pair, Place, Saying};
use super::looks::{Look, SETTLING, Shows, settles};
use super::world::World;
use super::{check_rooms, rooms};
use crate::Faults;

/// How often what waits is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Everybody comes online, the network does its best; then the books are compared.
pub(super) async fn calm_and_compare(world: &mut World) -> Result<()> {
    world.network.behaves(Faults::default());
    for place in world.places() {
        world.goes_online(place).await?;
    }
    if world.was_restored {
        // Who has not answered comes back to a conversation when they do, and nothing is taken for them before.
        for user in 0..world.people.len() {
            world.answers(user).await?;
        }
    }
    for saying in world.books.since(0) {
        if is_to_be_taken(world, saying)? {
            is_taken(world, saying).await?;
        }
    }
    for pair in world.pairs.clone() {
        compare(world, pair).await.with_context(|| format!("between {} and {}", pair.0, pair.1))?;
    }
    check_rooms::compare(world).await?;
    world.compared = world.books.messages();
    world.books.are_settled();
    world.blocked_lately.clear();
    world.gaps_are_known().await?;
    nothing_later_is_on_signed_out_devices(world).await
}

/// Whether something that was said, or edited, since the last comparison arrives for certain.
fn is_to_be_taken(world: &World, saying: &Saying) -> Result<bool> {
    let is_new = world.books.number_of(saying.sent.message_id) >= Some(world.compared);
    let is_edited = saying.changed && saying.edit.is_some();
    let is_gone = saying.text.is_none() || world.device(saying.by)?.signed_out.is_some();
    if is_gone || !(is_new || is_edited) {
        return Ok(false);
    }
    Ok(match saying.chat {
        // Whoever was sent away has perhaps said it to nobody.
        Chat::Room(_) => !saying.blocked,
        Chat::Pair(pair) => {
            let (author, peer) = (saying.by.0, if pair.0 == saying.by.0 { pair.1 } else { pair.0 });
            let blocks = |who: usize, whom: usize| world.people[who].blocks.contains(&whom);
            // What waited when its author blocked the other one is held until they say that it is to go. Nobody joins anew where they
            // block the other one, who would see it.
            !(blocks(author, peer) || world.was_restored && blocks(peer, author))
        }
    })
}

/// It is with the server, or refused, and so is the last edit of it; what is shown says which. Whose edit was not said, because somebody had come before it, makes it once more.
async fn is_taken(world: &World, saying: &Saying) -> Result<()> {
    let client = world.device(saying.by)?.person.client();
    let message = saying.sent.message_id;
    let taken = async {
        fate(world, saying, &saying.sent.said()).await?;
        let mut edit = saying.edit;
        while let (Some(said), Some(text)) = (edit, &saying.text) {
            let refused = Acknowledged::Failed(ErrorCode::from(OTHERS_CAME));
            edit = if fate(world, saying, &said).await? == refused {
                client.edit(message, text.clone()).await?
            } else {
                None
            };
        }
        anyhow::Ok(())
    };
    let what = format!("{:?}, said by {:?}", saying.text, saying.by);
    match timeout(SETTLING, taken).await {
        Ok(taken) => taken.context(what),
        Err(_) if waits_for_the_hostile_one(world, saying).await? => Ok(()),
        Err(_) => bail!("not acknowledged: {what}; {}", how_all_stand(world, saying.chat).await?),
    }
}

/// What becomes of a message, or of what was made of it: it goes out by its author's word if it is held. What was held before the last
/// comparison stays so: it was not for those who have come since.
async fn fate(world: &World, saying: &Saying, said: &Said) -> Result<Acknowledged> {
    let (client, to) = (world.device(saying.by)?.person.client(), world.recipient(saying.chat, saying.by));
    loop {
        match timeout(LOOK, client.wait_acknowledged(said)).await {
            Ok(Ok(Acknowledged::Held(_))) => sleep(LOOK).await,
            Ok(fate) => return Ok(fate?),
            Err(_) => {}
        }
        // Since it was written others have come, or somebody was blocked; the device may not have heard of the unblocking yet.
        let mut held = client.held_messages(&to).await?;
        held.retain(|held| world.books.number_of(held.message_id) >= Some(world.compared));
        drop(client.send_held(&to, &held).await);
    }
}

/// Whether nobody else takes part but the hostile one, none of whose devices comes back to a restored server, and nobody else has
/// been lost.
pub(super) async fn waits_for_the_hostile_one(world: &World, saying: &Saying) -> Result<bool> {
    let Chat::Room(number) = saying.chat else { return Ok(false) };
    let client = world.device(saying.by)?.person.client();
    let Some((people, ..)) = rooms::people(client, &world.rooms[number]).await? else { return Ok(false) };
    let author = world.people[saying.by.0].name().as_str();
    let lost = world.rooms[number].lost(|user| people.contains_key(world.people[user].name().as_str()));
    let are_alone = people.len() == 2 && people.keys().all(|name| name == author || name == "mallory");
    Ok(world.was_restored && are_alone && lost.is_empty())
}

/// Nothing is on a device that was said after it was signed out, by however much it is still one of somebody's.
async fn nothing_later_is_on_signed_out_devices(world: &World) -> Result<()> {
    for (user, of_user) in world.people.iter().enumerate() {
        for (number, device) in of_user.devices.iter().enumerate() {
            let Some(said) = device.signed_out else { continue };
            for chat in world.chats_of(user) {
                let here = world.shows(chat, (user, number)).await?.ids();
                let later = world.books.since(said).iter().filter(|saying| here.contains(&saying.sent.message_id));
                let later = later.count();
                ensure!(later == 0, "{user}.{number} has {later} messages of {chat:?} said after it was signed out");
            }
        }
    }
    Ok(())
}

/// All devices of the two show the same.
async fn compare(world: &World, pair: Pair) -> Result<()> {
    let places = world.places().into_iter().filter(|place| place.0 == pair.0 || place.0 == pair.1);
    for place in places {
        let looked = settles("that a device shows what it should", || async { is_as_said(world, pair, place).await });
        if let Err(error) = looked.await {
            let known = what_it_knows(world, pair, place).await?;
            bail!("device {}.{}: {error}; {known}", place.0, place.1);
        }
    }
    Ok(())
}

/// How the devices of a chat stand to it, for whoever looks into why nothing goes on there.
async fn how_all_stand(world: &World, chat: Chat) -> Result<String> {
    let mut stands = Vec::new();
    for place in world.places().into_iter().filter(|place| world.chats_of(place.0).contains(&chat)) {
        let client = world.device(place)?.person.client();
        stands.push(match client.chat_with(&world.recipient(chat, place)).await? {
            Some(here) => {
                let (consent, holds, all) =
                    (client.consent(here).await?, client.holds_of(here).await?, client.holds().await?);
                format!("{}.{} chat {here:?} {consent:?}, holds {holds:?} of {all:?}", place.0, place.1)
            }
            None => format!("{}.{} has no such chat", place.0, place.1),
        });
    }
    Ok(stands.join("; "))
}

/// What a device says about itself, for whoever looks into a difference.
async fn what_it_knows(world: &World, pair: Pair, place: Place) -> Result<String> {
    let device = world.device(place)?;
    let peer = world.other(pair, place);
    let messages = device.person.messages(peer).await?;
    let notices: Vec<_> = messages.iter().enumerate().filter(|(_, message)| message.kind.is_notice()).collect();
    let notices: Vec<_> = notices.into_iter().map(|(at, message)| (at, message.kind.as_str())).collect();
    let holds = device.person.client().holds().await?;
    let (came_later, seen) = (device.came_later, messages.len());
    let gaps = around_gaps(world, pair, place).await?;
    Ok(format!("came later: {came_later:?}, shows {seen}, notices {notices:?}, holds {holds:?}, gaps {gaps:?}"))
}

/// Where something is missing on a device, and what all devices of the two have right before and behind that.
async fn around_gaps(world: &World, pair: Pair, place: Place) -> Result<Vec<String>> {
    const NEAR: i64 = 3;
    let chat = Chat::Pair(pair);
    let of = async |place: Place| {
        let client = world.device(place)?.person.client();
        anyhow::Ok(client.history(&world.recipient(chat, place), u32::MAX).await?)
    };
    let mut around = Vec::new();
    for gap in of(place).await? {
        let HistoryItem::Gap { position, missing } = gap else { continue };
        let mut said = format!("{missing} at {}:", position.0);
        for other in world.places().into_iter().filter(|other| other.0 == pair.0 || other.0 == pair.1) {
            let items = of(other).await?;
            let near = items.iter().filter_map(HistoryItem::message);
            let near = near.filter(|it| (it.cursor.0.0 - position.0).abs() <= NEAR);
            let near: Vec<_> = near.map(|it| format!("{} {}", it.cursor.0.0, it.message_id)).collect();
            said.push_str(&format!(" {}.{} has {near:?}", other.0, other.1));
        }
        around.push(said);
    }
    Ok(around)
}

/// Whether a device shows of a conversation what was said in it.
async fn is_as_said(world: &World, pair: Pair, place: Place) -> Result<Look<()>> {
    let chat = Chat::Pair(pair);
    let reference = world.shows(chat, (pair.0, 0)).await?;
    let shows = world.shows(chat, place).await?;
    if let Some(wrong) = world.is_out_of_order(chat, &reference, &shows)? {
        return Ok(Err(wrong));
    }
    // What was not said to this device, edits and deletions among it.
    let mut missing = missing(world, pair, place, &reference, &shows)?;
    for (message, text) in &shows.messages {
        let saying = world.books.find(*message).context("somebody said what is not in the books")?;
        // What a device was about to say when it was signed out nobody hears.
        let is_certain = !saying.changed || world.device(saying.by)?.signed_out.is_none();
        if *text != saying.text && is_certain && !saying.blocked {
            missing.push(saying.lost, format!("{message} reads {text:?} instead of {:?}", saying.text));
        }
    }
    if let Some(wrong) = missing.is_not_shown(&shows) {
        return Ok(Err(wrong));
    }
    let tolerated = world.tolerated_gap(chat, place);
    Ok(if shows.gap > tolerated { Err(format!("a gap of {}, and not {tolerated}", shows.gap)) } else { Ok(()) })
}

/// What should be there and is not.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// For no reason.
    of_no_cause: Vec<String>,
    /// A restored server has lost it.
    lost: Vec<String>,
}

impl Missing {
    pub(super) fn push(&mut self, is_lost: bool, what: String) {
        if is_lost { self.lost.push(what) } else { self.of_no_cause.push(what) }
    }

    /// Of what a restored server has lost it is shown that it is missing, or that something may be.
    pub(super) fn is_not_shown(&self, shows: &Shows) -> Option<String> {
        let is_shown = self.of_no_cause.is_empty() && (self.lost.is_empty() || shows.admits(self.lost.len()));
        (!is_shown).then(|| format!("missing or too much, with a gap of {}: {self:?}", shows.gap))
    }
}

/// What should be there and is not: on a device that was there from the beginning everything, on another one what came after
/// the first that it has. What is said once more after a restore, by devices that know of no newcomer, it may have or not.
fn missing(world: &World, pair: Pair, place: Place, reference: &Shows, shows: &Shows) -> Result<Missing> {
    let (here, mut missing) = (shows.ids(), Missing::default());
    if let Some(came) = world.device(place)?.came_later {
        let is_older = |message| {
            let was_said_again = world.books.find(message).is_some_and(|saying| saying.said_again);
            was_said_again && world.books.number_of(message).is_some_and(|number| number < came)
        };
        let from = reference.messages.iter().position(|(message, _)| here.contains(message) && !is_older(*message));
        let since = reference.messages.iter().skip(from.unwrap_or(usize::MAX));
        for (message, _) in since.filter(|(message, _)| !here.contains(message)) {
            let is_known = world.missed.contains(&(place, *message));
            let wanted = |saying: &&Saying| !saying.blocked && !is_known && !is_older(*message);
            if let Some(saying) = world.books.find(*message).filter(wanted) {
                missing.push(saying.lost || world.is_not_said_again(pair, place), format!("{:?}", saying.text));
            }
        }
        return Ok(missing);
    }
    for saying in world.books.since(0).iter().filter(|saying| saying.chat == Chat::Pair(pair) && !saying.blocked) {
        // What nobody has heard yet disappears when it is deleted; what a device had not said yet goes with it.
        let is_said = saying.text.is_some() && world.device(saying.by)?.signed_out.is_none();
        let is_known = world.missed.contains(&(place, saying.sent.message_id));
        if is_said && !is_known && !here.contains(&saying.sent.message_id) {
            let is_lost = saying.lost || world.is_not_said_again(pair, place);
            missing.push(is_lost, format!("{:?}, said by {:?}, on {place:?}", saying.text, saying.by));
        }
    }
    Ok(missing)
}
