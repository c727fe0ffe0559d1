//! Who has answered: the server, or something on the way.
//!
//! Only a problem document of the server's own (RFC 9457, with a stable `code`), or the answer that was asked for, is the
//! server's word. A page of a company's proxy, a hotel's portal or a reverse proxy that is out of order comes with the
//! same status codes and means something else; a message is never given up for it.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::Problem;
use privmsg_store::sign_outs::SignOutCause;
use serde::de::DeserializeOwned;
use url::Url;

use super::address::ServerAddress;
use super::error::{Between, NetworkError};
use crate::error::ClientError;

/// Whoever asks to be left alone for longer is not obeyed: somebody who uses this program wants to be back soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Longer than any address that a person would be told of.
const LONGEST_LOCATION: usize = 300;

/// What an answer that is no success means. `path` is what was asked for, as on the server.
pub(super) fn refusal(address: &ServerAddress, path: &str, response: &Response<Bytes>) -> ClientError {
    match problem(response) {
        // Who has signed with the key of a device that was signed out is told by which other one, or why.
        Some(Problem { code: ErrorCode::DeviceRemoved, device_id, reason, .. })
            if device_id.is_some() || reason.is_some() =>
        {
            ClientError::DeviceForgotten(SignOutCause::of_server(reason.as_deref(), device_id))
        }
        Some(problem) => ClientError::Server {
            code: problem.code,
            detail: problem.detail.into(),
            retry_after: problem.retry_after_ms.map(Duration::from_millis),
            epoch: problem.epoch,
            group_id: problem.group_id,
            incarnation: problem.incarnation,
        },
        None => elsewhere(address, path, response.status(), response.headers()).into(),
    }
}

/// Reads the document that was asked for.
pub(super) fn document<T: DeserializeOwned>(response: &Response<Bytes>) -> Result<T, ClientError> {
    serde_json::from_slice(response.body()).map_err(|error| match error.is_data() {
        // JSON with other fields than documented, by a server of another kind.
        true if is(response.headers(), "application/json") => {
            ClientError::Protocol("an answer with other fields than documented")
        }
        _ => between(response.status(), response.headers()).into(),
    })
}

/// Whether an answer has this content type.
pub(super) fn is(headers: &HeaderMap, kind: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}

/// An answer that is not the server's.
pub(super) fn between(status: StatusCode, headers: &HeaderMap) -> NetworkError {
    let redirect = status.is_redirection().then(|| text(headers, LOCATION)).flatten();
    let redirect = redirect.map(|to| to.chars().take(LONGEST_LOCATION).collect());
    let retry_after = text(headers, RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
    NetworkError::Between(Between { status: status.as_u16(), redirect, retry_after })
}

fn problem(response: &Response<Bytes>) -> Option<Problem> {
    let problem: Problem = serde_json::from_slice(response.body()).ok()?;
    let is_the_servers =
        is(response.headers(), "application/problem+json") && problem.status == response.status().as_u16();
    is_the_servers.then_some(problem)
}

/// A redirect of the same request to another place names the server's new address; any other leads to somebody's page.
fn elsewhere(address: &ServerAddress, path: &str, status: StatusCode, headers: &HeaderMap) -> NetworkError {
    let moved = status.is_redirection().then(|| text(headers, LOCATION)).flatten().and_then(|location| {
        let asked = Url::parse(&format!("{address}{path}")).ok()?;
        let target = asked.join(location).ok()?;
        let server = target.as_str().strip_suffix(path)?.parse::<ServerAddress>().ok()?;
        (server != *address).then(|| server.to_string())
    });
    match moved {
        Some(to) => NetworkError::Moved { to },
        None => between(status, headers),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::ErrorCode;
    use privmsg_protocol::rest::PendingMessages;

    use super::*;
    use crate::error::Retry;

    const PATH: &str = "/api/v1/auth/login";

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<Bytes> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn refused(status: u16, headers: &[(&str, &str)], body: &'static str) -> ClientError {
        refusal(&"https://chat.example.org/p".parse().unwrap(), PATH, &answer(status, headers, body))
    }

    const PROBLEM: &str =
        r#"{"type":"about:blank","title":"Too Large","status":413,"code":"body_too_large","detail":"too large"}"#;

    #[test]
    fn only_a_problem_document_is_the_servers_word() {
        let own = refused(413, &[("content-type", "application/problem+json; charset=utf-8")], PROBLEM);
        assert_eq!(own.code(), Some(&ErrorCode::BodyTooLarge));
        for (status, kind, body) in [
            (413, "text/html", "<html>413 Request Entity Too Large</html>"),
            (413, "application/json", PROBLEM),
            (401, "application/problem+json", PROBLEM),
            (401, "application/problem+json", r#"{"type":"about:blank","title":"Unauthorized","status":401}"#),
            (403, "application/json", r#"{"code":"unauthorized","message":"no"}"#),
            (407, "", ""),
            (429, "", ""),
            (502, "text/html", "<html>502 Bad Gateway</html>"),
            (200, "text/html", "<html>Please sign in</html>"),
        ] {
            let error = refused(status, &[("content-type", kind)], body);
            let ClientError::Network(NetworkError::Between(between)) = &error else { panic!("{error:?}") };
            assert_eq!(between.status, status);
            assert_eq!((error.code(), error.retry()), (None, Retry::Later), "nothing is given up for it");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }

    #[test]
    fn a_proxy_may_ask_for_patience_too() {
        for (value, expected) in [("7", Some(7)), ("100000", Some(120)), ("soon", None), ("-1", None)] {
            let error = refused(429, &[("retry-after", value)], "");
            let ClientError::Network(error) = error else { panic!("{error:?}") };
            assert_eq!(error.retry_after(), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_moved_server_is_named_and_not_followed() {
        for (location, to) in [
            ("https://new.example.org/api/v1/auth/login", "https://new.example.org"),
            ("https://new.example.org:9443/q/api/v1/auth/login", "https://new.example.org:9443/q"),
            ("http://chat.example.org/p/api/v1/auth/login", "http://chat.example.org/p"),
            ("/api/v1/auth/login", "https://chat.example.org"),
            ("//new.example.org/api/v1/auth/login", "https://new.example.org"),
        ] {
            for status in [301, 302, 307, 308] {
                let error = refused(status, &[("location", location)], "");
                let ClientError::Network(NetworkError::Moved { to: named }) = error else { panic!("{error:?}") };
                assert_eq!(named, to);
            }
        }
    }

    #[test]
    fn any_other_redirect_is_somebodys_page() {
        for location in [
            "https://portal.example.net/login?back=chat",
            "https://chat.example.org/p/api/v1/auth/login",
            "https://name:secret@new.example.org/api/v1/auth/login",
            "https://new.example.org/$(reboot)/api/v1/auth/login",
            "/login",
            "",
        ] {
            let error = refused(302, &[("location", location)], "");
            let ClientError::Network(NetworkError::Between(between)) = error else { panic!("{error:?}") };
            assert_eq!(between.redirect.as_deref(), Some(location));
        }
    }

    #[test]
    fn a_page_in_place_of_a_document_is_nobodys_word() {
        let read = |kind, body| document::<PendingMessages>(&answer(200, &[("content-type", kind)], body));
        assert!(read("application/json", r#"{"messages":[],"has_more":false}"#).is_ok());
        let other = read("application/json", r#"{"motd":"hello"}"#);
        assert!(matches!(other, Err(ClientError::Protocol(_))));
        for (kind, body) in [("text/html", "<html>"), ("application/json", "{\"messages\":["), ("text/plain", "{}")] {
            let page = read(kind, body);
            assert!(matches!(page, Err(ClientError::Network(NetworkError::Between(_)))), "{kind} {body}");
        }
    }
}
