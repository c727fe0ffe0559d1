//! Where the server listens, and how it is reached.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

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
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Server {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: 9443, public_url: String::new(), trusted_proxies: Vec::new() }
    }
}

/// Networks, and addresses alone, which are networks of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map(canonical);
    texts.iter().map(network).collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// Addresses are compared as IPv4 where they are that; a network of such, written as IPv6, is one of IPv4.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(wide) = net else { return net };
    let narrow = wide.addr().to_ipv4_mapped().zip(wide.prefix_len().checked_sub(96));
    narrow.and_then(|(address, prefix)| ipnet::Ipv4Net::new(address, prefix).ok()).map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_or_networks() {
        let server: Server = toml::from_str("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\", \"::1\"]").unwrap();
        let expected = ["127.0.0.1/32", "10.0.0.0/8", "::1/128"].map(|text| text.parse().unwrap());
        assert_eq!(server.trusted_proxies, expected);
        let server: Server =
            toml::from_str("trusted_proxies = [\"::ffff:127.0.0.1\", \"::ffff:10.0.0.0/104\"]").unwrap();
        assert_eq!(server.trusted_proxies, ["127.0.0.1/32", "10.0.0.0/8"].map(|text| text.parse().unwrap()));
        assert!(toml::from_str::<Server>("trusted_proxies = [\"proxy.example\"]").is_err());
    }
}
