//! Numbers that come in any order, or not at all.

use privmsg_protocol::{DeviceId, UserId};

use super::*;
use crate::chats::ChatKind;
use crate::consent::{self, Consent, Decided, Decision};
use crate::key::DatabaseKey;
use crate::{Store, blocks, chats, groups, lags};

const GROUP: GroupId = GroupId::from_bytes([1; 16]);

fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<Gap>, StoreError> {
    between(at, chat, Position::START, Position(i64::MAX))
}

/// Runs a story in one transaction of an empty profile, with a chat that has a group.
async fn story<T: Send + 'static>(work: impl FnOnce(&Tx<'_>, ChatId) -> Result<T, StoreError> + Send + 'static) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let work = store.write(move |tx| {
        let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
        groups::insert(tx, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
        work(tx, chat)
    });
    work.await.unwrap()
}

async fn missing_after(notes: &'static [u64]) -> Vec<u64> {
    story(move |c, chat| {
        for seq in notes {
            note(c, &GROUP, Seq(*seq))?;
        }
        confirm_all(c, &[])?;
        Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect())
    })
    .await
}

#[tokio::test]
async fn numbers_in_any_order_leave_no_hole() {
    assert_eq!(missing_after(&[1, 2, 3]).await, Vec::<u64>::new());
    assert_eq!(missing_after(&[3, 1, 2]).await, Vec::<u64>::new());
    assert_eq!(missing_after(&[1, 5, 3, 2, 4, 5]).await, Vec::<u64>::new());
}

#[tokio::test]
async fn what_never_came_is_a_hole() {
    assert_eq!(missing_after(&[1, 4]).await, vec![2]);
    assert_eq!(missing_after(&[1, 10, 5]).await, vec![3, 4]);
    assert_eq!(missing_after(&[1, u64::MAX]).await.len(), 1);
}

/// What is left missing after some numbers were kept back: each hole, from where to where.
async fn missing_but(withheld: (u64, u64), notes: &'static [u64]) -> Vec<(i64, u64)> {
    story(move |c, chat| {
        for seq in notes {
            note(c, &GROUP, Seq(*seq))?;
        }
        withhold(c, &GROUP, Seq(withheld.0), Seq(withheld.1), true)?;
        confirm_all(c, &[])?;
        Ok::<_, StoreError>(
            of_chat(c, chat)?.iter().map(|gap| (gap.position.ordinal_and_seq().1, gap.missing)).collect(),
        )
    })
    .await
}

#[tokio::test]
async fn what_was_kept_back_is_no_hole_and_all_else_is() {
    assert_eq!(missing_but((2, 5), &[1]).await, []);
    assert_eq!(missing_but((2, 5), &[1, 6]).await, []);
    assert_eq!(missing_but((3, 5), &[1, 8]).await, [(2, 1), (6, 2)]);
    assert_eq!(missing_but((4, 5), &[1]).await, [(2, 2)], "what is before it may be this device's own");
    assert_eq!(missing_but((1, 9), &[3, 5, 12]).await, [(10, 2)]);
    assert_eq!(missing_but((5, 3), &[1]).await, [], "nonsense changes nothing");
    assert_eq!(missing_but((2, u64::MAX), &[1, 3]).await, [(2, 1)], "nor does what cannot be");
}

/// A server takes nothing away that has been shown as missing by saying that it was kept back.
#[tokio::test]
async fn what_was_shown_as_missing_stays_shown() {
    for wanted in [true, false] {
        let left = story(move |c, chat| {
            note(c, &GROUP, Seq(1))?;
            note(c, &GROUP, Seq(9))?;
            confirm_all(c, &[])?;
            withhold(c, &GROUP, Seq(2), Seq(6), wanted)?;
            Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
        })
        .await;
        assert_eq!(left, [7]);
    }
}

/// Whoever says that all to come has been kept back is not believed about any of it.
#[tokio::test]
async fn what_is_said_to_be_kept_back_and_comes_is_new() {
    for wanted in [true, false] {
        let (seen, missing) = story(move |c, chat| {
            note(c, &GROUP, Seq(1))?;
            withhold(c, &GROUP, Seq(2), LAST, wanted)?;
            withhold(c, &GROUP, Seq(2), Seq(9), wanted)?;
            let seen = [1, 2, 5, 9].map(|seq| is_seen(c, &GROUP, Seq(seq)).unwrap());
            note(c, &GROUP, Seq(5))?;
            confirm_all(c, &[])?;
            let missing = of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>();
            assert!(is_seen(c, &GROUP, Seq(5))?);
            Ok::<_, StoreError>((seen, missing))
        })
        .await;
        assert_eq!(seen, [true, false, false, false]);
        assert_eq!(missing, if wanted { vec![] } else { vec![3, 4] });
    }
}

/// On another device of the user, who has blocked somebody, the notice may be faster than that device's word. The server's list is none.
#[tokio::test]
async fn what_was_kept_back_is_not_missing_once_it_is_known_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let counts = store.write(|c| {
        let bob = UserId::new("bob").unwrap();
        let chat = chats::ensure(c, &ChatKind::Direct { peer: bob.clone() }, 0)?;
        groups::insert(c, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
        note(c, &GROUP, Seq(1))?;
        withhold(c, &GROUP, Seq(2), Seq(9), false)?;
        let before = of_chat(c, chat)?.len();
        blocks::set(c, &bob, true, 0)?;
        let listed = of_chat(c, chat)?.len();
        blocks::hear(c, &blocks::Told { user: bob, blocked: true, at_ms: 1 }, &DeviceId::new("phone").unwrap(), 1)?;
        Ok::<_, StoreError>((before, listed, of_chat(c, chat)?.len()))
    });
    assert_eq!(counts.await.unwrap(), (1, 1, 0));
}

/// A device on which a block is taken back, or a chat let in, may hear only after that that there was one.
#[tokio::test]
async fn what_was_kept_back_is_not_missing_where_its_end_is_known_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let counts = store.write(|c| {
        let (bob, phone) = (UserId::new("bob").unwrap(), DeviceId::new("phone").unwrap());
        let kind = ChatKind::Direct { peer: bob.clone() };
        let chat = chats::ensure(c, &kind, 0)?;
        groups::insert(c, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
        note(c, &GROUP, Seq(1))?;
        blocks::say(c, &bob, false, 9)?;
        consent::decide(c, &Decision { chat: kind.clone(), open: true, at_ms: 9 }, Decided::Here)?;
        withhold(c, &GROUP, Seq(2), Seq(3), false)?;
        let before = of_chat(c, chat)?.len();
        blocks::hear(c, &blocks::Told { user: bob.clone(), blocked: true, at_ms: 1 }, &phone, 10)?;
        let blocked = (of_chat(c, chat)?.len(), blocks::was_said_lately(c, &bob, 10)?);
        withhold(c, &GROUP, Seq(4), Seq(5), false)?;
        consent::hear(c, &Decision { chat: kind.clone(), open: false, at_ms: 1 }, &phone)?;
        let declined = (of_chat(c, chat)?.len(), consent::was_declined_lately(c, &kind, 10)?);
        Ok::<_, StoreError>((before, blocked, declined, blocks::is_blocked(c, &bob)?, consent::of(c, &kind)?))
    });
    assert_eq!(counts.await.unwrap(), (1, (0, true), (0, true), false, Consent::Open));
}

#[tokio::test]
async fn what_the_server_has_and_never_sends_is_a_hole() {
    let missing = story(|c, chat| {
        note(c, &GROUP, Seq(1))?;
        expect(c, &GROUP, Seq(4))?;
        expect(c, &GROUP, Seq(2))?;
        note(c, &GROUP, Seq(3))?;
        confirm_all(c, &[])?;
        Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(missing, [1, 1]);
}

#[tokio::test]
async fn numbers_that_are_given_out_again_are_new() {
    let (seen, missing) = story(|c, chat| {
        for seq in [1, 2, 5, 9] {
            note(c, &GROUP, Seq(seq))?;
        }
        groups::note_seen(c, &GROUP)?;
        restart(c, &GROUP, Seq(3))?;
        let seen = [1, 2, 4, 5, 9].map(|seq| is_seen(c, &GROUP, Seq(seq)).unwrap());
        note(c, &GROUP, Seq(4))?;
        note(c, &GROUP, Seq(5))?;
        confirm_all(c, &[])?;
        Ok::<_, StoreError>((seen, of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>()))
    })
    .await;
    assert_eq!(seen, [true, true, false, false, false]);
    assert_eq!(missing, [2, 3], "what was missing before still is");
}

/// Somebody who sends what nobody can read makes one hole longer, and not the list of holes.
#[tokio::test]
async fn what_is_lost_in_a_row_is_one_hole() {
    let missing = story(|c, chat| {
        for seq in 1..=100 {
            lose(c, &GROUP, Seq(seq))?;
        }
        note(c, &GROUP, Seq(101))?;
        lose(c, &GROUP, Seq(102))?;
        note(c, &GROUP, Seq(40))?;
        Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(missing, [39, 60, 1]);
}

/// The answer to a join may be overtaken by what is said after it.
#[tokio::test]
async fn what_came_before_the_answer_to_a_join_is_no_gap() {
    let missing = story(|c, chat| {
        note(c, &GROUP, Seq(1))?;
        groups::note_seen(c, &GROUP)?;
        note(c, &GROUP, Seq(6))?;
        restart(c, &GROUP, Seq(5))?;
        note(c, &GROUP, Seq(7))?;
        confirm_all(c, &[])?;
        Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(missing, [3], "the second to the fourth, and nothing else");
}

#[tokio::test]
async fn a_repeated_number_is_known() {
    let seen = story(|c, _| {
        Ok::<_, StoreError>([
            note(c, &GROUP, Seq(1))?,
            note(c, &GROUP, Seq(3))?,
            note(c, &GROUP, Seq(1))?,
            note(c, &GROUP, Seq(2))?,
            note(c, &GROUP, Seq(2))?,
        ])
    })
    .await;
    assert_eq!(seen, [true, true, false, true, false]);
}

/// Whoever could not use an invitation is shown what was said between that and the join.
#[tokio::test]
async fn what_was_said_behind_an_invitation_that_could_not_be_used_is_missing() {
    for (invited, expected) in [(None, vec![]), (Some(4), vec![2])] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let missing = store
            .write(move |c| {
                lags::put_invited(c, &GROUP, invited.map(Seq), 0)?;
                let since = lags::of(c, &GROUP)?.and_then(|lag| lag.since);
                let chat = chats::ensure(c, &ChatKind::SelfNotes, 0)?;
                groups::insert(c, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
                if let Some(seq) = since {
                    begin_after(c, &GROUP, seq)?;
                }
                restart(c, &GROUP, Seq(7))?;
                Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
            })
            .await
            .unwrap();
        assert_eq!(missing, expected);
    }
}

/// The answer to the join of a new device got lost, and it has seen a later number than its own place before it heard of that. Only
/// what lies between them can be missing, and what an invitation was to bring.
#[tokio::test]
async fn what_comes_before_the_answer_to_the_first_join_makes_nothing_of_before_missing() {
    for (begins, expected) in [(7, vec![(8, 2), (11, 1)]), (4, vec![(5, 2), (8, 2), (11, 1)])] {
        let holes = story(move |c, chat| {
            groups::note_seen(c, &GROUP)?;
            note(c, &GROUP, Seq(10))?;
            note(c, &GROUP, Seq(12))?;
            begin_after(c, &GROUP, Seq(begins))?;
            restart(c, &GROUP, Seq(7))?;
            confirm_all(c, &[])?;
            Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| (gap.position, gap.missing)).collect::<Vec<_>>())
        })
        .await;
        let expected: Vec<_> = expected.into_iter().map(|(at, n)| (Position::numbered(1, Seq(at)), n)).collect();
        assert_eq!(holes, expected);
    }
}

/// Who was there before is shown what came meanwhile, also if something was seen before the answer to the join.
#[tokio::test]
async fn what_comes_before_the_answer_to_a_join_anew_leaves_missing_what_was() {
    let holes = story(|c, chat| {
        note(c, &GROUP, Seq(1))?;
        groups::note_seen(c, &GROUP)?;
        note(c, &GROUP, Seq(8))?;
        begin_after(c, &GROUP, Seq(7))?;
        restart(c, &GROUP, Seq(7))?;
        Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| (gap.position, gap.missing)).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(holes, [(Position::numbered(1, Seq(2)), 5)]);
}

#[tokio::test]
async fn the_holes_of_a_page_are_those_between_its_positions() {
    story(|c, chat| {
        for seq in [1, 3, 5, 7] {
            note(c, &GROUP, Seq(seq))?;
        }
        confirm_all(c, &[])?;
        let at = |seq| Position::numbered(1, Seq(seq));
        let begin = |from, to| -> Result<Vec<_>, StoreError> {
            Ok(between(c, chat, from, to)?.into_iter().map(|gap| gap.position).collect())
        };
        assert_eq!(begin(at(3), at(6))?, [at(4), at(6)]);
        assert_eq!(begin(Position::START, at(3))?, [at(2)]);
        assert_eq!(begin(at(5), Position::QUEUED)?, [at(6)]);
        assert_eq!(begin(at(7), Position(i64::MAX))?, []);
        Ok::<_, StoreError>(())
    })
    .await;
}

#[tokio::test]
async fn the_newest_of_what_has_not_come_is_passed_over() {
    let left_after = |count| {
        story(move |c, chat| {
            for seq in [1, 4, 7] {
                note(c, &GROUP, Seq(seq))?;
            }
            pass_over_newest(c, &GROUP, count)?;
            confirm_all(c, &[])?;
            Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
        })
    };
    assert_eq!(left_after(0).await, [2, 2]);
    assert_eq!(left_after(1).await, [2, 1]);
    assert_eq!(left_after(3).await, [1]);
    assert_eq!(left_after(9).await, [0; 0]);
}
