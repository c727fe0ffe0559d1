//! The built server as others see it: over HTTP and WebSocket, behind a real proxy, beside real programs.

mod acme;
mod console;
mod disk_full;
mod http;
mod limits;
mod line;
mod nginx;
mod security_access;
mod security_http;
mod security_websocket;
mod tls;
mod turn;
mod tus;
