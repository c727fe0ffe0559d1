//! What handlers take out of a request. Whatever does not fit is answered as problem details.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::request::Parts;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use privmsg_protocol::{ErrorCode, Secret};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::AppState;
use crate::error::ApiError;
use crate::http::source;
use crate::secrets::KeyHash;
use crate::storage::Session;

/// How long a body may take, or its next piece where it comes in pieces: whoever sends nothing must not hold a
/// connection and memory for ever.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Bytes in a second from which on a large body is not too slow: a bad mobile network.
const SLOWEST: u64 = 32 * 1024;

/// How long the rest of a refused body is read, and how long its client may be silent meanwhile.
const DISCARDING: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_millis(250);

/// A body of which not many are read at the same time: commits and creations of large groups.
const LARGE_BODY: u64 = 1024 * 1024;

/// Large bodies that are held in memory at the same time; by the default limits each has at most 17 MB.
pub(crate) const LARGE_BODIES: usize = 8;

/// The longest body that an endpoint takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) u64);

/// Where a request comes from. Set by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    address: IpAddr,
    /// A trusted proxy has told the address.
    proxied: bool,
}

impl Peer {
    pub(crate) const fn direct(address: IpAddr) -> Self {
        Self { address, proxied: false }
    }

    pub(crate) const fn proxied(address: IpAddr) -> Self {
        Self { address, proxied: true }
    }

    /// The client's address.
    pub(crate) const fn ip(self) -> IpAddr {
        self.address
    }

    pub(crate) const fn is_proxied(self) -> bool {
        self.proxied
    }

    /// From this machine, or from a proxy on it that is not trusted: everybody could be behind it, so that limits of an
    /// address make no sense.
    pub(crate) fn is_local(self) -> bool {
        !self.proxied && self.address.to_canonical().is_loopback()
    }

    /// What counts as one address: see [`source`].
    pub(crate) fn source(self) -> IpAddr {
        source(self.address)
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get().copied().ok_or_else(ApiError::internal)
    }
}

/// A JSON body, whatever the `Content-Type` says.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let (bytes, _permit) = body(request, &app.large_bodies, BODY_PATIENCE).await?;
        parse_json(&bytes).map(Self)
    }
}

/// A JSON body; none at all is the same as `{}`.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let (bytes, _permit) = body(request, &app.large_bodies, BODY_PATIENCE).await?;
        parse_json(if bytes.is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

/// Reads a body that is held in memory as a whole, in bounded time, and not many large ones at once.
async fn body(
    request: Request,
    large: &Semaphore,
    patience: Duration,
) -> Result<(Bytes, Option<SemaphorePermit<'_>>), ApiError> {
    let declared: Option<u64> =
        request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    // What does not say how long it is may be as long as its endpoint allows. Strangers' bodies are never large: the
    // places of large ones are not theirs to take.
    let is_large = match declared {
        Some(declared) => declared > LARGE_BODY,
        None => {
            let allowed = request.extensions().get().map_or(u64::MAX, |BodyLimit(bytes)| *bytes);
            allowed > LARGE_BODY && request.headers().contains_key(TRANSFER_ENCODING)
        }
    };
    let permit = if is_large { large.acquire().await.ok() } else { None };
    let patience = patience + Duration::from_secs(declared.unwrap_or(0) / SLOWEST);
    let read = tokio::time::timeout(patience, Bytes::from_request(request, &())).await.map_err(|_| too_slow())?;
    let bytes = read.map_err(|rejection: BytesRejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(ErrorCode::BodyTooLarge, "the body is too large")
        } else {
            ApiError::malformed("the body cannot be read")
        }
    })?;
    Ok((bytes, permit))
}

/// Reads what is left of a refused body for a moment: closing a connection while its client sends takes the answer away
/// from it. One that sends nothing, or goes on and on, is not waited for.
pub(crate) async fn discard<T, E>(mut body: impl Stream<Item = Result<T, E>> + Unpin) {
    let end = tokio::time::Instant::now() + DISCARDING;
    while tokio::time::Instant::now() < end {
        let Ok(Some(Ok(_))) = tokio::time::timeout(SILENCE, body.next()).await else { return };
    }
}

pub(crate) fn too_slow() -> ApiError {
    ApiError::malformed("the body did not come in time")
}

/// Serde's own words can quote the input, which must not come back out or reach a log; where it stopped is enough.
fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what =
            if error.is_data() { "a field is missing or has a wrong value" } else { "the body is not valid JSON" };
        ApiError::malformed(format!("{what} (line {}, column {})", error.line(), error.column()))
    })
}

/// Parameters in the path.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|_| ApiError::malformed("an identifier in the path is not valid"))
    }
}

/// Parameters behind the path.
pub(crate) struct Search<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Search<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|_| ApiError::malformed("a parameter behind the path is not valid"))
    }
}

/// The key in `Authorization: Bearer …`, if there is one.
pub(crate) struct Bearer(pub(crate) Option<Secret>);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let text = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = text.and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
        });
        Ok(Self(key.map(Secret::new)))
    }
}

impl FromRequestParts<AppState> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Bearer(token) = Bearer::from_request_parts(parts, app).await?;
        let token = token.ok_or(ApiError::new(
            ErrorCode::Unauthorized,
            "sign in and send the session's token as `Authorization: Bearer`",
        ))?;
        match app.storage.session(KeyHash::of(token.expose())).await {
            Ok(session) => {
                app.note_request(&session)?;
                Ok(session)
            }
            Err(error) => {
                let peer = Peer::from_request_parts(parts, app).await?;
                app.note_stranger(peer)?;
                Err(error.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let silent = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let large = Semaphore::new(1);
        let refused = body(Request::new(silent), &large, Duration::from_millis(10)).await;
        assert!(refused.is_err());
        let (bytes, permit) = body(Request::new(Body::from("{}")), &large, Duration::from_secs(10)).await.unwrap();
        assert!(permit.is_none() && bytes == "{}"[..]);
    }

    #[tokio::test]
    async fn large_bodies_wait_for_each_other() {
        let large = Semaphore::new(1);
        let request = || Request::builder().header(CONTENT_LENGTH, "1048577").body(Body::from("x")).unwrap();
        let first = body(request(), &large, Duration::from_secs(10)).await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(20), body(request(), &large, BODY_PATIENCE)).await;
        assert!(second.is_err(), "waits");
        drop(first);
        body(request(), &large, Duration::from_secs(10)).await.unwrap();
    }
}
