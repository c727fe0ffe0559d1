//! How this client talks to its server.

pub(crate) mod backoff;
pub(crate) mod http;
pub(crate) mod socket;
mod tls;
