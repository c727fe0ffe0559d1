//! A host that answers like a PrivMsg server, or like something in its place.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use privmsg_protocol::PROTOCOL_VERSION;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::stream::Io;

/// What a server of this version of the protocol says.
fn authenticated(version: u32) -> String {
    format!(
        r#"{{"type":"authenticated","payload":{{"user_id":"alice","device_id":"a1","protocol_version":{version}}}}}"#
    )
}

/// What every request is answered with, where the server itself does not get to speak.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
}

/// What is sent. An error in it breaks the connection.
pub(crate) type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// Answers in a way of its own, knowing all of a request.
pub(crate) type Script = Box<dyn Fn(&Parts, &Bytes) -> Response<Sent> + Send + Sync>;

/// A listening host. It ends with its runtime.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    connections: AtomicUsize,
    seen: Mutex<Vec<String>>,
    manner: Manner,
    version: AtomicU32,
    /// How long its first word in a WebSocket is at least.
    longest: AtomicUsize,
}

enum Manner {
    Server,
    Page(Page),
    Script(Script),
}

impl Host {
    pub(super) async fn start() -> Self {
        Self::with(None, None).await
    }

    pub(super) async fn with(tls: Option<Arc<ServerConfig>>, page: Option<Page>) -> Self {
        Self::in_manner(tls, page.map_or(Manner::Server, Manner::Page)).await
    }

    pub(crate) async fn scripted(script: Script) -> Self {
        Self::in_manner(None, Manner::Script(script)).await
    }

    async fn in_manner(tls: Option<Arc<ServerConfig>>, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let version = AtomicU32::new(PROTOCOL_VERSION);
        let shared = Arc::new(Shared {
            connections: AtomicUsize::default(),
            seen: Mutex::default(),
            manner,
            version,
            longest: AtomicUsize::default(),
        });
        tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    let (shared, tls) = (Arc::clone(&shared), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(stream, shared).await,
                            Some(config) => match TlsAcceptor::from(config).accept(stream).into_fallible().await {
                                Ok(stream) => serve(stream, shared).await,
                                // Closing with unread bytes would reset the connection, and what was said with it.
                                Err((_, mut stream)) => {
                                    let _ = stream.shutdown().await;
                                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                                }
                            },
                        }
                    });
                }
            }
        });
        Self { address, shared }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// It speaks another version of the protocol from now on.
    pub(super) fn speaks(&self, version: u32) {
        self.shared.version.store(version, Ordering::SeqCst);
    }

    /// Its first word in a WebSocket is so long from now on: blanks mean nothing in JSON.
    pub(super) fn says_at_length(&self, len: usize) {
        self.shared.longest.store(len, Ordering::SeqCst);
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Method, path and host of each request so far.
    pub(super) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

async fn serve(stream: impl Io + 'static, shared: Arc<Shared>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    // A client that goes away is no failure of the host.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).with_upgrades().await;
}

impl Shared {
    async fn answer(&self, mut request: Request<Incoming>) -> Response<Sent> {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned()).unwrap_or_default();
        self.seen.lock().unwrap().push(format!("{} {} {host}", request.method(), request.uri().path()));
        match &self.manner {
            Manner::Server => {}
            Manner::Page(page) => {
                let mut response = Response::builder().status(page.status);
                for (name, value) in &page.headers {
                    response = response.header(*name, value.replace("{path}", request.uri().path()));
                }
                return response.body(whole(page.body)).unwrap();
            }
            Manner::Script(script) => {
                let (head, body) = request.into_parts();
                // Of a request that breaks off, there is nobody to answer.
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                return script(&head, &body);
            }
        }
        if request.uri().path().ends_with("/ws") {
            let mut word = authenticated(self.version.load(Ordering::SeqCst));
            word.extend(std::iter::repeat_n(' ', self.longest.load(Ordering::SeqCst).saturating_sub(word.len())));
            return websocket(&mut request, word);
        }
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        Response::builder().header("content-type", "application/json").body(whole(r#"{"devices":[]}"#)).unwrap()
    }
}

/// A body that is all there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Sent {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn websocket(request: &mut Request<Incoming>, word: String) -> Response<Sent> {
    let key = request.headers()[SEC_WEBSOCKET_KEY].clone();
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(frame)) = socket.next().await {
            if frame.is_text() && socket.send(Message::text(word.clone())).await.is_err() {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .body(whole(""))
        .unwrap()
}
