//! Whether the server is there (`/health`), and whether it can do its work (`/health/ready`).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use privmsg_protocol::rest::{Health, Ready};

use crate::app::AppState;
use crate::clock::Clock;

/// Whether the server is there
#[utoipa::path(
    get, path = "/health", tag = "server",
    responses((status = OK, body = Health)),
)]
pub(super) async fn health(State(clock): State<Clock>) -> Json<Health> {
    Json(Health { status: "ok".into(), timestamp: clock.now(), version: env!("CARGO_PKG_VERSION").into() })
}

/// Whether the server can do its work
///
/// For a supervisor or a load balancer. Looked up at most once a second, however often it is asked.
#[utoipa::path(
    get, path = "/health/ready", tag = "server",
    responses(
        (status = OK, body = Ready, description = "It can."),
        (status = SERVICE_UNAVAILABLE, body = Ready, description = "It cannot: `checks` says what is wrong."),
    ),
)]
pub(super) async fn ready(State(app): State<AppState>) -> Response {
    let ready = app.readiness.look().await;
    let status = if ready.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}
