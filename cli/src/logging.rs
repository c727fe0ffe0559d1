//! Diagnostics, only on request.

use std::io::IsTerminal as _;
use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Only our own crates: what libraries log at the lowest level is the traffic itself, with the session token in it.
const TARGETS: [&str; 4] = ["privmsg_cli", "privmsg_client", "privmsg_store", "privmsg_e2ee"];

/// Logs to standard error at the level of `PRIVMSG_LOG`, else of `-v` (info) or `-vv` (debug); else nothing.
pub(crate) fn start(verbose: u8, variable: Option<&str>) {
    let level = match (variable.and_then(|name| LevelFilter::from_str(name).ok()), verbose) {
        (Some(level), _) => level,
        (None, 0) => return,
        (None, 1) => LevelFilter::INFO,
        (None, _) => LevelFilter::DEBUG,
    };
    let targets = Targets::new().with_targets(TARGETS.map(|target| (target, level)));
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    // There is no other subscriber that could be in the way; if a host of this library has one, it stays.
    let _ = tracing_subscriber::registry().with(layer).with(targets).try_init();
}
