//! The built server as others see it: over HTTP and WebSocket, behind a real proxy, beside real programs.

mod disk_full;
mod http;
mod tus;
