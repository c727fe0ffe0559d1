//! What is signed, as it comes in requests. It is verified here, before it goes anywhere.

use privmsg_mls_public::{
    AccountPublicKey, DeviceList, IdentityAction, IdentityRequest, RecoveryPublicKey, SigningKeyCertificate,
    StatementError,
};
use privmsg_protocol::limits::MAX_BACKUP_LEN;
use privmsg_protocol::rest::{ChallengePurpose, IdentityPurpose, SetUpIdentity};
use privmsg_protocol::{ErrorCode, Opaque, UserId};

use crate::app::App;
use crate::challenges::{CHALLENGE_LEN, NotTaken};
use crate::error::ApiError;
use crate::storage::{NewIdentity, Session};

/// Bytes of a signature.
const SIGNATURE_LEN: usize = 64;

pub(super) fn challenge(text: &Opaque) -> Result<[u8; CHALLENGE_LEN], ApiError> {
    let bytes = text.decode().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| ApiError::invalid("challenge is not 32 bytes in base64"))
}

pub(super) fn signature(text: &Opaque) -> Result<[u8; SIGNATURE_LEN], ApiError> {
    let bytes = text.decode().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| ApiError::invalid("signature is not 64 bytes in base64"))
}

fn unusable(error: StatementError) -> ApiError {
    let detail = match error {
        StatementError::Malformed => "the certificate or the device list is malformed",
        StatementError::UpdateNeeded(_) => "the certificate or the device list is of a later version than this server",
        StatementError::Forged => "the certificate or the device list is not signed by who must have signed it",
        StatementError::Other => "the certificate and the device list do not belong together",
    };
    ApiError::new(ErrorCode::InvalidStatement, detail)
}

/// A device list of this user, genuine under the identity that its certificate names.
pub(super) fn device_list(user_id: &UserId, certificate: &Opaque, list: &Opaque) -> Result<DeviceList, ApiError> {
    let bytes = |text: &Opaque| text.decode().ok_or_else(|| unusable(StatementError::Malformed));
    let certificate = SigningKeyCertificate::decode(&bytes(certificate)?).map_err(unusable)?;
    if certificate.user_id() != user_id {
        return Err(ApiError::new(ErrorCode::InvalidStatement, "the certificate is another user's"));
    }
    DeviceList::decode(&bytes(list)?, certificate).map_err(unusable)
}

/// What an identity begins with.
pub(super) fn new_identity(app: &App, session: &Session, body: SetUpIdentity) -> Result<NewIdentity, ApiError> {
    let list = device_list(&session.user_id, &body.certificate, &body.device_list)?;
    let vouches = body.public_key.parse() == Ok(*list.certificate().identity_key());
    if !vouches {
        return Err(ApiError::new(ErrorCode::InvalidStatement, "the certificate is by another key than public_key"));
    }
    sealed(&body.backup)?;
    Ok(NewIdentity {
        list,
        backup: body.backup,
        recovery_key: recovery_key(&body.recovery_key)?,
        max_devices: app.config.limits.max_devices_per_user,
    })
}

pub(super) fn recovery_key(text: &str) -> Result<RecoveryPublicKey, ApiError> {
    text.parse().map_err(|_| ApiError::invalid("recovery_key is not an Ed25519 public key in base64"))
}

/// The bytes of a sealed identity.
pub(super) fn sealed(backup: &Opaque) -> Result<Vec<u8>, ApiError> {
    if backup.is_empty() || backup.len() > MAX_BACKUP_LEN {
        return Err(ApiError::invalid("the backup is empty or too large"));
    }
    backup.decode().ok_or_else(|| ApiError::invalid("the backup is not base64"))
}

/// Refuses an answer to a challenge that is not this user's, for this purpose, and fresh.
pub(super) fn check_challenge(
    app: &App,
    challenge: &[u8; CHALLENGE_LEN],
    user_id: &UserId,
    purpose: &ChallengePurpose,
) -> Result<(), ApiError> {
    if app.challenges.is_good(challenge, user_id, purpose) { Ok(()) } else { Err(stale()) }
}

/// Notes that a challenge was answered with the right signature, which is good once.
pub(super) fn spend_challenge(
    app: &App,
    challenge: &[u8; CHALLENGE_LEN],
    user_id: &UserId,
    purpose: &ChallengePurpose,
) -> Result<(), ApiError> {
    app.challenges.answered(challenge, user_id, purpose).map_err(|error| match error {
        NotTaken::Stale => stale(),
        NotTaken::TooMany(wait_ms) => ApiError::rate_limited(wait_ms),
    })
}

fn stale() -> ApiError {
    ApiError::new(ErrorCode::StaleChallenge, "the challenge is too old, was used, or is for something else")
}

/// The identity of the session's user, which has signed this request.
pub(super) async fn signed_by_identity(
    app: &App,
    session: &Session,
    purpose: IdentityPurpose,
    (challenge_text, signature_text): (&Opaque, &Opaque),
    body: &[u8],
) -> Result<AccountPublicKey, ApiError> {
    let (challenge, signature) = (challenge(challenge_text)?, signature(signature_text)?);
    let identity = app.storage.identity(session.user).await?;
    let identity = identity.ok_or(ApiError::new(ErrorCode::NoDeviceList, "the account has no device list"))?;
    let for_this = ChallengePurpose::Identity(purpose);
    check_challenge(app, &challenge, &session.user_id, &for_this)?;
    let action = match purpose {
        IdentityPurpose::SetAccessKey => IdentityAction::SetAccessKey,
        IdentityPurpose::SealIdentity => IdentityAction::SealIdentity,
        IdentityPurpose::EndReplacement => IdentityAction::EndReplacement,
    };
    let request = IdentityRequest::new(session.user_id.clone(), challenge, action, body);
    if !request.is_signed_by(&identity, &signature) {
        return Err(ApiError::new(
            ErrorCode::InvalidSignature,
            "the signature is not the identity's, over this request",
        ));
    }
    spend_challenge(app, &challenge, &session.user_id, &for_this)?;
    Ok(identity)
}
