//! Encrypted files. They pass through in pieces; none is ever held in memory as a whole.

use std::io;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use privmsg_protocol::rest::UploadResponse;
use privmsg_protocol::{ErrorCode, FileId};

use super::ranges::{Validators, Wanted};
use super::upload_head::UploadBody;
use crate::app::{App, AppState};
use crate::disk;
use crate::error::ApiError;
use crate::extract::Params;
use crate::files::{FileBody, Slot, Upload, is_full};
use crate::http::{self, BODY_PATIENCE};
use crate::openapi::{Binary, UploadForm};
use crate::storage::{NewFile, Session, StorageError, UserKey, over_quota};

/// Bytes after which an upload looks again whether the disk has room: several may go on at the same time.
pub(super) const LOOK_EVERY: u64 = 4 * 1024 * 1024;

/// When to try again where too many transfers are under way.
const TRANSFER_WAIT_MS: u64 = 1000;

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
    if let Err(refused) = app.allowances.upload(&session) {
        http::discard(request.into_body().into_data_stream()).await;
        return Err(refused);
    }
    // What comes before the file is bounded by [`UploadBody`], and the file where it is taken.
    let (parts, body) = request.into_parts();
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
    let taken = match begin_transfer(app, session.user) {
        Ok(_slot) => take(app, session, &mut field).await,
        Err(refused) => Err(refused),
    };
    if taken.is_err() {
        http::discard(field).await;
    }
    add_row(app, session, taken?).await
}

async fn take(app: &App, session: &Session, field: &mut Field<'_>) -> Result<Upload, ApiError> {
    let limit = app.config.limits.file_bytes();
    let quota = app.config.limits.stored_bytes();
    let stored = app.storage.stored_bytes(session.user).await?;
    let mut next_look = 0;
    let mut upload = app.files.create().await.map_err(|error| disk_error(&error))?;
    while let Some(piece) = in_time(field.chunk()).await? {
        if upload.size() + piece.len() as u64 > limit {
            return Err(too_large());
        }
        if stored.saturating_add(upload.size() + piece.len() as u64) > quota {
            return Err(over_quota().into());
        }
        if upload.size() >= next_look {
            has_room(app, 0)?;
            next_look = upload.size() + LOOK_EVERY;
        }
        upload.write(piece).await.map_err(|error| disk_error(&error))?;
    }
    upload.finish().await.map_err(|error| disk_error(&error))?;
    Ok(upload)
}

/// When a file that is finished now is deleted.
pub(super) fn expires_at(app: &App) -> i64 {
    let hours = i64::from(app.config.storage.max_file_age_hours);
    if hours == 0 { FOR_EVER } else { app.clock.now() + hours * 3600 }
}

/// Room for `bytes` on the disk beside what files leave free.
pub(super) fn has_room(app: &App, bytes: u64) -> Result<(), ApiError> {
    let storage = &app.config.storage;
    if disk::has_reserve(&storage.files_path, app.config.limits.reserve_bytes().saturating_add(bytes)) {
        return Ok(());
    }
    Err(StorageError::Full.into())
}

/// Counts a transfer for as long as the slot lives.
pub(super) fn begin_transfer(app: &App, user: UserKey) -> Result<Slot, ApiError> {
    app.doors.transfers.begin(user).ok_or_else(|| ApiError::rate_limited(TRANSFER_WAIT_MS))
}

pub(super) fn too_large() -> ApiError {
    ApiError::new(ErrorCode::FileTooLarge, "the file is over the server's limit")
}

async fn add_row(app: &App, session: &Session, upload: Upload) -> Result<UploadResponse, ApiError> {
    let expires_at = expires_at(app);
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
    session: Session,
    Params(file_id): Params<FileId>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !app.storage.file_exists(file_id.clone()).await? {
        return Err(unknown());
    }
    let file = app.files.read(&file_id).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unknown(),
        _ => disk_error(&error),
    })?;
    let metadata = file.metadata().map_err(|error| disk_error(&error))?;
    let (size, modified) = (metadata.len(), metadata.modified().map_err(|error| disk_error(&error))?);
    let validators = Validators::new(&file_id, modified);
    let mut answer = match validators.evaluate(&method, &headers, size) {
        Wanted::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Wanted::PreconditionFailed => {
            return Err(ApiError::new(ErrorCode::PreconditionFailed, "the file is another than the one asked for"));
        }
        Wanted::Unsatisfiable => {
            let mut refused = ApiError::new(ErrorCode::RangeNotSatisfiable, "the file has none of these bytes");
            refused.insert_header(header::CONTENT_RANGE, text_header(&format!("bytes */{size}")));
            return Err(refused);
        }
        Wanted::Whole if method == Method::HEAD => with_bytes(Body::empty(), size),
        Wanted::Whole => with_bytes(Body::new(FileBody::new(file, 0, size, begin_transfer(&app, session.user)?)), size),
        Wanted::Part(start, end) => {
            let slot = begin_transfer(&app, session.user)?;
            let mut answer = with_bytes(Body::new(FileBody::new(file, start, end, slot)), end - start);
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = text_header(&format!("bytes {start}-{}/{size}", end - 1));
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
            answer
        }
    };
    answer.headers_mut().extend(validators.headers());
    Ok(answer)
}

fn with_bytes(body: Body, len: u64) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, len.into()),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    (headers, body).into_response()
}

fn text_header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("numbers are visible ASCII")
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

/// Deletes what no row names any more. What fails now is swept up later.
pub(super) async fn remove_from_disk(app: &App, file_id: &FileId) {
    if let Err(error) = app.files.remove(file_id).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a file was not deleted");
    }
}

fn unknown() -> ApiError {
    ApiError::new(ErrorCode::UnknownFile, "there is no such file")
}

/// The next piece of a form, unless its sender falls silent.
async fn in_time<T>(piece: impl Future<Output = Result<T, MultipartError>>) -> Result<T, ApiError> {
    match tokio::time::timeout(BODY_PATIENCE, piece).await {
        Ok(piece) => piece.map_err(|_| broken_off()),
        Err(_) => Err(http::too_slow()),
    }
}

fn broken_off() -> ApiError {
    ApiError::malformed("the form is broken off or not valid")
}

pub(super) fn disk_error(error: &io::Error) -> ApiError {
    if is_full(error) {
        return StorageError::Full.into();
    }
    tracing::error!(error = error as &dyn std::error::Error, "the folder of files failed");
    ApiError::internal()
}
