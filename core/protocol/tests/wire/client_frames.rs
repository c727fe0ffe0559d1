//! Bytes of every frame from client to server. A change here is a change of the protocol.

use privmsg_protocol::Epoch;
use privmsg_protocol::frames::{
    Accepted, Ack, Authenticate, CallSignal, ClientFrame, MessageType, PresenceStatus, SendMessage, SendPresence,
    SendTyping,
};

use crate::{device, group_id, message_id, opaque, secret, user};

/// Type names in the order of the enum. The match makes a new frame without a line here a compile error.
pub(crate) const TYPES: [&str; 7] = ["authenticate", "message", "ack", "typing", "presence", "call_signal", "ping"];

const fn type_of(frame: &ClientFrame) -> &'static str {
    match frame {
        ClientFrame::Authenticate(_) => TYPES[0],
        ClientFrame::Message(_) => TYPES[1],
        ClientFrame::Ack(_) => TYPES[2],
        ClientFrame::Typing(_) => TYPES[3],
        ClientFrame::Presence(_) => TYPES[4],
        ClientFrame::CallSignal(_) => TYPES[5],
        ClientFrame::Ping => TYPES[6],
    }
}

pub(crate) fn frames() -> Vec<(ClientFrame, &'static str)> {
    let to_user = SendMessage {
        message_id: message_id(1),
        sender_id: user("alice"),
        recipient_id: Some(user("bob")),
        group_id: None,
        epoch: None,
        encrypted_content: opaque(b"ciphertext"),
        message_type: MessageType::Voice,
        timestamp: 1_234_567_890,
        by_person: None,
    };
    let to_group = SendMessage {
        recipient_id: None,
        group_id: Some(group_id()),
        epoch: Some(Epoch(7)),
        message_type: MessageType::Text,
        ..to_user.clone()
    };
    let foreign_type =
        SendMessage { message_type: MessageType::Other("poll".into()), timestamp: -1, ..to_user.clone() };
    vec![
        (
            ClientFrame::Authenticate(Authenticate { token: secret("session_token") }),
            r#"{"type":"authenticate","payload":{"token":"session_token"}}"#,
        ),
        (
            ClientFrame::Message(to_user),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","recipient_id":"bob","encrypted_content":"Y2lwaGVydGV4dA==","message_type":"voice","timestamp":1234567890}}"#,
        ),
        (
            ClientFrame::Message(to_group),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","group_id":"AAECAwQFBgcICQoLDA0ODw","epoch":7,"encrypted_content":"Y2lwaGVydGV4dA==","message_type":"text","timestamp":1234567890}}"#,
        ),
        (
            ClientFrame::Message(foreign_type),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","recipient_id":"bob","encrypted_content":"Y2lwaGVydGV4dA==","message_type":"poll","timestamp":-1}}"#,
        ),
        (
            ClientFrame::Ack(Ack { message_ids: vec![message_id(1), message_id(2)], accepted: vec![] }),
            r#"{"type":"ack","payload":{"message_ids":["01890a5d-ac96-774b-bcce-b302099a8001","01890a5d-ac96-774b-bcce-b302099a8002"]}}"#,
        ),
        (
            ClientFrame::Typing(SendTyping { recipient_id: user("bob"), is_typing: true }),
            r#"{"type":"typing","payload":{"recipient_id":"bob","is_typing":true}}"#,
        ),
        (
            ClientFrame::Presence(SendPresence { status: PresenceStatus::Away }),
            r#"{"type":"presence","payload":{"status":"away"}}"#,
        ),
        (
            ClientFrame::CallSignal(CallSignal {
                recipient_id: user("bob"),
                sender_id: None,
                sender_device_id: None,
                encrypted_content: opaque(b"offer"),
            }),
            r#"{"type":"call_signal","payload":{"recipient_id":"bob","encrypted_content":"b2ZmZXI="}}"#,
        ),
        (ClientFrame::Ping, r#"{"type":"ping"}"#),
    ]
}

#[test]
fn bytes_are_as_documented() {
    let mut seen = vec![];
    for (frame, bytes) in frames() {
        assert_eq!(frame.to_json(), bytes);
        assert_eq!(ClientFrame::parse(bytes).unwrap().to_json(), bytes);
        seen.push(type_of(&frame));
        assert!(bytes.starts_with(&format!(r#"{{"type":"{}""#, type_of(&frame))));
    }
    for name in TYPES {
        assert!(seen.contains(&name), "no snapshot of {name}");
    }
}

#[test]
fn frames_without_content_take_any_payload() {
    for text in [
        r#"{"type":"ping"}"#,
        r#"{"type":"ping","payload":null}"#,
        r#"{"payload":{"nonce":1},"type":"ping"}"#,
        "\n { \"type\" : \"p\\u0069ng\" } ",
    ] {
        assert!(matches!(ClientFrame::parse(text), Ok(ClientFrame::Ping)), "{text}");
    }
}

#[test]
fn every_message_type_has_its_documented_name() {
    let names: Vec<_> = MessageType::ALL.iter().map(MessageType::as_str).collect();
    assert_eq!(
        names,
        [
            "text",
            "voice",
            "video",
            "image",
            "file",
            "call_signal",
            "key_exchange",
            "read_receipt",
            "typing_indicator",
            "device_sync",
            "account_sync",
            "withheld",
        ]
    );
    for (kind, name) in MessageType::ALL.iter().zip(names) {
        assert_eq!(&MessageType::from(name), kind);
    }
}

#[test]
fn every_presence_status_has_its_documented_name() {
    use PresenceStatus::{Away, Busy, Offline, Online};
    for (status, name) in [(Online, "online"), (Away, "away"), (Busy, "busy"), (Offline, "offline")] {
        assert_eq!(
            ClientFrame::Presence(SendPresence { status }).to_json(),
            format!(r#"{{"type":"presence","payload":{{"status":"{name}"}}}}"#)
        );
    }
}

#[test]
fn ids_are_normalised() {
    let upper = r#"{"type":"ack","payload":{"message_ids":["01890A5D-AC96-774B-BCCE-B302099A8001"],"accepted":[{"message_id":"01890a5dac96774bbcceb302099a8001","group_id":"AAECAwQFBgcICQoLDA0ODw","seq":1}]}}"#;
    let ClientFrame::Ack(ack) = ClientFrame::parse(upper).unwrap() else { panic!("another frame") };
    assert_eq!(ack.message_ids, [message_id(1)]);
    assert!(matches!(ack.accepted[..], [Accepted { message_id: id, .. }] if id == message_id(1)));
}

/// Whatever is printed or logged with `{:?}` must hold neither tokens nor ciphertext.
#[test]
fn debug_shows_no_content() {
    insta::assert_debug_snapshot!(
        ClientFrame::Authenticate(Authenticate { token: secret("session_token") }),
        @r"
    Authenticate(
        Authenticate {
            token: Secret(…),
        },
    )
    "
    );
    for (frame, _) in frames() {
        let text = format!("{frame:?}");
        for content in ["session_token", "Y2lwaGVydGV4dA", "b2ZmZXI"] {
            assert!(!text.contains(content), "{text}");
        }
    }
    assert_eq!(format!("{:?}", device("d")), "DeviceId(d)");
}
