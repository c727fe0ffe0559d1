//! `GET /health`: whether the server is there.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::rest::Health;

use crate::app::AppState;

/// Whether the server is there
#[utoipa::path(
    get, path = "/health", tag = "server",
    responses((status = OK, body = Health)),
)]
pub(super) async fn health(State(app): State<AppState>) -> Json<Health> {
    Json(Health { status: "ok".into(), timestamp: app.clock.now(), version: env!("CARGO_PKG_VERSION").into() })
}
