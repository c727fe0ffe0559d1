//! Signing in, and going to another address.

use privmsg_client::{ClientError, LoginError, RelocationError};
use privmsg_protocol::ErrorCode;

use super::{Described, client, profile};
use crate::exit::Exit;
use crate::lang::Lang;

pub(super) fn describe(lang: Lang, error: &LoginError) -> Described {
    let new = Described::new;
    match error {
        LoginError::Profile(error) => profile::describe(lang, error),
        LoginError::AlreadySignedIn(user) => {
            new(Exit::Other, "already_signed_in", lang.already_signed_in(user.as_str()))
        }
        LoginError::InProgress => new(Exit::Other, "profile_busy", lang.login_in_progress()),
        LoginError::Recovery(error) => recovery(lang, error),
        LoginError::IdentityMismatch => new(Exit::Refused, "identity_mismatch", lang.identity_mismatch()),
        LoginError::BegunAnew => new(Exit::Refused, "identity_replaced", lang.begun_anew()),
        LoginError::ForgedLink => new(Exit::Refused, "forged_link", lang.forged_link()),
        LoginError::Client(ClientError::Server { code, .. }) if is_wrong_credentials(code) => {
            new(Exit::Credentials, code.as_str(), lang.refusal(code))
        }
        LoginError::Client(error) => client::describe(lang, error),
    }
}

pub(super) fn relocation(lang: Lang, error: &RelocationError) -> Described {
    let new = Described::new;
    match error {
        RelocationError::Login(error) => describe(lang, error),
        RelocationError::Unchanged(endpoint) => {
            new(Exit::Other, "already_signed_in", lang.nothing_changes(&endpoint.address.to_string()))
        }
        RelocationError::OtherServer(address) => {
            new(Exit::Refused, "other_server", lang.other_server(&address.to_string()))
        }
        RelocationError::Client(error) => client::describe(lang, error),
    }
}

pub(super) const fn is_wrong_credentials(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidCredentials
            | ErrorCode::TooManyWrongKeys
            | ErrorCode::InvitationUsed
            | ErrorCode::AccountRevoked
    )
}

pub(super) fn recovery(lang: Lang, error: &privmsg_client::RecoveryError) -> Described {
    use privmsg_client::RecoveryError as E;
    let said = match error {
        E::Words => lang.recovery_words(),
        E::WrongKey => lang.recovery_wrong_key(),
        E::Malformed | E::UnsupportedVersion(_) => lang.recovery_backup_unreadable(),
    };
    Described::new(Exit::Credentials, "wrong_recovery_key", said)
}
