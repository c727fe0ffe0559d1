//! One server, ready to be talked to.

use std::fmt;
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::address::ServerAddress;
use super::connector::Connector;
use super::endpoint::Endpoint;
use super::error::NetworkError;
use super::request::Body;
use super::route::Environment;

/// Connections are kept open for so long. Short, because one that has died silently costs a time-out when it is used.
const IDLE: Duration = Duration::from_secs(20);

/// An endpoint with what connects to it, or the reason why nothing can.
pub(super) struct Server {
    endpoint: Result<Endpoint, NetworkError>,
    line: Result<Line, NetworkError>,
}

struct Line {
    connector: Connector,
    http: Client<Connector, Body>,
}

impl Server {
    pub(super) fn new(endpoint: Result<Endpoint, NetworkError>, environment: &Environment) -> Self {
        let connector = endpoint.clone().and_then(|endpoint| Connector::new(endpoint, environment));
        Self::connected_by(endpoint, connector)
    }

    pub(super) fn connected_by(
        endpoint: Result<Endpoint, NetworkError>,
        connector: Result<Connector, NetworkError>,
    ) -> Self {
        let line = connector.map(|connector| {
            let http = Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .build(connector.clone());
            Line { connector, http }
        });
        Self { endpoint, line }
    }

    pub(super) const fn endpoint(&self) -> &Result<Endpoint, NetworkError> {
        &self.endpoint
    }

    pub(super) fn address(&self) -> Result<&ServerAddress, NetworkError> {
        self.endpoint.as_ref().map(|endpoint| &endpoint.address).map_err(Clone::clone)
    }

    pub(super) fn http(&self) -> Result<&Client<Connector, Body>, NetworkError> {
        self.line.as_ref().map(|line| &line.http).map_err(Clone::clone)
    }

    pub(super) fn connector(&self) -> Result<&Connector, NetworkError> {
        self.line.as_ref().map(|line| &line.connector).map_err(Clone::clone)
    }

    /// How long connecting may take.
    pub(super) fn patience(&self) -> Duration {
        self.line.as_ref().map_or(Duration::ZERO, |line| line.connector.patience())
    }

    /// What is asked for on the server, without the prefix of its address.
    pub(super) fn path_of(&self, uri: &Uri) -> String {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let prefix = self.endpoint.as_ref().map_or_else(|_| String::new(), |endpoint| endpoint.address.path(""));
        path.strip_prefix(&prefix).unwrap_or(path).to_owned()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Ok(address) => write!(f, "Server({address})"),
            Err(error) => write!(f, "Server({error})"),
        }
    }
}
