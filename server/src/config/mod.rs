//! The server's configuration: a TOML file, then environment variables on top.
//!
//! `PRIVMSG_<SECTION>_<KEY>` overrides a key, e.g. `PRIVMSG_SERVER_PORT=9000`; lists are separated by commas, and
//! `PRIVMSG_<SECTION>_<KEY>_FILE` names a file that holds the value. A key that
//! does not exist is an error that names it, in the file and in the environment: a typing mistake must not quietly
//! leave a limit at its default. The known keys are those of [`Config::default`], so there is no second list of them.

mod environment;
mod error;
mod load;
mod placeholder;
mod sections;

pub use error::ConfigError;
pub(crate) use error::SHORTEST_KEY;
pub(crate) use load::DEFAULT_FILES;
pub use load::Source;
pub(crate) use placeholder::is_placeholder;
pub use sections::{Acme, Admin, Backup, Config, Limits, Log, LogFormat, Metrics, Server, Storage, Tls, Turn};
