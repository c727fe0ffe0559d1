//! What another own device has told this one, of how far conversations had come, when it let it in.

use privmsg_e2ee::{AccountKey, OsRng, Participant, Role, Roster};
use privmsg_mls_public::Learned;
use privmsg_store::reached::{self, Reached};
use privmsg_store::{account, chats, group_chats};

use super::*;
use crate::device_lists::learn::Learning;
use crate::group::rosters::{self, Shown};
use crate::group::{standing, told};
use crate::identity::signed_in_account;

impl Device {
    async fn is_told(&self, conversation: privmsg_protocol::ConversationId, incarnation: u32, roster: u64) {
        self.step(move |step| {
            let far = Reached { incarnation: Incarnation(incarnation), roster };
            reached::note(step.tx, &conversation, far, &DeviceId::new("phone").unwrap()).unwrap();
        })
        .await;
    }

    async fn is_told_something(&self, conversation: privmsg_protocol::ConversationId) -> bool {
        self.step(move |step| reached::of(step.tx, &conversation).unwrap().is_some()).await
    }
}

/// The server leads a new device into a group that the conversation has left.
#[tokio::test]
async fn a_group_that_another_own_device_has_seen_left_is_refused() {
    for (told, expected) in [(2, Outcome::Refused), (1, Outcome::Joining)] {
        let (alice, bob, bundle) = alice_invites_bob().await;
        let conversation = alice.claim().conversation;
        bob.is_told(conversation, told, 0).await;
        bob.hears(&[&welcome(&bundle)]).await;
        assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, expected);
        let (adopted, waits) = (expected == Outcome::Joining, bob.is_told_something(conversation).await);
        assert_ne!(adopted, waits, "it is known better once it is here");
    }
}

/// Or back to a roster in which somebody stood who has been put out since, which another own device has seen.
#[tokio::test]
async fn a_roster_before_the_one_that_another_own_device_has_seen_is_refused() {
    for (told, expected) in [(2, Outcome::Refused), (1, Outcome::Joining)] {
        let account = AccountKey::generate(&mut OsRng);
        let (alice, bob) = (Device::of("alice").sibling(&account, "alice-device"), Device::of("bob"));
        let signing = account.begin_generation(&alice.identity.user_id, 1, &mut OsRng).unwrap();
        let place = |of: &Device, role, generation| {
            Participant::with_role(of.identity.user_id.clone(), of.identity.account, role, generation)
        };
        let people = vec![place(&alice, Role::Owner, 1), place(&bob, Role::Member, 0)];
        let founding = signing.found(people, &mut OsRng).unwrap();
        let bundle = alice.founds_with(&bob, founding.clone()).await;
        let conversation = founding.conversation_id();
        bob.step(|step| account::save(step.tx, &signed_in_account(step.identity.user_id.clone())).unwrap()).await;
        bob.is_told(conversation, 1, told).await;
        let shown = Shown { roster: Some(founding.clone()), founding: Some(founding), added_by: None };
        let kind = ChatKind::Group { conversation };
        let claim = Claim { kind, conversation, incarnation: Incarnation::FIRST, published: None, shown };
        let group = privmsg_mls_public::group_id(&conversation, Incarnation::FIRST);
        bob.hears(&[&DeliveredMessage { group_id: Some(group), ..welcome(&bundle) }]).await;
        let joined = bob.try_step(move |step| {
            let welcome = welcomes::of(step.tx, &group)?.unwrap();
            use_welcome(step, &welcome, &bundle.ratchet_tree, &claim)
        });
        assert_eq!(joined.await.unwrap().0, expected);
    }
}

/// The thief of a key that its owner has called back signs who comes and goes under high numbers. Nobody is told of it as of the owner's
/// deed, and what the owner has truly done is told when it comes.
#[tokio::test]
async fn what_a_called_back_key_has_signed_is_told_to_nobody_and_hides_nothing() {
    let account = AccountKey::generate(&mut OsRng);
    let (alice, bob) = (Device::of("alice").sibling(&account, "alice-device"), Device::of("bob"));
    let name = alice.identity.user_id.clone();
    let [stolen, own] = [1, 2].map(|generation| account.begin_generation(&name, generation, &mut OsRng).unwrap());
    let place = |of: &Device, role, generation| {
        Participant::with_role(of.identity.user_id.clone(), of.identity.account, role, generation)
    };
    let with = |generation, others: &[&str]| {
        let other = |user: &&str| {
            let identity = AccountKey::generate(&mut OsRng).public();
            Participant::with_role(UserId::new(user).unwrap(), identity, Role::Member, 0)
        };
        [place(&alice, Role::Owner, generation), place(&bob, Role::Member, 0)]
            .into_iter()
            .chain(others.iter().map(other))
            .collect()
    };
    let founding = stolen.found(with(1, &[]), &mut OsRng).unwrap();
    let eve = stolen.next_roster(&[&founding], with(1, &["eve"]), &mut OsRng).unwrap();
    let higher = stolen.next_roster(&[&eve], with(1, &["eve", "mallory"]), &mut OsRng).unwrap();
    let carol = own.next_roster(&[&founding], with(2, &["carol"]), &mut OsRng).unwrap();
    let identity = alice.identity.account;
    let told = bob.step(move |step| {
        let conversation = founding.conversation_id();
        let chat = chats::ensure(step.tx, &ChatKind::Group { conversation }, 1).unwrap();
        rosters::enter(step.tx, chat, &founding, &founding).unwrap();
        let learning = Learning { tx: step.tx, own: step.identity, chat, now_ms: step.now_ms };
        learning.list(&name, identity, own.list(1, Vec::new()).unwrap()).unwrap();
        let mut told = Vec::new();
        for roster in [&eve, &higher, &carol] {
            let learned = rosters::learn(step, chat, roster).unwrap();
            told.push((learned, told::tell(step, chat, roster).unwrap().len()));
        }
        told
    });
    assert_eq!(told.await, [(Learned::Outdated, 0), (Learned::Outdated, 0), (Learned::Newer, 1)]);
}

impl Device {
    /// Makes a group of people with somebody, under this roster.
    async fn founds_with(&self, invited: &Self, roster: Roster) -> CommitBundle {
        let package = invited
            .step(|step| {
                let (device, certificate) = (&step.identity.device, &step.identity.certificate);
                generate_key_package(step.mls, device, certificate, false, now_s(), now_s()).unwrap().bytes
            })
            .await;
        let theirs = Arc::clone(&invited.identity);
        self.step(move |step| {
            let claimed = ClaimedKeyPackage::validate(&package, &theirs.user_id, &theirs.device_id, now_s()).unwrap();
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            let info = ConversationInfo::group(&roster, Incarnation::FIRST);
            let made = Conversation::create(step.mls, device, certificate, info, Some(roster), &[claimed], now_s());
            made.unwrap().1
        })
        .await
    }
}

/// Somebody looks at the chat in which that happens: the line that says so is told to them as well.
#[tokio::test]
async fn a_group_that_the_server_knows_no_more_is_told_of_once() {
    let bob = Device::of("bob");
    let events = bob
        .try_step(|step| {
            let conversation = privmsg_protocol::ConversationId::from_bytes([7; 32]);
            let chat = chats::ensure(step.tx, &ChatKind::Group { conversation }, step.now_ms)?;
            group_chats::enter(step.tx, chat, b"roster", b"view")?;
            let mut told = Vec::new();
            for _ in 0..2 {
                groups::insert(step.tx, &GROUP, chat, b"info", groups::GroupState::Active, 0)?;
                told.push(standing::vanished(step, GROUP)?.len());
            }
            Ok(told)
        })
        .await
        .unwrap();
    assert_eq!(events, [1, 0]);
}
