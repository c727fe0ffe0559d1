//! The REST API: a module for each resource.

mod admin;
mod auth;
mod backup;
mod devices;
mod files;
mod groups;
mod health;
mod key_packages;
mod messages;
mod stats_history;
mod turn;
mod upload_head;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use privmsg_protocol::ErrorCode;
use privmsg_protocol::limits::MAX_KEY_PACKAGES;

use crate::app::AppState;
use crate::console;
use crate::error::ApiError;
use crate::ws;

/// Body of an ordinary request: an acknowledgement of 1,024 ids has 40 kB, a backup 64 kB.
const ORDINARY_BODY: usize = 256 * 1024;

/// Body of a request that is read before anybody has shown a key: a login with the longest public key has 9 kB.
const STRANGERS_BODY: u64 = 16 * 1024;

/// What a body holds beside the pieces that have a limit of their own.
const ENVELOPE: u64 = 1024 * 1024;

/// Commit, group info, ratchet tree, and all welcomes together: each of them grows alike with the group.
const HANDSHAKE_PIECES: u64 = 4;

/// All endpoints.
pub(crate) fn router(app: AppState) -> Router {
    let handshake = app.config.limits.handshake_bytes();
    let groups = Router::new()
        .route("/groups", get(groups::list).post(groups::create))
        .route("/groups/{group_id}", get(groups::show))
        .route("/groups/{group_id}/state", get(groups::state))
        .route("/groups/{group_id}/commits", post(groups::commit))
        .layer(limit(handshake.saturating_mul(HANDSHAKE_PIECES).saturating_add(ENVELOPE)));
    let key_packages = Router::new()
        .route("/key-packages", get(key_packages::stock).post(key_packages::publish))
        .layer(limit((MAX_KEY_PACKAGES as u64 + 1) * key_packages::MAX_LEN as u64 + ENVELOPE));
    let upload = Router::new()
        .route("/files/upload", post(files::upload))
        .layer(limit(app.config.limits.file_bytes().saturating_add(ENVELOPE)));
    let strangers = Router::new()
        .route("/auth/login", post(auth::login))
        .route("/admin/users", post(admin::create_user))
        .route("/admin/users/{user_id}", delete(admin::delete_user))
        .route("/admin/stats", get(admin::stats))
        .route("/admin/stats/history", get(stats_history::history))
        .layer(limit(STRANGERS_BODY));
    let ordinary = Router::new()
        .route("/auth/refresh", post(auth::refresh))
        .route("/auth/logout", post(auth::logout))
        .route("/users/me", get(users::me))
        .route("/users/me/profile", post(users::update))
        .route("/users/me/devices", get(devices::list))
        .route("/users/me/devices/{device_id}", delete(devices::remove))
        .route("/users/me/backup", put(backup::store).get(backup::fetch))
        .route("/users/{user_id}", get(users::show))
        .route("/users/{user_id}/key-packages/claim", post(key_packages::claim))
        .route("/messages/pending", get(messages::pending))
        .route("/messages/ack", post(messages::acknowledge))
        .route("/files/{file_id}", get(files::download).delete(files::remove))
        .route("/turn/credentials", get(turn::credentials))
        .layer(limit(ORDINARY_BODY as u64));
    let console = if app.config.admin.console { console::router() } else { Router::new() };
    Router::new()
        .route("/health", get(health::health))
        .route("/ws", get(ws::upgrade))
        .nest("/api/v1", ordinary.merge(strangers).merge(groups).merge(key_packages).merge(upload))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(map_response(protective_headers))
        // After the headers above: a page has others.
        .merge(console)
        .with_state(app)
}

fn limit(bytes: u64) -> DefaultBodyLimit {
    DefaultBodyLimit::max(usize::try_from(bytes).unwrap_or(usize::MAX))
}

async fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is no such endpoint")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "the endpoint does not take this method")
}

/// Answers are data, for nobody else, and never a page.
async fn protective_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}
