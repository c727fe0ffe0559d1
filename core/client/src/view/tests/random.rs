//! Whatever happens, in whatever order, in two processes.

use privmsg_store::messages::Cursor;
use privmsg_store::position::Position;
use proptest::prelude::*;

use super::followed::{Listed, Shown, Turn};
use super::world::{About, World};
use crate::{HistoryItem, ListDiff, Page};

#[derive(Debug, Clone, Copy)]
enum Step {
    Hear { expires_s: Option<u32> },
    HearMany(u64),
    HearFromCarol,
    HearLate(usize),
    HearAbout(usize, About),
    Lose(u64),
    ConfirmGaps,
    Say,
    Answer { accepted: bool, late: bool },
    React { which: usize, remove: bool },
    Edit(usize),
    Delete(usize),
    DeleteForMe(usize),
    ReadUpTo(usize),
    PassTime(i64),
    Turn(Turn),
}

fn step() -> impl Strategy<Value = Step> {
    let about = prop_oneof![Just(About::Reaction), Just(About::Edit), Just(About::Delete), Just(About::Receipt)];
    let turn = prop_oneof![
        (1..9_u32).prop_map(Turn::Older),
        (1..9_u32).prop_map(Turn::Newer),
        any::<usize>().prop_map(Turn::Around),
        Just(Turn::Newest),
    ];
    prop_oneof![
        6 => prop_oneof![3 => Just(None), 1 => (1..20_u32).prop_map(Some)].prop_map(|expires_s| Step::Hear { expires_s }),
        1 => (2..150_u64).prop_map(Step::HearMany),
        1 => Just(Step::HearFromCarol),
        3 => any::<usize>().prop_map(Step::HearLate),
        4 => (any::<usize>(), about).prop_map(|(which, about)| Step::HearAbout(which, about)),
        3 => (1..4_u64).prop_map(Step::Lose),
        3 => Just(Step::ConfirmGaps),
        6 => Just(Step::Say),
        6 => (prop::bool::weighted(0.9), any::<bool>()).prop_map(|(accepted, late)| Step::Answer { accepted, late }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, remove)| Step::React { which, remove }),
        2 => any::<usize>().prop_map(Step::Edit),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::DeleteForMe),
        2 => any::<usize>().prop_map(Step::ReadUpTo),
        1 => (1..8_000_i64).prop_map(Step::PassTime),
        4 => turn.prop_map(Step::Turn),
    ]
}

async fn take(world: &mut World, by: usize, step: Step, shown: &mut Shown) {
    match step {
        Step::Hear { expires_s } => world.hear(by, expires_s).await,
        Step::HearMany(count) => world.hear_many(by, count).await,
        Step::HearFromCarol => world.hear_from_carol(by).await,
        Step::HearLate(which) => world.hear_late(by, which).await,
        Step::HearAbout(which, about) => world.hear_about(by, which, about).await,
        Step::Lose(count) => world.lose(count),
        Step::ConfirmGaps => world.confirm_gaps(by).await,
        Step::Say => world.say(by).await,
        Step::Answer { accepted, late } => world.answer(by, accepted, late).await,
        Step::React { which, remove } => world.react(by, which, remove).await,
        Step::Edit(which) => world.edit(by, which).await,
        Step::Delete(which) => world.delete(by, which).await,
        Step::DeleteForMe(which) => world.delete_for_me(by, which).await,
        Step::ReadUpTo(which) => world.read_up_to(by, which).await,
        Step::PassTime(ms) => world.clock.advance(ms),
        Step::Turn(turn) => shown.turn(world, turn).await,
    }
}

/// Two timelines (one turns, one small one stays at the end) and a list follow what both handles do; now and then they
/// are compared with a fresh look.
async fn everything_is_followed(steps: Vec<(usize, Step, bool)>) {
    let mut world = World::new().await;
    world.hear_many(0, 12).await;
    let here = &world.handles[0];
    let mut turning = Shown::new(here.watch_timeline(world.chat, Page::Newest, 5).await.unwrap());
    turning.timeline.hold_at_most(30);
    let mut end = Shown::new(here.watch_timeline(world.chat, Page::Newest, 8).await.unwrap());
    let mut list = Listed::new(here.watch_chats().await.unwrap());
    for (by, step, look) in steps {
        take(&mut world, by, step, &mut turning).await;
        if look {
            turning.settles(&world).await;
            end.settles(&world).await;
            list.settles(&world).await;
        }
    }
    turning.settles(&world).await;
    end.settles(&world).await;
    list.settles(&world).await;
    assert!(end.timeline.reaches_end());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_is_what_a_fresh_look_finds(
        steps in prop::collection::vec((0..2_usize, step(), any::<bool>()), 10..70),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(everything_is_followed(steps));
    }
}

/// More commits than the feed keeps: the reader is told so, and gets all of it anew.
#[tokio::test]
async fn who_was_too_slow_gets_the_list_anew() {
    let mut world = World::new().await;
    let here = &world.handles[0];
    let mut timeline = here.watch_timeline(world.chat, Page::Newest, 10).await.unwrap();
    let mut list = here.watch_chats().await.unwrap();
    for n in 0..300 {
        world.hear(n % 2, None).await;
    }
    let diffs = timeline.next().await.unwrap().unwrap();
    assert!(matches!(&diffs[..], [ListDiff::Reset { items }] if items.len() == 10), "{diffs:?}");
    assert!(!timeline.reaches_beginning());
    let diffs = list.next().await.unwrap().unwrap();
    assert!(matches!(&diffs[..], [ListDiff::Reset { items }] if items.len() == 2), "{diffs:?}");
    let mut shown = Shown::new(timeline);
    shown.settles(&world).await;
    Listed::new(list).settles(&world).await;
}

/// What waits stands behind everything; when it gets its numbers it must not leave the screen.
#[tokio::test]
async fn what_was_queued_stays_when_it_is_sent() {
    let mut world = World::new().await;
    for _ in 0..12 {
        world.say(0).await;
    }
    let mut shown = Shown::new(world.handles[0].watch_timeline(world.chat, Page::Newest, 5).await.unwrap());
    for _ in 0..12 {
        world.answer(1, true, false).await;
        shown.settles(&world).await;
        assert!(shown.timeline.items().len() >= 5);
    }
    assert!(shown.timeline.reaches_end());
}

/// A page in the middle of a history is told of what changes in it, and of nothing else.
#[tokio::test]
async fn a_change_elsewhere_is_no_news() {
    let mut world = World::new().await;
    world.hear_many(0, 40).await;
    let middle = world.pick(20, |_| true).await.unwrap();
    let mut timeline = world.handles[0].watch_timeline(world.chat, Page::Around(middle.cursor()), 10).await.unwrap();
    world.hear_from_carol(0).await;
    world.react(0, 2, false).await;
    world.react(0, 20, false).await;
    let diffs = timeline.next().await.unwrap().unwrap();
    assert!(matches!(&diffs[..], [ListDiff::Update { item: HistoryItem::Message(view), .. }] if view.id == middle.id));
    assert!(!timeline.reaches_beginning() && !timeline.reaches_end());
    let first = timeline.items()[0].clone();
    timeline.older(100).await.unwrap();
    assert!(timeline.reaches_beginning() && timeline.items()[0] != first);
    timeline.newer(100).await.unwrap();
    assert!(timeline.reaches_end());
    assert_eq!(timeline.items(), world.all().await);
}

/// Two reactions, of which the one that was made first is answered last: who reacted first is shown first.
#[tokio::test]
async fn a_reaction_that_gets_its_number_takes_its_place() {
    let mut world = World::new().await;
    world.hear(0, None).await;
    let mut shown = Shown::new(world.handles[0].watch_timeline(world.chat, Page::Newest, 5).await.unwrap());
    world.react(0, 0, false).await;
    world.lose(1);
    world.hear_about(0, 1, About::Reaction).await;
    shown.settles(&world).await;
    let emoji = |shown: &Shown| {
        let message = shown.timeline.items()[0].message().unwrap();
        message.reactions.iter().map(|reaction| reaction.emoji.clone()).collect::<Vec<_>>()
    };
    assert_eq!(emoji(&shown), ["🎉", "👍"]);
    world.answer(1, true, true).await;
    shown.settles(&world).await;
    assert_eq!(emoji(&shown), ["👍", "🎉"]);
}

/// A conversation that nobody has begun is empty, and then it is not.
#[tokio::test]
async fn a_conversation_may_be_watched_before_it_begins() {
    let world = World::new().await;
    let dave = crate::Recipient::User(super::world::user("dave"));
    let mut timeline = world.handles[0].watch_conversation(&dave, 10).await.unwrap();
    assert!(timeline.items().is_empty() && timeline.status().is_none());
    world.say(1).await;
    world.handles[1].send(&dave, crate::Draft::text("Hi Dave")).await.unwrap();
    timeline.next().await.unwrap().unwrap();
    assert!(matches!(timeline.items(), [HistoryItem::Message(view)] if view.text == "Hi Dave"));
}

/// It is not shown and not counted, though no engine runs that would delete it; and then it is gone.
#[tokio::test]
async fn what_is_past_its_time_is_not_shown() {
    let mut world = World::new().await;
    world.hear(0, None).await;
    world.hear(0, Some(5)).await;
    let entry = world.handles[0].chat(world.chat).await.unwrap().unwrap();
    assert_eq!((entry.summary.messages, entry.summary.unread), (2, 2));
    world.clock.advance(5_000);
    let page = world.handles[1].page(world.chat, Page::Before(Cursor(Position::QUEUED, 0)), 10).await.unwrap();
    assert!(matches!(&page[..], [HistoryItem::Message(view)] if view.text == "from bob, 1"), "{page:?}");
    let entry = world.handles[0].chat(world.chat).await.unwrap().unwrap();
    assert_eq!((entry.summary.messages, entry.summary.unread), (1, 1));
    assert_eq!(entry.last.map(|last| last.text), Some("from bob, 1".to_owned()));
}
