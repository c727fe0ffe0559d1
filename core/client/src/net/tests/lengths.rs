//! Answers that do not end where the server's would.

use bytes::Bytes;
use hyper::Response;
use hyper::header::CONTENT_TYPE;

use super::super::http::Api;
use super::super::request::{MAX_DOCUMENT, MAX_REASON};
use super::super::socket::{MAX_FRAME, Socket};
use super::host::{Host, whole};
use super::{Names, client, endpoint};
use crate::error::ClientError;

/// Somebody who takes this host for the server.
fn of(host: &Host) -> Api {
    client(endpoint("http://example.org"), &[], &Names::all_at(&[host.address]))
}

/// Asks for the devices, and is answered with this, and blanks behind it, which mean nothing in JSON.
async fn answered(status: u16, kind: &'static str, document: &'static str, len: usize) -> Result<(), ClientError> {
    let mut bytes = document.as_bytes().to_vec();
    bytes.resize(len, b' ');
    let bytes = Bytes::from(bytes);
    let host = Host::scripted(Box::new(move |_, _| {
        Response::builder().status(status).header(CONTENT_TYPE, kind).body(whole(bytes.clone())).unwrap()
    }))
    .await;
    of(&host).devices().await.map(drop)
}

#[tokio::test]
async fn a_document_that_is_too_long_is_not_read_to_its_end() {
    let devices = async |len| answered(200, "application/json", r#"{"devices":[]}"#, len).await;
    devices(MAX_DOCUMENT).await.unwrap();
    let told = devices(MAX_DOCUMENT + 1).await;
    assert!(matches!(told, Err(ClientError::Network(_))), "{told:?}");
}

#[tokio::test]
async fn nor_is_what_says_why_something_failed() {
    let problem = r#"{"type":"about:blank","title":"","status":429,"code":"rate_limited","detail":""}"#;
    let reason = async |len| answered(429, "application/problem+json", problem, len).await;
    let told = reason(MAX_REASON).await;
    assert!(matches!(told, Err(ClientError::Server { .. })), "{told:?}");
    let told = reason(MAX_REASON + 1).await;
    assert!(matches!(told, Err(ClientError::Network(_))), "{told:?}");
}

#[tokio::test]
async fn nor_a_frame() {
    let host = Host::start().await;
    let api = of(&host);
    host.says_at_length(MAX_FRAME);
    Socket::open(&api).await.unwrap();
    host.says_at_length(MAX_FRAME + 1);
    let told = Socket::open(&api).await.map(drop);
    assert!(matches!(told, Err(ClientError::Network(_))), "{told:?}");
}
