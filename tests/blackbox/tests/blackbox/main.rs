//! The built server as others see it: over HTTP and WebSocket, behind a real proxy, beside real programs.

mod console;
mod disk_full;
mod http;
mod limits;
mod line;
mod nginx;
mod security_access;
mod security_http;
mod security_websocket;
mod turn;
mod tus;
