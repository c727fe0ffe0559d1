//! What is counted and logged of each request: its route, its status and its time. Never its path, its query, its
//! body, a header or an id.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;

use super::{ByAnswer, ByRoute, Metrics};
use crate::app::AppState;
use crate::http::Peer;

/// Routes whose bodies are files.
const FILES: &str = "/api/v1/files";

/// Where users sign in.
const LOGIN: &str = "/api/v1/auth/login";

/// The middleware around all routes.
pub(crate) async fn observe(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().filter(|_| app.config.log.addresses).map(|peer| peer.ip());
    let is_file = route.starts_with(FILES);
    let request = if is_file { request.map(|body| counted(body, &app.metrics.uploaded)) } else { request };
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), begin.elapsed());
    match peer {
        None => tracing::debug!(method, route, status, took_us = micros(took), "request"),
        Some(peer) => tracing::debug!(method, route, status, took_us = micros(took), %peer, "request"),
    }
    app.metrics.request(method, route, status, took);
    if is_file && method == "GET" { response.map(|body| counted(body, &app.metrics.downloaded)) } else { response }
}

impl Metrics {
    fn request(&self, method: &'static str, route: String, status: u16, took: Duration) {
        if route == LOGIN {
            self.login(if status == 200 { "ok" } else { "refused" });
        }
        self.requests.get_or_create(&ByAnswer { method, route: route.clone(), status }).inc();
        self.request_seconds.get_or_create(&ByRoute { method, route }).observe(took.as_secs_f64());
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A client may make methods up; figures are kept of those that there are.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn counted(body: Body, bytes: &Counter) -> Body {
    Body::new(Counted { body, bytes: bytes.clone() })
}

/// A body whose bytes are counted as they pass.
struct Counted {
    body: Body,
    bytes: Counter,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(|frame| frame.data_ref()) {
            self.bytes.inc_by(data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
