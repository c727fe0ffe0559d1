//! The whole way to a server: real sockets on loopback, real TLS, proxies written here.

mod between;
mod connecting;
pub(crate) mod host;
mod lengths;
mod proxies;
mod trusting;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use privmsg_protocol::Secret;

use super::connector::Connector;
use super::endpoint::Endpoint;
use super::http::Api;
use super::resolve::Resolve;
use super::route::Environment;
use super::server::Server;
use super::socket::Socket;
use crate::error::ClientError;

/// Gives every name the same addresses, and remembers what it was asked.
#[derive(Clone, Default)]
struct Names {
    addresses: Vec<SocketAddr>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    fn all_at(addresses: &[SocketAddr]) -> Self {
        Self { addresses: addresses.to_vec(), asked: Arc::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        Box::pin(async { Ok(self.addresses.clone()) })
    }
}

/// Somebody who is signed in at `endpoint`, with an environment and a resolver of their own.
fn client(endpoint: Endpoint, environment: &[(&str, &str)], names: &Names) -> Api {
    let variable = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    let names = Arc::new(names.clone());
    let server = |environment: &Environment| {
        let connector = Connector::with_resolver(endpoint.clone(), environment, names);
        Server::connected_by(Ok(endpoint), connector)
    };
    Api::with(Environment::of(variable), server, Some(Secret::new("a token".to_owned())), None)
}

fn endpoint(address: &str) -> Endpoint {
    Endpoint::at(address.parse().unwrap())
}

/// Uses both halves of the protocol, which must fare alike.
async fn both(api: &Api) -> Result<(), ClientError> {
    let rest = api.devices().await.map(drop);
    let socket = Socket::open(api).await.map(drop);
    assert_eq!(format!("{rest:?}"), format!("{socket:?}"), "REST and WebSocket go the same way");
    rest.and(socket)
}
