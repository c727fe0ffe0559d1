//! Bytes of the REST bodies about identities, device lists and signing in by signatures.

use privmsg_protocol::rest::*;

use crate::rest_bodies::{body, short};
use crate::{device, opaque, secret, user};

#[test]
fn signing_in_by_signatures() {
    for (purpose, bytes) in [
        (ChallengePurpose::Device(device("d1")), r#"{"user_id":"alice","purpose":{"device":"d1"}}"#),
        (ChallengePurpose::Recovery(device("d1")), r#"{"user_id":"alice","purpose":{"recovery":"d1"}}"#),
        (
            ChallengePurpose::Identity(IdentityPurpose::SetAccessKey),
            r#"{"user_id":"alice","purpose":{"identity":"set_access_key"}}"#,
        ),
        (
            ChallengePurpose::Identity(IdentityPurpose::SealIdentity),
            r#"{"user_id":"alice","purpose":{"identity":"seal_identity"}}"#,
        ),
        (
            ChallengePurpose::Identity(IdentityPurpose::EndReplacement),
            r#"{"user_id":"alice","purpose":{"identity":"end_replacement"}}"#,
        ),
    ] {
        body(&ChallengeRequest { user_id: user("alice"), purpose }, bytes);
    }
    body(&Challenge { challenge: opaque(b"challenge") }, r#"{"challenge":"Y2hhbGxlbmdl"}"#);
    body(
        &DeviceSignIn {
            user_id: user("alice"),
            device_id: device("d1"),
            challenge: opaque(b"challenge"),
            signature: opaque(b"signature"),
            device_name: None,
            device_type: Some("cli".into()),
        },
        r#"{"user_id":"alice","device_id":"d1","challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl","device_type":"cli"}"#,
    );
    let by_words = RecoverySignIn {
        user_id: user("alice"),
        device_id: device("d1"),
        device_public_key: "cHVibGlj".into(),
        device_name: Some("laptop".into()),
        device_type: Some("cli".into()),
        challenge: opaque(b"challenge"),
        signature: opaque(b"signature"),
    };
    body(
        &by_words,
        r#"{"user_id":"alice","device_id":"d1","device_public_key":"cHVibGlj","device_name":"laptop","device_type":"cli","challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl"}"#,
    );
    short(
        r#"{"user_id":"alice","device_id":"d1","device_public_key":"cHVibGlj","challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl"}"#,
        &RecoverySignIn { device_name: None, device_type: None, ..by_words },
    );
    body(
        &LoginResponse {
            token: secret("session_token"),
            device_id: device("d1"),
            expires_at: 1_234_567_890,
            user: profile(),
            waiting: true,
            answered: vec![opaque(b"challenge")],
        },
        r#"{"token":"session_token","device_id":"d1","expires_at":1234567890,"user":{"user_id":"alice","display_name":null,"avatar_file_id":null,"public_key":null,"last_seen_at":null},"waiting":true,"answered":["Y2hhbGxlbmdl"]}"#,
    );
}

fn profile() -> UserProfile {
    UserProfile {
        user_id: user("alice"),
        display_name: None,
        avatar_file_id: None,
        public_key: None,
        last_seen_at: None,
    }
}

#[test]
fn identity() {
    let beginning = SetUpIdentity {
        public_key: "cHVibGlj".into(),
        certificate: opaque(b"certificate"),
        device_list: opaque(b"list"),
        backup: opaque(b"sealed"),
        recovery_key: "cmVjb3Zlcnk=".into(),
    };
    body(
        &ReplaceIdentity { access_key: secret("key"), identity: beginning.clone() },
        r#"{"access_key":"key","public_key":"cHVibGlj","certificate":"Y2VydGlmaWNhdGU=","device_list":"bGlzdA==","backup":"c2VhbGVk","recovery_key":"cmVjb3Zlcnk="}"#,
    );
    body(
        &beginning,
        r#"{"public_key":"cHVibGlj","certificate":"Y2VydGlmaWNhdGU=","device_list":"bGlzdA==","backup":"c2VhbGVk","recovery_key":"cmVjb3Zlcnk="}"#,
    );
    let replacement =
        IdentityReplacement { public_key: "cHVibGlj".into(), device_id: device("d1"), takes_effect_at: 1_234_567_890 };
    body(&replacement, r#"{"public_key":"cHVibGlj","device_id":"d1","takes_effect_at":1234567890}"#);
    let own = OwnProfile { profile: profile(), waiting: false, identity_replacement: None };
    body(
        &own,
        r#"{"user_id":"alice","display_name":null,"avatar_file_id":null,"public_key":null,"last_seen_at":null}"#,
    );
    body(
        &OwnProfile { waiting: true, identity_replacement: Some(replacement), ..own },
        r#"{"user_id":"alice","display_name":null,"avatar_file_id":null,"public_key":null,"last_seen_at":null,"waiting":true,"identity_replacement":{"public_key":"cHVibGlj","device_id":"d1","takes_effect_at":1234567890}}"#,
    );
    body(
        &EndReplacement { challenge: opaque(b"challenge"), signature: opaque(b"signature") },
        r#"{"challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl"}"#,
    );
    body(
        &PublishedDeviceList { certificate: opaque(b"certificate"), list: opaque(b"list") },
        r#"{"certificate":"Y2VydGlmaWNhdGU=","list":"bGlzdA=="}"#,
    );
    let enrol = EnrolDevice {
        device_id: device("d2"),
        device_public_key: "cHVibGlj".into(),
        device_name: Some("laptop".into()),
        device_type: Some("cli".into()),
        link_reply: Some(opaque(b"reply")),
    };
    let list = PublishDeviceList { certificate: opaque(b"certificate"), list: opaque(b"list"), enrol: vec![enrol] };
    body(
        &list,
        r#"{"certificate":"Y2VydGlmaWNhdGU=","list":"bGlzdA==","enrol":[{"device_id":"d2","device_public_key":"cHVibGlj","device_name":"laptop","device_type":"cli","link_reply":"cmVwbHk="}]}"#,
    );
    short(r#"{"certificate":"Y2VydGlmaWNhdGU=","list":"bGlzdA=="}"#, &PublishDeviceList { enrol: vec![], ..list });
    body(&LinkReplyForDevice { link_reply: opaque(b"reply") }, r#"{"link_reply":"cmVwbHk="}"#);
    body(
        &SetAccessKey {
            access_key: secret("new"),
            present_access_key: Some(secret("old")),
            challenge: None,
            signature: None,
        },
        r#"{"access_key":"new","present_access_key":"old"}"#,
    );
    body(
        &SetAccessKey {
            access_key: secret("new"),
            present_access_key: None,
            challenge: Some(opaque(b"challenge")),
            signature: Some(opaque(b"signature")),
        },
        r#"{"access_key":"new","challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl"}"#,
    );
    body(
        &StoreBackup {
            backup: opaque(b"sealed"),
            recovery_key: "cmVjb3Zlcnk=".into(),
            challenge: opaque(b"challenge"),
            signature: opaque(b"signature"),
        },
        r#"{"backup":"c2VhbGVk","recovery_key":"cmVjb3Zlcnk=","challenge":"Y2hhbGxlbmdl","signature":"c2lnbmF0dXJl"}"#,
    );
}
