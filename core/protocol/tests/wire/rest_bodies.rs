//! Bytes of every REST body, in the order of `rest`. A change here is a change of the protocol.

use privmsg_protocol::rest::*;
use privmsg_protocol::{ConversationId, Epoch, ErrorCode, Incarnation, Seq};
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

fn state() -> PublicGroupState {
    PublicGroupState { group_info: opaque(b"info"), ratchet_tree: opaque(b"tree") }
}

fn welcome() -> SharedWelcome {
    let secrets = vec![JoinerSecrets { device_id: device("d2"), secrets: opaque(b"secrets") }];
    SharedWelcome { group_info: opaque(b"info"), secrets }
}

fn chat_id() -> ConversationId {
    ConversationId::from_bytes([0; 32])
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
            ..problem
        },
        r#"{"type":"about:blank","title":"Conflict","status":409,"code":"stale_epoch","detail":"the group has moved on","retry_after_ms":250,"epoch":8,"group_id":"AAECAwQFBgcICQoLDA0ODw","incarnation":3,"device_id":"d1"}"#,
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
    body(&PendingMessages { messages: vec![], has_more: false }, r#"{"messages":[],"has_more":false}"#);
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

#[test]
fn groups() {
    body(
        &CreateGroup {
            kind: GroupKind::Direct,
            participants: vec![user("alice"), user("bob")],
            incarnation: Incarnation::FIRST,
            founding_roster: None,
            roster: None,
            steps: vec![],
            welcome: Some(welcome()),
            state: state(),
        },
        r#"{"kind":"direct","participants":["alice","bob"],"incarnation":1,"welcome":{"group_info":"aW5mbw==","secrets":[{"device_id":"d2","secrets":"c2VjcmV0cw=="}]},"state":{"group_info":"aW5mbw==","ratchet_tree":"dHJlZQ=="}}"#,
    );
    let by_member = SubmitCommit {
        message_id: message_id(1),
        epoch: Epoch(7),
        commit: opaque(b"commit"),
        welcome: Some(welcome()),
        group_info: opaque(b"info"),
        evidence: Vec::new(),
    };
    body(
        &by_member,
        r#"{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","epoch":7,"commit":"Y29tbWl0","welcome":{"group_info":"aW5mbw==","secrets":[{"device_id":"d2","secrets":"c2VjcmV0cw=="}]},"group_info":"aW5mbw=="}"#,
    );
    body(
        &SubmitCommit { welcome: None, ..by_member.clone() },
        r#"{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","epoch":7,"commit":"Y29tbWl0","group_info":"aW5mbw=="}"#,
    );
    let list = PublishedDeviceList { certificate: opaque(b"cert"), list: opaque(b"list") };
    body(
        &SubmitCommit { welcome: None, evidence: vec![list], ..by_member },
        r#"{"message_id":"01890a5d-ac96-774b-bcce-b302099a8001","epoch":7,"commit":"Y29tbWl0","group_info":"aW5mbw==","evidence":[{"certificate":"Y2VydA==","list":"bGlzdA=="}]}"#,
    );
    body(&CommitAccepted { epoch: Epoch(8), seq: Seq(43) }, r#"{"epoch":8,"seq":43}"#);
    body(
        &Groups {
            groups: vec![Group {
                group_id: group_id(),
                kind: GroupKind::SelfNotes,
                chat_id: chat_id(),
                incarnation: Incarnation(2),
                epoch: Epoch(8),
                seq: Seq(43),
                participants: vec![user("alice")],
                devices: vec![GroupDevice {
                    user_id: user("alice"),
                    device_id: device("d1"),
                    leaf: true,
                    active: false,
                    no_commits_until: None,
                }],
                roster: None,
                steps: vec![],
            }],
            unchanged: vec![UnchangedGroup { group_id: group_id(), epoch: Epoch(8), seq: Seq(43) }],
            cursor: "7".into(),
        },
        r#"{"groups":[{"group_id":"AAECAwQFBgcICQoLDA0ODw","kind":"self","chat_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","incarnation":2,"epoch":8,"seq":43,"participants":["alice"],"devices":[{"user_id":"alice","device_id":"d1","leaf":true,"active":false}]}],"unchanged":[{"group_id":"AAECAwQFBgcICQoLDA0ODw","epoch":8,"seq":43}],"cursor":"7"}"#,
    );
    body(
        &GroupStateAt { epoch: Epoch(8), seq: Seq(43), state: state(), roster: None, founding_roster: None },
        r#"{"epoch":8,"seq":43,"state":{"group_info":"aW5mbw==","ratchet_tree":"dHJlZQ=="}}"#,
    );
    assert_eq!(serde_json::to_string(&GroupKind::Group).unwrap(), r#""group""#);
}

#[test]
fn groups_of_people() {
    body(
        &CreateGroup {
            kind: GroupKind::Group,
            participants: vec![],
            incarnation: Incarnation(2),
            founding_roster: Some(opaque(b"first")),
            roster: Some(opaque(b"third")),
            steps: vec![opaque(b"second")],
            welcome: None,
            state: state(),
        },
        r#"{"kind":"group","incarnation":2,"founding_roster":"Zmlyc3Q=","roster":"dGhpcmQ=","steps":["c2Vjb25k"],"state":{"group_info":"aW5mbw==","ratchet_tree":"dHJlZQ=="}}"#,
    );
    body(
        &Group {
            group_id: group_id(),
            kind: GroupKind::Group,
            chat_id: chat_id(),
            incarnation: Incarnation(2),
            epoch: Epoch(8),
            seq: Seq(43),
            participants: vec![user("alice")],
            devices: vec![],
            roster: Some(RosterName { number: 4, hash: opaque(b"hash") }),
            steps: vec![opaque(b"fourth")],
        },
        r#"{"group_id":"AAECAwQFBgcICQoLDA0ODw","kind":"group","chat_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","incarnation":2,"epoch":8,"seq":43,"participants":["alice"],"devices":[],"roster":{"number":4,"hash":"aGFzaA=="},"steps":["Zm91cnRo"]}"#,
    );
    let roster = Some(opaque(b"third"));
    body(
        &GroupStateAt {
            epoch: Epoch(8),
            seq: Seq(43),
            state: state(),
            roster,
            founding_roster: Some(opaque(b"first")),
        },
        r#"{"epoch":8,"seq":43,"state":{"group_info":"aW5mbw==","ratchet_tree":"dHJlZQ=="},"roster":"dGhpcmQ=","founding_roster":"Zmlyc3Q="}"#,
    );
    body(&LeaveGroup { roster: Some(opaque(b"fourth")) }, r#"{"roster":"Zm91cnRo"}"#);
    body(&LeaveGroup { roster: None }, "{}");
    body(
        &RosterSteps { rosters: vec![opaque(b"third"), opaque(b"fourth")], has_more: true },
        r#"{"rosters":["dGhpcmQ=","Zm91cnRo"],"has_more":true}"#,
    );
    body(&RosterSteps::default(), r#"{"rosters":[]}"#);
    body(
        &TakenCommit { user_id: user("eve"), device_id: device("d2"), external: true, group_info: opaque(b"info") },
        r#"{"user_id":"eve","device_id":"d2","external":true,"group_info":"aW5mbw=="}"#,
    );
    body(&UnusableCommit { group_info: true }, r#"{"group_info":true}"#);
    body(&UnusableCommit { group_info: false }, "{}");
    body(
        &GroupDevice {
            user_id: user("eve"),
            device_id: device("d2"),
            leaf: true,
            active: true,
            no_commits_until: Some(9),
        },
        r#"{"user_id":"eve","device_id":"d2","leaf":true,"active":true,"no_commits_until":9}"#,
    );
}

#[test]
fn claims_of_many() {
    let claim = |device_ids| ClaimOf { user_id: user("bob"), device_ids };
    body(
        &ClaimMany { claims: vec![claim(None), claim(Some(vec![device("d2")]))] },
        r#"{"claims":[{"user_id":"bob"},{"user_id":"bob","device_ids":["d2"]}]}"#,
    );
    let package = DeviceKeyPackage { device_id: device("d2"), key_package: opaque(b"package") };
    let claimed = |key_packages, refused| ClaimedOf { user_id: user("bob"), key_packages, refused };
    body(
        &ClaimedMany { users: vec![claimed(vec![package], None), claimed(vec![], Some(ErrorCode::RateLimited))] },
        r#"{"users":[{"user_id":"bob","key_packages":[{"device_id":"d2","key_package":"cGFja2FnZQ=="}]},{"user_id":"bob","key_packages":[],"refused":"rate_limited"}]}"#,
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
