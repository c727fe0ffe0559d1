//! A group of people, begun by somebody whom none of them has answered.

use privmsg_harness::e2ee::Role;
use privmsg_protocol::GroupId;
use privmsg_protocol::frames::ServerFrame;
use serde_json::json;

use super::people::{club_on, member};
use crate::support::{Line, Person, TestServer, new_id};

async fn sends(line: &mut Line, by: &Person, id: GroupId) -> Option<String> {
    line.send(by.group_message(id, 1, new_id())).await;
    loop {
        match line.next().await {
            ServerFrame::Ack(_) => return None,
            ServerFrame::Error(error) => return Some(error.code.to_string()),
            ServerFrame::Message(_) | ServerFrame::CaughtUp => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Strangers went round what holds for conversations between two.
#[tokio::test]
async fn so_much_is_said_in_it_before_anybody_answers() {
    let server = TestServer::with(|config| {
        config.limits.max_request_messages_per_day = 2;
        config.limits.max_new_requests_per_day = 1;
    })
    .await;
    let club = club_on(server).await;
    let mut a = club.alice.online().await;
    for _ in 0..2 {
        assert_eq!(sends(&mut a, &club.alice, club.id).await, None);
    }
    assert_eq!(sends(&mut a, &club.alice, club.id).await.as_deref(), Some("awaits_answer"));
    // Any of them answers for all.
    let mut c = club.carol.connect().await;
    assert_eq!(sends(&mut c, &club.carol, club.id).await, None);
    for _ in 0..5 {
        assert_eq!(sends(&mut a, &club.alice, club.id).await, None);
    }
}

/// A friend's word opened a group for any number of strangers who were added afterwards.
#[tokio::test]
async fn whoever_is_added_later_is_asked_too() {
    let club = club_on(TestServer::with(|config| config.limits.max_new_requests_per_day = 1).await).await;
    let mut b = club.bob.connect().await;
    b.send(club.bob.group_message(club.id, 1, new_id())).await;
    b.ping_through().await;
    let (dave, eve) = (member(&club.server, "dave").await, member(&club.server, "eve").await);
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    let with_eve = club.alice.mls.changes(&with_dave, &eve.mls, Some(Role::Member)).unwrap();
    club.steps(&club.alice, &club.hers, &with_eve, &[&eve]).await.0.is("too_many_requests");
    assert_eq!(club.group(&club.alice).await["epoch"], json!(2));
    // Who has been answered by her brings her in.
    let mut e = eve.connect().await;
    e.send(eve.message("alice", new_id(), "eA==")).await;
    e.ping_through().await;
    club.hers.forgets().unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_eve, &[&eve]).await;
}
