//! Encrypted files. They pass through in pieces; none is ever held in memory as a whole.

use std::io;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::RequestExt as _;
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use privmsg_protocol::rest::UploadResponse;
use privmsg_protocol::{ErrorCode, FileId};
use tokio_util::io::ReaderStream;

use super::upload_head::UploadBody;
use crate::app::{App, AppState};
use crate::disk;
use crate::error::ApiError;
use crate::extract::{self, BODY_PATIENCE, Params};
use crate::files::{Upload, is_full};
use crate::openapi::{Binary, UploadForm};
use crate::storage::{NewFile, Session, StorageError, over_quota};

/// Bytes read from the disk at once for a download.
const READ_BUFFER: usize = 64 * 1024;

/// Bytes after which an upload looks again whether the disk has room: several may go on at the same time.
const LOOK_EVERY: u64 = 4 * 1024 * 1024;

/// Age of files that are kept for ever: as far ahead as times go in clients that count in 32 bits.
const FOR_EVER: i64 = i32::MAX as i64;

/// Store an encrypted file
#[utoipa::path(
    post, path = "/files/upload", tag = "files",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = OK, body = UploadResponse)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::FileTooLarge]))),
)]
pub(super) async fn upload(
    State(app): State<AppState>,
    session: Session,
    request: Request,
) -> Result<Json<UploadResponse>, ApiError> {
    app.note_upload(&session)?;
    let (parts, body) = request.with_limited_body().into_parts();
    let (body, begun) = UploadBody::new(body.into_data_stream());
    let multipart = Multipart::from_request(Request::from_parts(parts, Body::from_stream(body)), &()).await;
    let mut multipart = multipart.map_err(|_| ApiError::malformed("the body is not multipart/form-data"))?;
    while let Some(field) = in_time(multipart.next_field()).await? {
        if field.name() == Some("file") {
            begun.store(true, Ordering::Relaxed);
            return store(&app, &session, field).await.map(Json);
        }
    }
    Err(ApiError::invalid("the form has no field `file`"))
}

async fn store(app: &App, session: &Session, mut field: Field<'_>) -> Result<UploadResponse, ApiError> {
    let limit = app.config.limits.file_bytes();
    let quota = app.config.limits.stored_bytes();
    let stored = app.storage.stored_bytes(session.user).await?;
    let mut next_look = 0;
    let mut upload = app.files.create().await.map_err(|error| disk_error(&error))?;
    while let Some(piece) = in_time(field.chunk()).await? {
        if upload.size() + piece.len() as u64 > limit {
            return Err(ApiError::new(ErrorCode::FileTooLarge, "the file is over the server's limit"));
        }
        if stored.saturating_add(upload.size() + piece.len() as u64) > quota {
            return Err(over_quota().into());
        }
        if upload.size() >= next_look {
            if !disk::has_reserve(&app.config.storage.files_path, app.config.limits.reserve_bytes()) {
                return Err(StorageError::Full.into());
            }
            next_look = upload.size() + LOOK_EVERY;
        }
        upload.write(&piece).await.map_err(|error| disk_error(&error))?;
    }
    upload.finish().await.map_err(|error| disk_error(&error))?;
    add_row(app, session, upload).await
}

async fn add_row(app: &App, session: &Session, upload: Upload) -> Result<UploadResponse, ApiError> {
    let hours = i64::from(app.config.storage.max_file_age_hours);
    let expires_at = if hours == 0 { FOR_EVER } else { app.clock.now() + hours * 3600 };
    let file_id = upload.id().clone();
    let row = NewFile { file_id: file_id.clone(), owner: session.user, size: upload.size(), expires_at };
    app.storage.add_file(row, app.config.limits.stored_bytes()).await?;
    upload.keep();
    Ok(UploadResponse { file_id, expires_at })
}

/// An encrypted file
#[utoipa::path(
    get, path = "/files/{file_id}", tag = "files",
    params(("file_id" = FileId, Path, description = "File")),
    responses((status = OK, body = Binary, content_type = "application/octet-stream")),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownFile]))),
)]
pub(super) async fn download(
    State(app): State<AppState>,
    _session: Session,
    Params(file_id): Params<FileId>,
) -> Result<Response, ApiError> {
    if !app.storage.file_exists(file_id.clone()).await? {
        return Err(unknown());
    }
    let file = app.files.read(&file_id).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unknown(),
        _ => disk_error(&error),
    })?;
    let size = file.metadata().await.map_err(|error| disk_error(&error))?.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
    ];
    let body = Body::from_stream(ReaderStream::with_capacity(file, READ_BUFFER));
    Ok((headers, body).into_response())
}

/// Delete a file of one's own
#[utoipa::path(
    delete, path = "/files/{file_id}", tag = "files",
    params(("file_id" = FileId, Path, description = "File")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownFile]))),
)]
pub(super) async fn remove(
    State(app): State<AppState>,
    session: Session,
    Params(file_id): Params<FileId>,
) -> Result<StatusCode, ApiError> {
    app.storage.delete_file(session.user, file_id.clone()).await?;
    app.files.remove(&file_id).await.map_err(|error| disk_error(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn unknown() -> ApiError {
    ApiError::new(ErrorCode::UnknownFile, "there is no such file")
}

/// The next piece of a form, unless its sender falls silent.
async fn in_time<T>(piece: impl Future<Output = Result<T, MultipartError>>) -> Result<T, ApiError> {
    match tokio::time::timeout(BODY_PATIENCE, piece).await {
        Ok(piece) => piece.map_err(|_| broken_off()),
        Err(_) => Err(extract::too_slow()),
    }
}

fn broken_off() -> ApiError {
    ApiError::malformed("the form is broken off or not valid")
}

fn disk_error(error: &io::Error) -> ApiError {
    if is_full(error) {
        return StorageError::Full.into();
    }
    tracing::error!(error = error as &dyn std::error::Error, "the folder of files failed");
    ApiError::internal()
}
