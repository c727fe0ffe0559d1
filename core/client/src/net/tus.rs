//! Resumable uploads by the tus protocol, version 1.0.0, with the extension creation-with-upload.

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::http::request;
use hyper::{Method, StatusCode};
use privmsg_protocol::{ErrorCode, FileId};

use super::answer;
use super::http::{Api, unwritable};
use super::request::Body;
use crate::error::ClientError;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const FILE_ID: HeaderName = HeaderName::from_static("x-privmsg-file-id");

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const BYTES: HeaderValue = HeaderValue::from_static("application/offset+octet-stream");

const UPLOADS: &str = "/api/v1/files/uploads";

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadStatus {
    /// Bytes that the server has on its disk.
    pub(crate) offset: u64,
    /// The file that it has become, once all of it is there.
    pub(crate) file_id: Option<FileId>,
}

impl Api {
    /// The most bytes that an upload may have, if the server says so.
    pub(crate) async fn largest_upload(&self) -> Result<Option<u64>, ClientError> {
        let request = self.tus(Method::OPTIONS, UPLOADS)?;
        let answer = self.head_of(request.body(Body::of("")).map_err(unwritable)?).await?;
        // Something on the way may answer this method by itself; then the server says it when the upload begins.
        Ok(answer.headers.get(TUS_MAX_SIZE).and_then(|size| size.to_str().ok()?.parse().ok()))
    }

    /// Begins an upload of `length` bytes with the first `brought` of them, if any. Returns its name on the server.
    pub(crate) async fn begin_upload(
        &self,
        length: u64,
        first: Body,
        brought: u64,
    ) -> Result<(FileId, UploadStatus), ClientError> {
        let mut request = self.tus(Method::POST, UPLOADS)?.header(UPLOAD_LENGTH, length);
        if brought > 0 {
            request = request.header(CONTENT_TYPE, BYTES).header(CONTENT_LENGTH, brought);
        }
        let response = self.exchange(request.body(first).map_err(unwritable)?).await?;
        let headers = response.headers();
        let Some(id) = upload_id(headers).filter(|_| response.status() == StatusCode::CREATED) else {
            return Err(answer::between(response.status(), headers).into());
        };
        let offset = if brought > 0 { offset(headers) } else { Some(0) };
        let offset = offset.ok_or(ClientError::Protocol("an upload without an offset"))?;
        Ok((id, UploadStatus { offset, file_id: file_id(headers) }))
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownUpload`] if it has expired.
    pub(crate) async fn upload_status(&self, upload: &FileId) -> Result<UploadStatus, ClientError> {
        let request = self.tus(Method::HEAD, &format!("{UPLOADS}/{upload}"))?;
        let answer = self.head_of(request.body(Body::of("")).map_err(unwritable)?).await?;
        // An answer to HEAD has no document that says whose word it is; the version of the protocol does.
        let is_the_servers = answer.headers.get(TUS_RESUMABLE) == Some(&VERSION);
        match answer.status {
            StatusCode::OK if is_the_servers => status(&answer.headers),
            StatusCode::NOT_FOUND | StatusCode::GONE if is_the_servers => Err(ClientError::Server {
                code: ErrorCode::UnknownUpload,
                detail: "there is no such upload".into(),
                retry_after: None,
                epoch: None,
                group_id: None,
                incarnation: None,
                device_id: None,
            }),
            other => Err(answer::between(other, &answer.headers).into()),
        }
    }

    /// Adds `len` bytes to an upload that has `offset` of them.
    pub(crate) async fn add_to_upload(
        &self,
        upload: &FileId,
        offset: u64,
        bytes: Body,
        len: u64,
    ) -> Result<UploadStatus, ClientError> {
        let request = self
            .tus(Method::PATCH, &format!("{UPLOADS}/{upload}"))?
            .header(UPLOAD_OFFSET, offset)
            .header(CONTENT_TYPE, BYTES)
            .header(CONTENT_LENGTH, len);
        let response = self.exchange(request.body(bytes).map_err(unwritable)?).await?;
        match response.status() {
            StatusCode::NO_CONTENT => status(response.headers()),
            other => Err(answer::between(other, response.headers()).into()),
        }
    }

    /// Gives an upload up, and the file that it may have become.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownUpload`] if it has expired.
    pub(crate) async fn end_upload(&self, upload: &FileId) -> Result<(), ClientError> {
        let request = self.tus(Method::DELETE, &format!("{UPLOADS}/{upload}"))?;
        let response = self.exchange(request.body(Body::of("")).map_err(unwritable)?).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            other => Err(answer::between(other, response.headers()).into()),
        }
    }

    fn tus(&self, method: Method, path: &str) -> Result<request::Builder, ClientError> {
        Ok(self.request(method, path)?.header(TUS_RESUMABLE, VERSION))
    }
}

fn status(headers: &HeaderMap) -> Result<UploadStatus, ClientError> {
    let offset = offset(headers).ok_or(ClientError::Protocol("an upload without an offset"))?;
    Ok(UploadStatus { offset, file_id: file_id(headers) })
}

fn offset(headers: &HeaderMap) -> Option<u64> {
    headers.get(UPLOAD_OFFSET)?.to_str().ok()?.parse().ok()
}

fn file_id(headers: &HeaderMap) -> Option<FileId> {
    FileId::new(headers.get(FILE_ID)?.to_str().ok()?).ok()
}

/// The last part of the address that an upload is given. The parts before it are another matter: behind a reverse proxy
/// they may be those of its inside.
fn upload_id(headers: &HeaderMap) -> Option<FileId> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let path = location.split(['?', '#']).next()?;
    FileId::new(path.trim_end_matches('/').rsplit('/').next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_found_wherever_it_is_said_to_be() {
        let at = |location: &str| upload_id(&HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]));
        let id = Some(FileId::new("Zm9vYmFy").unwrap());
        for location in [
            "/api/v1/files/uploads/Zm9vYmFy",
            "https://inside:9443/api/v1/files/uploads/Zm9vYmFy?x=1/2",
            "/chat/api/v1/files/uploads/Zm9vYmFy/",
            "Zm9vYmFy",
        ] {
            assert_eq!(at(location), id, "{location}");
        }
        for location in ["", "/", "/api/../%00", "/a b"] {
            assert_eq!(at(location), None, "{location}");
        }
    }
}
