//! How many connections come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::gauge::Gauge;

use super::Peer;

/// Counts open connections, so that one address cannot take all that the machine has.
pub(crate) struct PerAddress {
    /// 0 for no limit.
    limit: u32,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// A connection that is counted until this is dropped.
pub(crate) struct Counted {
    all: Arc<PerAddress>,
    /// `None` where nothing is counted.
    source: Option<IpAddr>,
    /// The connection in the figures.
    open: Option<Open>,
    /// The proxy's connection that a request came by, which lives as long as what the request became.
    by: Option<Arc<Self>>,
}

/// A connection in the figures, until this is dropped.
struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Counted {
    /// Shows the connection in the figures, too.
    pub(super) fn shown(mut self, open: &Gauge) -> Self {
        open.inc();
        self.open = Some(Open(open.clone()));
        self
    }

    /// For a request that came by this connection of a proxy.
    pub(crate) fn by(mut self, connection: Option<Arc<Self>>) -> Self {
        self.by = connection;
        self
    }
}

impl PerAddress {
    pub(crate) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { limit, open: Mutex::default() })
    }

    /// Counts one more connection; `None` if that is too many. The machine itself is exempt: a proxy in front of the
    /// server may run there, and all connections would be its.
    pub(crate) fn count(self: &Arc<Self>, from: Peer) -> Option<Counted> {
        let source = (self.limit > 0 && !from.is_local()).then(|| from.source());
        if let Some(source) = source {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(source).or_default();
            if *count >= self.limit {
                return None;
            }
            *count += 1;
        }
        Some(Counted { all: Arc::clone(self), source, open: None, by: None })
    }

    /// A connection that is not counted: that of a trusted proxy, whose clients are.
    pub(super) fn exempt(self: &Arc<Self>) -> Counted {
        Counted { all: Arc::clone(self), source: None, open: None, by: None }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(source) = self.source else { return };
        let mut open = self.all.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                open.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_so_many() {
        let all = PerAddress::new(2);
        let from = |text: &str| all.count(Peer::direct(text.parse().unwrap()));
        let first = from("192.0.2.1").unwrap();
        let _second = from("::ffff:192.0.2.1").unwrap();
        assert!(from("192.0.2.1").is_none());
        assert!(from("192.0.2.2").is_some());
        drop(first);
        let _again = from("192.0.2.1").unwrap();
        assert!(from("192.0.2.1").is_none());
        let _household = (from("2001:db8::1").unwrap(), from("2001:db8::2").unwrap());
        assert!(from("2001:db8::3").is_none());
        assert!(from("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn the_machine_itself_is_not_counted() {
        let all = PerAddress::new(1);
        let open: Vec<_> =
            ["127.0.0.1", "127.0.0.1", "::1", "::1"].map(|text| all.count(Peer::direct(text.parse().unwrap()))).into();
        assert!(open.iter().all(Option::is_some));
        let unlimited = PerAddress::new(0);
        assert!((0..3).all(|_| unlimited.count(Peer::direct("192.0.2.1".parse().unwrap())).is_some_and(|_| true)));
        assert!(all.open.lock().unwrap().is_empty());
    }
}
