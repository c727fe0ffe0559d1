//! Accepting connections. An own loop instead of a ready-made one, for small buffers, time limits and an orderly stop.

pub(crate) mod answer;
mod body;
mod gather;
mod pace;
mod peer;
mod per_address;
mod proxies;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use self::gather::Gathered;
use self::pace::Paced;

pub(crate) use body::{BODY_PATIENCE, BodyLimit, body, discard, too_slow};
pub(crate) use peer::{Peer, source};
pub(crate) use per_address::{Counted, PerAddress};
pub(crate) use proxies::Proxies;
pub use tls::TlsError;
pub(crate) use tls::{Tls, keep, own_fingerprint, validity};

/// How long a client may take to send the head of a request, the first one or the next one on the same connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take for the TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes buffered of one connection, and so the longest head. Grows to it only while much arrives at once.
const BUFFER: usize = 64 * 1024;

/// How long written bytes may go unread before the connection is given up.
#[cfg(target_os = "linux")]
const UNREAD: Duration = Duration::from_secs(60);

/// Pause when the system gives no more connections, e.g. for lack of file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// What connections are served with.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) tls: Option<tls::Acceptor>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Connections of each address.
    pub(crate) per_address: Arc<PerAddress>,
    pub(crate) proxies: Arc<Proxies>,
    /// Counts the open connections.
    pub(crate) open: Gauge,
}

/// Accepts connections until the server stops.
pub(crate) async fn serve(listener: TcpListener, service: Service) {
    loop {
        let accepted = tokio::select! {
            () = service.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let counted = if service.proxies.trust(from.ip()) {
                    Some(service.per_address.exempt())
                } else {
                    service.per_address.count(Peer::direct(from.ip()))
                };
                // Closed without a word: a polite answer would need the memory that is to be saved.
                let Some(counted) = counted else { continue };
                service.tasks.spawn(connection(stream, from, service.clone(), Arc::new(counted.shown(&service.open))));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, from: SocketAddr, service: Service, counted: Arc<Counted>) {
    // Frames are flushed in batches already; waiting for more would only add delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "no TCP_NODELAY");
    }
    // Whoever reads nothing for so long is not waited for, whatever is being written.
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD)) {
        tracing::debug!(error = &error as &dyn std::error::Error, "no TCP_USER_TIMEOUT");
    }
    match service.tls.clone() {
        None => requests(stream, from, service, counted).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await;
            if let Ok(Ok(Some(stream))) = handshake {
                requests(stream, from, service, counted).await;
            }
        }
    }
}

async fn requests<S>(stream: S, from: SocketAddr, service: Service, counted: Arc<Counted>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Service { router, stopping, proxies, .. } = service;
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        let peer = proxies.client(from.ip(), request.headers());
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(Arc::clone(&counted));
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Gathered::new(Paced::new(stream))), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            // The request that is under way is answered, no further one is read.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}
