//! A server that keeps files, and answers as it should, or as it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use privmsg_protocol::ErrorCode;

use crate::net::tests::host::{Host, Sent, whole};

const UPLOADS: &str = "/api/v1/files/uploads";
const FILES: &str = "/api/v1/files/";

/// A request about a file.
pub(super) struct Asked {
    pub(super) method: Method,
    /// Which file: one has the same name from the beginning of its upload on.
    pub(super) name: String,
    /// Bytes that it is to have.
    pub(super) len: u64,
    /// Where what comes with the request begins, or what is asked for.
    pub(super) from: usize,
    pub(super) body: Bytes,
}

/// Answers in the server's place, or leaves that to it.
pub(super) type Tale = Box<dyn FnMut(&Asked, &BTreeMap<String, Kept>) -> Option<Response<Sent>> + Send>;

/// What has come of a file.
pub(super) struct Kept {
    pub(super) len: u64,
    pub(super) bytes: Vec<u8>,
}

#[derive(Default)]
struct Contents {
    files: BTreeMap<String, Kept>,
    begun: usize,
    asked: Vec<Seen>,
    tale: Option<Tale>,
}

/// A request that was made.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) len: u64,
    pub(super) from: usize,
    /// Bytes that came with it.
    pub(super) brought: usize,
}

pub(super) struct Shelf {
    host: Host,
    contents: Arc<Mutex<Contents>>,
}

impl Shelf {
    pub(super) async fn new() -> Self {
        let contents = Arc::new(Mutex::new(Contents::default()));
        let answering = Arc::clone(&contents);
        let host = Host::scripted(Box::new(move |head, body| answering.lock().unwrap().answer(head, body))).await;
        Self { host, contents }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.host.address)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }

    /// From now on this is what it says.
    pub(super) fn tells(
        &self,
        tale: impl FnMut(&Asked, &BTreeMap<String, Kept>) -> Option<Response<Sent>> + Send + 'static,
    ) {
        self.contents().tale = Some(Box::new(tale));
    }

    pub(super) fn is_honest(&self) {
        self.contents().tale = None;
    }

    /// Requests about files since this was asked last.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.contents().asked)
    }

    /// Bytes that came of a file of this length, of all requests since [`Shelf::seen`].
    pub(super) fn seen_of(&self, len: u64) -> usize {
        self.contents().asked.iter().filter(|asked| asked.len == len).map(|asked| asked.brought).sum()
    }

    /// Lengths of what is there, whole or not.
    pub(super) fn lengths(&self) -> Vec<u64> {
        self.contents().files.values().map(|kept| kept.len).collect()
    }
}

impl Contents {
    fn answer(&mut self, head: &Parts, body: &Bytes) -> Response<Sent> {
        let path = head.uri.path();
        let Some(name) = path.strip_prefix(UPLOADS).or_else(|| path.strip_prefix(FILES)) else {
            return page(503);
        };
        let number = |header: &str| head.headers.get(header).map(|value| value.to_str().unwrap().parse().unwrap());
        let range = head.headers.get(RANGE).map(|range| range.to_str().unwrap());
        let from = range.map(|range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap());
        let name = name.trim_start_matches('/').to_owned();
        let len = self.files.get(&name).map(|kept| kept.len).or_else(|| number("upload-length")).unwrap_or(0);
        let from = from.or_else(|| number("upload-offset")).and_then(|from| usize::try_from(from).ok()).unwrap_or(0);
        let asked = Asked { method: head.method.clone(), name, len, from, body: body.clone() };
        self.asked.push(Seen { method: asked.method.clone(), len, from, brought: body.len() });
        let told = self.tale.as_mut().and_then(|tale| tale(&asked, &self.files));
        told.unwrap_or_else(|| self.as_it_should(asked))
    }

    fn as_it_should(&mut self, asked: Asked) -> Response<Sent> {
        if asked.method == Method::OPTIONS {
            return upload_at(204, None, None);
        }
        if asked.method == Method::POST {
            self.begun += 1;
            let (name, bytes) = (format!("file{}", self.begun), asked.body.to_vec());
            let kept = Kept { len: asked.len, bytes };
            let mut response = kept.status(201, &name);
            response.headers_mut().insert(LOCATION, format!("{UPLOADS}/{name}").parse().unwrap());
            self.files.insert(name, kept);
            return response;
        }
        let Some(kept) = self.files.get_mut(&asked.name) else { return refusal(404, &ErrorCode::UnknownUpload) };
        match asked.method {
            Method::HEAD => kept.status(200, &asked.name),
            Method::PATCH if asked.from != kept.bytes.len() => refusal(409, &ErrorCode::UploadOffsetMismatch),
            Method::PATCH => {
                kept.bytes.extend_from_slice(&asked.body);
                kept.status(204, &asked.name)
            }
            Method::GET => served(asked.from, kept.bytes.len(), whole(kept.bytes[asked.from..].to_vec())),
            Method::DELETE => {
                self.files.remove(&asked.name);
                upload_at(204, None, None)
            }
            _ => page(405),
        }
    }
}

impl Kept {
    fn status(&self, status: u16, name: &str) -> Response<Sent> {
        let offset = self.bytes.len() as u64;
        upload_at(status, Some(offset), (offset == self.len).then_some(name))
    }
}

/// How far an upload is.
pub(super) fn upload_at(status: u16, offset: Option<u64>, file: Option<&str>) -> Response<Sent> {
    let mut response = Response::builder().status(status).header("tus-resumable", "1.0.0");
    if let Some(offset) = offset {
        response = response.header("upload-offset", offset);
    }
    if let Some(file) = file {
        response = response.header("x-privmsg-file-id", file);
    }
    response.body(whole("")).unwrap()
}

/// The server's own no.
pub(super) fn refusal(status: u16, code: &ErrorCode) -> Response<Sent> {
    let code = code.as_str();
    let problem = format!(r#"{{"type":"about:blank","title":"no","status":{status},"code":"{code}","detail":"no"}}"#);
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/problem+json");
    response.header("tus-resumable", "1.0.0").body(whole(problem)).unwrap()
}

/// Somebody else's no.
pub(super) fn page(status: u16) -> Response<Sent> {
    Response::builder().status(status).header(CONTENT_TYPE, "text/html").body(whole("<html>")).unwrap()
}

/// A file of `len` bytes from one of them on.
pub(super) fn served(from: usize, len: usize, body: Sent) -> Response<Sent> {
    let response = Response::builder().header(CONTENT_TYPE, "application/octet-stream");
    let response = match from {
        0 => response.status(200),
        _ => response.status(206).header(CONTENT_RANGE, format!("bytes {from}-{}/{len}", len - 1)),
    };
    response.body(body).unwrap()
}
