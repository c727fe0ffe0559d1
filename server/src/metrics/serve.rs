//! `/metrics`, on a listener of its own.

use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{ByFolder, kept};
use crate::app::{App, AppState};
use crate::disk::{self, Room};

/// What the listener serves.
pub(crate) fn router(app: AppState) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<AppState>) -> Response {
    look(&app).await;
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &app.metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

/// What is there now.
async fn look(app: &App) {
    let now = &app.metrics.now;
    let load = app.hub.load();
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    now.users_online.set(number(load.users));
    now.devices_online.set(number(load.devices));
    now.outbox_queue.set(number(load.queued));
    match app.storage.stats().await {
        Ok(stats) => {
            now.users.set(number(stats.active_users));
            now.mailbox_messages.set(number(stats.pending_messages));
            now.files.set(number(stats.stored_files));
            now.stored_bytes.set(number(stats.bytes));
        }
        // The other figures are worth the more.
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "no figures of the storage"),
    }
    let storage = &app.config.storage;
    let database = storage.database_path.parent().unwrap_or(Path::new(""));
    for (folder, path) in [("database", database), ("files", storage.files_path.as_path())] {
        if let Some(Room { free, .. }) = disk::room(path) {
            now.disk_free.get_or_create(&ByFolder { folder }).set(number(free));
        }
    }
    let (tls, folder) = (app.config.tls.clone(), app.config.backup.folder.clone());
    // Reads small files, of which one may lie on a slow disk.
    let kept = tokio::task::spawn_blocking(move || (kept::certificate_ends(&tls), kept::newest_backup(&folder))).await;
    if let Ok((certificate, backup)) = kept {
        now.certificate_expires.set(certificate.unwrap_or(0));
        now.backup_finished.set(backup.unwrap_or(0));
    }
    now.process.look();
}
