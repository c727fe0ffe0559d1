//! A group of people, begun by somebody whom none of them has answered.

use privmsg_protocol::frames::ServerFrame;

use super::people::club_on;
use crate::support::{Line, Person, TestServer, new_id};
use privmsg_protocol::GroupId;

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
