//! Foreign bytes: no panic, the right kind of error, and none of the bytes in the error.

use privmsg_protocol::frames::{ClientFrame, FrameError, ServerFrame};
use privmsg_protocol::rest::{CreateGroup, CreateUser, LoginRequest, SubmitCommit};
use privmsg_protocol::{ErrorCode, FileId, GroupId, MessageId, UserId};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{any, client_frames, message_id, server_frames};

/// Both sides must survive it; the server's view is returned.
fn parse(text: &str) -> Result<ClientFrame, FrameError> {
    let _ = ServerFrame::parse(text);
    let _ = serde_json::from_str::<LoginRequest>(text);
    let _ = serde_json::from_str::<CreateUser>(text);
    let _ = serde_json::from_str::<CreateGroup>(text);
    let _ = serde_json::from_str::<SubmitCommit>(text);
    ClientFrame::parse(text)
}

fn malformed(text: &str) -> Option<MessageId> {
    match parse(text) {
        Err(error @ FrameError::Malformed { .. }) => {
            assert_eq!(error.code(), ErrorCode::MalformedFrame);
            let FrameError::Malformed { message_id, .. } = error else { unreachable!() };
            message_id
        }
        other => panic!("{other:?} for {text:.200}"),
    }
}

#[test]
fn what_is_no_envelope_is_malformed() {
    for text in [
        "",
        " ",
        "\u{feff}{\"type\":\"ping\"}",
        "\0",
        "null",
        "true",
        "0",
        "1e999",
        "\"ping\"",
        "[]",
        "{}",
        "{",
        "}",
        "{]",
        r#"["ping"]"#,
        r#"["typing",{"recipient_id":"bob","is_typing":true}]"#,
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":["ping"]}"#,
        r#"{"type":{"ping":null}}"#,
        r#"{"payload":{}}"#,
        r#"{"Type":"ping"}"#,
        r#"{"type":"ping"} {"type":"ping"}"#,
        r#"{"type":"ping",}"#,
        r#"{'type':'ping'}"#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"ping","payload":{},"payload":{}}"#,
        r#"{"type":"ping","payload":}"#,
        r#"{"type":"ping","payload":NaN}"#,
        "{\"type\":\"pi\nng\"}",
        r#"{"type":"\ud800"}"#,
        r#"{"type":"\udc00\ud800"}"#,
        r#"{"type":"\u12"}"#,
        r#"{"type":"\x70ing"}"#,
    ] {
        assert_eq!(malformed(text), None, "{text}");
    }
}

#[test]
fn an_unknown_type_is_told_from_a_malformed_frame() {
    for text in [
        r#"{"type":""}"#,
        r#"{"type":"PING"}"#,
        r#"{"type":"ping\u0000"}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"x","payload":[[1e999,"\ud800"]]}"#,
        r#"{"payload":5,"type":"subscribe"}"#,
    ] {
        let error = ClientFrame::parse(text).unwrap_err();
        assert_eq!(error, FrameError::UnknownType, "{text}");
        assert_eq!(error.code(), ErrorCode::UnknownFrameType);
    }
    assert_eq!(ServerFrame::parse(r#"{"type":"ping"}"#).unwrap_err(), FrameError::UnknownType);
}

#[test]
fn a_payload_that_does_not_fit_is_malformed() {
    for payload in [
        "null",
        "0",
        "\"text\"",
        "[]",
        "{}",
        r#"["session_token"]"#,
        r#"{"token":null,"message_ids":null,"status":null,"recipient_id":null,"is_typing":null}"#,
        r#"{"message_ids":[""]}"#,
        r#"{"message_ids":"01890a5d-ac96-774b-bcce-b302099a8001"}"#,
        r#"{"status":"invisible","recipient_id":"..","is_typing":"yes"}"#,
    ] {
        for kind in client_frames::TYPES {
            if kind != "ping" {
                malformed(&format!(r#"{{"type":"{kind}","payload":{payload}}}"#));
            }
        }
    }
}

fn message() -> Value {
    json!({
        "message_id": message_id(1), "sender_id": "alice", "recipient_id": "bob", "epoch": 1,
        "encrypted_content": "AAAA", "message_type": "text", "timestamp": 1,
    })
}

fn frame(payload: &Value) -> String {
    json!({"type": "message", "payload": payload}).to_string()
}

/// A sender whose message is refused learns which one, whatever is wrong with it.
#[test]
fn the_message_id_of_a_malformed_message_is_recovered() {
    assert!(parse(&frame(&message())).is_ok());
    for (field, wrong) in [
        ("sender_id", json!("")),
        ("sender_id", json!("a/b")),
        ("sender_id", json!("alice\0")),
        ("sender_id", json!("x".repeat(65))),
        ("recipient_id", json!("имя")),
        ("recipient_id", json!(["bob"])),
        ("group_id", json!("AAAA")),
        ("group_id", json!("AAECAwQFBgcICQoLDA0ODw==")),
        ("group_id", json!("AAECAwQFBgcICQoLDA0OD_")),
        ("epoch", json!(-1)),
        ("epoch", json!(1.5)),
        ("epoch", json!("1")),
        ("epoch", json!(9_007_199_254_740_992_u64)),
        ("epoch", json!(u64::MAX)),
        ("encrypted_content", json!(null)),
        ("encrypted_content", json!([1, 2, 3])),
        ("message_type", json!("")),
        ("message_type", json!("x".repeat(65))),
        ("message_type", json!({"text": null})),
        ("message_type", json!(3)),
        ("timestamp", json!("2024-01-01")),
        ("timestamp", json!(1e300)),
        ("timestamp", json!(u64::MAX)),
    ] {
        let mut payload = message();
        payload[field] = wrong.clone();
        assert_eq!(malformed(&frame(&payload)), Some(message_id(1)), "{field}: {wrong}");
    }
    for field in ["sender_id", "encrypted_content", "message_type", "timestamp"] {
        let mut payload = message();
        payload.as_object_mut().unwrap().remove(field);
        assert_eq!(malformed(&frame(&payload)), Some(message_id(1)), "without {field}");
    }
    // What a value in memory cannot hold.
    let good = frame(&message());
    for (from, to) in [
        (r#""timestamp":1"#, r#""timestamp":99999999999999999999"#),
        (r#""timestamp":1"#, r#""timestamp":1e999"#),
        (r#""timestamp":1"#, r#""timestamp":1,"timestamp":1"#),
        (r#""AAAA""#, r#""\ud800""#),
        (r#""AAAA""#, r#""\udfff\u0000""#),
        (r#""alice""#, r#""alice\u0000""#),
        (r#""alice""#, r#""\ud83d""#),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert_eq!(malformed(&bad), Some(message_id(1)), "{bad}");
    }
    for id in [json!(1), json!("no uuid"), json!(null), json!([0])] {
        let mut payload = message();
        payload["message_id"] = id;
        assert_eq!(malformed(&frame(&payload)), None);
    }
    // Two ids: guessing one could fail a message that is fine.
    let two = good.replace(r#""epoch":1"#, &format!(r#""message_id":"{}""#, message_id(2)));
    assert_eq!(malformed(&two), None);
}

/// Depth costs neither stack nor much time, where it is ignored and where it is not.
#[test]
fn nesting_is_survived() {
    let depth = 20_000; // enough to overflow a test thread's 2 MB of stack if each level took a frame
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let closed = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for deep in [closed, open.repeat(depth)] {
            let complete = deep.ends_with(close);
            malformed(&deep);
            malformed(&format!(r#"{{"type":{deep}}}"#));
            malformed(&format!(r#"{{"type":"typing","payload":{deep}}}"#));
            for field in ["message_id", "encrypted_content", "message_type", "epoch", "timestamp"] {
                malformed(&format!(r#"{{"type":"message","payload":{{"{field}":{deep}}}}}"#));
            }
            let ignored =
                format!(r#"{{"type":"typing","payload":{{"x":{deep},"recipient_id":"bob","is_typing":true}}}}"#);
            assert_eq!(parse(&ignored).is_ok(), complete);
        }
    }
}

#[test]
fn size_alone_is_no_error_here() {
    // Sizes are the transport's and the server's affair; parsing only has to stay linear.
    let long = "A".repeat(4 << 20);
    let mut payload = message();
    payload["encrypted_content"] = json!(long);
    assert!(parse(&frame(&payload)).is_ok());
    assert_eq!(malformed(&format!(r#"{{"type":"authenticate","payload":{{"token":{}}}}}"#, "9".repeat(1 << 20))), None);
}

#[test]
fn every_truncation_of_a_valid_frame_is_malformed() {
    let client = client_frames::frames().into_iter().map(|(_, bytes)| bytes);
    let server = server_frames::frames().into_iter().map(|(_, bytes)| bytes);
    for bytes in client.chain(server) {
        for end in 0..bytes.len() {
            malformed(&bytes[..end]);
        }
    }
}

const MARKER: &str = "MARKER";

/// Replaces every string by the marker, one at a time, and calls `check` with each result.
fn with_marker(root: &Value, path: &str, check: &mut impl FnMut(&Value)) {
    match root.pointer(path).unwrap() {
        Value::Object(fields) => {
            for key in fields.keys() {
                with_marker(root, &format!("{path}/{key}"), check);
            }
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                with_marker(root, &format!("{path}/{index}"), check);
            }
        }
        _ => {
            for marker in [json!(MARKER), json!([MARKER]), json!({MARKER: MARKER}), json!("МАRKER MARKER\0")] {
                let mut changed = root.clone();
                *changed.pointer_mut(path).unwrap() = marker;
                check(&changed);
            }
        }
    }
}

/// Serde quotes what it did not expect (`invalid type: string "…"`), and errors reach logs and peers.
#[test]
fn errors_do_not_quote_the_frame() {
    let client = client_frames::frames().into_iter().map(|(_, bytes)| bytes);
    let server = server_frames::frames().into_iter().map(|(_, bytes)| bytes);
    let mut errors = 0;
    for bytes in client.chain(server) {
        let frame: Value = serde_json::from_str(bytes).unwrap();
        with_marker(&frame, "", &mut |changed| {
            let text = changed.to_string();
            let all = [ClientFrame::parse(&text).err(), ServerFrame::parse(&text).err()];
            for error in all.into_iter().flatten() {
                errors += 1;
                assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
            }
        });
    }
    assert!(errors > 200, "only {errors}: the test has lost its grip");
}

#[test]
fn identifiers_refuse_what_could_leave_their_place() {
    for text in ["", ".", "..", "../x", "a/../b", "a\\b", "a\0", "a\n", "a b", "é", "%2e%2e", "a;b", "-\u{200b}"] {
        assert!(text.parse::<UserId>().is_err(), "{text:?}");
        assert!(text.parse::<FileId>().is_err(), "{text:?}");
        assert!(text.parse::<GroupId>().is_err(), "{text:?}");
        assert!(text.parse::<MessageId>().is_err(), "{text:?}");
    }
}

/// Any JSON, a few levels deep, with field names that mean something here.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("text")),
        Just(json!(message_id(1))),
    ];
    let name = prop_oneof![
        proptest::sample::select(
            &[
                "message_id",
                "message_ids",
                "sender_id",
                "recipient_id",
                "token",
                "status",
                "epoch",
                "is_typing",
                "encrypted_content",
                "message_type",
                "timestamp",
                "type",
                "payload"
            ][..]
        )
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..8).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_payload(kind in proptest::sample::select(&client_frames::TYPES[..]), payload in any_json()) {
        let _ = parse(&json!({"type": kind, "payload": payload}).to_string());
        let _ = parse(&payload.to_string());
    }

    #[test]
    fn any_identifier(text in any::<String>()) {
        if let Ok(id) = text.parse::<UserId>() {
            prop_assert_eq!(id.as_str(), text.as_str());
        }
        let _ = (text.parse::<GroupId>(), text.parse::<MessageId>(), text.parse::<FileId>());
    }

    /// One character of a valid frame replaced, removed or doubled.
    #[test]
    fn a_damaged_frame(
        frame in any::client_frame(), at in any::<prop::sample::Index>(), with in any::<char>(), how in 0..3,
    ) {
        let mut text: Vec<char> = frame.to_json().chars().collect();
        let at = at.index(text.len());
        match how {
            0 => text[at] = with,
            1 => { text.remove(at); }
            _ => text.insert(at, with),
        }
        let _ = parse(&text.into_iter().collect::<String>());
    }
}
