//! Signing in by a signature over a challenge.

use axum::Json;
use axum::extract::State;
use privmsg_mls_public::{AnsweredChallenge, DevicePublicKey, RecoveryPublicKey, SignIn as Statement};
use privmsg_protocol::limits::MAX_NAME_LEN;
use privmsg_protocol::rest::{
    Challenge, ChallengePurpose, ChallengeRequest, DeviceSignIn, LoginResponse, RecoverySignIn,
};
use privmsg_protocol::{DeviceId, ErrorCode, Opaque, Secret, UserId};

use super::auth::{SESSION_SECONDS, short, signed_in};
use super::statements::{challenge, check_challenge, signature, spend_challenge};
use crate::app::{App, AppState, Shown};
use crate::error::ApiError;
use crate::extract;
use crate::http::Peer;
use crate::secrets::{KeyHash, random_key};
use crate::storage::{RemovedDevice, SignIn, Signer, StorageError};

/// Length of a name that a client makes for its device, as the server's own.
const DEVICE_ID_LEN: usize = 16;

/// A public key (the first of RFC 8032's examples) that is verified with where there is none, and lets nobody in: the
/// work, and so the time, is the same.
const NOBODY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72,
    0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

/// A challenge to sign
///
/// Everybody gets one, for users and devices that do not exist as well.
#[utoipa::path(
    post, path = "/auth/challenge", tag = "sessions",
    request_body = ChallengeRequest,
    responses((status = OK, body = Challenge)),
    extensions(("x-errors" = json!([ErrorCode::RateLimited]))),
)]
pub(super) async fn make_challenge(
    State(app): State<AppState>,
    peer: Peer,
    extract::Json(request): extract::Json<ChallengeRequest>,
) -> Result<Json<Challenge>, ApiError> {
    app.allowances.stranger(peer)?;
    let challenge = app.challenges.make(&request.user_id, &request.purpose);
    Ok(Json(Challenge { challenge: Opaque::encode(&challenge) }))
}

/// Sign in by the device key
///
/// A device that was signed out never comes in again, and is told by which other one. An unknown user, an unknown device and a wrong signature get the
/// same answer: `invalid_credentials`, or `server_restored` in the month after a restore.
#[utoipa::path(
    post, path = "/auth/device", tag = "sessions",
    request_body = DeviceSignIn,
    responses((status = OK, body = LoginResponse)),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidCredentials,
        ErrorCode::InvalidRequest,
        ErrorCode::StaleChallenge,
        ErrorCode::ServerRestored,
        ErrorCode::DeviceRemoved,
        ErrorCode::AccountRevoked,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn by_device(
    State(app): State<AppState>,
    peer: Peer,
    extract::Json(request): extract::Json<DeviceSignIn>,
) -> Result<Json<LoginResponse>, ApiError> {
    let DeviceSignIn { user_id, device_id, challenge, signature, device_name, device_type } = request;
    let device_name = short(device_name, MAX_NAME_LEN, "device_name")?;
    let device_type = short(device_type, MAX_NAME_LEN, "device_type")?;
    let (whose, signed) = ((user_id, device_id), (&challenge, &signature));
    let (device, statement) = match signer::<DevicePublicKey>(&app, peer, whose.clone(), signed).await {
        Err(error) if error.is(&ErrorCode::InvalidCredentials) || error.is(&ErrorCode::ServerRestored) => {
            return Err(who_has_removed(&app, whose, signed).await?.unwrap_or(error));
        }
        known => known?,
    };
    let (token, expires_at) = (random_key(), app.clock.now() + SESSION_SECONDS);
    let order = SignIn {
        user: device.user,
        device_id: statement.device_id,
        device_key: device.key,
        device_name,
        device_type,
        token: KeyHash::of(token.expose()),
        expires_at,
    };
    let answered = AnsweredChallenge { challenge: statement.challenge, signature: self::signature(&signature)? };
    let entered = app.storage.sign_in_by_device(order, answered).await?;
    Ok(signed_in(&app, entered, device.profile, token))
}

/// Sign in by the recovery words, as a new device
///
/// The session waits until its device stands in the account's device list.
#[utoipa::path(
    post, path = "/auth/recovery", tag = "sessions",
    request_body = RecoverySignIn,
    responses((status = OK, body = LoginResponse)),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidCredentials,
        ErrorCode::TooManyWrongKeys,
        ErrorCode::InvalidRequest,
        ErrorCode::StaleChallenge,
        ErrorCode::DeviceRemoved,
        ErrorCode::DeviceExists,
        ErrorCode::AccountRevoked,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn by_recovery(
    State(app): State<AppState>,
    peer: Peer,
    extract::Json(request): extract::Json<RecoverySignIn>,
) -> Result<Json<LoginResponse>, ApiError> {
    let device_name = short(request.device_name, MAX_NAME_LEN, "device_name")?;
    let device_type = short(request.device_type, MAX_NAME_LEN, "device_type")?;
    if request.device_id.as_str().len() != DEVICE_ID_LEN {
        return Err(ApiError::invalid("device_id is not 16 random characters"));
    }
    let device_key = request.device_public_key.parse();
    let device_key: DevicePublicKey =
        device_key.map_err(|_| ApiError::invalid("device_public_key is not an Ed25519 public key in base64"))?;
    let (whose, signed) = ((request.user_id, request.device_id), (&request.challenge, &request.signature));
    let (words, statement) = signer::<RecoveryPublicKey>(&app, peer, whose, signed).await?;
    app.allowances.new_device(words.user, Shown::Words)?;
    let token: Secret = random_key();
    let order = SignIn {
        user: words.user,
        device_id: statement.device_id,
        device_key,
        device_name,
        device_type,
        token: KeyHash::of(token.expose()),
        expires_at: app.clock.now() + SESSION_SECONDS,
    };
    let entered = app.storage.sign_in_by_recovery(order, words.key).await?;
    Ok(signed_in(&app, entered, words.profile, token))
}

/// A key that somebody signs in with.
trait SigningKind: Sized {
    /// Whether a signature by another key counts as a wrong key.
    const WRONG_COUNTS: bool;
    /// What is asked for an answer with it.
    fn purpose(device_id: DeviceId) -> ChallengePurpose;
    /// Whose key it is said to be.
    async fn known(app: &App, user_id: UserId, device_id: DeviceId) -> Result<Option<Signer<Self>>, StorageError>;
    /// A key that stands for there being none.
    fn nobody() -> Option<Self>;
    fn has_signed(&self, statement: &Statement, signature: &[u8; 64]) -> bool;
    /// What to answer whose signature it is not.
    async fn refusal(app: &App) -> ApiError;
}

impl SigningKind for DevicePublicKey {
    /// A device that shows its code to another one asks like this every few seconds until it is let in, and would keep everybody
    /// at its address from being heard. If it counted where the device is known only, strangers would learn which are.
    const WRONG_COUNTS: bool = false;

    fn purpose(device_id: DeviceId) -> ChallengePurpose {
        ChallengePurpose::Device(device_id)
    }

    async fn known(app: &App, user_id: UserId, device_id: DeviceId) -> Result<Option<Signer<Self>>, StorageError> {
        app.storage.device_signer(user_id, device_id).await
    }

    fn nobody() -> Option<Self> {
        Self::from_bytes(NOBODY).ok()
    }

    fn has_signed(&self, statement: &Statement, signature: &[u8; 64]) -> bool {
        statement.is_signed_by_device(self, signature)
    }

    /// A device of after the backup is not signed out: another of the account's may have the list in which it stands.
    async fn refusal(app: &App) -> ApiError {
        match app.storage.was_restored_lately().await {
            Ok(true) => {
                let detail = "the server was restored and may not know this device yet; try again later";
                ApiError::new(ErrorCode::ServerRestored, detail)
            }
            Ok(false) => not_theirs(),
            Err(error) => error.into(),
        }
    }
}

impl SigningKind for RecoveryPublicKey {
    const WRONG_COUNTS: bool = true;

    fn purpose(device_id: DeviceId) -> ChallengePurpose {
        ChallengePurpose::Recovery(device_id)
    }

    async fn known(app: &App, user_id: UserId, _: DeviceId) -> Result<Option<Signer<Self>>, StorageError> {
        app.storage.recovery_signer(user_id).await
    }

    fn nobody() -> Option<Self> {
        Self::from_bytes(NOBODY).ok()
    }

    fn has_signed(&self, statement: &Statement, signature: &[u8; 64]) -> bool {
        statement.is_signed_by_recovery(self, signature)
    }

    async fn refusal(_: &App) -> ApiError {
        not_theirs()
    }
}

/// Lets in who has signed, once for each challenge.
async fn signer<K: SigningKind>(
    app: &App,
    peer: Peer,
    (user_id, device_id): (UserId, DeviceId),
    (challenge_text, signature_text): (&Opaque, &Opaque),
) -> Result<(Signer<K>, Statement), ApiError> {
    app.allowances.stranger(peer)?;
    let (challenge, signature) = (challenge(challenge_text)?, signature(signature_text)?);
    let purpose = K::purpose(device_id.clone());
    check_challenge(app, &challenge, &user_id, &purpose)?;
    let known = K::known(app, user_id.clone(), device_id.clone()).await?;
    let statement = Statement { user_id, device_id, challenge };
    let Some(signer) = genuine(known, |key: &K| key.has_signed(&statement, &signature)) else {
        let refusal = K::refusal(app).await;
        if K::WRONG_COUNTS {
            app.keys.note_wrong(Some(&statement.user_id), peer.ip())?;
        }
        return Err(refusal);
    };
    app.keys.forget_wrong(&statement.user_id, peer.ip());
    if signer.revoked {
        return Err(revoked_account());
    }
    spend_challenge(app, &challenge, &statement.user_id, &purpose)?;
    Ok((signer, statement))
}

/// Who has signed. The same work whether there is such a user or not.
fn genuine<K: SigningKind>(known: Option<Signer<K>>, is_genuine: impl Fn(&K) -> bool) -> Option<Signer<K>> {
    if known.is_none() {
        let _ = K::nobody().is_some_and(|key| is_genuine(&key));
    }
    known.filter(|signer| is_genuine(&signer.key))
}

/// What a device is told that was signed out, and has signed with its key: that, and by whom or why.
async fn who_has_removed(
    app: &App,
    (user_id, device_id): (UserId, DeviceId),
    (challenge_text, signature_text): (&Opaque, &Opaque),
) -> Result<Option<ApiError>, ApiError> {
    let (challenge, signature) = (challenge(challenge_text)?, signature(signature_text)?);
    let removed = app.storage.removed_device(user_id.clone(), device_id.clone()).await?;
    let statement = Statement { user_id, device_id, challenge };
    let removed = removed.filter(|removed| statement.is_signed_by_device(&removed.key, &signature));
    Ok(removed.map(|RemovedDevice { by, reason, revoked, .. }| match revoked {
        true => revoked_account(),
        false => ApiError::removed(by, reason),
    }))
}

fn revoked_account() -> ApiError {
    ApiError::new(ErrorCode::AccountRevoked, "the administrator has revoked this account")
}

fn not_theirs() -> ApiError {
    ApiError::new(ErrorCode::InvalidCredentials, "the signature does not belong to this user_id and device_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_nobody_is_a_key() {
        assert!(DevicePublicKey::from_bytes(NOBODY).is_ok() && RecoveryPublicKey::from_bytes(NOBODY).is_ok());
    }

    #[test]
    fn nobody_comes_in_with_a_signature_of_nobodys_key() {
        let known: Option<Signer<DevicePublicKey>> = None;
        assert!(genuine(known, |_| true).is_none());
    }
}
