//! Where requests come from.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::ApiError;

/// Where a request comes from. Set by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    address: IpAddr,
    /// A trusted proxy has told the address.
    proxied: bool,
}

impl Peer {
    pub(crate) const fn direct(address: IpAddr) -> Self {
        Self { address, proxied: false }
    }

    pub(crate) const fn proxied(address: IpAddr) -> Self {
        Self { address, proxied: true }
    }

    /// The client's address.
    pub(crate) const fn ip(self) -> IpAddr {
        self.address
    }

    pub(crate) const fn is_proxied(self) -> bool {
        self.proxied
    }

    /// From this machine, or from a proxy on it that is not trusted: everybody could be behind it, so that limits of an
    /// address make no sense.
    pub(crate) fn is_local(self) -> bool {
        !self.proxied && self.address.to_canonical().is_loopback()
    }

    /// What counts as one address: see [`source`].
    pub(crate) fn source(self) -> IpAddr {
        source(self.address)
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get().copied().ok_or_else(ApiError::internal)
    }
}

/// What counts as one address: with IPv6 a whole /64, which is what a single household or machine is given.
pub(crate) fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        address => address,
    }
}
