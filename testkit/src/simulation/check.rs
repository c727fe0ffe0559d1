//! It calms, and what every device shows is compared with the books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::{MessageKind, MessageView};
use privmsg_protocol::MessageId;
use tokio::time::timeout;

use super::books::{Chat, Pair, Place};
use super::check_rooms;
use super::world::World;
use crate::Faults;
use crate::wait::until;

/// How long everything that is on its way may take to arrive, on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(60);

/// How often what waits is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a device shows of a message: its text, or that it was deleted.
pub(super) type Shown = (MessageId, Option<String>);

/// Everybody comes online, the network does its best; then the books are compared.
pub(super) async fn calm_and_compare(world: &mut World) -> Result<()> {
    world.network.behaves(Faults::default());
    for place in world.places() {
        world.goes_online(place).await?;
    }
    for saying in world.books.since(world.compared) {
        let device = world.device(saying.by)?;
        if device.signed_out.is_some() || saying.text.is_none() {
            continue;
        }
        // Whoever was sent away has perhaps said it to nobody.
        if matches!(saying.chat, Chat::Room(_)) && saying.blocked {
            continue;
        }
        // What waited when its author blocked the other one is held until they say that it is to go.
        let peer = match saying.chat {
            Chat::Pair(pair) => {
                Some((if pair.0 == saying.by.0 { pair.1 } else { pair.0 }, world.other(pair, saying.by)))
            }
            Chat::Room(_) => None,
        };
        if peer.is_some_and(|(peer, _)| world.people[saying.by.0].blocks.contains(&peer)) {
            continue;
        }
        let client = device.person.client();
        let what = format!("{:?}, said by {:?}", saying.text, saying.by);
        let acknowledged = async {
            let said = saying.sent.said();
            loop {
                match (timeout(LOOK, client.wait_acknowledged(&said)).await, peer) {
                    (Ok(fate), _) => return fate.map(drop),
                    // The device may not have heard of the unblocking yet.
                    (Err(_), Some((_, name))) => drop(client.send_held(name).await),
                    (Err(_), None) => {}
                }
            }
        };
        match timeout(SETTLING, acknowledged).await {
            Ok(fate) => fate.with_context(|| what)?,
            Err(_) => bail!("not acknowledged: {what}; holds {:?}", client.holds().await?),
        }
    }
    for pair in world.pairs.clone() {
        compare(world, pair).await.with_context(|| format!("between {} and {}", pair.0, pair.1))?;
    }
    check_rooms::compare(world).await?;
    world.compared = world.books.messages();
    world.books.are_settled();
    nothing_later_is_on_signed_out_devices(world).await
}

async fn nothing_later_is_on_signed_out_devices(world: &World) -> Result<()> {
    for pair in &world.pairs {
        for user in [pair.0, pair.1] {
            for (number, device) in world.people[user].devices.iter().enumerate() {
                let Some(said) = device.signed_out else { continue };
                let (shown, _) = shows(world, *pair, (user, number)).await?;
                let later = world.books.since(said).iter().map(|saying| saying.sent.message_id);
                let later = later.filter(|message| shown.iter().any(|(shown, _)| shown == message)).count();
                ensure!(later == 0, "a device of {user} has {later} messages that were said after it was signed out");
            }
        }
    }
    Ok(())
}

/// All devices of the two show the same.
async fn compare(world: &World, pair: Pair) -> Result<()> {
    let places = world.places().into_iter().filter(|place| place.0 == pair.0 || place.0 == pair.1);
    for place in places {
        let checked = std::cell::RefCell::new(String::new());
        let settled = until("that a device shows what it should", SETTLING, || async {
            match differs(world, pair, place).await? {
                None => Ok(Some(())),
                Some(difference) => {
                    checked.replace(difference);
                    Ok(None)
                }
            }
        });
        if let Err(error) = settled.await {
            let known = what_it_knows(world, pair, place).await?;
            bail!("device {}.{}: {} ({error}); {known}", place.0, place.1, checked.into_inner());
        }
    }
    Ok(())
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
    Ok(format!("came later: {came_later:?}, shows {seen}, notices {notices:?}, holds {holds:?}"))
}

/// What is wrong with what a device shows of a conversation, if anything.
async fn differs(world: &World, pair: Pair, place: Place) -> Result<Option<String>> {
    let (reference, _) = shows(world, pair, (pair.0, 0)).await?;
    let (shown, gap) = shows(world, pair, place).await?;
    let went_back = has_gone_back(world, pair, place).await?;
    let mut seen = BTreeSet::new();
    if let Some((twice, _)) = shown.iter().find(|(message, _)| !seen.insert(*message)) {
        return Ok(Some(format!("{twice} is there twice")));
    }
    let came_later = world.device(place)?.came_later.is_some();
    // What a block has kept back is on the one side and not on the other.
    let counts = |message: &MessageId| world.books.find(*message).is_some_and(|saying| !saying.blocked);
    let places: BTreeMap<_, _> = reference.iter().enumerate().map(|(at, (message, _))| (*message, at)).collect();
    // What was not said to this device, edits and deletions among it.
    let mut missing = missing(world, pair, place, &reference, &shown, came_later)?;
    let mut last = None;
    for (message, text) in shown.iter().filter(|(message, _)| counts(message)) {
        let saying = world.books.find(*message).context("somebody said what is not in the books")?;
        ensure!(saying.chat == Chat::Pair(pair), "{message} was said to somebody else");
        // What a device was about to say when it was signed out nobody hears.
        let is_certain = !saying.changed || world.device(saying.by)?.signed_out.is_none();
        if *text != saying.text && is_certain {
            missing.push(format!("{message} reads {text:?} instead of {:?}", saying.text));
        }
        let Some(at) = places.get(message).filter(|_| !saying.said_again) else { continue };
        if last.is_some_and(|last| last > *at) {
            return Ok(Some(format!("{:?} stands elsewhere than with others", saying.text)));
        }
        last = Some(*at);
    }
    // Of what a restored server has lost it is shown that it is missing, or that something may be.
    let is_shown = world.was_restored && (missing.len() <= usize::try_from(gap)? || went_back);
    if !missing.is_empty() && !is_shown {
        return Ok(Some(format!("{} are missing, a gap of {gap}: {missing:?}", missing.len())));
    }
    Ok((gap > 0 && !world.was_restored).then(|| format!("a gap of {gap}")))
}

/// What should be there and is not: on a device that was there from the beginning everything, on another one what came after
/// the first that it has.
fn missing(
    world: &World,
    pair: Pair,
    place: Place,
    reference: &[Shown],
    shown: &[Shown],
    came_later: bool,
) -> Result<Vec<String>> {
    let here: BTreeSet<_> = shown.iter().map(|(message, _)| *message).collect();
    if came_later {
        let from = reference.iter().position(|(message, _)| here.contains(message)).unwrap_or(reference.len());
        let since = reference[from..].iter().filter(|(message, _)| !here.contains(message));
        let saying = |(message, _): &Shown| world.books.find(*message).filter(|saying| !saying.blocked);
        return Ok(since.filter_map(saying).map(|saying| format!("{:?}", saying.text)).collect());
    }
    let mut missing = Vec::new();
    for saying in world.books.since(0).iter().filter(|saying| saying.chat == Chat::Pair(pair) && !saying.blocked) {
        // What nobody has heard yet disappears when it is deleted; what a device had not said yet goes with it.
        let is_said = saying.text.is_some() && world.device(saying.by)?.signed_out.is_none();
        if is_said && !here.contains(&saying.sent.message_id) {
            missing.push(format!("{:?}, said by {:?}, on {place:?}", saying.text, saying.by));
        }
    }
    Ok(missing)
}

/// Whether a device shows that the server has led a conversation back.
async fn has_gone_back(world: &World, pair: Pair, place: Place) -> Result<bool> {
    let messages = world.device(place)?.person.messages(world.other(pair, place)).await?;
    Ok(messages.iter().any(|message| message.kind == MessageKind::WentBack))
}

/// The messages of a conversation on a device, in order, and how many are shown as missing.
async fn shows(world: &World, pair: Pair, place: Place) -> Result<(Vec<Shown>, u64)> {
    let peer = world.other(pair, place);
    let person = &world.device(place)?.person;
    let messages: Vec<MessageView> = person.messages(peer).await?;
    let shown = messages.into_iter().filter(|message| !message.kind.is_notice());
    let shown = shown.map(|message| (message.message_id, (!message.deleted).then_some(message.text)));
    Ok((shown.collect(), person.missing(peer).await?))
}
