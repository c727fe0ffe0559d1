//! The server's configuration: a TOML file, then environment variables on top.
//!
//! `PRIVMSG_<SECTION>_<KEY>` overrides a key, e.g. `PRIVMSG_SERVER_PORT=9000`; lists are separated by commas. A key that
//! does not exist is an error that names it, in the file and in the environment: a typing mistake must not quietly
//! leave a limit at its default. The known keys are those of [`Config::default`], so there is no second list of them.

mod load;
mod sections;

pub(crate) use load::is_placeholder;
pub use load::{ConfigError, Source};
pub use sections::{Acme, Admin, Backup, Config, Limits, Log, LogFormat, Metrics, Server, Storage, Tls, Turn};
