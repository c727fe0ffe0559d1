//! A server that says what it likes about messages.

use super::*;

/// One notice by a server whom nobody has asked for it, and all that came afterwards was taken for what had been seen.
#[tokio::test]
async fn a_notice_that_nobody_has_asked_for_mutes_nothing() {
    let (alice, bob) = alice_and_bob().await;
    let notice = DeliveredMessage {
        sender_device_id: None,
        epoch: None,
        first_seq: Some(Seq(1)),
        encrypted_content: Opaque::default(),
        message_type: MessageType::Withheld,
        ..alice.encrypt("kept back", 2).await
    };
    for last in [3, (1 << 40) - 1] {
        bob.hears(&[&DeliveredMessage { seq: Some(Seq(last)), ..notice.clone() }]).await;
    }
    bob.hears(&[&alice.encrypt("heard", 3).await, &alice.encrypt("and this", 4).await]).await;
    assert_eq!(bob.texts().await, ["heard", "and this"]);
    assert_eq!(bob.missing().await, 1, "the second, which has not come");
}

/// A message that a server has spoiled was taken for seen, and nobody missed it.
#[tokio::test]
async fn what_a_server_spoils_is_missing() {
    type Spoil = fn(DeliveredMessage) -> DeliveredMessage;
    let ways: [Spoil; 4] = [
        |message| DeliveredMessage { encrypted_content: Opaque::from_base64("not base64"), ..message },
        |message| DeliveredMessage { encrypted_content: Opaque::encode(b"nothing of MLS"), ..message },
        |message| DeliveredMessage { sender_id: "carol".parse().unwrap(), ..message },
        |message| DeliveredMessage { message_id: MessageId::from_bytes([7; 16]), ..message },
    ];
    for spoil in ways {
        let (alice, bob) = alice_and_bob().await;
        bob.hears(&[&spoil(alice.encrypt("spoiled", 2).await)]).await;
        bob.hears(&[&alice.encrypt("heard", 3).await]).await;
        assert_eq!(bob.texts().await, ["heard"]);
        assert_eq!(bob.missing().await, 1);
    }
}

/// A number that no group can have come to would spoil the order of the chat for good.
#[tokio::test]
async fn a_message_with_an_absurd_number_is_rejected() {
    let (alice, bob) = alice_and_bob().await;
    for seq in [1 << 40, (1 << 63) - 1, u64::MAX] {
        let absurd = DeliveredMessage { seq: Some(Seq(seq)), ..alice.encrypt("x", 2).await };
        bob.hears(&[&absurd]).await;
    }
    bob.hears(&[&alice.encrypt("y", 3).await]).await;
    assert_eq!(bob.texts().await, ["y"]);
}
