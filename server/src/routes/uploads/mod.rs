//! Resumable uploads by the tus protocol, version 1.0.0, with the extensions creation, creation-with-upload,
//! termination, expiration and checksum.
//!
//! An upload belongs to the user who began it, on whichever device; to others it does not exist. Its metadata is read
//! by nobody here: the name of a file is the business of those who can decrypt it.

mod head;
mod receive;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_LENGTH, HeaderMap, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use privmsg_protocol::{ErrorCode, FileId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::files::{self, disk_error, has_room};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::extract::{Params, Upload};
use crate::files::{Busy, Hold, Slot};
use crate::openapi::Binary;
use crate::storage::{NewFile, Session, StoredUpload, UploadBounds};
use head::Checksum;
use receive::{Added, Addition};

/// Expiry of uploads that are kept for ever.
const FOR_EVER: i64 = i32::MAX as i64;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(create, describe))
        .routes(routes!(show, add, terminate, overridden))
        .layer(map_response(name_version))
}

/// Every answer names the protocol's version, and one that refuses the client's names those that there are.
async fn name_version(mut response: Response) -> Response {
    let version = HeaderValue::from_static(head::VERSION);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(head::TUS_VERSION, version.clone());
    }
    response.headers_mut().insert(head::TUS_RESUMABLE, version);
    response
}

/// What the server can of tus
#[utoipa::path(
    options, path = "/files/uploads", tag = "files",
    responses((status = NO_CONTENT)),
)]
async fn describe(State(app): State<AppState>) -> Response {
    let mut headers = HeaderMap::from_iter([
        (head::TUS_VERSION, HeaderValue::from_static(head::VERSION)),
        (head::TUS_EXTENSION, HeaderValue::from_static(head::EXTENSIONS)),
        (head::TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(head::CHECKSUM_ALGORITHMS)),
        (ALLOW, HeaderValue::from_static("OPTIONS, POST")),
    ]);
    if app.config.limits.max_file_size_mb != 0 {
        headers.insert(head::TUS_MAX_SIZE, app.config.limits.file_bytes().into());
    }
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begin a resumable upload (tus 1.0)
#[utoipa::path(
    post, path = "/files/uploads", tag = "files",
    request_body(content = Option<Binary>, content_type = "application/offset+octet-stream"),
    responses((status = CREATED)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::MalformedRequest, ErrorCode::FileTooLarge, ErrorCode::UnsupportedTusVersion, ErrorCode::UnsupportedMediaType, ErrorCode::TooManyUploads, ErrorCode::ChecksumMismatch, ErrorCode::StorageFull, ErrorCode::RateLimited]))),
)]
async fn create(State(app): State<AppState>, session: Session, request: Request) -> Result<Response, ApiError> {
    let headers = request.headers();
    head::check_version(headers)?;
    let size = head::length(headers)?;
    let with_bytes = head::brings_bytes(headers);
    let checksum = if with_bytes { Checksum::of(headers)? } else { None };
    if size > app.config.limits.file_bytes() {
        return Err(files::too_large());
    }
    if with_bytes && declared_body(headers).is_some_and(|body| body > size) {
        return Err(receive::too_much());
    }
    app.allowances.upload(&session)?;
    has_room(&app, size)?;
    let slot = files::begin_transfer(&app, session.user)?;
    let body = if with_bytes { request.into_body() } else { Body::empty() };
    let creation = Creation { app: AppState::clone(&app), session, size, checksum, slot };
    // A task of its own, as an addition is: a client that goes away in between leaves nothing half done.
    app.tasks.spawn(creation.carry_out(body)).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

/// A new upload, and the bytes that come with it.
struct Creation {
    app: AppState,
    session: Session,
    size: u64,
    checksum: Option<Checksum>,
    slot: Slot,
}

impl Creation {
    async fn carry_out(self, body: Body) -> Result<Response, ApiError> {
        let Self { app, session, size, checksum, slot } = self;
        let hours = i64::from(app.config.storage.unfinished_upload_hours);
        let expires_at = if hours == 0 { FOR_EVER } else { app.clock.now() + hours * 3600 };
        let reserved = app.files.reserve().await.map_err(|error| disk_error(&error))?;
        let file_id = reserved.id().clone();
        let owner = session.user;
        let row = NewFile { file_id: file_id.clone(), owner, size, expires_at };
        let limits = &app.config.limits;
        let bounds = UploadBounds { quota: limits.stored_bytes(), unfinished: limits.max_unfinished_uploads };
        app.storage.create_upload(row, bounds).await?;
        reserved.keep();

        let upload = StoredUpload { size, expires_at, unproven_from: None, file_expires_at: None };
        let hold = app.doors.appending.hold(&file_id).await.map_err(busy)?;
        let id = file_id.clone();
        let addition =
            Addition { app: AppState::clone(&app), session, file_id, upload, offset: 0, checksum, hold, _slot: slot };
        match addition.receive(body).await {
            Ok(added) => {
                let mut headers = progress(&id, &added, expires_at);
                // Relative: a proxy may have the server below a path that the server does not know.
                let location = format!("uploads/{id}");
                headers.insert(LOCATION, HeaderValue::from_str(&location).expect("an id is visible ASCII"));
                Ok((StatusCode::CREATED, headers).into_response())
            }
            Err(error) => {
                // The client does not know where its upload is. Gone already if its user is.
                let _ = app.storage.delete_upload(owner, id.clone()).await;
                files::remove_from_disk(&app, &id).await;
                Err(error)
            }
        }
    }
}

/// How far an upload is
#[utoipa::path(
    head, path = "/files/uploads/{upload_id}", tag = "files",
    params(("upload_id" = FileId, Path, description = "Upload")),
    responses((status = OK)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUpload, ErrorCode::UnsupportedTusVersion]))),
)]
async fn show(
    State(app): State<AppState>,
    session: Session,
    Params(Upload(file_id)): Params<Upload>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    head::check_version(&headers)?;
    let upload = app.storage.upload(session.user, file_id.clone()).await?;
    let size = upload.size;
    let expires_at = upload.expires_at;
    let mut added = match upload.file_expires_at {
        Some(at) => Added { offset: size, file_expires_at: Some(at) },
        None => Added { offset: offset(&app, &file_id, &upload).await?, file_expires_at: None },
    };
    if added.offset == size && added.file_expires_at.is_none() {
        // All is there, but whoever brought the last bytes did not come to say so.
        added = complete(&app, session, file_id.clone()).await?;
    }
    let mut headers = progress(&file_id, &added, expires_at);
    headers.insert(head::UPLOAD_LENGTH, size.into());
    Ok((StatusCode::OK, headers).into_response())
}

async fn complete(app: &AppState, session: Session, file_id: FileId) -> Result<Added, ApiError> {
    let hold = app.doors.appending.hold(&file_id).await.map_err(busy)?;
    let upload = app.storage.upload(session.user, file_id.clone()).await?;
    if let Some(at) = upload.file_expires_at {
        return Ok(Added { offset: upload.size, file_expires_at: Some(at) });
    }
    let slot = files::begin_transfer(app, session.user)?;
    let offset = offset(app, &file_id, &upload).await?;
    let addition =
        Addition { app: AppState::clone(app), session, file_id, upload, offset, checksum: None, hold, _slot: slot };
    run(app, addition, Body::empty()).await
}

/// Go on with an upload
#[utoipa::path(
    patch, path = "/files/uploads/{upload_id}", tag = "files",
    params(("upload_id" = FileId, Path, description = "Upload")),
    request_body(content = Option<Binary>, content_type = "application/offset+octet-stream"),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::MalformedRequest, ErrorCode::UnknownUpload, ErrorCode::UploadOffsetMismatch, ErrorCode::UploadLocked, ErrorCode::ChecksumMismatch, ErrorCode::UnsupportedTusVersion, ErrorCode::UnsupportedMediaType, ErrorCode::FileTooLarge, ErrorCode::StorageFull, ErrorCode::RateLimited]))),
)]
async fn add(
    State(app): State<AppState>,
    session: Session,
    Params(Upload(file_id)): Params<Upload>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    head::check_version(headers)?;
    if !head::brings_bytes(headers) {
        return Err(head::wrong_type());
    }
    let given = head::number(headers, &head::UPLOAD_OFFSET)?;
    let checksum = Checksum::of(headers)?;
    let declared = declared_body(headers);
    // Looked at before anything is waited for, and again when nobody else can change it.
    app.storage.upload(session.user, file_id.clone()).await?;
    let slot = files::begin_transfer(&app, session.user)?;
    let hold = app.doors.appending.hold(&file_id).await.map_err(busy)?;
    let upload = app.storage.upload(session.user, file_id.clone()).await?;
    let expires_at = upload.expires_at;
    let offset = match upload.file_expires_at {
        Some(_) => upload.size,
        None => offset(&app, &file_id, &upload).await?,
    };
    if given != offset {
        return Err(ApiError::new(ErrorCode::UploadOffsetMismatch, "the upload goes on at another byte"));
    }
    if declared.is_some_and(|body| body > upload.size - offset) {
        return Err(receive::too_much());
    }
    if let Some(at) = upload.file_expires_at {
        let added = Added { offset, file_expires_at: Some(at) };
        return Ok((StatusCode::NO_CONTENT, progress(&file_id, &added, expires_at)).into_response());
    }
    let body = request.into_body();
    let id = file_id.clone();
    let addition =
        Addition { app: AppState::clone(&app), session, file_id, upload, offset, checksum, hold, _slot: slot };
    let added = run(&app, addition, body).await?;
    Ok((StatusCode::NO_CONTENT, progress(&id, &added, expires_at)).into_response())
}

/// Give an upload up
#[utoipa::path(
    delete, path = "/files/uploads/{upload_id}", tag = "files",
    params(("upload_id" = FileId, Path, description = "Upload")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUpload, ErrorCode::UnsupportedTusVersion, ErrorCode::UploadLocked]))),
)]
async fn terminate(
    State(app): State<AppState>,
    session: Session,
    Params(Upload(file_id)): Params<Upload>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    head::check_version(&headers)?;
    app.storage.upload(session.user, file_id.clone()).await?;
    // Whoever is adding to it is told to end first.
    let _hold: Hold = app.doors.appending.seize(&file_id).await.map_err(busy)?;
    app.storage.delete_upload(session.user, file_id.clone()).await?;
    app.files.remove(&file_id).await.map_err(|error| disk_error(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// For clients that cannot send every method
///
/// `X-HTTP-Method-Override` names it.
#[utoipa::path(
    post, path = "/files/uploads/{upload_id}", tag = "files",
    params(("upload_id" = FileId, Path, description = "Upload")),
    request_body(content = Option<Binary>, content_type = "application/offset+octet-stream"),
    responses((status = OK), (status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::MethodNotAllowed, ErrorCode::InvalidRequest, ErrorCode::MalformedRequest, ErrorCode::UnknownUpload, ErrorCode::UploadOffsetMismatch, ErrorCode::UploadLocked, ErrorCode::ChecksumMismatch, ErrorCode::UnsupportedTusVersion, ErrorCode::UnsupportedMediaType, ErrorCode::FileTooLarge, ErrorCode::StorageFull, ErrorCode::RateLimited]))),
)]
async fn overridden(
    state: State<AppState>,
    session: Session,
    params: Params<Upload>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    match headers.get("x-http-method-override").map(HeaderValue::as_bytes) {
        Some(b"PATCH") => add(state, session, params, request).await,
        Some(b"HEAD") => show(state, session, params, headers).await,
        Some(b"DELETE") => terminate(state, session, params, headers).await.map(StatusCode::into_response),
        _ => Err(ApiError::new(ErrorCode::MethodNotAllowed, "the endpoint does not take this method")),
    }
}

/// Where an unfinished upload goes on: what is on the disk for good, and as far as it was compared.
async fn offset(app: &App, file_id: &FileId, upload: &StoredUpload) -> Result<u64, ApiError> {
    let durable = app.files.durable_len(file_id).await.map_err(|error| receive::lost(&error))?;
    Ok(durable.min(upload.unproven_from.unwrap_or(u64::MAX)).min(upload.size))
}

/// Carries an addition through, whatever becomes of the connection.
async fn run(app: &App, addition: Addition, body: Body) -> Result<Added, ApiError> {
    app.tasks.spawn(addition.receive(body)).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

fn progress(file_id: &FileId, added: &Added, expires_at: i64) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (head::UPLOAD_OFFSET, added.offset.into()),
        (head::UPLOAD_EXPIRES, head::http_date(expires_at)),
    ]);
    if let Some(at) = added.file_expires_at {
        let id = HeaderValue::from_str(file_id.as_str()).expect("an id is visible ASCII");
        headers.insert(head::FILE_ID, id);
        headers.insert(head::FILE_EXPIRES, at.into());
    }
    headers
}

fn declared_body(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok())
}

fn busy(Busy(wait): Busy) -> ApiError {
    ApiError::later(
        ErrorCode::UploadLocked,
        "another request is adding to the upload",
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
    )
}
