//! Invitations.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use privmsg_protocol::rest::{AdminRequest, Invite, Invited};
use privmsg_protocol::{ErrorCode, Invitation, UserId};

use super::Administrator;
use crate::admin;
use crate::admin::invitation::{DEFAULT_HOURS, MAX_HOURS, fresh};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::extract::Params;
use crate::http::own_fingerprint;
use crate::storage::Act;

/// An invitation
#[utoipa::path(
    post, path = "/admin/users/{user_id}/invitation", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<Invite>,
    responses((status = OK, body = Invited)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::UnknownUser]))),
)]
pub(super) async fn make(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    headers: HeaderMap,
    Administrator { by, request }: Administrator<Invite>,
) -> Result<Json<Invited>, ApiError> {
    let hours = request.expires_in_hours.unwrap_or(DEFAULT_HOURS);
    if !(1..=MAX_HOURS).contains(&hours) {
        return Err(ApiError::invalid("expires_in_hours is not between 1 and 8760"));
    }
    let server = server_url(&app, request.server_url, &headers)?;
    let (invitation, act) = fresh(user_id, &server, own_fingerprint(&app.config.tls), hours, app.clock.now());
    admin::carry_out(&app, act, by).await?;
    Ok(Json(Invited {
        qr_svg: invitation.svg(),
        user_id: invitation.user_id,
        link: invitation.link,
        expires_at: invitation.expires_at,
    }))
}

/// Withdraw an invitation
#[utoipa::path(
    delete, path = "/admin/users/{user_id}/invitation", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn withdraw(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::WithdrawInvitation { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the invited reach the server: as configured, else as the request says, else where the request itself came to.
fn server_url(app: &App, said: Option<String>, headers: &HeaderMap) -> Result<String, ApiError> {
    let configured = &app.config.server.public_url;
    let url = if !configured.is_empty() {
        configured.clone()
    } else if let Some(said) = said {
        said
    } else {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let tls = !app.config.tls.cert_path.as_os_str().is_empty() || !app.config.tls.acme.domains.is_empty();
        format!("{}://{host}", if tls { "https" } else { "http" })
    };
    let url = url.trim_end_matches('/').to_owned();
    if !Invitation::is_server_url(&url) {
        return Err(ApiError::invalid("server_url is not an address like https://chat.example.org"));
    }
    Ok(url)
}
