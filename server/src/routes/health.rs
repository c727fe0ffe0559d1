//! `GET /health`: whether the server is there.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::rest::Health;

use crate::app::AppState;

pub(super) async fn health(State(app): State<AppState>) -> Json<Health> {
    Json(Health { status: "ok".into(), timestamp: app.clock.now(), version: env!("CARGO_PKG_VERSION").into() })
}
