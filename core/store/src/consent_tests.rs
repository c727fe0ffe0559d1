//! Who has answered what, whatever the server says.

use std::time::Duration;

use privmsg_protocol::{ErrorCode, GroupId, MessageId, Seq};

use super::*;
use crate::Store;
use crate::groups::GroupState;
use crate::holds::{self, Reason, Scope};
use crate::key::DatabaseKey;
use crate::position::Position;

const GROUP: GroupId = GroupId::from_bytes([1; 16]);

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

fn with_bob() -> ChatKind {
    ChatKind::Direct { peer: bob() }
}

fn decision(open: bool, at_ms: i64) -> Decision {
    Decision { chat: with_bob(), open, at_ms }
}

/// Runs a story in one transaction of a profile with a chat with bob that has a group, and that he has begun.
async fn story<T: Send + 'static>(work: impl FnOnce(&Tx<'_>, ChatId) -> Result<T, StoreError> + Send + 'static) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let work = store.write(move |tx| {
        let chat = chats::ensure(tx, &with_bob(), 0)?;
        groups::insert(tx, &GROUP, chat, &[], GroupState::Active, 0)?;
        ask(tx, &with_bob(), &bob())?;
        work(tx, chat)
    });
    work.await.unwrap()
}

#[test]
fn a_chat_is_known_by_its_name_and_the_name_by_its_columns() {
    let group = ChatKind::Group { conversation: ConversationId::from_bytes([0xab; 32]) };
    for chat in [with_bob(), group] {
        assert_eq!(kind(&name(&chat).unwrap()), Some(chat));
    }
    for bad in ["", "user:", "user:a b", "group:ab", "group:", "group:é", "self"] {
        assert_eq!(kind(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn the_list_of_chats_knows_how_the_user_stands_to_each() {
    let found = story(|tx, chat| {
        let group = ChatKind::Group { conversation: ConversationId::from_bytes([0xab; 32]) };
        let other = chats::ensure(tx, &group, 0)?;
        let own = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
        decide(tx, &Decision { chat: group, open: false, at_ms: 1 }, Decided::Here)?;
        [chat, other, own].map(|id| chats::summary(tx, id)).into_iter().collect::<Result<Vec<_>, _>>()
    })
    .await;
    let found: Vec<_> = found.into_iter().map(|summary| summary.unwrap().consent).collect();
    assert_eq!(found, [Consent::Asked, Consent::Declined, Consent::Unknown]);
}

/// What was decided on two devices, in whichever order each of them hears it.
#[tokio::test]
async fn all_devices_come_to_the_same() {
    let told = [(true, 10), (false, 20), (true, 20), (true, 15)];
    for first in 0..told.len() {
        let state = story(move |tx, _| {
            for step in 0..told.len() {
                let (open, at_ms) = told[(first + step) % told.len()];
                decide(tx, &decision(open, at_ms), Decided::Elsewhere)?;
            }
            of(tx, &with_bob())
        });
        assert_eq!(state.await, Consent::Declined, "beginning with the {first}th");
    }
}

/// A clock that was far ahead once would have the last word for years.
#[tokio::test]
async fn what_is_decided_here_counts_whatever_the_clocks_say() {
    let (state, told) = story(|tx, _| {
        decide(tx, &decision(true, i64::MAX / 2), Decided::Elsewhere)?;
        decide(tx, &decision(false, 5), Decided::Here)?;
        Ok((of(tx, &with_bob())?, decisions(tx, &[])?))
    })
    .await;
    assert_eq!(state, Consent::Declined);
    assert_eq!(told, [decision(false, i64::MAX / 2 + 1)], "the others follow");
}

/// What was decided on two devices one after the other, and was perhaps told to the server the other way round, is told again.
#[tokio::test]
async fn the_server_comes_to_know_what_was_decided_last() {
    let told = story(|tx, chat| {
        let mut told = Vec::new();
        decide(tx, &decision(true, 5), Decided::Elsewhere)?;
        told.push(untold(tx)?);
        decide(tx, &decision(false, 6), Decided::Here)?;
        told.push(untold(tx)?);
        set_told(tx, chat, true)?;
        told.push(untold(tx)?);
        set_told(tx, chat, false)?;
        decide(tx, &decision(true, 7), Decided::Elsewhere)?;
        told.push(untold(tx)?);
        set_told(tx, chat, true)?;
        decide(tx, &decision(true, 8), Decided::Elsewhere)?;
        told.push(untold(tx)?);
        decide(tx, &decision(false, 9), Decided::Here)?;
        decide(tx, &decision(true, 10), Decided::ByWriting)?;
        told.push(untold(tx)?);
        Ok(told)
    });
    let told: Vec<_> = told.await.into_iter().map(|untold| untold.first().map(|(_, open)| *open)).collect();
    assert_eq!(told, [None, Some(false), Some(false), Some(true), None, None]);
}

/// Who is brought in by somebody they know has decided nothing, and the server is not told so in their name.
#[tokio::test]
async fn being_brought_in_is_no_answer() {
    let (state, told) = story(|tx, chat| {
        forget(tx, &with_bob(), 0)?;
        bring_in(tx, &with_bob(), &bob())?;
        note_unanswered(tx, &[GROUP])?;
        assert!(is_said_unanswered(tx, &GROUP)?);
        assert_eq!(of_chat(tx, chat)?, Consent::Open);
        let told = untold(tx)?;
        decide(tx, &decision(false, 1), Decided::Elsewhere)?;
        Ok((of(tx, &with_bob())?, told))
    })
    .await;
    assert_eq!((state, told), (Consent::Declined, vec![]));
}

#[tokio::test]
async fn receipts_are_held_until_there_is_an_answer_and_go_out_once() {
    let message = MessageId::from_bytes([1; 16]);
    let due = story(move |tx, chat| {
        let mut due = Vec::new();
        owed_receipts::owe(tx, chat, &message, false, 1)?;
        due.push((owed_receipts::first(tx)?.is_some(), owed_receipts::take(tx, 5, 1)?));
        decide(tx, &decision(true, 1), Decided::ByWriting)?;
        due.push((owed_receipts::first(tx)?.is_some(), owed_receipts::take(tx, 5, 1)?));
        due.push((owed_receipts::first(tx)?.is_some(), owed_receipts::take(tx, 5, 1)?));
        // What was owed to somebody who is declined is owed no more, not even if they are let in later.
        owed_receipts::owe(tx, chat, &message, false, 1)?;
        decide(tx, &decision(false, 2), Decided::Here)?;
        decide(tx, &decision(true, 3), Decided::Here)?;
        due.push((owed_receipts::first(tx)?.is_some(), owed_receipts::take(tx, 5, 1)?));
        Ok(due)
    })
    .await;
    let all = owed_receipts::Owed { chat: ChatId(1), read: false, message_ids: vec![message] };
    assert_eq!(due, [(false, None), (true, Some(all)), (false, None), (false, None)]);
}

/// That something has arrived is told with what comes behind it, and not at all where it is read meanwhile, or another device has told it.
#[tokio::test]
async fn what_is_read_or_told_by_another_device_is_not_told_to_have_arrived() {
    let [early, late, read, told] = [1, 2, 3, 4].map(|number| MessageId::from_bytes([number; 16]));
    let sent = story(move |tx, chat| {
        decide(tx, &decision(true, 1), Decided::ByWriting)?;
        for (message, at) in [(early, 10), (late, 20), (read, 10), (told, 10)] {
            owed_receipts::owe(tx, chat, &message, false, at)?;
        }
        owed_receipts::is_told(tx, chat, &[told], false)?;
        assert_eq!((owed_receipts::first(tx)?, owed_receipts::take(tx, 5, 9)?), (Some(10), None));
        owed_receipts::owe(tx, chat, &read, true, 15)?;
        assert_eq!(owed_receipts::first(tx)?, Some(0));
        let sent = [owed_receipts::take(tx, 5, 9)?, owed_receipts::take(tx, 5, 10)?, owed_receipts::take(tx, 5, 99)?];
        owed_receipts::owe(tx, chat, &read, true, 15)?;
        owed_receipts::is_told(tx, chat, &[read], true)?;
        assert_eq!(owed_receipts::first(tx)?, None);
        Ok(sent)
    })
    .await;
    let of = |read, message_ids| Some(owed_receipts::Owed { chat: ChatId(1), read, message_ids });
    assert_eq!(sent, [of(true, vec![read]), of(false, vec![early, late]), None]);
}

/// What the server has taken out of the mailbox of a device that was away, or says to have kept back, is not lost; elsewhere it is.
#[tokio::test]
async fn what_is_declined_is_not_missed() {
    for declined in [true, false] {
        let missing = story(move |tx, chat| {
            gaps::note(tx, &GROUP, Seq(1))?;
            gaps::note(tx, &GROUP, Seq(3))?;
            gaps::withhold(tx, &GROUP, Seq(4), Seq(9), false)?;
            if declined {
                decide(tx, &decision(false, 1), Decided::Elsewhere)?;
            }
            gaps::confirm_all(tx, &[])?;
            let shown = gaps::between(tx, chat, Position::START, Position(i64::MAX))?;
            Ok(shown.iter().map(|gap| gap.missing).collect::<Vec<_>>())
        });
        assert_eq!(missing.await, if declined { vec![] } else { vec![1, 6] });
    }
}

/// Keys skip what was kept back, and a profile that was set back may have said something itself among it.
#[tokio::test]
async fn who_is_let_in_again_is_met_with_new_keys() {
    let changes = story(|tx, _| {
        groups::set_rotate_at(tx, &GROUP, 99)?;
        let due = || groups::load(tx, &GROUP).map(|group| group.map(|group| (group.reconcile, group.rotate_at)));
        decide(tx, &decision(false, 1), Decided::Here)?;
        decide(tx, &decision(true, 2), Decided::Here)?;
        let nothing_kept_back = due()?;
        decide(tx, &decision(false, 3), Decided::Here)?;
        gaps::expect(tx, &GROUP, Seq(5))?;
        gaps::take_out(tx, &GROUP)?;
        assert_eq!(gaps::open_up_to(tx, &GROUP, Seq(5))?, 0);
        decide(tx, &decision(true, 4), Decided::ByWriting)?;
        Ok((nothing_kept_back, due()?))
    })
    .await;
    assert_eq!(changes, (Some((0, 99)), Some((1, 4))));
}

/// Who has been answered need not wait until the server's pause is over.
#[tokio::test]
async fn an_answer_ends_the_waiting_for_it() {
    let waits = story(|tx, chat| {
        let (other, task) = (chats::ensure(tx, &ChatKind::SelfNotes, 0)?, TaskName::new("probe"));
        let refused = Reason::Refused(ErrorCode::AwaitsAnswer);
        for scope in [Scope::Chat(chat), Scope::Chat(other), Scope::Group(GROUP)] {
            holds::put(tx, &task, scope, &refused, 0, |_| Duration::MAX)?;
        }
        let limited = Reason::Refused(ErrorCode::RateLimited);
        holds::put(tx, &TaskName::new("other"), Scope::Chat(chat), &limited, 0, |_| Duration::MAX)?;
        was_answered(tx, chat)?;
        Ok(holds::all(tx)?.into_iter().map(|hold| (hold.scope, hold.reason)).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(waits.len(), 2, "{waits:?}");
    assert!(waits.contains(&(Scope::Chat(ChatId(1)), Reason::Refused(ErrorCode::RateLimited))));
}

#[tokio::test]
async fn what_is_asked_is_listed_but_not_of_the_blocked_and_whoever_is_brought_in_again_is_asked_again() {
    let listed = story(|tx, chat| {
        let mut listed = vec![requests(tx)?];
        blocks::set(tx, &bob(), true, 0)?;
        listed.push(requests(tx)?);
        assert!(is_kept_away(tx, chat)?, "whoever was blocked before they asked");
        blocks::set(tx, &bob(), false, 0)?;
        assert_eq!(asker(tx, &with_bob())?, Some(bob()));
        decide(tx, &decision(true, 5), Decided::Here)?;
        listed.push(requests(tx)?);
        forget(tx, &with_bob(), 6)?;
        // Late, from another device.
        decide(tx, &decision(true, 5), Decided::Elsewhere)?;
        ask(tx, &with_bob(), &bob())?;
        listed.push(requests(tx)?);
        assert_eq!(listed[0], [chat]);
        Ok(listed)
    })
    .await;
    assert_eq!(listed, [vec![ChatId(1)], vec![], vec![], vec![ChatId(1)]]);
}

/// A device that is linked later does not know who is a friend, and would ask what nobody is asked on the other one.
#[tokio::test]
async fn what_is_open_because_a_friend_has_brought_one_in_is_told_to_a_new_device() {
    let club = ChatKind::Group { conversation: ConversationId::from_bytes([7; 32]) };
    let of_club = club.clone();
    let told = story(move |tx, _| {
        bring_in(tx, &of_club, &bob())?;
        decisions(tx, &[])
    })
    .await;
    assert_eq!(told, [Decision { chat: club.clone(), open: true, at_ms: 0 }]);
    let (before, after, forgotten) = story(move |tx, _| {
        ask(tx, &club, &bob())?;
        let before = of(tx, &club)?;
        decide(tx, &told[0], Decided::Elsewhere)?;
        let after = of(tx, &club)?;
        forget(tx, &club, 6)?;
        decide(tx, &told[0], Decided::Elsewhere)?;
        Ok((before, after, of(tx, &club)?))
    })
    .await;
    assert_eq!((before, after, forgotten), (Consent::Asked, Consent::Open, Consent::Unknown));
}
