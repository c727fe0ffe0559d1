//! Device lists, and what a device is told that has been let in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use privmsg_protocol::limits::MAX_NAME_LEN;
use privmsg_protocol::rest::{EnrolDevice, LinkReplyForDevice, PublishDeviceList, PublishedDeviceList};
use privmsg_protocol::{ErrorCode, Opaque, UserId};
use sha2::{Digest as _, Sha256};

use super::auth::short;
use super::statements::device_list;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, AnySession, Params};
use crate::hub::CloseReason;
use crate::storage::{Enrolment, NewList, SharedStorage, not_listed};

/// Longest answer to a new device, in characters of base64: a certificate, a list, and what is sealed of contacts' keys.
const MAX_LINK_REPLY: usize = 52 * 1024;

/// Bytes of a hash.
const HASH_LEN: usize = 32;

/// Somebody's device list
///
/// `ETag` is the SHA-256 of the list in hexadecimal.
#[utoipa::path(
    get, path = "/users/{user_id}/device-list", tag = "identity",
    params(("user_id" = UserId, Path, description = "Account")),
    responses((status = OK, body = PublishedDeviceList, headers(("ETag" = String, description = "Names the list")))),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::NoDeviceList]))),
)]
pub(super) async fn show(
    State(storage): State<SharedStorage>,
    AnySession(session): AnySession,
    Params(user_id): Params<UserId>,
) -> Result<impl IntoResponse, ApiError> {
    if session.waiting && session.user_id != user_id {
        return Err(not_listed().into());
    }
    let stored = storage.device_list(user_id).await?;
    let tag = etag(&Sha256::digest(&stored.list).into());
    let body =
        PublishedDeviceList { certificate: Opaque::encode(&stored.certificate), list: Opaque::encode(&stored.list) };
    Ok(([tag], Json(body)))
}

/// Publish the account's next device list
///
/// `If-Match` names the one before. Devices that it enrols may sign in; devices that have left it are signed out, and
/// where it begins a new generation those that are not in it wait. The same again is answered as the first time.
#[utoipa::path(
    put, path = "/users/me/device-list", tag = "identity",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the list before")),
    request_body = PublishDeviceList,
    responses((status = NO_CONTENT, headers(("ETag" = String, description = "Names the list")))),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidStatement,
        ErrorCode::NoDeviceList,
        ErrorCode::OtherIdentity,
        ErrorCode::PreconditionRequired,
        ErrorCode::ListChanged,
        ErrorCode::ListNotNewer,
        ErrorCode::ListAhead,
        ErrorCode::TooManyLists,
        ErrorCode::RateLimited,
        ErrorCode::DeviceExists,
        ErrorCode::DeviceRemoved,
    ]))),
)]
pub(super) async fn publish(
    State(app): State<AppState>,
    AnySession(session): AnySession,
    headers: HeaderMap,
    extract::Json(body): extract::Json<PublishDeviceList>,
) -> Result<impl IntoResponse, ApiError> {
    app.allowances.account_change(&session)?;
    let replaces = if_match(&headers)?;
    let list = device_list(&session.user_id, &body.certificate, &body.list)?;
    let enrolments = body.enrol.into_iter().map(enrolment).collect::<Result<Vec<_>, _>>()?;
    let tag = etag(&list.hash());
    let new = NewList { list, replaces, enrolments, max_devices: app.config.limits.max_devices_per_user };
    let relisted = app.storage.publish_list(session, new).await?;
    app.hub.close(&relisted.signed_out, CloseReason::SessionEnded);
    app.hub.close(&relisted.waiting, CloseReason::NotListed);
    Ok((StatusCode::NO_CONTENT, [tag]))
}

/// What the device that has let this one in has answered to it
#[utoipa::path(
    get, path = "/users/me/link-reply", tag = "identity",
    responses((status = OK, body = LinkReplyForDevice)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::NoLinkReply]))),
)]
pub(super) async fn link_reply(
    State(storage): State<SharedStorage>,
    AnySession(session): AnySession,
) -> Result<Json<LinkReplyForDevice>, ApiError> {
    let link_reply = storage.link_reply(session.device).await?;
    let link_reply = link_reply.ok_or(ApiError::new(ErrorCode::NoLinkReply, "nobody has answered this device"))?;
    Ok(Json(LinkReplyForDevice { link_reply }))
}

fn enrolment(device: EnrolDevice) -> Result<Enrolment, ApiError> {
    let device_key = device.device_public_key.parse();
    let device_key =
        device_key.map_err(|_| ApiError::invalid("device_public_key is not an Ed25519 public key in base64"))?;
    if device.link_reply.as_ref().is_some_and(|reply| reply.len() > MAX_LINK_REPLY) {
        return Err(ApiError::invalid("link_reply is too long"));
    }
    Ok(Enrolment {
        device_id: device.device_id,
        device_key,
        device_name: short(device.device_name, MAX_NAME_LEN, "device_name")?,
        device_type: short(device.device_type, MAX_NAME_LEN, "device_type")?,
        link_reply: device.link_reply,
    })
}

fn etag(hash: &[u8; HASH_LEN]) -> (HeaderName, HeaderValue) {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    (header::ETAG, HeaderValue::from_str(&format!("\"{hex}\"")).expect("hexadecimal digits are allowed in a header"))
}

/// The hash that a request names as the list before.
fn if_match(headers: &HeaderMap) -> Result<[u8; HASH_LEN], ApiError> {
    let missing = || ApiError::new(ErrorCode::PreconditionRequired, "If-Match must name the list before");
    let text = headers.get(header::IF_MATCH).ok_or_else(missing)?;
    let hex = text.to_str().ok().and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'));
    hex.and_then(hash_of).ok_or_else(|| ApiError::malformed("If-Match is not one hash in quotation marks"))
}

fn hash_of(hex: &str) -> Option<[u8; HASH_LEN]> {
    let bytes = hex.as_bytes();
    if bytes.len() != 2 * HASH_LEN {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut hash = [0; HASH_LEN];
    for (byte, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = 16 * digit(pair[0])? + digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_comes_back_as_it_was_named() {
        let hash: [u8; HASH_LEN] = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        let (_, tag) = etag(&hash);
        let headers = HeaderMap::from_iter([(header::IF_MATCH, tag)]);
        assert_eq!(if_match(&headers).unwrap(), hash);
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(if_match(&HeaderMap::new()).is_err());
        let (weak, half, all) =
            (format!("W/\"{}\"", "0".repeat(64)), format!("\"{}\"", "0".repeat(32)), "*".to_owned());
        let foreign = format!("\"{}\"", "g".repeat(64));
        let signed = format!("\"{}\"", "+0".repeat(32));
        let two = format!("\"{}\", \"{}\"", "0".repeat(64), "1".repeat(64));
        for text in [weak, half, all, foreign, signed, two] {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(&text).unwrap())]);
            assert!(if_match(&headers).is_err(), "{text}");
        }
    }
}
