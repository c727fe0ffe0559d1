//! Bytes of the REST bodies about groups.

use privmsg_protocol::rest::*;
use privmsg_protocol::{ConversationId, Epoch, ErrorCode, Incarnation, Seq};

use crate::rest_bodies::body;
use crate::{device, group_id, message_id, opaque, user};

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
            lineage: "kX-2".into(),
        },
        r#"{"groups":[{"group_id":"AAECAwQFBgcICQoLDA0ODw","kind":"self","chat_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","incarnation":2,"epoch":8,"seq":43,"participants":["alice"],"devices":[{"user_id":"alice","device_id":"d1","leaf":true,"active":false}]}],"unchanged":[{"group_id":"AAECAwQFBgcICQoLDA0ODw","epoch":8,"seq":43}],"cursor":"7","lineage":"kX-2"}"#,
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
