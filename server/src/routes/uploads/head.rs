//! The headers of the tus protocol.

use std::time::{Duration, SystemTime};

use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_protocol::ErrorCode;
use sha1::Digest as _;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::error::ApiError;

/// The one version that the server speaks.
pub(super) const VERSION: &str = "1.0.0";

pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration,checksum";
pub(super) const CHECKSUM_ALGORITHMS: &str = "sha256,sha1";

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const FILE_ID: HeaderName = HeaderName::from_static("x-privmsg-file-id");
pub(super) const FILE_EXPIRES: HeaderName = HeaderName::from_static("x-privmsg-file-expires");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");

/// Type of a body that holds bytes of an upload.
const BYTES: &str = "application/offset+octet-stream";

pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(TUS_RESUMABLE).is_some_and(|version| version.as_bytes() == VERSION.as_bytes()) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::UnsupportedTusVersion, "send `Tus-Resumable: 1.0.0`"))
}

/// A number of bytes in a header.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    // i64, because the database counts so. A sign is not a digit.
    text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<i64>().ok())
        .map(i64::unsigned_abs)
        .ok_or_else(|| ApiError::malformed(format!("`{name}` is missing or is no number of bytes")))
}

/// The length of a new upload. What belongs to extensions that are not offered is refused rather than misunderstood.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, ApiError> {
    if headers.contains_key(UPLOAD_CONCAT) {
        return Err(ApiError::malformed("uploads are not concatenated here"));
    }
    number(headers, &UPLOAD_LENGTH)
}

/// Whether the request brings bytes of the upload.
pub(super) fn brings_bytes(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().eq_ignore_ascii_case(BYTES.as_bytes()))
}

pub(super) fn wrong_type() -> ApiError {
    ApiError::new(ErrorCode::UnsupportedMediaType, "send the bytes as `application/offset+octet-stream`")
}

/// A time as HTTP tells it.
pub(super) fn http_date(seconds: i64) -> HeaderValue {
    // Clients count years with four digits.
    const LAST: u64 = 253_402_300_799;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(LAST));
    HeaderValue::from_str(&httpdate::fmt_http_date(time)).expect("a date is visible ASCII")
}

/// What the bytes of a request shall have.
#[derive(Debug)]
pub(super) struct Checksum {
    expected: Vec<u8>,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// The checksum that the request names, if it does.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(UPLOAD_CHECKSUM) else { return Ok(None) };
        let malformed = || ApiError::malformed("`Upload-Checksum` is not an algorithm offered here and a checksum");
        let (algorithm, expected) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
        let running = match algorithm {
            "sha1" => Running::Sha1(Sha1::new()),
            "sha256" => Running::Sha256(Sha256::new()),
            _ => return Err(malformed()),
        };
        let expected = STANDARD.decode(expected.trim()).map_err(|_| malformed())?;
        Ok(Some(Self { expected, running }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(hash) => hash.update(bytes),
            Running::Sha256(hash) => hash.update(bytes),
        }
    }

    pub(super) fn fits(self) -> bool {
        match self.running {
            Running::Sha1(hash) => hash.finalize().as_slice().ct_eq(&self.expected).into(),
            Running::Sha256(hash) => hash.finalize().as_slice().ct_eq(&self.expected).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(text: &str) -> Result<Option<Checksum>, ApiError> {
        Checksum::of(&HeaderMap::from_iter([(UPLOAD_CHECKSUM, HeaderValue::from_str(text).unwrap())]))
    }

    #[test]
    fn checksums_are_compared() {
        for (text, fits) in [
            ("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", true),
            ("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", true),
            ("sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", false),
            ("sha1 ", false),
        ] {
            let mut checksum = checksum(text).unwrap().unwrap();
            checksum.update(b"hello ");
            checksum.update(b"world");
            assert_eq!(checksum.fits(), fits, "{text}");
        }
        for text in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha1", "sha1 ?", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert!(checksum(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_numbers() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(UPLOAD_LENGTH, HeaderValue::from_str(text).unwrap())]);
            number(&headers, &UPLOAD_LENGTH).ok()
        };
        assert_eq!(of("0"), Some(0));
        assert_eq!(of("9223372036854775807"), Some(i64::MAX as u64));
        for text in ["", "-1", "+1", "1.0", "9223372036854775808", "0x1", " 1 2"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert!(number(&HeaderMap::new(), &UPLOAD_LENGTH).is_err());
    }
}
