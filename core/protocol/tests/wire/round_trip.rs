//! Whatever is written can be read, from text and from an in-memory value, and comes out the same.

use std::fmt::Debug;

use privmsg_protocol::frames::{ClientFrame, ServerFrame};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::any;

/// Enough for every optional field to be seen both ways, few enough for the suite to stay under a second or two.
const CASES: u32 = 64;

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

/// The same object with a field that no build knows, first and last.
fn with_unknown_fields(json: &str) -> String {
    let inner = &json[1..json.len() - 1];
    let comma = if inner.is_empty() { "" } else { "," };
    format!(r#"{{"x_before":[{{"a":null}}]{comma}{inner},"x_after":"\u0000"}}"#)
}

fn body<T: Serialize + DeserializeOwned + Debug>(values: impl Strategy<Value = T>) {
    let test = |value: T| {
        let json = serde_json::to_string(&value).unwrap();
        let again = |read: T| serde_json::to_string(&read).unwrap();
        prop_assert_eq!(&again(serde_json::from_str(&json).unwrap()), &json);
        prop_assert_eq!(&again(serde_json::from_slice(json.as_bytes()).unwrap()), &json);
        let in_memory = serde_json::to_value(&value).unwrap();
        prop_assert_eq!(&again(serde_json::from_value(in_memory).unwrap()), &json);
        let newer = with_unknown_fields(&json);
        prop_assert_eq!(&again(serde_json::from_str(&newer).unwrap()), &json);
        Ok(())
    };
    TestRunner::new(config()).run(&values, test).unwrap();
}

#[test]
fn rest_bodies() {
    body(any::health());
    body(any::problem());
    body(any::login_request());
    body(any::login_response());
    body(any::requests());
    body(any::refresh_request());
    body(any::refresh_response());
    body(any::profile());
    body(any::update_profile());
    body(any::devices());
    body(any::blocked_users());
    body(any::pending());
    body(any::ack_request());
    body(any::upload_response());
    body(any::turn());
    body(any::create_user());
    body(any::created_user());
    body(any::admin_request());
    body(any::stats());
    body(any::publish());
    body(any::stock());
    body(any::claim());
    body(any::claimed());
    body(any::claim_many());
    body(any::claimed_many());
    body(any::leave_group());
    body(any::roster_steps());
    body(any::taken_commit());
    body(any::unusable());
    body(any::create_group());
    body(any::submit_commit());
    body(any::commit_accepted());
    body(any::groups());
    body(any::state_at());
    body(any::sealed());
    body(any::challenge_request());
    body(any::challenge());
    body(any::device_sign_in());
    body(any::recovery_sign_in());
    body(any::set_up_identity());
    body(any::replace_identity());
    body(any::replacement());
    body(any::end_replacement());
    body(any::own_profile());
    body(any::published_list());
    body(any::publish_list());
    body(any::link_reply());
    body(any::set_access_key());
    body(any::store_backup());
}

/// `{"type":…,"payload":…}` with unknown fields in the payload and beside it.
fn frame_from_a_newer_peer(json: &str) -> String {
    let newer = match json.split_once(r#","payload":"#) {
        None => json.to_owned(),
        Some((head, payload)) => {
            let payload = with_unknown_fields(&payload[..payload.len() - 1]);
            format!(r#"{head},"payload":{payload}}}"#)
        }
    };
    with_unknown_fields(&newer)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..config() })]

    #[test]
    fn client_frames(frame in any::client_frame()) {
        let json = frame.to_json();
        prop_assert_eq!(ClientFrame::parse(&json).unwrap().to_json(), &*json);
        let newer = frame_from_a_newer_peer(&json);
        prop_assert_eq!(ClientFrame::parse(&newer).unwrap().to_json(), &*json);
    }

    #[test]
    fn server_frames(frame in any::server_frame()) {
        let json = frame.to_json();
        let read = ServerFrame::parse(&json).unwrap();
        prop_assert_eq!(read.to_json(), &*json);
        prop_assert_eq!(ServerFrame::parse(&frame_from_a_newer_peer(&json)).unwrap(), read);
    }
}
