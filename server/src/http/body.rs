//! Reading bodies, in bounded time and memory.

use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest as _, Request};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use privmsg_protocol::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;

/// How long a body may take, or its next piece where it comes in pieces: whoever sends nothing must not hold a
/// connection and memory for ever.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Bytes in a second from which on a large body is not too slow: a bad mobile network.
const SLOWEST: u64 = 32 * 1024;

/// How long the rest of a refused body is read, and how long its client may be silent meanwhile.
const DISCARDING: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(1);

/// A body of which not many are read at the same time: commits and creations of large groups.
const LARGE_BODY: u64 = 1024 * 1024;

/// The longest body that an endpoint takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) u64);

/// Reads a body that is held in memory as a whole, in bounded time, and not many large ones at once.
pub(crate) async fn body(
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
