//! Where the server is, and how to get there: what a profile keeps of it.

use privmsg_store::account::Account;

use super::address::ServerAddress;
use super::error::NetworkError;
use super::fingerprint::Fingerprint;
use super::route::ProxySetting;

/// A server's address, with the proxy to it and the key that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://…` or `https://…`.
    pub address: ServerAddress,
    /// How it is reached.
    pub proxy: ProxySetting,
    /// The only key that is accepted there. Without it, the system's authorities decide.
    pub fingerprint: Option<Fingerprint>,
}

impl Endpoint {
    /// At this address, reached as the environment says, trusted as the system says.
    #[must_use]
    pub const fn at(address: ServerAddress) -> Self {
        Self { address, proxy: ProxySetting::Environment, fingerprint: None }
    }

    /// As a profile keeps it.
    pub(crate) fn of(account: &Account) -> Result<Self, NetworkError> {
        let fingerprint = match &account.fingerprint {
            // What cannot be understood must not mean that any key is good.
            Some(text) => {
                Some(text.parse().map_err(|_| NetworkError::Other("the pinned fingerprint is damaged".into()))?)
            }
            None => None,
        };
        let proxy = ProxySetting::of_stored(account.proxy.as_ref())?;
        Ok(Self { address: account.server_url.parse()?, proxy, fingerprint })
    }

    /// Puts it into a profile's account.
    pub(crate) fn keep_in(&self, account: &mut Account) {
        account.server_url = self.address.to_string();
        account.proxy = self.proxy.stored();
        account.fingerprint = self.fingerprint.map(|fingerprint| fingerprint.to_string());
    }
}
