//! Bytes of every REST body, in the order of `rest`. A change here is a change of the protocol.

use privmsg_protocol::rest::*;
use privmsg_protocol::{Epoch, ErrorCode, Incarnation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{device, file, group_id, message_id, opaque, secret, user};

#[track_caller]
pub(crate) fn body<T: Serialize + DeserializeOwned>(value: &T, bytes: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), bytes);
    let read: T = serde_json::from_str(bytes).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), bytes);
}

/// What a client may leave out.
#[track_caller]
pub(crate) fn short<T: Serialize + DeserializeOwned>(short: &str, means: &T) {
    let read: T = serde_json::from_str(short).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), serde_json::to_string(means).unwrap());
}

#[test]
fn health_and_problem() {
    body(
        &Health { status: "ok".into(), timestamp: 1_234_567_890, version: "1.0.0".into() },
        r#"{"status":"ok","timestamp":1234567890,"version":"1.0.0"}"#,
    );
    let problem = Problem {
        kind: "about:blank".into(),
        title: "Not Found".into(),
        status: 404,
        code: ErrorCode::UnknownUser,
        detail: "no such user".into(),
        retry_after_ms: None,
        epoch: None,
        group_id: None,
        incarnation: None,
        device_id: None,
        reason: None,
    };
    body(
        &problem,
        r#"{"type":"about:blank","title":"Not Found","status":404,"code":"unknown_user","detail":"no such user"}"#,
    );
    body(
        &Problem {
            title: "Conflict".into(),
            status: 409,
            code: ErrorCode::StaleEpoch,
            detail: "the group has moved on".into(),
            retry_after_ms: Some(250),
            epoch: Some(Epoch(8)),
            group_id: Some(group_id()),
            incarnation: Some(Incarnation(3)),
            device_id: Some(device("d1")),
            reason: Some("administrator".into()),
            ..problem
        },
        r#"{"type":"about:blank","title":"Conflict","status":409,"code":"stale_epoch","detail":"the group has moved on","retry_after_ms":250,"epoch":8,"group_id":"AAECAwQFBgcICQoLDA0ODw","incarnation":3,"device_id":"d1","reason":"administrator"}"#,
    );
}

#[test]
fn signing_in() {
    body(
        &LoginRequest {
            user_id: user("AbCd1234"),
            access_key: secret("key"),
            device_name: Some("Мой телефон".into()),
            device_type: Some("android".into()),
            device_public_key: Some("cHVibGlj".into()),
        },
        r#"{"user_id":"AbCd1234","access_key":"key","device_name":"Мой телефон","device_type":"android","device_public_key":"cHVibGlj"}"#,
    );
    short(
        r#"{"user_id":"AbCd1234","access_key":"key"}"#,
        &LoginRequest {
            user_id: user("AbCd1234"),
            access_key: secret("key"),
            device_name: None,
            device_type: None,
            device_public_key: None,
        },
    );
    body(
        &LoginResponse {
            token: secret("session_token"),
            device_id: device("d1"),
            expires_at: 1_234_567_890,
            user: UserProfile {
                user_id: user("AbCd1234"),
                display_name: None,
                avatar_file_id: None,
                public_key: Some("cHVibGlj".into()),
                last_seen_at: Some("2024-01-01 12:00:00".into()),
            },
            waiting: false,
            answered: vec![],
        },
        r#"{"token":"session_token","device_id":"d1","expires_at":1234567890,"user":{"user_id":"AbCd1234","display_name":null,"avatar_file_id":null,"public_key":"cHVibGlj","last_seen_at":"2024-01-01 12:00:00"}}"#,
    );
    body(&RefreshRequest { token: Some(secret("old_token")) }, r#"{"token":"old_token"}"#);
    body(
        &RefreshResponse { token: secret("session_token"), expires_at: 1_234_567_890 },
        r#"{"token":"session_token","expires_at":1234567890}"#,
    );
}

#[test]
fn users_and_devices() {
    body(&UpdateProfile::default(), "{}");
    body(
        &UpdateProfile {
            display_name: Some("Моё имя".into()),
            avatar_file_id: Some(file("f1")),
            public_key: Some("cHVibGlj".into()),
        },
        r#"{"display_name":"Моё имя","avatar_file_id":"f1","public_key":"cHVibGlj"}"#,
    );
    body(
        &Devices {
            devices: vec![Device {
                device_id: device("d1"),
                device_name: Some("laptop".into()),
                device_type: None,
                device_public_key: None,
                created_at: "2024-01-01 12:00:00".into(),
                last_seen_at: None,
                current: true,
                waiting: false,
            }],
        },
        r#"{"devices":[{"device_id":"d1","device_name":"laptop","device_type":null,"device_public_key":null,"created_at":"2024-01-01 12:00:00","last_seen_at":null,"current":true}]}"#,
    );
    body(
        &BlockedUsers { blocked: vec![BlockedUser { user_id: user("mallory"), blocked_at: 1_234_567_890 }] },
        r#"{"blocked":[{"user_id":"mallory","blocked_at":1234567890}]}"#,
    );
    body(&SealedIdentity { backup: opaque(b"sealed"), earlier: vec![] }, r#"{"backup":"c2VhbGVk"}"#);
    body(
        &SealedIdentity { backup: opaque(b"sealed"), earlier: vec![opaque(b"before")] },
        r#"{"backup":"c2VhbGVk","earlier":["YmVmb3Jl"]}"#,
    );
}

#[test]
fn mailbox() {
    body(&PendingMessages { messages: vec![], has_more: false, newest: None }, r#"{"messages":[],"has_more":false}"#);
    body(
        &PendingMessages { messages: vec![], has_more: true, newest: Some(message_id(1)) },
        r#"{"messages":[],"has_more":true,"newest":"01890a5d-ac96-774b-bcce-b302099a8001"}"#,
    );
    body(
        &AckRequest { message_ids: vec![message_id(1)] },
        r#"{"message_ids":["01890a5d-ac96-774b-bcce-b302099a8001"]}"#,
    );
}

#[test]
fn files_and_turn() {
    body(
        &UploadResponse { file_id: file("f1"), expires_at: 1_234_567_890 },
        r#"{"file_id":"f1","expires_at":1234567890}"#,
    );
    body(
        &TurnCredentials {
            urls: vec!["turn:example.org:3478".into()],
            username: "1234567890:alice".into(),
            credential: secret("hmac"),
            credential_type: "password".into(),
            ttl: 86_400,
        },
        r#"{"urls":["turn:example.org:3478"],"username":"1234567890:alice","credential":"hmac","credential_type":"password","ttl":86400}"#,
    );
}

#[test]
fn administration() {
    let anonymous = CreateUser { admin_key: None, user_id: None };
    short("{}", &anonymous);
    body(
        &CreateUser { admin_key: Some(secret("admin")), user_id: Some(user("custom_user_id")) },
        r#"{"admin_key":"admin","user_id":"custom_user_id"}"#,
    );
    short(r#"{"admin_key":"admin"}"#, &CreateUser { admin_key: Some(secret("admin")), ..anonymous });
    body(
        &CreatedUser { user_id: user("Bmo61cyW"), access_key: secret("UiJJ") },
        r#"{"user_id":"Bmo61cyW","access_key":"UiJJ"}"#,
    );
    body(&AdminRequest { admin_key: Some(secret("admin")) }, r#"{"admin_key":"admin"}"#);
    short("{}", &AdminRequest::default());
    body(
        &Stats {
            total_users: 5,
            active_users: 5,
            online_users: 2,
            pending_messages: 15,
            stored_files: 3,
            storage_used_mb: 12.5,
        },
        r#"{"total_users":5,"active_users":5,"online_users":2,"pending_messages":15,"stored_files":3,"storage_used_mb":12.5}"#,
    );
}

#[test]
fn key_packages() {
    body(
        &PublishKeyPackages { key_packages: vec![opaque(b"kp")], last_resort: Some(opaque(b"last")) },
        r#"{"key_packages":["a3A="],"last_resort":"bGFzdA=="}"#,
    );
    short(r#"{"key_packages":[]}"#, &PublishKeyPackages { key_packages: vec![], last_resort: None });
    body(&KeyPackageStock { count: 99, last_resort: true }, r#"{"count":99,"last_resort":true}"#);
    body(&ClaimKeyPackages::default(), "{}");
    body(&ClaimKeyPackages { device_ids: Some(vec![device("d1")]) }, r#"{"device_ids":["d1"]}"#);
    body(
        &ClaimedKeyPackages {
            key_packages: vec![DeviceKeyPackage { device_id: device("d1"), key_package: opaque(b"kp") }],
        },
        r#"{"key_packages":[{"device_id":"d1","key_package":"a3A="}]}"#,
    );
}

/// Keys and tokens do not appear in `{:?}`, of which some end in logs.
#[test]
fn debug_shows_no_secret() {
    let bodies = [
        format!("{:?}", serde_json::from_str::<LoginRequest>(r#"{"user_id":"a","access_key":"hunter2"}"#)),
        format!("{:?}", serde_json::from_str::<RefreshResponse>(r#"{"token":"hunter2","expires_at":1}"#)),
        format!("{:?}", serde_json::from_str::<CreateUser>(r#"{"admin_key":"hunter2"}"#)),
        format!("{:?}", serde_json::from_str::<CreatedUser>(r#"{"user_id":"a","access_key":"hunter2"}"#)),
        format!("{:?}", serde_json::from_str::<AdminRequest>(r#"{"admin_key":"hunter2"}"#)),
        format!("{:?}", serde_json::from_str::<SealedIdentity>(r#"{"backup":"hunter2"}"#)),
        format!(
            "{:?}",
            serde_json::from_str::<SetAccessKey>(r#"{"access_key":"hunter2","present_access_key":"hunter2"}"#)
        ),
        format!(
            "{:?}",
            serde_json::from_str::<TurnCredentials>(
                r#"{"urls":[],"username":"u","credential":"hunter2","credential_type":"password","ttl":1}"#
            )
        ),
    ];
    for text in bodies {
        assert!(text.starts_with("Ok(") && !text.contains("hunter2"), "{text}");
    }
}
