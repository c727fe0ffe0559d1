//! Requests and answers, as they go over a connection.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use hyper::{Response, StatusCode};

use super::answer;
use super::error::{LinkFault, NetworkError};

/// What this program calls itself.
pub(super) const AGENT: &str = concat!("privmsg/", env!("CARGO_PKG_VERSION"));

/// Largest document that is read. The state of the largest planned group takes a fifth of it.
pub(super) const MAX_DOCUMENT: usize = 64 << 20;

/// Largest answer that is read to find out why something failed.
pub(super) const MAX_REASON: usize = 64 << 10;

/// What is sent.
pub(crate) struct Body(UnsyncBoxBody<Bytes, io::Error>);

impl Body {
    /// These bytes.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self(Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync())
    }

    /// Whatever the stream gives. Its length must be said in the header `Content-Length`, where it is known.
    pub(crate) fn streamed(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A file on its way down.
pub(crate) struct Download {
    response: Response<Incoming>,
    start: u64,
}

impl Download {
    /// What a server has answered who was asked for the bytes from `from` on, unless it is a page in place of a file.
    pub(super) fn new(response: Response<Incoming>, from: u64) -> Result<Self, NetworkError> {
        let start = match response.status() {
            StatusCode::OK => Some(0),
            StatusCode::PARTIAL_CONTENT => range_start(response.headers()).filter(|start| *start <= from),
            _ => None,
        };
        match start {
            Some(start) if !answer::is(response.headers(), "text/html") => Ok(Self { response, start }),
            _ => Err(answer::between(response.status(), response.headers())),
        }
    }

    /// Which byte of the file comes first: the one that was asked for, or an earlier one where something on the way knows
    /// no ranges.
    pub(crate) const fn start(&self) -> u64 {
        self.start
    }

    /// Bytes to come, if the server has said so.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The bytes.
    pub(crate) fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, NetworkError>> + Send + Unpin {
        let data = |frame: Result<Frame<Bytes>, hyper::Error>| async move {
            match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(cause(&error))),
            }
        };
        Box::pin(BodyStream::new(self.response.into_body()).filter_map(data))
    }
}

/// The first byte of a range (RFC 9110, section 14.4).
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// The whole of an answer, up to `limit` bytes.
pub(super) async fn whole(response: Response<Incoming>, limit: usize) -> Result<Response<Bytes>, NetworkError> {
    let (parts, body) = response.into_parts();
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        // The server writes nothing as long as that.
        Err(error) if error.is::<LengthLimitError>() => Err(answer::between(parts.status, &parts.headers)),
        Err(error) => Err(cause(&*error)),
    }
}

/// Goes on with `connection` until `answer` has what it wants. A connection that is upgraded hands itself over and ends.
pub(super) async fn drive<A: Future>(connection: impl Future, answer: A) -> A::Output {
    let (mut connection, mut answer) = (std::pin::pin!(connection), std::pin::pin!(answer));
    tokio::select! {
        output = &mut answer => output,
        _ = &mut connection => answer.await,
    }
}

/// The cause at the bottom says more than the sentences of the libraries above it.
pub(super) fn cause(error: &(dyn Error + 'static)) -> NetworkError {
    let mut said = None;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<NetworkError>() {
            return ours.clone();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            said = Some(NetworkError::Lost(LinkFault::from(io)));
        } else if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            // `or`: an error of the connection below says more.
            said = said.or(of_hyper(hyper));
        }
        next = error.source();
    }
    said.unwrap_or_else(|| NetworkError::Lost(LinkFault::Other(error.to_string())))
}

fn of_hyper(error: &hyper::Error) -> Option<NetworkError> {
    if error.is_parse() {
        return Some(NetworkError::NotHttp);
    }
    let broken =
        error.is_incomplete_message() || error.is_closed() || error.is_canceled() || error.is_body_write_aborted();
    broken.then_some(NetworkError::Lost(LinkFault::Broken))
}
