//! The built server as others see it: over HTTP and WebSocket, behind a real proxy, beside real programs.

mod acme;
mod http;
mod tls;
