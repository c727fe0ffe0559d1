//! Whose connection it is when a proxy stands in front of the server.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The proxies that are believed. Nobody else's headers count, or anybody could be anybody.
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(trusted: &[IpNet]) -> Self {
        Self(trusted.to_vec())
    }

    pub(super) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whose request it is. Each proxy adds at the right of `X-Forwarded-For` whom it has seen, so going from there to
    /// the left the first address that is no proxy of ours is the client: what stands further left, the client itself
    /// has written. Behind something that is no address nothing is believed. `X-Real-IP` counts only without it;
    /// `Forwarded` (RFC 7239) is not read: a proxy that does not set it would pass a client's own through.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Peer {
        if !self.trust(peer) {
            return Peer::direct(peer);
        }
        if !headers.contains_key(FORWARDED_FOR) {
            let real = headers.get(REAL_IP).and_then(|value| address(value.to_str().ok()?));
            return real.map_or(Peer::direct(peer), Peer::proxied);
        }
        let mut client = Peer::direct(peer);
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            let Some(hop) = address(hop) else { break };
            client = Peer::proxied(hop);
            if !self.trust(hop) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: alone, in brackets, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = alone.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, headers: &[(HeaderName, &'static str)]) -> (String, bool) {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap(), "2001:db8::1/128".parse().unwrap()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        let peer = proxies.client(peer.parse().unwrap(), &map);
        (peer.ip().to_string(), peer.is_local())
    }

    fn client(peer: &str, headers: &[(HeaderName, &'static str)]) -> String {
        seen(peer, headers).0
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.9", &[(FORWARDED_FOR, "203.0.113.1")]), "192.0.2.9");
        assert_eq!(client("192.0.2.9", &[(REAL_IP, "203.0.113.1")]), "192.0.2.9");
        assert_eq!(client("10.1.2.3", &[(FORWARDED_FOR, "203.0.113.1")]), "203.0.113.1");
        assert_eq!(client("::ffff:10.1.2.3", &[(FORWARDED_FOR, "203.0.113.1")]), "203.0.113.1");
        assert_eq!(client("2001:db8::1", &[(REAL_IP, "203.0.113.1")]), "203.0.113.1");
        assert_eq!(client("2001:db8::2", &[(REAL_IP, "203.0.113.1")]), "2001:db8::2");
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn what_a_client_writes_itself_does_not_count() {
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "1.1.1.1, 203.0.113.1")]), "203.0.113.1");
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "1.1.1.1, 203.0.113.1, 10.0.0.2")]), "203.0.113.1");
        let two_lines = [(FORWARDED_FOR, "1.1.1.1"), (FORWARDED_FOR, "203.0.113.1")];
        assert_eq!(client("10.0.0.1", &two_lines), "203.0.113.1");
        let both = [(REAL_IP, "1.1.1.1"), (FORWARDED_FOR, "203.0.113.1")];
        assert_eq!(client("10.0.0.1", &both), "203.0.113.1");
        for nonsense in ["unknown", "", "1.1.1.1, nonsense", "<script>, ;"] {
            assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, nonsense)]), "10.0.0.1", "{nonsense}");
        }
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "1.1.1.1, nonsense, 10.0.0.7")]), "10.0.0.7");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "203.0.113.1:4711")]), "203.0.113.1");
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "[2001:db8::7]:4711")]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "[2001:db8::7]")]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, "::ffff:203.0.113.1")]), "203.0.113.1");
    }

    #[test]
    fn the_machine_itself_is_local_only_without_a_proxy() {
        assert!(seen("127.0.0.1", &[]).1);
        assert!(!seen("10.0.0.1", &[(FORWARDED_FOR, "127.0.0.1")]).1);
    }
}
