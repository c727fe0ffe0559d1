//! Where the server listens, and how it is reached.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Address to listen on. Default `127.0.0.1`; `0.0.0.0` for all.
    pub host: IpAddr,
    /// Port to listen on. Default 9443; 0 for any free one.
    pub port: u16,
    /// Where clients reach this server from outside, e.g. `https://chat.example.org`; stands in invitations. Default
    /// none: an invitation then needs the address said with it.
    pub public_url: String,
    /// Proxies in front of the server, as addresses or networks (`10.0.0.0/8`): from them, and from nobody else, the
    /// address of a client is taken from `X-Forwarded-For`. Default none.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Server {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: 9443, public_url: String::new(), trusted_proxies: Vec::new() }
    }
}
