//! Stable error codes, the same over REST (`code` in RFC 9457 problem details) and over the WebSocket.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a client should do about an error. Decided here once, so that no front-end guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail again until somebody changes something.
    Never,
    /// The same request may succeed later; wait for `retry_after` if the server names one.
    Later,
    /// The client must first catch up (sign in again, drain its mailbox, refetch a group), then try again.
    AfterCatchUp,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $retry:ident;)*) => {
        /// A named error. The text form never changes its meaning and is never reused.
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A code that this build does not know, from a newer server.
            Other(Box<str>),
        }

        impl ErrorCode {
            /// Every code that this build knows.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The code as it goes over the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The HTTP status that the server answers with.
            #[must_use]
            pub const fn http_status(&self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                    Self::Other(_) => 500,
                }
            }

            /// Whether trying again makes sense. An unknown code is tried again later: losing a message is worse.
            #[must_use]
            pub const fn retry(&self) -> Retry {
                match self {
                    $(Self::$variant => Retry::$retry,)*
                    Self::Other(_) => Retry::Later,
                }
            }
        }

        impl From<&str> for ErrorCode {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

error_codes! {
    /// `user_id` and `access_key` do not belong together. An unknown user gets the same answer.
    InvalidCredentials = "invalid_credentials", 401, Never;
    /// The invitation is right and has been used already: somebody has the account's access key.
    InvitationUsed = "invitation_used", 409, Never;
    /// The access key is right, but the administrator has revoked the account.
    AccountRevoked = "account_revoked", 403, Never;
    /// No session token, or one that the server does not know (any more).
    Unauthorized = "unauthorized", 401, AfterCatchUp;
    /// The session token is too old; sign in again.
    TokenExpired = "token_expired", 401, AfterCatchUp;
    /// The admin key is wrong or missing.
    AdminKeyInvalid = "admin_key_invalid", 401, Never;
    /// A REST body, query or path that cannot be understood.
    MalformedRequest = "malformed_request", 400, Never;
    /// A well-formed request that breaks a rule, named in the message.
    InvalidRequest = "invalid_request", 422, Never;
    /// No such endpoint.
    NotFound = "not_found", 404, Never;
    /// The endpoint exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405, Never;
    /// A REST body over the limit of its endpoint.
    BodyTooLarge = "body_too_large", 413, Never;
    /// A WebSocket frame that is not JSON of the form `{type, payload}`, or lacks a field.
    MalformedFrame = "malformed_frame", 400, Never;
    /// A WebSocket frame of a type that the server does not know.
    UnknownFrameType = "unknown_frame_type", 400, Never;
    /// A WebSocket frame other than `authenticate` or `ping` before `authenticated`.
    NotAuthenticated = "not_authenticated", 401, AfterCatchUp;
    /// A WebSocket frame larger than the server reads.
    FrameTooLarge = "frame_too_large", 413, Never;
    /// `encrypted_content` over `max_message_size_kb`.
    MessageTooLarge = "message_too_large", 413, Never;
    /// A commit, welcome, group info or ratchet tree over `max_handshake_size_kb`, or longer than a group of so many leaves
    /// needs.
    HandshakeTooLarge = "handshake_too_large", 413, Never;
    /// A group or commit that is no valid MLS, breaks a rule of conversations, or is not what the request says it is.
    InvalidHandshake = "invalid_handshake", 422, Never;
    /// `sender_id` is not the user of this session.
    SenderMismatch = "sender_mismatch", 403, Never;
    /// This device has already used the `message_id` for another recipient or group.
    MessageIdConflict = "message_id_conflict", 409, Never;
    /// What this user has sent and nobody has fetched takes `max_waiting_mb_per_user`. Nothing was stored for anybody.
    MailboxFull = "mailbox_full", 507, Later;
    /// This user has written to `max_new_requests_per_day` people today who have not answered yet.
    TooManyRequests = "too_many_requests", 429, Later;
    /// Nobody there has answered yet, and no more than `max_request_messages_per_day` may be said until then.
    AwaitsAnswer = "awaits_answer", 429, Later;
    /// Too many messages or requests; the answer says when to try again.
    RateLimited = "rate_limited", 429, Later;
    /// The key is wrong, as too many before it were, from this address or for this user. A right one is always taken.
    TooManyWrongKeys = "too_many_wrong_keys", 429, Later;
    /// No such user, or a user that has been revoked.
    UnknownRecipient = "unknown_recipient", 404, Never;
    /// The user exists, but is not signed in on any device; in a group, none of the other users is.
    RecipientHasNoDevices = "recipient_has_no_devices", 409, Later;
    /// The other users are signed in, but none of their devices has come back to the group since a backup was restored, or since
    /// it was put out of it for staying away.
    RecipientNotBack = "recipient_not_back", 409, Later;
    /// No such user (administration, profiles).
    UnknownUser = "unknown_user", 404, Never;
    /// The `user_id` is taken.
    UserExists = "user_exists", 409, Never;
    /// No such device of this user.
    UnknownDevice = "unknown_device", 404, Never;
    /// No such group, or one that this user does not take part in.
    UnknownGroup = "unknown_group", 404, Never;
    /// The user takes part in the group, but this device is not a leaf of it (any more): join it anew.
    NotAMember = "not_a_member", 403, AfterCatchUp;
    /// The epoch named is not the group's current one, which the answer gives.
    StaleEpoch = "stale_epoch", 409, AfterCatchUp;
    /// These two users (or this user, for notes) already have a conversation, which the answer names.
    ConversationExists = "conversation_exists", 409, AfterCatchUp;
    /// The conversation has had this incarnation already, or a later one, which the answer gives.
    StaleIncarnation = "stale_incarnation", 409, AfterCatchUp;
    /// The incarnation is too far above the newest one that the server knows, which the answer gives if there is one.
    IncarnationAhead = "incarnation_ahead", 409, AfterCatchUp;
    /// The roster does not come after the newest one that the server has: read the group again.
    StaleRoster = "stale_roster", 409, AfterCatchUp;
    /// A roster that is malformed, forged or of another group, that its author may not write, or with somebody who has
    /// another identity.
    InvalidRoster = "invalid_roster", 422, Never;
    /// Others could not use what this device has committed in the conversation: it commits and begins nothing there for a day.
    CommitsSuspended = "commits_suspended", 403, Later;
    /// The groups that the user has created take all of `max_group_mb_per_user`.
    TooManyGroups = "too_many_groups", 429, Later;
    /// The account already has another identity key.
    IdentityExists = "identity_exists", 409, Never;
    /// The account has no encrypted backup.
    NoBackup = "no_backup", 404, Never;
    /// The session waits to be let in: this device does not stand in the account's device list.
    DeviceNotListed = "device_not_listed", 403, AfterCatchUp;
    /// This device key was signed out, and never comes in again.
    DeviceRemoved = "device_removed", 403, Never;
    /// The server was restored from a backup lately, and may not know this device yet. It has not been signed out.
    ServerRestored = "server_restored", 503, Later;
    /// The `device_id` is another device's.
    DeviceExists = "device_exists", 409, Never;
    /// The challenge is too old, was used, or was made for something else; ask for another one.
    StaleChallenge = "stale_challenge", 409, AfterCatchUp;
    /// The signature is not by the key that must have made it.
    InvalidSignature = "invalid_signature", 403, Never;
    /// The account has an identity: this needs a signature of it, of its devices, or a device list.
    SignatureRequired = "signature_required", 403, Never;
    /// A certificate or device list that is malformed, forged, about somebody else, or newer than the server.
    InvalidStatement = "invalid_statement", 422, Never;
    /// The account has no device list.
    NoDeviceList = "no_device_list", 404, Never;
    /// The list is by another identity than the account's.
    OtherIdentity = "other_identity", 409, Never;
    /// `If-Match` is missing.
    PreconditionRequired = "precondition_required", 428, Never;
    /// The device list is not the one that `If-Match` names: read it, and make the next.
    ListChanged = "list_changed", 412, AfterCatchUp;
    /// The number of the list is not higher than that of the present one.
    ListNotNewer = "list_not_newer", 409, AfterCatchUp;
    /// The number of the list is more than a day ahead of the server's clock.
    ListAhead = "list_ahead", 422, Later;
    /// Too many device lists in one day.
    TooManyLists = "too_many_lists", 429, Later;
    /// Nobody has answered this device.
    NoLinkReply = "no_link_reply", 404, Later;
    /// Another replacement of the identity has begun.
    ReplacementPending = "replacement_pending", 409, Never;
    /// There is no replacement of the identity.
    NoReplacement = "no_replacement", 404, Never;
    /// No such file, or it has expired.
    UnknownFile = "unknown_file", 404, Never;
    /// A file over `max_file_size_mb`.
    FileTooLarge = "file_too_large", 413, Never;
    /// No such resumable upload of this user, or it has expired.
    UnknownUpload = "unknown_upload", 404, Never;
    /// The upload goes on at another byte than `Upload-Offset` says; ask where.
    UploadOffsetMismatch = "upload_offset_mismatch", 409, AfterCatchUp;
    /// Another request is adding to the upload.
    UploadLocked = "upload_locked", 423, Later;
    /// The bytes do not have the checksum that was sent with them. None of them was kept.
    ChecksumMismatch = "checksum_mismatch", 460, Later;
    /// `max_unfinished_uploads` of this user are under way.
    TooManyUploads = "too_many_uploads", 429, Later;
    /// `Tus-Resumable` is missing or names another version.
    UnsupportedTusVersion = "unsupported_tus_version", 412, Never;
    /// The body is of another type than the endpoint takes.
    UnsupportedMediaType = "unsupported_media_type", 415, Never;
    /// The file is not the one that `If-Match` or `If-Unmodified-Since` asks for.
    PreconditionFailed = "precondition_failed", 412, Never;
    /// The file has none of the bytes asked for.
    RangeNotSatisfiable = "range_not_satisfiable", 416, Never;
    /// The server's disk is full.
    StorageFull = "storage_full", 507, Later;
    /// TURN is not configured on this server.
    TurnDisabled = "turn_disabled", 404, Never;
    /// The server is stopping; come back after a moment.
    ShuttingDown = "shutting_down", 503, Later;
    /// A fault of the server's own; its log says more.
    Internal = "internal", 500, Later;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(std::borrow::Cow::<'de, str>::deserialize(d)?.as_ref().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_survive_the_wire() {
        let mut texts: Vec<_> = ErrorCode::ALL.iter().map(ErrorCode::as_str).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(&serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
            assert!((400..=599).contains(&code.http_status()));
        }
    }

    #[test]
    fn an_unknown_code_is_kept() {
        let code: ErrorCode = serde_json::from_str("\"from_the_future\"").unwrap();
        assert_eq!(code, ErrorCode::Other("from_the_future".into()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"from_the_future\"");
        assert_eq!(code.retry(), Retry::Later);
    }
}
