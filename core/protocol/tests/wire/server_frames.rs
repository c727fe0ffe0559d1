//! Bytes of every frame from server to client. A change here is a change of the protocol.

use privmsg_protocol::frames::{
    Accepted, Ack, Authenticated, CallSignal, DeliveredMessage, ErrorFrame, MessageType, Presence, PresenceStatus,
    ServerFrame, Typing,
};
use privmsg_protocol::{Epoch, ErrorCode, Opaque, PROTOCOL_VERSION, Seq};

use crate::{device, group_id, message_id, opaque, user};

/// Type names in the order of the enum. The match makes a new frame without a line here a compile error.
pub(crate) const TYPES: [&str; 9] =
    ["authenticated", "message", "caught_up", "ack", "typing", "presence", "call_signal", "pong", "error"];

const fn type_of(frame: &ServerFrame) -> &'static str {
    match frame {
        ServerFrame::Authenticated(_) => TYPES[0],
        ServerFrame::Message(_) => TYPES[1],
        ServerFrame::CaughtUp => TYPES[2],
        ServerFrame::Ack(_) => TYPES[3],
        ServerFrame::Typing(_) => TYPES[4],
        ServerFrame::Presence(_) => TYPES[5],
        ServerFrame::CallSignal(_) => TYPES[6],
        ServerFrame::Pong => TYPES[7],
        ServerFrame::Error(_) => TYPES[8],
    }
}

pub(crate) fn frames() -> Vec<(ServerFrame, &'static str)> {
    let in_group = DeliveredMessage {
        message_id: message_id(1),
        sender_id: user("alice"),
        sender_device_id: Some(device("Zk3TqLw8Yb1NxR0e")),
        recipient_id: None,
        group_id: Some(group_id()),
        epoch: Some(Epoch(7)),
        seq: Some(Seq(42)),
        first_seq: None,
        encrypted_content: opaque(b"ciphertext"),
        message_type: MessageType::Text,
        timestamp: 1_234_567_890,
    };
    let outside = DeliveredMessage {
        recipient_id: Some(user("bob")),
        group_id: None,
        epoch: None,
        seq: None,
        first_seq: None,
        message_type: MessageType::Image,
        ..in_group.clone()
    };
    let notice = DeliveredMessage {
        sender_device_id: None,
        epoch: None,
        seq: None,
        first_seq: None,
        encrypted_content: Opaque::default(),
        message_type: MessageType::DeviceSync,
        ..in_group.clone()
    };
    let withheld = DeliveredMessage {
        seq: Some(Seq(42)),
        first_seq: Some(Seq(40)),
        message_type: MessageType::Withheld,
        ..notice.clone()
    };
    vec![
        (
            ServerFrame::Authenticated(Authenticated {
                user_id: user("bob"),
                device_id: device("Zk3TqLw8Yb1NxR0e"),
                protocol_version: PROTOCOL_VERSION,
            }),
            r#"{"type":"authenticated","payload":{"user_id":"bob","device_id":"Zk3TqLw8Yb1NxR0e","protocol_version":1}}"#,
        ),
        (
            ServerFrame::Message(in_group),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","sender_device_id":"Zk3TqLw8Yb1NxR0e","group_id":"AAECAwQFBgcICQoLDA0ODw","epoch":7,"seq":42,"encrypted_content":"Y2lwaGVydGV4dA==","message_type":"text","timestamp":1234567890}}"#,
        ),
        (
            ServerFrame::Message(outside),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","sender_device_id":"Zk3TqLw8Yb1NxR0e","recipient_id":"bob","encrypted_content":"Y2lwaGVydGV4dA==","message_type":"image","timestamp":1234567890}}"#,
        ),
        (
            ServerFrame::Message(notice),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","group_id":"AAECAwQFBgcICQoLDA0ODw","encrypted_content":"","message_type":"device_sync","timestamp":1234567890}}"#,
        ),
        (
            ServerFrame::Message(withheld),
            r#"{"type":"message","payload":{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","sender_id":"alice","group_id":"AAECAwQFBgcICQoLDA0ODw","seq":42,"first_seq":40,"encrypted_content":"","message_type":"withheld","timestamp":1234567890}}"#,
        ),
        (ServerFrame::CaughtUp, r#"{"type":"caught_up"}"#),
        (
            ServerFrame::Ack(Ack { message_ids: vec![message_id(1)], accepted: vec![] }),
            r#"{"type":"ack","payload":{"message_ids":["01890a5d-ac96-774b-bcce-b302099a8001"]}}"#,
        ),
        (
            ServerFrame::Ack(Ack {
                message_ids: vec![message_id(1)],
                accepted: vec![Accepted { message_id: message_id(1), group_id: group_id(), seq: Seq(42) }],
            }),
            r#"{"type":"ack","payload":{"message_ids":["01890a5d-ac96-774b-bcce-b302099a8001"],"accepted":[{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","group_id":"AAECAwQFBgcICQoLDA0ODw","seq":42}]}}"#,
        ),
        (
            ServerFrame::Typing(Typing { user_id: user("alice"), is_typing: false }),
            r#"{"type":"typing","payload":{"user_id":"alice","is_typing":false}}"#,
        ),
        (
            ServerFrame::Presence(Presence { user_id: user("alice"), status: PresenceStatus::Online }),
            r#"{"type":"presence","payload":{"user_id":"alice","status":"online"}}"#,
        ),
        (
            ServerFrame::CallSignal(CallSignal {
                recipient_id: user("bob"),
                sender_id: Some(user("alice")),
                sender_device_id: Some(device("Zk3TqLw8Yb1NxR0e")),
                encrypted_content: opaque(b"offer"),
            }),
            r#"{"type":"call_signal","payload":{"recipient_id":"bob","sender_id":"alice","sender_device_id":"Zk3TqLw8Yb1NxR0e","encrypted_content":"b2ZmZXI="}}"#,
        ),
        (ServerFrame::Pong, r#"{"type":"pong"}"#),
        (
            ServerFrame::Error(ErrorFrame {
                code: ErrorCode::UnknownFrameType,
                message: "unknown frame type".into(),
                message_id: None,
                retry_after_ms: None,
                epoch: None,
            }),
            r#"{"type":"error","payload":{"code":"unknown_frame_type","message":"unknown frame type"}}"#,
        ),
        (
            ServerFrame::Error(ErrorFrame {
                code: ErrorCode::StaleEpoch,
                message: "the group has moved on".into(),
                message_id: Some(message_id(1)),
                retry_after_ms: Some(1500),
                epoch: Some(Epoch(8)),
            }),
            r#"{"type":"error","payload":{"code":"stale_epoch","message":"the group has moved on","message_id":"01890a5d-ac96-774b-bcce-b302099a8001","retry_after_ms":1500,"epoch":8}}"#,
        ),
    ]
}

#[test]
fn bytes_are_as_documented() {
    let mut seen = vec![];
    for (frame, bytes) in frames() {
        assert_eq!(frame.to_json(), bytes);
        assert_eq!(ServerFrame::parse(bytes).unwrap(), frame);
        seen.push(type_of(&frame));
        assert!(bytes.starts_with(&format!(r#"{{"type":"{}""#, type_of(&frame))));
    }
    for name in TYPES {
        assert!(seen.contains(&name), "no snapshot of {name}");
    }
}

#[test]
fn debug_shows_no_content() {
    for (frame, _) in frames() {
        let text = format!("{frame:?}");
        for content in ["Y2lwaGVydGV4dA", "b2ZmZXI"] {
            assert!(!text.contains(content), "{text}");
        }
    }
}

/// A code that a newer server invents reaches the caller as it is.
#[test]
fn an_unknown_error_code_is_kept() {
    let bytes = r#"{"type":"error","payload":{"code":"out_of_coffee","message":"later"}}"#;
    let ServerFrame::Error(error) = ServerFrame::parse(bytes).unwrap() else { panic!("another frame") };
    assert_eq!(error.code.as_str(), "out_of_coffee");
}
