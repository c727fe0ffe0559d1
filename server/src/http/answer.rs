//! Large answers that are put together in memory, counted for as long as they are there: a client that does not read keeps
//! one there, and many would take all that the machine has.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body as AnyBody;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::app::App;
use crate::error::ApiError;
use crate::files::Slot;
use crate::storage::UserKey;

/// Smaller ones are not counted.
const SMALL: usize = 64 * 1024;

/// Handed to the connection at once. What it has taken it holds, whoever counts.
const PIECE: usize = 32 * 1024;

/// When to try again where too many are being written.
const WAIT_MS: u64 = 1_000;

/// Answers with JSON that is put together once few others are: what is in memory then is bounded as well.
///
/// # Errors
/// As [`json`], and whatever hinders putting it together.
pub(crate) async fn made<T: Into<Bytes>>(
    app: &App,
    user: UserKey,
    make: impl Future<Output = Result<T, ApiError>>,
) -> Result<Response, ApiError> {
    let _turn = app.doors.making.acquire().await.expect("nobody closes the semaphore");
    json(app, user, make.await?)
}

/// Answers with JSON.
///
/// # Errors
/// If it is large, and too many large ones are being written, to this user or in all.
fn json(app: &App, user: UserKey, text: impl Into<Bytes>) -> Result<Response, ApiError> {
    let bytes = text.into();
    let content_type = (header::CONTENT_TYPE, "application/json");
    if bytes.len() <= SMALL {
        return Ok(([content_type], bytes).into_response());
    }
    let slot = app.doors.answers.begin(user).ok_or_else(|| ApiError::rate_limited(WAIT_MS))?;
    Ok(([content_type], AnyBody::new(Held { bytes, _slot: slot })).into_response())
}

/// What is left of an answer to be written, with its place among those that are.
struct Held {
    bytes: Bytes,
    _slot: Slot,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.bytes.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
