//! How this client talks to its server.
//!
//! ```text
//! Api (REST) ──────┐
//!                  ├─▶ Server ─▶ Connector ─▶ proxy, race of addresses, TLS ─▶ Stream
//! Socket (/ws) ────┘      │
//!                         └─▶ answer: is this the server's word, or somebody's on the way?
//! ```
//!
//! | question | file |
//! |---|---|
//! | What is an address of a server? | `address.rs` |
//! | What does a profile keep of it? | `endpoint.rs` |
//! | Which proxy? | `route.rs`, `proxy.rs`; spoken to in `tunnel.rs` (HTTP) and `socks.rs` |
//! | Which of several addresses? | `race.rs` |
//! | Whom to believe? | `tls.rs`, `fingerprint.rs` |
//! | Who has answered, and what went wrong? | `answer.rs`, `error.rs` |
//! | What time is it there? | `clock.rs` |
//! | When to try again? | `backoff.rs` |
//! | How does a large file go up in parts? | `tus.rs` |

mod address;
mod answer;
pub(crate) mod backoff;
pub(crate) mod clock;
mod connector;
mod endpoint;
mod error;
mod fingerprint;
pub(crate) mod http;
mod identity;
mod proxy;
mod race;
pub(crate) mod request;
mod resolve;
mod route;
mod server;
pub(crate) mod socket;
mod socks;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod tunnel;
pub(crate) mod tus;
mod upgrade;

pub use address::{AddressError, ServerAddress};
pub use endpoint::Endpoint;
pub use error::{Between, CertificateFault, Hop, LinkFault, NetworkError, ProxyFault, ProxySource, Untrusted};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use proxy::{Proxy, ProxyError};
pub use route::ProxySetting;
