//! Opening the WebSocket: a request like any other (RFC 6455, section 4), on a connection of its own.
//!
//! The handshake is hyper's, and not that of the WebSocket library, so that a refusal is read and judged as a whole, as
//! those of REST are.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::answer;
use super::http::Api;
use super::request::{AGENT, MAX_REASON, cause, drive, whole};
use super::server::Server;
use super::stream::Stream;
use crate::error::ClientError;

/// Where the WebSocket is.
const PATH: &str = "/ws";

/// A WebSocket to the server, not signed in yet.
pub(super) async fn open(api: &Api, config: WebSocketConfig) -> Result<WebSocketStream<Stream>, ClientError> {
    let server = api.server();
    let stream = server.connector()?.connect().await?;
    let key = generate_key();
    let request = request(&server, &key)?;
    let handshake = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| cause(&error))?;
    let asked = Instant::now();
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| cause(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(answer::refusal(server.address()?, PATH, &whole(response, MAX_REASON).await?));
        }
        if !is_accepted(&response, &key) {
            return Err(answer::between(response.status(), response.headers()).into());
        }
        api.clock().note(response.headers(), asked);
        Ok(hyper::upgrade::on(response).await.map_err(|error| cause(&error))?)
    };
    let upgraded = drive(connection.with_upgrades(), answer).await?;
    match upgraded.downcast::<TokioIo<Stream>>() {
        Ok(parts) => {
            let early = parts.read_buf.to_vec();
            Ok(WebSocketStream::from_partially_read(parts.io.into_inner(), early, Role::Client, Some(config)).await)
        }
        Err(_) => Err(ClientError::Protocol("a connection that cannot be taken over")),
    }
}

fn request(server: &Server, key: &str) -> Result<Request<Empty<Bytes>>, ClientError> {
    let address = server.address()?;
    Request::builder()
        .uri(address.path(PATH))
        .header(HOST, address.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .body(Empty::new())
        .map_err(|_| ClientError::Protocol("a request that cannot be written"))
}

fn is_accepted<B>(response: &Response<B>, key: &str) -> bool {
    let expected = derive_accept_key(key.as_bytes());
    response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept == expected.as_str())
}
