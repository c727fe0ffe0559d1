//! Arbitrary values of everything that goes over the wire.

use privmsg_protocol::frames::*;
use privmsg_protocol::limits::MAX_COUNTER;
use privmsg_protocol::rest::*;
use privmsg_protocol::*;
use proptest::collection::vec;
use proptest::option::of as opt;
use proptest::prelude::*;

/// `make!(Type { field: strategy, … })`: a struct from a strategy for each field.
macro_rules! make {
    ($name:ident { $($field:ident: $strategy:expr),+ $(,)? }) => {
        ($($strategy,)+).prop_map(|($($field,)+)| $name { $($field),+ })
    };
}

/// Functions that return a strategy each.
macro_rules! strategies {
    ($($fun:ident() -> $name:ident = $strategy:expr;)+) => {
        $(pub(crate) fn $fun() -> impl Strategy<Value = $name> { $strategy })+
    };
}

const ID: &str = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}";

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn boxed() -> impl Strategy<Value = Box<str>> {
    text().prop_map(Into::into)
}

/// Numbers of which `f64`'s shortest text is exact, so that bytes can be compared.
fn megabytes() -> impl Strategy<Value = f64> {
    any::<u32>().prop_map(|n| f64::from(n) / 4.0)
}

strategies! {
    user() -> UserId = ID.prop_map(|s| s.parse().unwrap());
    device() -> DeviceId = ID.prop_map(|s| s.parse().unwrap());
    file() -> FileId = ID.prop_map(|s| s.parse().unwrap());
    message_id() -> MessageId = any::<[u8; 16]>().prop_map(MessageId::from_bytes);
    group_id() -> GroupId = any::<[u8; 16]>().prop_map(GroupId::from_bytes);
    chat_id() -> ConversationId = any::<[u8; 32]>().prop_map(ConversationId::from_bytes);
    incarnation() -> Incarnation = any::<u32>().prop_map(Incarnation);
    epoch() -> Epoch = (0..=MAX_COUNTER).prop_map(Epoch);
    seq() -> Seq = (0..=MAX_COUNTER).prop_map(Seq);
    secret() -> Secret = text().prop_map(Secret::new);
    opaque() -> Opaque = vec(any::<u8>(), 0..96).prop_map(|b| Opaque::encode(&b));
    error_code() -> ErrorCode = prop_oneof![
        proptest::sample::select(ErrorCode::ALL),
        text().prop_map(|s| s.as_str().into()),
    ];
    message_type() -> MessageType = prop_oneof![
        proptest::sample::select(MessageType::ALL),
        "\\PC{1,16}".prop_map(|s| s.as_str().into()),
    ];
    status() -> PresenceStatus = proptest::sample::select(&[
        PresenceStatus::Online, PresenceStatus::Away, PresenceStatus::Busy, PresenceStatus::Offline,
    ][..]);
    kind() -> GroupKind = proptest::sample::select(&[
        GroupKind::Direct, GroupKind::Group, GroupKind::SelfNotes,
    ][..]);
}

// Frames
strategies! {
    send_message() -> SendMessage = make!(SendMessage {
        message_id: message_id(), sender_id: user(), recipient_id: opt(user()), group_id: opt(group_id()),
        epoch: opt(epoch()), encrypted_content: opaque(), message_type: message_type(), timestamp: any::<i64>(),
        by_person: opt(any::<bool>()),
    });
    delivered() -> DeliveredMessage = make!(DeliveredMessage {
        message_id: message_id(), sender_id: user(), sender_device_id: opt(device()), recipient_id: opt(user()),
        group_id: opt(group_id()), epoch: opt(epoch()), seq: opt(seq()), first_seq: opt(seq()), encrypted_content: opaque(),
        message_type: message_type(), timestamp: any::<i64>(),
    });
    accepted() -> Accepted = make!(Accepted { message_id: message_id(), group_id: group_id(), seq: seq() });
    ack() -> Ack = make!(Ack { message_ids: vec(message_id(), 0..4), accepted: vec(accepted(), 0..3) });
    call_signal() -> CallSignal = make!(CallSignal {
        recipient_id: user(), sender_id: opt(user()), sender_device_id: opt(device()), encrypted_content: opaque(),
    });
    error_frame() -> ErrorFrame = make!(ErrorFrame {
        code: error_code(), message: boxed(), message_id: opt(message_id()), retry_after_ms: opt(any::<u64>()),
        epoch: opt(epoch()),
    });
    client_frame() -> ClientFrame = prop_oneof![
        make!(Authenticate { token: secret() }).prop_map(ClientFrame::Authenticate),
        send_message().prop_map(ClientFrame::Message),
        ack().prop_map(ClientFrame::Ack),
        make!(SendTyping { recipient_id: user(), is_typing: any::<bool>() }).prop_map(ClientFrame::Typing),
        make!(SendPresence { status: status() }).prop_map(ClientFrame::Presence),
        call_signal().prop_map(ClientFrame::CallSignal),
        Just(ClientFrame::Ping),
    ];
    server_frame() -> ServerFrame = prop_oneof![
        make!(Authenticated { user_id: user(), device_id: device(), protocol_version: any::<u32>() })
            .prop_map(ServerFrame::Authenticated),
        delivered().prop_map(ServerFrame::Message),
        Just(ServerFrame::CaughtUp),
        ack().prop_map(ServerFrame::Ack),
        make!(Typing { user_id: user(), is_typing: any::<bool>() }).prop_map(ServerFrame::Typing),
        make!(Presence { user_id: user(), status: status() }).prop_map(ServerFrame::Presence),
        call_signal().prop_map(ServerFrame::CallSignal),
        Just(ServerFrame::Pong),
        error_frame().prop_map(ServerFrame::Error),
    ];
}

// REST bodies, in the order of `rest`
strategies! {
    health() -> Health = make!(Health { status: boxed(), timestamp: any::<i64>(), version: boxed() });
    problem() -> Problem = make!(Problem {
        kind: boxed(), title: boxed(), status: any::<u16>(), code: error_code(), detail: boxed(),
        retry_after_ms: opt(any::<u64>()), epoch: opt(epoch()), group_id: opt(group_id()),
        incarnation: opt(incarnation()), device_id: opt(device()), reason: opt(boxed()),
    });
    login_request() -> LoginRequest = make!(LoginRequest {
        user_id: user(), access_key: secret(), device_name: opt(text()), device_type: opt(text()),
        device_public_key: opt(text()),
    });
    login_response() -> LoginResponse = make!(LoginResponse {
        token: secret(), device_id: device(), expires_at: any::<i64>(), user: profile(),
        waiting: any::<bool>(), answered: vec(opaque(), 0..3),
    });
    kept_out() -> KeptOut = make!(KeptOut { group_id: group_id(), chat_id: chat_id(), by: opt(user()) });
    requests() -> Requests = make!(Requests {
        unanswered: vec(group_id(), 0..3), declined: vec(group_id(), 0..3), kept_out: vec(kept_out(), 0..2),
    });
    refresh_request() -> RefreshRequest = make!(RefreshRequest { token: opt(secret()) });
    refresh_response() -> RefreshResponse = make!(RefreshResponse { token: secret(), expires_at: any::<i64>() });
    profile() -> UserProfile = make!(UserProfile {
        user_id: user(), display_name: opt(text()), avatar_file_id: opt(file()), public_key: opt(text()),
        last_seen_at: opt(text()),
    });
    update_profile() -> UpdateProfile = make!(UpdateProfile {
        display_name: opt(text()), avatar_file_id: opt(file()), public_key: opt(text()),
    });
    one_device() -> Device = make!(Device {
        device_id: device(), device_name: opt(text()), device_type: opt(text()), device_public_key: opt(text()),
        created_at: text(), last_seen_at: opt(text()), current: any::<bool>(),
        waiting: any::<bool>(),
    });
    blocked_users() -> BlockedUsers = make!(BlockedUsers { blocked: vec(one_blocked(), 0..3) });
    one_blocked() -> BlockedUser = make!(BlockedUser { user_id: user(), blocked_at: any::<i64>() });
    devices() -> Devices = make!(Devices { devices: vec(one_device(), 0..3) });
    pending() -> PendingMessages = make!(PendingMessages {
        messages: vec(delivered(), 0..3), has_more: any::<bool>(), newest: opt(message_id()),
    });
    ack_request() -> AckRequest = make!(AckRequest { message_ids: vec(message_id(), 0..4) });
    upload_response() -> UploadResponse = make!(UploadResponse { file_id: file(), expires_at: any::<i64>() });
    turn() -> TurnCredentials = make!(TurnCredentials {
        urls: vec(text(), 0..3), username: text(), credential: secret(), credential_type: text(), ttl: any::<u64>(),
    });
    create_user() -> CreateUser = make!(CreateUser { admin_key: opt(secret()), user_id: opt(user()) });
    created_user() -> CreatedUser = make!(CreatedUser { user_id: user(), access_key: secret() });
    admin_request() -> AdminRequest = make!(AdminRequest { admin_key: opt(secret()) });
    stats() -> Stats = make!(Stats {
        total_users: any::<u64>(), active_users: any::<u64>(), online_users: any::<u64>(),
        pending_messages: any::<u64>(), stored_files: any::<u64>(), storage_used_mb: megabytes(),
    });
    publish() -> PublishKeyPackages = make!(PublishKeyPackages {
        key_packages: vec(opaque(), 0..3), last_resort: opt(opaque()),
    });
    stock() -> KeyPackageStock = make!(KeyPackageStock { count: any::<u64>(), last_resort: any::<bool>() });
    claim() -> ClaimKeyPackages = make!(ClaimKeyPackages { device_ids: opt(vec(device(), 0..3)) });
    claimed() -> ClaimedKeyPackages = make!(ClaimedKeyPackages {
        key_packages: vec(make!(DeviceKeyPackage { device_id: device(), key_package: opaque() }), 0..3),
    });
    claim_of() -> ClaimOf = make!(ClaimOf { user_id: user(), device_ids: opt(vec(device(), 0..3)) });
    claim_many() -> ClaimMany = make!(ClaimMany { claims: vec(claim_of(), 0..3) });
    claimed_of() -> ClaimedOf = make!(ClaimedOf {
        user_id: user(), refused: opt(error_code()),
        key_packages: vec(make!(DeviceKeyPackage { device_id: device(), key_package: opaque() }), 0..3),
    });
    claimed_many() -> ClaimedMany = make!(ClaimedMany { users: vec(claimed_of(), 0..3) });
    welcome() -> SharedWelcome = make!(SharedWelcome {
        group_info: opaque(),
        secrets: vec(make!(JoinerSecrets { device_id: device(), secrets: opaque() }), 0..3),
    });
    roster_name() -> RosterName = make!(RosterName { number: any::<u64>(), hash: opaque() });
    leave_group() -> LeaveGroup = make!(LeaveGroup { roster: opt(opaque()) });
    public_state() -> PublicGroupState = make!(PublicGroupState { group_info: opaque(), ratchet_tree: opaque() });
    create_group() -> CreateGroup = make!(CreateGroup {
        kind: kind(), participants: vec(user(), 0..3), incarnation: incarnation(), founding_roster: opt(opaque()),
        roster: opt(opaque()), steps: vec(opaque(), 0..3), welcome: opt(welcome()), state: public_state(),
    });
    submit_commit() -> SubmitCommit = make!(SubmitCommit {
        message_id: message_id(), epoch: epoch(), commit: opaque(), welcome: opt(welcome()), group_info: opaque(),
        evidence: vec(published_list(), 0..2),
    });
    commit_accepted() -> CommitAccepted = make!(CommitAccepted { epoch: epoch(), seq: seq() });
    group_device() -> GroupDevice = make!(GroupDevice {
        user_id: user(), device_id: device(), leaf: any::<bool>(), active: any::<bool>(),
        no_commits_until: opt(any::<i64>()),
    });
    roster_steps() -> RosterSteps = make!(RosterSteps { rosters: vec(opaque(), 0..3), has_more: any::<bool>() });
    taken_commit() -> TakenCommit = make!(TakenCommit {
        user_id: user(), device_id: device(), external: any::<bool>(), group_info: opaque(),
    });
    unusable() -> UnusableCommit = any::<bool>().prop_map(|group_info| UnusableCommit { group_info });
    group() -> Group = make!(Group {
        group_id: group_id(), kind: kind(), chat_id: chat_id(), incarnation: incarnation(), epoch: epoch(), seq: seq(),
        participants: vec(user(), 0..3),
        devices: vec(group_device(), 0..3), roster: opt(roster_name()), steps: vec(opaque(), 0..3),
    });
    unchanged() -> UnchangedGroup = make!(UnchangedGroup { group_id: group_id(), epoch: epoch(), seq: seq() });
    groups() -> Groups = make!(Groups {
        groups: vec(group(), 0..3), unchanged: vec(unchanged(), 0..3), cursor: text(), lineage: text(),
    });
    state_at() -> GroupStateAt = make!(GroupStateAt {
        epoch: epoch(), seq: seq(), state: public_state(), roster: opt(opaque()), founding_roster: opt(opaque()),
    });
    sealed() -> SealedIdentity = make!(SealedIdentity { backup: opaque(), earlier: vec(opaque(), 0..3) });
    identity_purpose() -> IdentityPurpose = proptest::sample::select(&[
        IdentityPurpose::SetAccessKey, IdentityPurpose::SealIdentity, IdentityPurpose::EndReplacement,
    ][..]);
    purpose() -> ChallengePurpose = prop_oneof![
        device().prop_map(ChallengePurpose::Device),
        device().prop_map(ChallengePurpose::Recovery),
        identity_purpose().prop_map(ChallengePurpose::Identity),
    ];
    challenge_request() -> ChallengeRequest = make!(ChallengeRequest { user_id: user(), purpose: purpose() });
    challenge() -> Challenge = make!(Challenge { challenge: opaque() });
    device_sign_in() -> DeviceSignIn = make!(DeviceSignIn {
        user_id: user(), device_id: device(), challenge: opaque(), signature: opaque(), device_name: opt(text()),
        device_type: opt(text()),
    });
    recovery_sign_in() -> RecoverySignIn = make!(RecoverySignIn {
        user_id: user(), device_id: device(), device_public_key: text(), device_name: opt(text()),
        device_type: opt(text()), challenge: opaque(), signature: opaque(),
    });
    set_up_identity() -> SetUpIdentity = make!(SetUpIdentity {
        public_key: text(), certificate: opaque(), device_list: opaque(), backup: opaque(), recovery_key: text(),
    });
    replace_identity() -> ReplaceIdentity = make!(ReplaceIdentity { access_key: secret(), identity: set_up_identity() });
    replacement() -> IdentityReplacement = make!(IdentityReplacement {
        public_key: text(), device_id: device(), takes_effect_at: any::<i64>(),
    });
    end_replacement() -> EndReplacement = make!(EndReplacement { challenge: opaque(), signature: opaque() });
    own_profile() -> OwnProfile = make!(OwnProfile {
        profile: profile(), waiting: any::<bool>(), identity_replacement: opt(replacement()),
    });
    published_list() -> PublishedDeviceList = make!(PublishedDeviceList { certificate: opaque(), list: opaque() });
    enrol() -> EnrolDevice = make!(EnrolDevice {
        device_id: device(), device_public_key: text(), device_name: opt(text()), device_type: opt(text()),
        link_reply: opt(opaque()),
    });
    publish_list() -> PublishDeviceList = make!(PublishDeviceList {
        certificate: opaque(), list: opaque(), enrol: vec(enrol(), 0..3),
    });
    link_reply() -> LinkReplyForDevice = make!(LinkReplyForDevice { link_reply: opaque() });
    set_access_key() -> SetAccessKey = make!(SetAccessKey {
        access_key: secret(), present_access_key: opt(secret()), challenge: opt(opaque()), signature: opt(opaque()),
    });
    store_backup() -> StoreBackup = make!(StoreBackup {
        backup: opaque(), recovery_key: text(), challenge: opaque(), signature: opaque(),
    });
}
