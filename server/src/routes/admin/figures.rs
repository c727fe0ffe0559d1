//! What the administrator is shown of the server as a whole.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use privmsg_protocol::rest::{AdminRequest, AuditLog, DoctorReport, Stats};
use serde::Deserialize;

use super::Administrator;
use crate::admin;
use crate::app::AppState;
use crate::doctor::{Patient, Setting};
use crate::error::ApiError;
use crate::extract::Search;
use crate::hub::Hub;
use crate::storage::SharedStorage;

/// Entries of the audit log in one answer, unless it is said.
const AUDIT_PAGE: u32 = 50;

#[derive(Deserialize)]
pub(super) struct AuditQuery {
    before: Option<i64>,
    limit: Option<u32>,
}

/// What administrators have done
#[utoipa::path(
    get, path = "/admin/audit", tag = "administration",
    params(("before" = Option<i64>, Query, description = "Entries older than this one"), ("limit" = Option<u32>, Query, description = "How many; 50 without it")),
    request_body = Option<AdminRequest>,
    responses((status = OK, body = AuditLog)),
    security(("admin" = [])),
)]
pub(super) async fn audit(
    State(storage): State<SharedStorage>,
    Search(query): Search<AuditQuery>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AuditLog>, ApiError> {
    Ok(Json(admin::audit(&storage, query.before, query.limit.unwrap_or(AUDIT_PAGE)).await?))
}

/// Figures
#[utoipa::path(
    get, path = "/admin/stats", tag = "administration",
    request_body = Option<AdminRequest>,
    responses((status = OK, body = Stats)),
    security(("admin" = [])),
)]
pub(super) async fn stats(
    State(storage): State<SharedStorage>,
    State(hub): State<Arc<Hub>>,
    _: Administrator<AdminRequest>,
) -> Result<Json<Stats>, ApiError> {
    Ok(Json(admin::stats(&storage, &hub).await?))
}

/// What is in order and what is not
///
/// The same report as that of `privmsg-server doctor`. Takes some seconds; one is made at a time.
#[utoipa::path(
    get, path = "/admin/doctor", tag = "administration",
    request_body = Option<AdminRequest>,
    responses((status = OK, body = DoctorReport)),
    security(("admin" = [])),
)]
pub(super) async fn doctor(
    State(app): State<AppState>,
    _: Administrator<AdminRequest>,
) -> Result<Json<DoctorReport>, ApiError> {
    let patient = || Patient {
        config: app.config.clone(),
        coturn_file: None,
        setting: Setting::Server,
        clock: app.clock.clone(),
    };
    Ok(Json(app.practice.report(patient).await))
}
