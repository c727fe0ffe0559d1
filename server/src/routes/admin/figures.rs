//! What the administrator is shown of the server as a whole.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::rest::{AdminRequest, AuditLog, Stats};
use serde::Deserialize;

use super::Administrator;
use crate::admin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Search;

/// Entries of the audit log in one answer, unless it is said.
const AUDIT_PAGE: u32 = 50;

#[derive(Deserialize)]
pub(super) struct AuditQuery {
    before: Option<i64>,
    limit: Option<u32>,
}

pub(super) async fn audit(
    State(app): State<AppState>,
    Search(query): Search<AuditQuery>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AuditLog>, ApiError> {
    Ok(Json(admin::audit(&*app.storage, query.before, query.limit.unwrap_or(AUDIT_PAGE)).await?))
}

pub(super) async fn stats(
    State(app): State<AppState>,
    _: Administrator<AdminRequest>,
) -> Result<Json<Stats>, ApiError> {
    Ok(Json(admin::stats(&*app.storage, &app.hub).await?))
}
