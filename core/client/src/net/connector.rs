//! One way to the server, for REST and WebSocket alike.
//!
//! ```text
//! proxy? ── no ──▶ resolve ─▶ race the addresses ────────────────────────────┐
//!    └──── yes ──▶ resolve the proxy ─▶ race ─▶ (TLS) ─▶ CONNECT or SOCKS5 ──┴─▶ TLS, if the address says so
//! ```
//!
//! The decision (which proxy, which key to trust) is made once for an [`Endpoint`]; whatever is connected obeys it. Where
//! it cannot be made, every attempt ends with the reason, and a profile can still be read.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::ServerAddress;
use super::endpoint::Endpoint;
use super::error::{Hop, LinkFault, NetworkError, ProxyFault};
use super::proxy::{Proxy, ProxyKind};
use super::resolve::{Resolve, System};
use super::route::Environment;
use super::stream::Stream;
use super::{race, socks, tls, tunnel};

/// How long finding and reaching a machine may take.
const REACH: Duration = Duration::from_secs(15);

/// How long a handshake with a machine that has been reached may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How long a proxy may take to reach the server. Tor needs that long to find an onion service for the first time.
const PROXY_REACH: Duration = Duration::from_secs(60);

/// On a reused connection nothing may move for so long. A commit with a large tree over a slow line still fits.
const STALLED: Duration = Duration::from_secs(60);

/// Makes connections to one server. Clones share what they have learned, such as TLS sessions.
#[derive(Clone)]
pub(super) struct Connector {
    way: Arc<Way>,
}

struct Way {
    address: ServerAddress,
    proxy: Option<Proxy>,
    endpoint: Endpoint,
    resolver: Arc<dyn Resolve>,
    /// For the server, and for a proxy that is reached by TLS itself. Made when they are needed: reading the system's
    /// certificates takes a while, and a machine that has none can still use plain HTTP or a pinned key.
    to_server: OnceLock<Result<Arc<ClientConfig>, NetworkError>>,
    to_proxy: OnceLock<Result<Arc<ClientConfig>, NetworkError>>,
}

impl Connector {
    pub(super) fn new(endpoint: Endpoint, environment: &Environment) -> Result<Self, NetworkError> {
        Self::with_resolver(endpoint, environment, Arc::new(System))
    }

    pub(super) fn with_resolver(
        endpoint: Endpoint,
        environment: &Environment,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, NetworkError> {
        let address = endpoint.address.clone();
        if endpoint.fingerprint.is_some() && !address.is_tls() {
            return Err(NetworkError::PinWithoutTls);
        }
        let proxy = endpoint.proxy.decide(&address, environment)?;
        let (to_server, to_proxy) = (OnceLock::new(), OnceLock::new());
        Ok(Self { way: Arc::new(Way { address, proxy, endpoint, resolver, to_server, to_proxy }) })
    }

    /// How long all steps together may take.
    pub(super) fn patience(&self) -> Duration {
        match self.way.proxy {
            None => REACH + HANDSHAKE,
            Some(_) => REACH + HANDSHAKE + PROXY_REACH + HANDSHAKE,
        }
    }

    /// A new connection, encrypted if the address says so.
    pub(super) async fn connect(&self) -> Result<Stream, NetworkError> {
        let way = &self.way;
        let stream = match &way.proxy {
            None => way.reach(&way.address.host(), way.address.port(), Hop::Server).await?,
            Some(proxy) => way.through(proxy).await?,
        };
        if !way.address.is_tls() {
            return Ok(stream);
        }
        let config = way.to_server.get_or_init(|| tls::client_config(way.endpoint.fingerprint)).clone()?;
        encrypted(stream, config, way.address.server_name()?, &Hop::Server).await
    }
}

impl Way {
    async fn reach(&self, host: &str, port: u16, hop: Hop) -> Result<Stream, NetworkError> {
        let reach = async {
            let addresses = self.resolver.resolve(host, port).await.map_err(|error| LinkFault::of_lookup(&error))?;
            race::first(&addresses, TcpStream::connect).await
        };
        let reached = timeout(REACH, reach).await.unwrap_or(Err(LinkFault::TimedOut));
        let stream = reached.map_err(|fault| NetworkError::Connect { hop, fault })?;
        // Frames are small and written whole. A system that refuses is only slower.
        let _ = stream.set_nodelay(true);
        Ok(Stream::new(stream))
    }

    async fn through(&self, proxy: &Proxy) -> Result<Stream, NetworkError> {
        let hop = Hop::Proxy(proxy.to_string());
        let mut stream = self.reach(proxy.host(), proxy.port(), hop.clone()).await?;
        if proxy.kind() == ProxyKind::Https {
            let config = self.to_proxy.get_or_init(|| tls::client_config(None)).clone()?;
            let name = ServerName::try_from(proxy.host().to_owned())
                .map_err(|_| NetworkError::Connect { hop: hop.clone(), fault: LinkFault::UnknownName })?;
            stream = encrypted(stream, config, name, &hop).await?;
        }
        let failed = |fault| NetworkError::Proxy { proxy: proxy.to_string(), fault };
        let open = async {
            match proxy.kind() {
                ProxyKind::Socks5 => {
                    let host = self.address.host();
                    let target = socks::Target { host: &host, ip: self.address.ip(), port: self.address.port() };
                    socks::open(&mut stream, &target, proxy.credentials()).await.map_err(failed)?;
                    Ok(stream)
                }
                ProxyKind::Http | ProxyKind::Https => tunnel::open(stream, proxy, &self.address.host_and_port()).await,
            }
        };
        let late = failed(ProxyFault::CannotReach(LinkFault::TimedOut));
        timeout(PROXY_REACH, open).await.unwrap_or(Err(late))
    }
}

async fn encrypted(
    stream: Stream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    hop: &Hop,
) -> Result<Stream, NetworkError> {
    let shaken = timeout(HANDSHAKE, TlsConnector::from(config).connect(name, stream)).await;
    let late = || std::io::ErrorKind::TimedOut.into();
    shaken.unwrap_or_else(|_| Err(late())).map(Stream::new).map_err(|error| match (tls::fault(&error), hop) {
        // Of a connection that has carried nothing yet.
        (NetworkError::Lost(fault), hop) => NetworkError::Connect { hop: hop.clone(), fault },
        (fault, Hop::Server) => fault,
        (fault, Hop::Proxy(proxy)) => {
            let fault = match fault {
                NetworkError::Certificate(untrusted) => ProxyFault::Untrusted(untrusted.fault),
                NetworkError::NotTls => ProxyFault::NotAProxy,
                other => ProxyFault::CannotReach(LinkFault::Other(other.to_string())),
            };
            NetworkError::Proxy { proxy: proxy.clone(), fault }
        }
    })
}

/// For pooled connections of REST, whatever their address says: all go to one server.
impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = NetworkError;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, NetworkError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetworkError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { Ok(TokioIo::new(connector.connect().await?.watched(STALLED))) })
    }
}
