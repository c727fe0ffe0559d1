//! The relay server of PrivMsg.
//!
//! It knows accounts, devices, and who sends to whom; it stores and forwards ciphertext, and has no code that could
//! read it. What it promises about delivery is in `storage`, how connections are served in `ws` and `hub`, what
//! can be asked over REST in `routes`.
//!
//! The binary is thin. Tests and other programs run the server in-process:
//!
//! ```no_run
//! # async fn example() -> Result<(), privmsg_server::ServerError> {
//! use privmsg_server::{CancellationToken, Clock, Config, Params};
//!
//! let mut config = Config::default();
//! config.server.port = 0;
//! let shutdown = CancellationToken::new();
//! let server = privmsg_server::bind(Params {
//!     config,
//!     clock: Clock::system(),
//!     shutdown: shutdown.clone(),
//! })
//! .await?;
//! let address = server.address();
//! let running = tokio::spawn(server.run());
//! // …
//! shutdown.cancel();
//! running.await.expect("the server does not panic");
//! # Ok(())
//! # }
//! ```

mod admin;
mod app;
mod backup;
mod causes;
mod challenges;
pub mod cli;
mod clock;
pub mod config;
mod console;
mod disk;
mod doctor;
mod error;
mod extract;
mod files;
mod frame_text;
mod handshake;
mod housekeeping;
mod http;
mod hub;
mod i18n;
mod limiter;
mod lock;
mod metrics;
mod openapi;
mod paths;
mod private;
mod private_message;
mod readiness;
mod routes;
mod sampler;
mod secrets;
mod serve;
mod storage;
mod turn;
mod wrong_keys;
mod ws;

pub use clock::Clock;
pub use config::Config;
pub use http::TlsError;
pub use serve::{BoundServer, Params, ServerError, bind};
pub use tokio_util::sync::CancellationToken;
