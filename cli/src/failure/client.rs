//! What the library of all clients says, and its engine.

use privmsg_client::{ClientError, EngineError, SHORTEST_GROUP_NAME, SignOutCause, SignedOut, causes};
use privmsg_protocol::ErrorCode;

use super::login::is_wrong_credentials;
use super::profile::store;
use super::{Described, network};
use crate::chat_name::name_of;
use crate::commands::time;
use crate::exit::Exit;
use crate::lang::Lang;

pub(super) fn engine(lang: Lang, error: &EngineError) -> Described {
    let new = Described::new;
    match error {
        EngineError::SignedOut(why) => signed_out(lang, why),
        EngineError::NotSignedIn => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        EngineError::KeyInUseElsewhere => new(Exit::NotSignedIn, "key_in_use_elsewhere", lang.key_in_use_elsewhere()),
        EngineError::Replaced => new(Exit::Other, "taken_over", lang.taken_over()),
        EngineError::ProfileInUse => new(Exit::Other, "profile_busy", lang.profile_in_use()),
        EngineError::Store(error) => store(lang, error),
        EngineError::Lock(source) => new(Exit::File, "file", lang.file_failed("engine.lock", &lang.io(source))),
        EngineError::Ended(_) => new(Exit::Other, "internal", lang.internal(&causes(error))),
    }
}

/// Why this device is signed out: each time that somebody asks something of it.
pub(super) fn signed_out(lang: Lang, SignedOut { cause, at_ms }: &SignedOut) -> Described {
    signed_out_for(lang, cause, Some(&time::local(*at_ms)))
}

fn signed_out_for(lang: Lang, cause: &SignOutCause, at: Option<&str>) -> Described {
    let code = match cause {
        SignOutCause::Here => "not_signed_in",
        SignOutCause::Forgotten | SignOutCause::Device(_) | SignOutCause::Administrator => "signed_out",
        SignOutCause::Deactivated => "account_revoked",
        SignOutCause::Deleted => "account_deleted",
        SignOutCause::Replaced => "identity_replaced",
        SignOutCause::KeyElsewhere => "key_in_use_elsewhere",
    };
    Described::new(Exit::NotSignedIn, code, lang.signed_out_for(cause, at))
}

pub(super) fn describe(lang: Lang, error: &ClientError) -> Described {
    let new = Described::new;
    match error {
        ClientError::GoingAway { .. } => new(Exit::Network, "network", lang.restarting()),
        ClientError::Network(error) => network::describe(lang, error),
        ClientError::Replaced => new(Exit::Other, "taken_over", lang.taken_over()),
        ClientError::Server { code: ErrorCode::Unauthorized | ErrorCode::NotAuthenticated, .. } => {
            new(Exit::NotSignedIn, "signed_out", lang.signed_out())
        }
        ClientError::NotListed | ClientError::Server { code: ErrorCode::DeviceNotListed, .. } => {
            new(Exit::NotSignedIn, "device_not_listed", lang.waits_to_be_let_in())
        }
        ClientError::Server { code, .. } if is_wrong_credentials(code) => {
            new(Exit::NotSignedIn, code.as_str(), lang.refusal(code))
        }
        ClientError::Server { code: code @ ErrorCode::UnknownFile, .. } => {
            new(Exit::File, code.as_str(), lang.refused(&lang.refusal(code)))
        }
        ClientError::Server { code, .. } => new(Exit::Refused, code.as_str(), lang.refused(&lang.refusal(code))),
        ClientError::Protocol(detail) => new(Exit::Network, "not_privmsg", lang.not_privmsg(detail)),
        ClientError::Store(error) => store(lang, error),
        ClientError::Internal { .. } => new(Exit::Other, "internal", lang.internal(&causes(error))),
        ClientError::Damaged(what) => new(Exit::File, "profile_damaged", lang.damaged(what)),
        ClientError::NoRandomness => new(Exit::Other, "internal", lang.no_randomness()),
        ClientError::DeviceForgotten(cause) => signed_out_for(lang, cause, None),
        ClientError::KeyInUseElsewhere => new(Exit::NotSignedIn, "key_in_use_elsewhere", lang.key_in_use_elsewhere()),
        ClientError::PathNotUnicode => new(Exit::File, "file", lang.path_not_unicode()),
        ClientError::NoSuchMessage => new(Exit::Other, "no_message", lang.no_such_message()),
        ClientError::AmbiguousMessage => new(Exit::Other, "ambiguous_message", lang.ambiguous_message()),
        ClientError::NotTheAuthor => new(Exit::Other, "not_the_author", lang.not_the_author()),
        ClientError::Unchanged => new(Exit::Other, "unchanged", lang.unchanged()),
        ClientError::NotChangeable => new(Exit::Other, "not_changeable", lang.not_changeable()),
        ClientError::Blocked(user) => new(Exit::Other, "user_blocked", lang.user_blocked(user.as_str())),
        ClientError::Unreachable { user, why } => {
            new(Exit::Network, why.as_str(), lang.unreachable_person(*why, Some(user)))
        }
        ClientError::ServerTooOld(_) => new(Exit::Network, "server_too_old", lang.server_too_old()),
        ClientError::UpdateNeeded(_) => new(Exit::Other, "update_needed", lang.update_needed()),
        ClientError::JoinedTooOften { .. } => new(Exit::Other, "joined_too_often", lang.joined_too_often()),
        ClientError::IdentityRefused => new(Exit::Other, "identity_refused", lang.identity_refused()),
        ClientError::IdentityToAccept => new(Exit::Other, "identity_to_accept", lang.identity_to_accept()),
        ClientError::AnotherNumber(user) => {
            new(Exit::IdentityChanged, "another_safety_number", lang.another_safety_number(user.as_str()))
        }
        ClientError::AnotherKey(user) => new(Exit::IdentityChanged, "another_key", lang.another_key(user.as_str())),
        ClientError::KeyChanged(user) => {
            new(Exit::IdentityChanged, "identity_changed", lang.identity_blocked(user.as_str()))
        }
        ClientError::NoSuchDevice => {
            let code = ErrorCode::UnknownDevice;
            new(Exit::Refused, code.as_str(), lang.refusal(&code))
        }
        ClientError::NeverListed => new(Exit::Usage, "never_listed", lang.never_listed()),
        ClientError::ClocksDiffer { ahead_ms } => new(Exit::Other, "clocks_differ", lang.clocks_differ(*ahead_ms)),
        ClientError::AnotherServer(server) => new(Exit::Other, "another_server", lang.another_server(server)),
        ClientError::AnotherOwnIdentity => new(Exit::Refused, "another_own_identity", lang.another_own_identity()),
        ClientError::Recovery(error) => super::login::recovery(lang, error),
        ClientError::FormerWords => new(Exit::Credentials, "former_recovery_key", lang.recovery_former_key()),
        ClientError::NoSigningKey => new(Exit::Other, "no_signing_key", lang.no_signing_key()),
        ClientError::AnotherUsersCode(user) => {
            new(Exit::Usage, "another_users_code", lang.another_users_code(user.as_str()))
        }
        ClientError::OwnLink => new(Exit::Usage, "own_link", lang.own_contact_link()),
        ClientError::NoSuchGroup(name) => new(Exit::Usage, "no_such_group", lang.no_such_group(name)),
        ClientError::GroupNameTooShort(name) => {
            let said = lang.group_name_too_short(name, SHORTEST_GROUP_NAME);
            new(Exit::Usage, "no_such_group", said)
        }
        ClientError::SeveralGroups { name, groups } => {
            let ids: Vec<_> = groups.iter().map(name_of).collect();
            new(Exit::Usage, "several_groups", lang.several_groups(name, &ids.join(", ")))
        }
        ClientError::GroupUnsettled => new(Exit::Other, "group_unsettled", lang.group_unsettled()),
        ClientError::NotInGroup => new(Exit::Refused, "not_in_group", lang.no_longer_in_group()),
        ClientError::GroupChange(error) => new(Exit::Refused, &error.to_string(), lang.group_change(*error)),
        ClientError::Unjoinable => new(Exit::Other, "encryption", lang.unusable()),
        ClientError::Content(privmsg_client::ContentError::Emoji) => new(Exit::Usage, "usage", lang.not_an_emoji()),
        ClientError::Content(privmsg_client::ContentError::Size("title")) => {
            new(Exit::Usage, "bad_title", lang.bad_title())
        }
        ClientError::NoSuchUser(user) => new(Exit::Refused, "unknown_user", lang.no_such_user(user.as_str())),
        ClientError::Content(privmsg_client::ContentError::Size(_)) => new(
            Exit::Usage,
            "message_too_long",
            lang.message_unfit(&lang.message_too_long(privmsg_client::MAX_TEXT_LEN)),
        ),
        ClientError::Content(error) => new(Exit::Other, "message", lang.message_unfit(&error.to_string())),
        ClientError::NotSignedIn => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        ClientError::File { path, source } => new(Exit::File, "file", lang.file_failed(path, &lang.io(source))),
        ClientError::Disk(_) => new(Exit::File, "disk", lang.disk_unusable()),
        ClientError::NoSuchAttachment => new(Exit::File, "no_attachment", lang.no_attachment()),
        ClientError::AlteredFile => new(Exit::File, "altered_file", lang.altered_file()),
        ClientError::UnknownContact(user) => new(Exit::Other, "unknown_contact", lang.unknown_contact(user.as_str())),
        ClientError::NotForwardable => new(Exit::Other, "not_forwardable", lang.not_forwardable()),
        ClientError::TooMuchToForward => {
            new(Exit::Other, "not_forwardable", lang.too_much_to_forward(privmsg_client::MAX_FORWARDED >> 20))
        }
        ClientError::Key(error) => super::profile::key(lang, error),
        ClientError::NotMade(code) => new(Exit::Refused, code.as_str(), lang.not_changed(&lang.refusal(code))),
        ClientError::ProfileInUse => new(Exit::Other, "profile_busy", lang.profile_in_use()),
    }
}
