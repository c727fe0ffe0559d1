//! Devices that are not their account's, and lists that somebody keeps back or invents.

use privmsg_e2ee::{AccountKey, AccountSigningKey, Member, OsRng, Reaction, ToldList};
use privmsg_mls_public::{DeviceList, ListNumber};
use privmsg_store::account::{self, Account};
use privmsg_store::contacts::words;
use privmsg_store::messages::Kind;
use privmsg_store::{chats, consent, contacts, owed_receipts, wanted_lists};

use super::*;
use crate::device_lists::gate::{self, Gate};
use crate::device_lists::heard::{self, Standing};
use crate::device_lists::learn::Learning;
use crate::device_lists::{self};
use crate::engine::tasks::device_lists::release;
use crate::identity::signed_in_account;

/// A time at which nothing is waited for any more that was named at 5.
pub(super) const MUCH_LATER: i64 = 5 + 60_000;

impl Device {
    fn begins(&self, account: &AccountKey, generation: u64) -> AccountSigningKey {
        account.begin_generation(&self.identity.user_id, generation, &mut OsRng).unwrap()
    }

    pub(super) async fn encrypts(
        &self,
        id: u8,
        make: impl FnOnce(Content) -> Content + Send + 'static,
    ) -> DeliveredMessage {
        self.step(move |step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let content = make(Content::new(message_id(id), 1, &Text::new("text")).unwrap()).encode().unwrap();
            let bytes = chat.encrypt(step.mls, &step.identity.device, &content).unwrap();
            delivered(id, chat.epoch(), &bytes, MessageType::Text)
        })
        .await
    }

    /// Learns a list from the server.
    pub(super) async fn learns(&self, of: &Self, list: DeviceList) -> Vec<Event> {
        let (user, identity) = (of.identity.user_id.clone(), of.identity.account);
        self.step(move |step| {
            let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
            let learning = Learning { tx: step.tx, own: step.identity, chat, now_ms: step.now_ms };
            learning.list(&user, identity, list).unwrap()
        })
        .await
    }

    /// The highest number that is known of somebody.
    pub(super) async fn knows_list_of(&self, of: &Self) -> Option<(u64, u64)> {
        let (user, identity) = (of.identity.user_id.clone(), of.identity.account);
        let known = self.step(move |step| device_lists::load(step.tx, &user, identity).unwrap().number()).await;
        known.map(|number| (number.generation, number.counter))
    }

    pub(super) async fn kinds(&self) -> Vec<Kind> {
        self.step(|step| {
            let all = messages::received_after(step.tx, 0, 100).unwrap();
            all.into_iter().map(|message| message.kind).collect()
        })
        .await
    }

    async fn gate_at(&self, now_ms: i64) -> Gate {
        let looked = self.step_at(now_ms, |step| {
            let conversation = step.take(GROUP)?.unwrap();
            gate::gate(step, &groups::load(step.tx, &GROUP)?.unwrap(), &conversation)
        });
        looked.await.unwrap()
    }

    /// The same as if the chat were one of several people.
    async fn gate_of_people_at(&self, now_ms: i64) -> Gate {
        let looked = self.step_at(now_ms, |step| {
            let conversation = step.take(GROUP)?.unwrap();
            let group = groups::StoredGroup { roster: Some(Vec::new()), ..groups::load(step.tx, &GROUP)?.unwrap() };
            gate::gate(step, &group, &conversation)
        });
        looked.await.unwrap()
    }

    pub(super) async fn releases_at(&self, now_ms: i64) {
        let released = self.step_at(now_ms, |step| release(step).map(drop));
        released.await.unwrap();
    }
}

/// What an account signs: these devices are its own.
pub(super) fn list(by: &AccountSigningKey, counter: u64, devices: &[&Device]) -> DeviceList {
    let device = |device: &&Device| privmsg_mls_public::Device {
        device_id: device.identity.device_id.clone(),
        device_key: device.identity.device.public(),
        added_at: 1,
    };
    by.list(counter, devices.iter().map(device).collect()).unwrap()
}

/// A chat of Bob's with a device of Alice's whose account key is at hand.
pub(super) async fn alice_with_her_account() -> (AccountKey, AccountSigningKey, Device, Device) {
    let account = AccountKey::generate(&mut OsRng);
    let (alice, bob) = (Device::of("alice").sibling(&account, "alice-device"), Device::of("bob"));
    let bundle = alice.makes(&bob, Incarnation::FIRST).await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Joining);
    // He has let her in, so that she is told what arrives.
    bob.step(|step| {
        let chat = ChatKind::Direct { peer: UserId::new("alice").unwrap() };
        let decision = consent::Decision { chat, open: true, at_ms: 1 };
        consent::decide(step.tx, &decision, consent::Decided::Elsewhere).unwrap()
    })
    .await;
    let first = alice.begins(&account, 1);
    (account, first, alice, bob)
}

pub(super) fn numbered(generation: u64, counter: u64) -> impl FnOnce(Content) -> Content + Send + 'static {
    move |mut content| {
        content.list_number = Some(ListNumber { generation, counter });
        content
    }
}

fn telling(mut content: Content, list: ToldList) -> Content {
    content.list = Some(list);
    content
}

/// The thief of a signed-out device and the server: the leaf is still in the group, and what it says is delivered.
#[tokio::test]
async fn what_a_signed_out_device_says_is_marked_and_has_no_effect() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    let phone = alice.sibling(&account, "alice-phone");
    bob.hears(&[&alice.encrypt("mine", 2).await]).await;
    bob.learns(&alice, list(&first, 7, &[&phone])).await;
    let owed =
        || bob.step(|step| owed_receipts::take(step.tx, 10, i64::MAX).unwrap().map(|owed| owed.message_ids.len()));
    assert_eq!(owed().await, Some(1));
    let outcome = bob.hears(&[&alice.encrypt("send me the code", 3).await]).await;
    assert_eq!((bob.kinds().await, outcome.events.len()), (vec![Kind(0), Kind::UNLISTED], 0));
    assert_eq!(bob.texts().await, ["mine", "send me the code"], "it can be read");
    assert_eq!(owed().await, None, "nobody is told that it has arrived");
    let unread = bob.step(|step| chats::list(step.tx).unwrap()[0].unread).await;
    assert_eq!(unread, 1, "the first one");
    // What is no message by itself is nothing.
    let thumb = alice
        .encrypts(4, |content| {
            let reaction = Content::new(content.message_id, 1, &Reaction { emoji: "👍".into(), removed: false });
            reaction.unwrap().about(message_id(2), UserId::new("alice").unwrap())
        })
        .await;
    bob.hears(&[&thumb]).await;
    let reactions = bob.step(|step| {
        let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
        privmsg_store::relations::of(step.tx, chat, &UserId::new("alice").unwrap(), &message_id(2)).unwrap().len()
    });
    assert_eq!((reactions.await, bob.gate_at(5).await), (0, Gate::Strangers));
}

/// A server that withholds a list is by-passed by the message that brings it; an older one changes nothing.
#[tokio::test]
async fn a_message_brings_the_list_and_no_older_one_takes_its_place() {
    let (_, first, alice, bob) = alice_with_her_account().await;
    let (newest, older) = (list(&first, 9, &[&alice]), list(&first, 8, &[]));
    let brings = newest.clone();
    bob.hears(&[&alice.encrypts(2, move |content| content.under(&brings, true)).await]).await;
    assert_eq!(bob.knows_list_of(&alice).await, Some((1, 9)));
    let brings = older.clone();
    bob.hears(&[&alice.encrypts(3, move |content| content.under(&brings, true)).await]).await;
    bob.learns(&alice, older).await;
    assert_eq!(bob.knows_list_of(&alice).await, Some((1, 9)));
    assert_eq!(bob.kinds().await, [Kind(0), Kind(0)]);
    assert_eq!(bob.gate_at(5).await, Gate::Open);
}

/// Nobody speaks for somebody else's devices, and nothing that is no list gets in the way of a message.
#[tokio::test]
async fn a_list_of_somebody_else_in_a_message_is_passed_over() {
    let (account, _, alice, bob) = alice_with_her_account().await;
    let evil = list(&alice.begins(&AccountKey::generate(&mut OsRng), 5), 5, &[]);
    let carol = list(&Device::of("carol").begins(&account, 5), 5, &[]);
    for (id, list) in [(2, evil), (3, carol)] {
        let said = alice.encrypts(id, move |content| telling(content, ToldList::of(&list))).await;
        bob.hears(&[&said]).await;
    }
    let garbage = ToldList { certificate: vec![1, 2].into(), list: vec![3].into() };
    bob.hears(&[&alice.encrypts(4, move |content| telling(content, garbage)).await]).await;
    assert_eq!((bob.knows_list_of(&alice).await, bob.kinds().await.len()), (None, 3));
}

/// A device of Alice's names a list that does not exist. What it says is shown; Bob waits for a moment with what he writes,
/// and never again that day.
#[tokio::test]
async fn invented_numbers_silence_nobody_for_long() {
    let (_, first, alice, bob) = alice_with_her_account().await;
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    assert_eq!(bob.gate_at(5).await, Gate::Open);
    bob.hears(&[&alice.encrypts(2, numbered(1, 10)).await]).await;
    assert_eq!(bob.kinds().await, [Kind(0)]);
    assert_eq!((bob.gate_at(6).await, bob.gate_at(MUCH_LATER).await), (Gate::Missing, Gate::Open));
    bob.hears(&[&alice.encrypts(3, numbered(2, 11)).await]).await;
    assert_eq!(bob.gate_at(MUCH_LATER).await, Gate::Open);
    // Numbers further ahead than any clock are nothing at all.
    let (_, first, alice, bob) = alice_with_her_account().await;
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    bob.hears(&[&alice.encrypts(2, numbered(1 << 50, 1)).await]).await;
    assert_eq!(bob.gate_at(6).await, Gate::Open);
}

/// A new device speaks before anybody has its list: what it says is held, and shown when the list comes.
#[tokio::test]
async fn a_device_that_is_not_known_yet_is_heard_when_its_list_comes() {
    for its_list_comes in [true, false] {
        let (account, first, alice, bob) = alice_with_her_account().await;
        let phone = alice.sibling(&account, "alice-phone");
        bob.learns(&alice, list(&first, 9, &[&phone])).await;
        bob.hears(&[&alice.encrypts(2, numbered(1, 10)).await]).await;
        bob.releases_at(6).await;
        assert_eq!(bob.kinds().await, [], "held");
        if its_list_comes {
            bob.learns(&alice, list(&first, 10, &[&phone, &alice])).await;
            bob.releases_at(7).await;
            assert_eq!((bob.kinds().await, bob.gate_at(7).await), (vec![Kind(0)], Gate::Open));
        } else {
            bob.releases_at(MUCH_LATER).await;
            assert_eq!(bob.kinds().await, [Kind::UNLISTED]);
        }
        bob.releases_at(MUCH_LATER).await;
        assert_eq!(bob.kinds().await.len(), 1, "once");
    }
}

/// Two lists with one number: only what stands in both counts, and Bob is told once. A list of another identity is told, and
/// not followed. A new device of somebody verified is a line in the chat.
#[tokio::test]
async fn what_is_to_be_known_about_a_contacts_devices_is_told_once() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    let phone = alice.sibling(&account, "alice-phone");
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    bob.learns(&alice, list(&first, 10, &[&alice, &phone])).await;
    assert_eq!(bob.kinds().await, [], "she is not verified");
    bob.verifies(alice.person()).await;
    let tablet = alice.sibling(&account, "alice-tablet");
    bob.learns(&alice, list(&first, 11, &[&alice, &phone, &tablet])).await;
    assert_eq!(bob.kinds().await, [Kind::DEVICE_ADDED]);
    for _ in 0..2 {
        bob.learns(&alice, list(&first, 11, &[&phone])).await;
    }
    assert_eq!(bob.kinds().await, [Kind::DEVICE_ADDED, Kind::LIST_CONFLICT]);
    assert_eq!(bob.gate_at(5).await, Gate::Strangers, "only the phone is in both");
    let evil = list(&alice.begins(&AccountKey::generate(&mut OsRng), 9), 9, &[]);
    for _ in 0..2 {
        bob.learns(&alice, evil.clone()).await;
    }
    // A new one each time is the same alarm.
    bob.learns(&alice, list(&alice.begins(&AccountKey::generate(&mut OsRng), 9), 9, &[])).await;
    assert_eq!(bob.kinds().await, [Kind::DEVICE_ADDED, Kind::LIST_CONFLICT, Kind::FOREIGN_LIST]);
    assert_eq!(bob.knows_list_of(&alice).await, Some((1, 11)));
}

/// Whoever contradicts themselves knew under which id that is told, and took it back.
#[tokio::test]
async fn nobody_takes_an_alarm_about_their_devices_back() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    let phone = alice.sibling(&account, "alice-phone");
    bob.learns(&alice, list(&first, 9, &[&alice, &phone])).await;
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    let alarm = || bob.step(|step| messages::received_after(step.tx, 0, 100).unwrap().remove(0));
    let id = alarm().await.message_id;
    let delete = alice.encrypts(2, move |content| {
        let delete = Content::new(content.message_id, 1, &privmsg_e2ee::Delete {}).unwrap();
        delete.about(id, UserId::new("alice").unwrap())
    });
    bob.hears(&[&delete.await]).await;
    let told = alarm().await;
    assert_eq!((told.kind, told.deleted_at), (Kind::LIST_CONFLICT, None));
}

/// Somebody whose key is held fast, or a thief of one of their devices, tells another list with each message: a line for each of them, and
/// no more of them in a day than an honest server takes. A generation, which a thief cannot begin, comes all the same.
#[tokio::test]
async fn lists_in_messages_are_no_more_than_an_account_has_in_a_day() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    let others = [1, 2, 3].map(|n| alice.sibling(&account, &format!("alice-{n}")));
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    bob.verifies(alice.person()).await;
    for n in 0..30 {
        let devices: Vec<&Device> =
            if n % 2 == 0 { vec![&alice] } else { [&alice].into_iter().chain(&others).collect() };
        let told = list(&first, 10 + u64::from(n), &devices);
        bob.hears(&[&alice.encrypts(10 + n, move |content| content.under(&told, true)).await]).await;
    }
    assert_eq!(bob.knows_list_of(&alice).await, Some((1, 29)));
    let lines = bob.kinds().await.into_iter().filter(|kind| *kind == Kind::DEVICE_ADDED);
    assert_eq!(lines.count(), 10);
    let told = list(&alice.begins(&account, 2), 1, &[&alice]);
    bob.hears(&[&alice.encrypts(50, move |content| content.under(&told, true)).await]).await;
    assert_eq!(bob.knows_list_of(&alice).await, Some((2, 1)));
}

/// A code from Alice's own screen says that a generation has begun: nothing is written to devices of an earlier one before its
/// list has come.
#[tokio::test]
async fn the_generation_of_a_code_from_the_screen_is_a_floor() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    let (user, identity) = (alice.identity.user_id.clone(), alice.identity.account);
    bob.step(move |step| {
        contacts::link(step.tx, &user, identity.as_bytes(), Some(3)).unwrap();
    })
    .await;
    assert_eq!((bob.gate_at(5).await, bob.gate_at(MUCH_LATER).await), (Gate::Missing, Gate::Missing));
    assert_eq!(bob.gate_of_people_at(5).await, Gate::Open, "one liar silences nobody else");
    bob.learns(&alice, list(&alice.begins(&account, 3), 1, &[&alice])).await;
    assert_eq!((bob.gate_at(5).await, bob.gate_of_people_at(5).await), (Gate::Open, Gate::Open));
}

/// The same where no list was ever known: that the server has none is no reason to write to whoever is there.
#[tokio::test]
async fn a_floor_holds_where_no_list_is_known() {
    let (account, _, alice, bob) = alice_with_her_account().await;
    let (user, identity) = (alice.identity.user_id.clone(), alice.identity.account);
    bob.step(move |step| {
        contacts::link(step.tx, &user, identity.as_bytes(), Some(3)).unwrap();
    })
    .await;
    assert_eq!((bob.gate_at(5).await, bob.gate_at(MUCH_LATER).await), (Gate::Missing, Gate::Missing));
    bob.learns(&alice, list(&alice.begins(&account, 3), 1, &[&alice])).await;
    assert_eq!(bob.gate_at(5).await, Gate::Open);
}

/// Bob's tablet has read Alice's screen, or says so: in a thief's hands it would silence him everywhere with one number for each
/// contact.
#[tokio::test]
async fn a_floor_that_another_own_device_has_told_silences_nobody() {
    let (_, first, alice, bob) = alice_with_her_account().await;
    bob.learns(&alice, list(&first, 9, &[&alice])).await;
    let (user, identity) = (alice.identity.user_id.clone(), *alice.identity.account.as_bytes());
    let tablet = DeviceId::new("bob-tablet").unwrap();
    bob.step(move |step| {
        let word =
            words::Word { user, identity, marks: words::Marks::VERIFIED, floor: 3, said_by: None, through: Vec::new() };
        words::hear(step.tx, &tablet, &word).unwrap()
    })
    .await;
    assert_eq!((bob.gate_at(5).await, bob.gate_of_people_at(5).await), (Gate::Open, Gate::Open));
}

/// An own device names a list of the account's of which this one has not heard: what it says waits for it, and is no stranger's.
#[tokio::test]
async fn what_an_own_device_says_by_a_list_that_has_not_come_waits_for_it() {
    let key = AccountKey::generate(&mut OsRng);
    let laptop = Device::of("alice").sibling(&key, "laptop");
    let phone = laptop.sibling(&key, "phone");
    let signing = laptop.begins(&key, 1);
    let (before, after) = (list(&signing, 9, &[&laptop]), list(&signing, 10, &[&laptop, &phone]));
    let (user, identity) = (laptop.identity.user_id.clone(), key.public());
    let sender = Member {
        user_id: user.clone(),
        device_id: phone.identity.device_id.clone(),
        device_key: phone.identity.device.public(),
        identity,
        is_self: false,
    };
    let standings = laptop.step(move |step| {
        let account = Account { identity: Some(*identity.as_bytes()), ..signed_in_account(user.clone()) };
        account::save(step.tx, &account).unwrap();
        let chat = chats::ensure(step.tx, &ChatKind::SelfNotes, step.now_ms).unwrap();
        let learning = || Learning { tx: step.tx, own: step.identity, chat, now_ms: step.now_ms };
        let says = |counter| {
            let content = numbered(1, counter)(Content::new(message_id(1), 1, &Text::new("text")).unwrap());
            heard::hear(step, chat, &sender, &content).unwrap().0
        };
        let waits = || wanted_lists::of(step.tx, &user, identity.as_bytes()).unwrap().is_some();
        learning().list(&user, identity, before).unwrap();
        let first = [says(9), says(10)];
        let waited = waits();
        learning().list(&user, identity, after).unwrap();
        (first, waited, says(10), waits())
    });
    assert_eq!(standings.await, ([Standing::Unlisted, Standing::Unknown], true, Standing::Listed, false));
}
