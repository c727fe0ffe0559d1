//! Whose word about requests counts, and what is told to whom.

use privmsg_e2ee::{AccountKey, DeviceKeys, DevicePublicKey, OsRng, Text};
use privmsg_mls_public::Device;
use privmsg_store::account::Account;
use privmsg_store::consent::Consent;
use privmsg_store::key::DatabaseKey;
use privmsg_store::position::Place;
use privmsg_store::{Store, outbox, unknown};

use super::super::{apply, apply_kept};
use super::*;
use crate::identity::signed_in_account;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn id(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

fn with_bob() -> ChatKind {
    ChatKind::Direct { peer: user("bob") }
}

fn of_bob(declined: bool) -> Decisions {
    let told = Told { about: DecidedAbout::With(user("bob")), declined, at_ms: 9 };
    Decisions { decisions: vec![told], wanted: false }
}

/// Runs a story on a device of alice's, who has been asked by bob, and has a phone with this key, or no other device.
async fn story<T: Send + 'static>(
    phone: Option<DevicePublicKey>,
    work: impl FnOnce(&Tx<'_>) -> T + Send + 'static,
) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let work = store.write(move |tx| {
        let identity = AccountKey::generate(&mut OsRng);
        let signing = identity.begin_generation(&user("alice"), 5, &mut OsRng).unwrap();
        let account = Account {
            identity: Some(*identity.public().as_bytes()),
            signing: None,
            ..signed_in_account(user("alice"))
        };
        let device_key = DeviceKeys::from_bytes(&account.device_key).public();
        let this = Device { device_key, device_id: id("a"), added_at: 1 };
        let others = phone.map(|device_key| Device { device_id: id("phone"), device_key, added_at: 1 });
        account::save(tx, &account).unwrap();
        learn::learn(tx, &account, signing.list(1, others.into_iter().chain([this]).collect()).unwrap(), 1).unwrap();
        chats::ensure(tx, &with_bob(), 1).unwrap();
        consent::ask(tx, &with_bob(), &user("bob")).unwrap();
        Ok::<_, StoreError>(work(tx))
    });
    work.await.unwrap()
}

fn hears(tx: &Tx<'_>, chat: &ChatKind, (sender, device, key): (&str, &str, DevicePublicKey), content: &Content) {
    let said = Said {
        chat: chats::ensure(tx, chat, 1).unwrap(),
        place: Place::Here,
        sender: &user(sender),
        sender_device: &id(device),
        sender_key: Some(&key),
        own: &user("alice"),
        direction: Direction::Incoming,
        content,
        bytes: &content.encode().unwrap(),
        now_ms: 10,
    };
    apply(tx, &said).unwrap();
}

fn key() -> DevicePublicKey {
    DeviceKeys::generate(&mut OsRng).public()
}

/// The kind and body of everything that waits to be sent in a chat.
fn queued<K: Kind>(tx: &Tx<'_>, chat: &ChatKind) -> Vec<K> {
    let Some(chat) = chats::find(tx, chat).unwrap() else { return Vec::new() };
    let queued = outbox::ready(tx, chat, 100).unwrap();
    queued.iter().map(|queued| Content::decode(&queued.content).unwrap().body().unwrap()).collect()
}

/// A stranger who says that they were let in, or whoever has said it for alice, where or from a device that does not count.
#[tokio::test]
async fn only_a_device_of_ones_own_list_says_what_was_decided() {
    for (chat, sender, device, listed, expected) in [
        (ChatKind::SelfNotes, "alice", "phone", true, Consent::Open),
        (ChatKind::SelfNotes, "alice", "phone", false, Consent::Asked),
        (ChatKind::SelfNotes, "alice", "tablet", true, Consent::Asked),
        (with_bob(), "alice", "phone", true, Consent::Asked),
        (with_bob(), "bob", "phone", true, Consent::Asked),
        (ChatKind::SelfNotes, "bob", "phone", true, Consent::Asked),
    ] {
        let phone = key();
        let case = format!("{chat:?} {sender} {device} {listed}");
        let state = story(Some(phone), move |tx| {
            let content = compose(&of_bob(false), 5).unwrap();
            hears(tx, &chat, (sender, device, if listed { phone } else { key() }), &content);
            consent::of(tx, &with_bob()).unwrap()
        });
        assert_eq!(state.await, expected, "{case}");
    }
}

/// A date in the far future cannot be taken back, but for what was decided later by the clock.
#[tokio::test]
async fn nothing_is_decided_for_days_to_come() {
    let phone = key();
    let states = story(Some(phone), move |tx| {
        let told = Told { about: DecidedAbout::With(user("bob")), declined: true, at_ms: u64::MAX };
        let content = compose(&Decisions { decisions: vec![told], wanted: false }, 5).unwrap();
        hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &content);
        let at = consent::decisions(tx, &[]).unwrap()[0].at_ms;
        decide(tx, (&user("alice"), &id("a")), with_bob(), true, 11).unwrap();
        (at, consent::of(tx, &with_bob()).unwrap())
    });
    assert_eq!(states.await, (10 + AHEAD_MS, Consent::Open));
}

/// What a person writes answers, here or on another device; what clients say by themselves, and what bob says, does not.
#[tokio::test]
async fn only_a_person_answers() {
    let phone = key();
    let states = story(Some(phone), move |tx| {
        let text = compose(&Text::new("hello"), 5).unwrap();
        let receipt =
            privmsg_e2ee::Receipt { kind: privmsg_e2ee::ReceiptKind::Delivered, message_ids: vec![text.message_id] };
        let receipt = compose(&receipt, 5).unwrap();
        let state = || consent::of(tx, &with_bob()).unwrap();
        let mut states = Vec::new();
        hears(tx, &with_bob(), ("bob", "b", key()), &text);
        states.push(state());
        hears(tx, &with_bob(), ("alice", "phone", phone), &receipt);
        states.push(state());
        let chat = chats::find(tx, &with_bob()).unwrap().unwrap();
        say(tx, (&user("alice"), &id("a")), chat, &receipt, 6).unwrap();
        states.push(state());
        let answer = compose(&Text::new("hello, bob"), 5).unwrap();
        hears(tx, &with_bob(), ("alice", "phone", phone), &answer);
        states.push(state());
        decide(tx, (&user("alice"), &id("a")), with_bob(), false, 7).unwrap();
        // Of before that, and late.
        hears(tx, &with_bob(), ("alice", "phone", phone), &compose(&Text::new("earlier"), 6).unwrap());
        states.push(state());
        say(tx, (&user("alice"), &id("a")), chat, &compose(&Text::new("again"), 8).unwrap(), 8).unwrap();
        states.push(state());
        states
    });
    use Consent::{Asked, Declined, Open};
    assert_eq!(states.await, [Asked, Asked, Asked, Open, Declined, Open]);
}

#[tokio::test]
async fn the_other_devices_are_told_and_one_that_asks_is_told_everything() {
    let phone = key();
    let told = story(Some(phone), move |tx| {
        let own = (&user("alice"), &id("a"));
        decide(tx, own, with_bob(), false, 9).unwrap();
        let first = queued::<Decisions>(tx, &ChatKind::SelfNotes);
        let group = ChatKind::Group { conversation: privmsg_protocol::ConversationId::from_bytes([3; 32]) };
        consent::decide(tx, &Decision { chat: group, open: true, at_ms: 3 }, Decided::Elsewhere).unwrap();
        let wish = compose(&Decisions { decisions: Vec::new(), wanted: true }, 5).unwrap();
        hears(tx, &ChatKind::SelfNotes, ("alice", "tablet", key()), &wish);
        let nothing_for_who_is_not_listed = queued::<Decisions>(tx, &ChatKind::SelfNotes).len();
        hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &wish);
        (first, nothing_for_who_is_not_listed, queued::<Decisions>(tx, &ChatKind::SelfNotes))
    });
    let (first, then, all) = told.await;
    assert_eq!((first, then), (vec![of_bob(true)], 1));
    let group = DecidedAbout::Group(privmsg_protocol::ConversationId::from_bytes([3; 32]));
    let opened = Told { about: group, declined: false, at_ms: 3 };
    assert_eq!(all[1].decisions, [of_bob(true).decisions[0].clone(), opened]);
}

fn of_block(who: &str, blocked: bool, at_ms: u64) -> Told {
    Told { about: DecidedAbout::Sender(user(who)), declined: blocked, at_ms }
}

fn lines(tx: &Tx<'_>, chat: &ChatKind) -> Vec<privmsg_store::messages::Message> {
    let Some(chat) = chats::find(tx, chat).unwrap() else { return Vec::new() };
    let mut lines = privmsg_store::messages::newest(tx, chat, 100).unwrap();
    lines.retain(|line| line.kind.is_notice());
    lines
}

fn block_news(tx: &Tx<'_>) -> Vec<BlockNews> {
    let lines = lines(tx, &ChatKind::SelfNotes);
    let of_blocks = lines.iter().filter(|line| line.kind == Notice::BLOCKS_CHANGED);
    let mut news: Vec<_> = of_blocks.map(|line| (line.id, BlockNews::read(&line.content))).collect();
    news.sort_by_key(|(id, _)| *id);
    news.into_iter().map(|(_, news)| news).collect()
}

/// What another device has blocked is told, one line for all, and what the server keeps back is wanted by that word alone. Once it is
/// removed as stolen it is listed, and stands.
#[tokio::test]
async fn whom_another_device_has_blocked_is_told_and_listed_once_it_is_stolen() {
    let phone = key();
    let (wanted, news) = story(Some(phone), move |tx| {
        blocks::replace(tx, &[], 1).unwrap();
        blocks::replace(tx, &[user("bob"), user("eve")], 2).unwrap();
        let is_wanted = |user| blocks::was_said_lately(tx, &user, 10).unwrap();
        let mut wanted = vec![is_wanted(user("bob"))];
        let told = vec![of_block("bob", false, 8), of_block("bob", true, 9), of_block("carol", true, 9)];
        let content = compose(&Decisions { decisions: told, wanted: false }, 5).unwrap();
        hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &content);
        wanted.push(is_wanted(user("bob")));
        let own = (&user("alice"), &id("a"));
        undo(tx, own, &[id("a"), id("phone")], 11).unwrap();
        let before = block_news(tx).len();
        undo(tx, own, &[id("a")], 12).unwrap();
        undo(tx, own, &[id("a")], 13).unwrap();
        wanted.push(is_wanted(user("bob")));
        wanted.push(before == 2);
        (wanted, block_news(tx))
    })
    .await;
    assert_eq!(wanted, [false, true, true, true]);
    let (bob, carol, eve) = (user("bob"), user("carol"), user("eve"));
    let by = BlockNews { blocked: vec![bob.clone(), carol.clone()], ..BlockNews::by(&id("phone")) };
    let differing = BlockNews { blocked: vec![eve], unblocked: vec![carol], ..BlockNews::default() };
    let stolen = BlockNews { stolen: true, ..by.clone() };
    assert_eq!(news, [by, differing, stolen]);
}

/// What a new device hears of blocks that were there before it is no news.
#[tokio::test]
async fn blocks_of_before_are_no_news() {
    let phone = key();
    let news = story(Some(phone), move |tx| {
        blocks::replace(tx, &[user("bob")], 1).unwrap();
        let told = vec![of_block("bob", true, 1), of_block("carol", false, 1), of_block("eve", true, 1)];
        let content = compose(&Decisions { decisions: told, wanted: false }, 5).unwrap();
        hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &content);
        block_news(tx)
    });
    assert_eq!(news.await, [BlockNews { blocked: vec![user("eve")], ..BlockNews::by(&id("phone")) }]);
}

/// The server has blocked somebody, and no device has told of it for a day.
#[tokio::test]
async fn a_block_that_no_device_has_told_of_is_told_after_a_day() {
    let news = story(None, move |tx| {
        let account = account::load(tx).unwrap().unwrap();
        let day = 24 * 3600 * 1000;
        blocks::replace(tx, &[user("bob"), user("carol")], 1).unwrap();
        block(tx, (&user("alice"), &id("a")), &user("carol"), true, 2).unwrap();
        assert_eq!(block_news::due_at(tx).unwrap(), Some(day + 1));
        block_news::tell_what_is_due(tx, &account, day).unwrap();
        assert_eq!(block_news(tx).len(), 0);
        for _ in 0..2 {
            block_news::tell_what_is_due(tx, &account, day + 1).unwrap();
            blocks::replace(tx, &[user("bob"), user("carol")], day + 1).unwrap();
        }
        assert_eq!(block_news::due_at(tx).unwrap(), None);
        block_news(tx)
    });
    assert_eq!(news.await, [BlockNews { blocked: vec![user("bob")], ..BlockNews::default() }]);
}

/// A request that was answered by writing on a device that is stolen waits for an answer again.
#[tokio::test]
async fn an_answer_by_writing_on_a_stolen_device_counts_no_more() {
    let phone = key();
    let states = story(Some(phone), move |tx| {
        let text = compose(&Text::new("hello, bob"), 5).unwrap();
        hears(tx, &with_bob(), ("alice", "phone", phone), &text);
        let before = consent::of(tx, &with_bob()).unwrap();
        undo(tx, (&user("alice"), &id("a")), &[id("a")], 11).unwrap();
        let told = lines(tx, &with_bob()).iter().filter(|line| line.kind == Notice::DECISION_UNDONE).count();
        (before, consent::of(tx, &with_bob()).unwrap(), told)
    });
    assert_eq!(states.await, (Consent::Open, Consent::Asked, 1));
}

/// A device in a thief's hands fills no disk, and nobody's time: invented chats are some, what it wishes is said once in a day, and
/// nobody passes on what it has said as long as it is there. Nothing of it is left after it is removed.
#[tokio::test]
async fn what_one_device_decides_is_bounded() {
    let phone = key();
    let (kept, lines, told, left) = story(Some(phone), move |tx| {
        let invented = |n: u64| DecidedAbout::With(user(&format!("u{n}")));
        for batch in 0..24 {
            let told = (0..250).map(|n| Told { about: invented(batch * 250 + n), declined: true, at_ms: 9 });
            let content = compose(&Decisions { decisions: told.collect(), wanted: true }, 5).unwrap();
            hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &content);
        }
        let kept = consent::decided_by_others(tx, &[]).unwrap().len();
        // What is known here counts all the same, however often it is changed in one message with one line.
        let toggled =
            (0..250).map(|n| Told { declined: n % 2 == 1, at_ms: 10 + n, ..of_bob(true).decisions[0].clone() });
        let content = compose(&Decisions { decisions: toggled.collect(), wanted: true }, 5).unwrap();
        hears(tx, &ChatKind::SelfNotes, ("alice", "phone", phone), &content);
        assert_eq!(consent::of(tx, &with_bob()).unwrap(), Consent::Declined);
        let lines = lines(tx, &with_bob()).len();
        let told = queued::<Decisions>(tx, &ChatKind::SelfNotes).len();
        undo(tx, (&user("alice"), &id("a")), &[id("a")], 300).unwrap();
        (kept, lines, told, consent::decisions(tx, &[]).unwrap().len())
    })
    .await;
    assert_eq!((kept, lines, told, left), (5_000, 1, 0, 0));
}

/// Who has one device has nobody to tell, and no conversation with oneself is made for it.
#[tokio::test]
async fn who_is_alone_tells_nobody() {
    let chats = story(None, |tx| {
        let own = (&user("alice"), &id("a"));
        decide(tx, own, with_bob(), true, 9).unwrap();
        ask(tx, own, 9).unwrap();
        assert!(!has_to_ask(tx).unwrap());
        chats::find(tx, &ChatKind::SelfNotes).unwrap()
    });
    assert_eq!(chats.await, None);
}

/// What another device of one's own says in a way that only a newer version knows, counts after the update.
#[tokio::test]
async fn what_waited_for_an_update_counts_after_it() {
    let phone = key();
    let states = story(Some(phone), move |tx| {
        let content = compose(&of_bob(false), 5).unwrap();
        let chat = chats::ensure(tx, &ChatKind::SelfNotes, 1).unwrap();
        let origin = unknown::Origin {
            chat,
            place: Place::Here,
            message_id: content.message_id,
            sender_id: &user("alice"),
            sender_device: &id("phone"),
            sender_key: Some(*phone.as_bytes()),
            received_at: 9,
            revision: 0,
        };
        unknown::keep(tx, &origin, i64::from(content.kind), &content.encode().unwrap()).unwrap();
        let before = consent::of(tx, &with_bob()).unwrap();
        apply_kept(tx, &user("alice"), 10, 10).unwrap();
        [before, consent::of(tx, &with_bob()).unwrap()]
    });
    assert_eq!(states.await, [Consent::Asked, Consent::Open]);
}
