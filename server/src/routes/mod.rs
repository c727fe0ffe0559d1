//! The REST API: a module for each resource.

mod admin;
mod auth;
mod backup;
mod blocks;
mod consent;
mod device_lists;
mod devices;
mod files;
mod groups;
mod health;
mod identity;
mod key_packages;
mod messages;
mod ranges;
mod sign_in;
mod statements;
mod stats_history;
mod turn;
mod upload_head;
mod uploads;
mod users;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use bytes::Bytes;
use privmsg_protocol::ErrorCode;
use privmsg_protocol::limits::MAX_KEY_PACKAGES;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::console;
use crate::error::ApiError;
use crate::http::{Counted, Peer};
use crate::metrics;
use crate::openapi::{self, with_body_limit, with_own_body_limit};
use crate::ws;

/// Body of an ordinary request: an acknowledgement of 1,024 ids has 40 kB, a backup 64 kB.
const ORDINARY_BODY: u64 = 256 * 1024;

/// Body of a request that is read before anybody has shown a key: a login with the longest public key has 9 kB.
const STRANGERS_BODY: u64 = 16 * 1024;

/// What a body holds beside the pieces that have a limit of their own.
const ENVELOPE: u64 = 1024 * 1024;

/// Commit, group info, ratchet tree, and all welcomes together: each of them grows alike with the group.
const HANDSHAKE_PIECES: u64 = 4;

/// When to come back where an address has too many requests under way.
const TOO_MANY_WAIT_MS: u64 = 1000;

/// All endpoints. Each is registered together with its description, see [`crate::openapi`]: a handler has
/// `#[utoipa::path]`, and `routes!` takes the handlers of one path.
pub(crate) fn router(app: AppState) -> Router {
    let limits = &app.config.limits;
    let console = if app.config.admin.console { console::router() } else { Router::new() };
    let groups = OpenApiRouter::default()
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::show))
        .routes(routes!(groups::state))
        .routes(routes!(groups::commit));
    let groups =
        with_body_limit(groups, limits.handshake_bytes().saturating_mul(HANDSHAKE_PIECES).saturating_add(ENVELOPE));
    let key_packages = OpenApiRouter::default().routes(routes!(key_packages::stock, key_packages::publish));
    let key_packages =
        with_body_limit(key_packages, (MAX_KEY_PACKAGES as u64 + 1) * key_packages::MAX_LEN as u64 + ENVELOPE);
    let upload = OpenApiRouter::default().routes(routes!(files::upload));
    let upload = with_own_body_limit(upload, limits.file_bytes().saturating_add(ENVELOPE));
    let api = ordinary().merge(strangers()).merge(groups).merge(key_packages).merge(upload).merge(uploads::router());
    let (router, api) = OpenApiRouter::default()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(ws::upgrade))
        .nest("/api/v1", api.routes(routes!(description)))
        .split_for_parts();
    router
        .layer(Extension(Description(openapi::document(api))))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), admit))
        .layer(map_response(protective_headers))
        .layer(from_fn_with_state(app.clone(), metrics::observe))
        // After the headers above: a page has others.
        .merge(console)
        .with_state(app)
}

/// What is read before anybody has shown a key.
fn strangers() -> OpenApiRouter<AppState> {
    let router = OpenApiRouter::default()
        .routes(routes!(auth::login))
        .routes(routes!(auth::redeem))
        .routes(routes!(sign_in::make_challenge))
        .routes(routes!(sign_in::by_device))
        .routes(routes!(sign_in::by_recovery))
        .merge(admin::routes())
        .routes(routes!(stats_history::history));
    with_body_limit(router, STRANGERS_BODY)
}

fn ordinary() -> OpenApiRouter<AppState> {
    let router = OpenApiRouter::default()
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(users::me))
        .routes(routes!(users::update))
        .routes(routes!(devices::list))
        .routes(routes!(devices::remove))
        .routes(routes!(backup::store, backup::fetch))
        .routes(routes!(identity::set_up))
        .routes(routes!(identity::begin_replacement, identity::end_replacement))
        .routes(routes!(identity::set_access_key))
        .routes(routes!(device_lists::publish))
        .routes(routes!(device_lists::show))
        .routes(routes!(device_lists::link_reply))
        .routes(routes!(blocks::list))
        .routes(routes!(blocks::block, blocks::unblock))
        .routes(routes!(consent::requests))
        .routes(routes!(consent::accept))
        .routes(routes!(consent::decline))
        .routes(routes!(users::show))
        .routes(routes!(key_packages::claim))
        .routes(routes!(key_packages::claim_many))
        .routes(routes!(groups::leave))
        .routes(routes!(groups::taken))
        .routes(routes!(groups::roster_steps))
        .routes(routes!(groups::unusable))
        .routes(routes!(messages::pending))
        .routes(routes!(messages::acknowledge))
        .routes(routes!(files::download, files::remove))
        .routes(routes!(turn::credentials));
    with_body_limit(router, ORDINARY_BODY)
}

/// The finished text of the description: it does not change while the server runs.
#[derive(Clone)]
struct Description(Bytes);

/// This description
#[utoipa::path(
    get, path = "/openapi.json", tag = "server",
    responses((status = OK, body = serde_json::Value)),
)]
async fn description(Extension(Description(text)): Extension<Description>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

/// What is to be looked at before any endpoint.
async fn admit(
    State(app): State<AppState>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // The proxy's connection is nobody's; what it asks on behalf of somebody is theirs.
    if peer.is_proxied() {
        let counted = app.doors.connections.count(peer).ok_or_else(|| ApiError::rate_limited(TOO_MANY_WAIT_MS))?;
        let connection = request.extensions_mut().remove::<Arc<Counted>>();
        request.extensions_mut().insert(Arc::new(counted.by(connection)));
    }
    if is_strangers(&request) {
        app.allowances.stranger(peer)?;
    }
    // A request whose length is said twice in two ways is what smuggling is made of (RFC 9112, section 6.1).
    let headers = request.headers();
    let in_pieces = headers.contains_key(header::TRANSFER_ENCODING);
    if in_pieces && headers.contains_key(header::CONTENT_LENGTH) {
        let mut refusal = ApiError::malformed("the body has both a length and a transfer encoding").into_response();
        refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(refusal);
    }
    let mut response = next.run(request).await;
    if in_pieces {
        // The parser drops a `Content-Length` behind it without a word: what another one in front of the server makes
        // of the same bytes must not matter.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Whether a request shows nothing that could be valid. Log-ins and administration count wrong keys instead, sockets
/// count themselves.
fn is_strangers(request: &Request) -> bool {
    let path = request.uri().path();
    let has_limits_of_its_own =
        path == "/ws" || path.starts_with("/api/v1/auth/") || path.starts_with("/api/v1/admin/");
    !has_limits_of_its_own && !request.headers().contains_key(header::AUTHORIZATION)
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
