//! Something in the place of the server.

use privmsg_protocol::ErrorCode;
use privmsg_protocol::Opaque;
use privmsg_protocol::rest::PublishDeviceList;

use super::super::error::NetworkError;
use super::super::socket::Socket;
use super::host::{Host, Page};
use super::{Names, both, client, endpoint};
use crate::error::{ClientError, Retry};
use crate::net::http::Api;
use crate::net::request::Body;

const HTML: &str = "<html>nginx</html>";

async fn behind(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> (Host, Api) {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let host = Host::with(None, Some(Page { status, headers, body })).await;
    let api = client(endpoint("http://chat.example.org/p"), &[], &Names::all_at(&[host.address]));
    (host, api)
}

#[tokio::test]
async fn whatever_a_proxy_answers_is_not_the_servers_word() {
    for status in [400, 401, 403, 404, 407, 413, 414, 429, 500, 502, 503, 504] {
        let (_host, api) = behind(status, &[("content-type", "text/html")], HTML).await;
        let error = both(&api).await.unwrap_err();
        let ClientError::Network(NetworkError::Between(between)) = &error else { panic!("{error:?}") };
        assert_eq!((between.status, error.code(), error.retry()), (status, None, Retry::Later));
        // Nobody has been signed out, and nothing was stored.
        assert!(matches!(api.logout().await, Err(ClientError::Network(NetworkError::Between(_)))));
    }
}

#[tokio::test]
async fn a_portal_that_says_yes_to_everything_has_done_nothing() {
    let (_host, api) = behind(200, &[("content-type", "text/html")], HTML).await;
    let list = PublishDeviceList {
        certificate: Opaque::encode(b"certificate"),
        list: Opaque::encode(b"list"),
        enrol: Vec::new(),
    };
    let done = [
        api.logout().await,
        api.publish_device_list(&list, &[0; 32]).await,
        api.devices().await.map(drop),
        api.health().await.map(drop),
    ];
    let downloaded = api.download(&"file".parse().unwrap(), 0).await.map(drop);
    let opened = Socket::open(&api).await.map(drop);
    for result in done.into_iter().chain([downloaded, opened]) {
        assert!(matches!(result, Err(ClientError::Network(NetworkError::Between(_)))), "{result:?}");
    }
}

/// A message is given up for what a server of another kind answers. A gateway's JSON must not be taken for that.
#[tokio::test]
async fn no_upload_is_given_up_for_a_strangers_word() {
    let pages =
        [(200, "application/json", r#"{"ok":true}"#), (200, "text/html", HTML), (413, "application/json", "{}")];
    for (status, kind, body) in pages {
        let (_host, api) = behind(status, &[("content-type", kind)], body).await;
        let upload = "upload".parse().unwrap();
        for error in [
            api.begin_upload(10, Body::of("ciphertext"), 10).await.unwrap_err(),
            api.add_to_upload(&upload, 0, Body::of("ciphertext"), 10).await.unwrap_err(),
            api.upload_status(&upload).await.unwrap_err(),
        ] {
            assert!(matches!(error, ClientError::Network(NetworkError::Between(_))), "{error:?}");
            assert_eq!((error.retry(), error.code()), (Retry::Later, None));
        }
    }
}

#[tokio::test]
async fn the_servers_own_refusals_are_heard_on_both_ways() {
    let problem = r#"{"type":"about:blank","title":"Too Many","status":429,"code":"rate_limited","detail":"wait","retry_after_ms":1500}"#;
    let (_host, api) = behind(429, &[("content-type", "application/problem+json")], problem).await;
    let error = both(&api).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::RateLimited));
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_millis(1500)));
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let elsewhere = Host::start().await;
    for (location, to) in [
        ("https://new.example.org{path}", "https://new.example.org/p"),
        ("https://chat.example.org{path}", "https://chat.example.org/p"),
    ] {
        let (_host, api) = behind(301, &[("location", location)], "").await;
        let error = both(&api).await.unwrap_err();
        assert!(error.to_string().contains(to), "{error}");
        let ClientError::Network(NetworkError::Moved { to: named }) = error else { panic!("{error:?}") };
        assert_eq!(named, to);
    }
    let portal = format!("http://{}/sign-in", elsewhere.address);
    let (_host, api) = behind(302, &[("location", &portal)], "").await;
    let error = both(&api).await.unwrap_err();
    assert!(matches!(error, ClientError::Network(NetworkError::Between(_))), "{error:?}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn the_time_is_taken_from_the_server_only() {
    let local = crate::clock::SystemClock;
    let (_host, api) = behind(502, &[("content-type", "text/html")], HTML).await;
    both(&api).await.unwrap_err();
    assert_eq!(api.clock().ahead_ms(&local), None);
    let host = Host::start().await;
    let api = client(endpoint("http://chat.example.org"), &[], &Names::all_at(&[host.address]));
    api.devices().await.unwrap();
    let ahead = api.clock().ahead_ms(&local).unwrap();
    assert!(ahead.abs() < 5_000, "{ahead}");
}
