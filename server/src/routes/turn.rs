//! Credentials for the relay of calls.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::TurnCredentials;

use crate::app::AppState;
use crate::error::ApiError;
use crate::storage::Session;
use crate::turn;

/// Credentials for the relay of calls
#[utoipa::path(
    get, path = "/turn/credentials", tag = "calls",
    responses((status = OK, body = TurnCredentials)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::TurnDisabled]))),
)]
pub(super) async fn credentials(
    State(app): State<AppState>,
    session: Session,
) -> Result<Json<TurnCredentials>, ApiError> {
    if !app.config.turn.enabled {
        return Err(ApiError::new(ErrorCode::TurnDisabled, "this server has no relay for calls"));
    }
    Ok(Json(turn::credentials(&app.config.turn, session.user_id.as_str(), app.clock.now())))
}
