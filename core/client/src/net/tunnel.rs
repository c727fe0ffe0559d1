//! Through an HTTP proxy: `CONNECT` (RFC 9110, section 9.3.6).
//!
//! Also for plain `http://`, because a WebSocket can pass in no other way (RFC 6455, section 4.1), and both halves of
//! the protocol must go the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use privmsg_protocol::Secret;

use super::error::{LinkFault, NetworkError, ProxyFault};
use super::proxy::{Credentials, Proxy};
use super::request::{AGENT, drive};
use super::stream::Stream;

/// Asks the proxy at the other end of `stream` for a connection to `target`, host and port.
pub(super) async fn open(stream: Stream, proxy: &Proxy, target: &str) -> Result<Stream, NetworkError> {
    let failed = |fault| NetworkError::Proxy { proxy: proxy.to_string(), fault };
    let broken = |error: hyper::Error| {
        failed(if error.is_parse() { ProxyFault::NotAProxy } else { ProxyFault::CannotReach(LinkFault::Broken) })
    };
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.map_err(broken)?;
    let request = request(proxy, target).map_err(failed)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let wrong = proxy.credentials().is_some();
                return Err(failed(if wrong { ProxyFault::WrongPassword } else { ProxyFault::WantsPassword }));
            }
            status @ (StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED) => {
                return Err(failed(ProxyFault::Forbids(Some(status.as_u16()))));
            }
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
                return Err(failed(ProxyFault::CannotReach(LinkFault::Unreachable)));
            }
            StatusCode::GATEWAY_TIMEOUT => return Err(failed(ProxyFault::CannotReach(LinkFault::TimedOut))),
            status => return Err(failed(ProxyFault::Answered(status.as_u16()))),
        }
        hyper::upgrade::on(response).await.map_err(broken)
    };
    match drive(connection.with_upgrades(), answer).await?.downcast::<TokioIo<Stream>>() {
        // Nobody speaks before we do, in TLS and in HTTP. Whoever does is no server.
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
        _ => Err(failed(ProxyFault::NotAProxy)),
    }
}

fn request(proxy: &Proxy, target: &str) -> Result<Request<Empty<Bytes>>, ProxyFault> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(target)
        .header(HOST, target)
        .header(USER_AGENT, AGENT)
        .body(Empty::new())
        .map_err(|_| ProxyFault::NotAProxy)?;
    if let Some(credentials) = proxy.credentials() {
        request.headers_mut().insert(PROXY_AUTHORIZATION, basic(credentials).ok_or(ProxyFault::WrongPassword)?);
    }
    Ok(request)
}

/// RFC 7617.
fn basic(Credentials { user, password }: &Credentials) -> Option<HeaderValue> {
    let pair = Secret::new(format!("{user}:{}", password.expose()));
    let encoded = Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())));
    let mut value = HeaderValue::from_str(encoded.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
