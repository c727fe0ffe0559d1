//! `run`: the server itself.

use std::io::IsTerminal as _;

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{CommandError, print};
use crate::clock::Clock;
use crate::config::{Config, Log, LogFormat};
use crate::i18n::Language;
use crate::paths::shown;
use crate::serve::{Params, bind};

pub(super) fn command(language: Language) -> clap::Command {
    clap::Command::new("run").about(
        language.say("Run the server (this is what happens without a command)", "Запустить сервер (так и без команды)"),
    )
}

pub(super) async fn run(config: Config, language: Language) -> Result<(), CommandError> {
    start_log(&config.log);
    say_what_starts(&config);
    #[cfg(unix)]
    raise_descriptor_limit();
    let shutdown = CancellationToken::new();
    stop_on_signals(&shutdown)?;
    #[cfg(unix)]
    outlive_hangups()?;
    let encrypted = !config.tls.cert_path.as_os_str().is_empty() || !config.tls.acme.domains.is_empty();
    let scheme = if encrypted { "https" } else { "http" };
    #[cfg(unix)]
    let stopping = shutdown.clone();
    let console = config.admin.console;
    let server = bind(Params { config, clock: Clock::system(), shutdown }).await?;
    if let Some(key) = server.new_admin_key() {
        let text = language.pick(
            "Admin key, shown only now; keep it:",
            "Ключ администратора, показывается только сейчас; сохраните его:",
        );
        print(&format!("{text}\n\n    {}\n", key.expose()))?;
    }
    if console {
        tracing::info!(address = format!("{scheme}://{}/admin/", server.address()), "the web console is served");
    }
    if let Some(address) = server.metrics_address() {
        tracing::info!(address = format!("http://{address}/metrics"), "metrics are served");
    }
    let listening = language.pick("PrivMsg listens on", "PrivMsg слушает");
    print(&format!("{listening} {scheme}://{}", server.address()))?;
    #[cfg(unix)]
    let watchdog = super::systemd::ready(&format!("{scheme}://{}", server.address()), stopping);
    server.run().await;
    #[cfg(unix)]
    watchdog.abort();
    Ok(())
}

/// The first line of a log says what it is the log of.
fn say_what_starts(config: &Config) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = config.file.as_deref().map_or_else(|| "none found, all at its default".to_owned(), shown),
        database = shown(&config.storage.database_path),
        files = shown(&config.storage.files_path),
        "privmsg-server starts"
    );
}

/// `RUST_LOG` chooses what is logged, else the configuration. To stderr: stdout is for the admin key.
fn start_log(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&log.level));
    // Colours are for a terminal: in a file, a pipe or the journal they are rubbish between the words.
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}

/// Each connection is a file descriptor, and the usual limit of 1,024 is meant for other programs.
#[cfg(unix)]
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(error = &error as &dyn std::error::Error, "few connections possible");
    }
}

/// From here on SIGHUP is what the upkeep of certificates makes of it, and no longer the end: it may come at any moment.
#[cfg(unix)]
fn outlive_hangups() -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::hangup()).map(drop).map_err(CommandError::Runtime)
}

#[cfg(unix)]
fn stop_on_signals(shutdown: &CancellationToken) -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(CommandError::Runtime)?;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            signals.recv().await;
            if shutdown.is_cancelled() {
                at_once();
            }
            shutdown.cancel();
            signals.recv().await;
            at_once();
        });
    }
    Ok(())
}

/// Whoever asks a second time does not want to wait for requests under way. Nothing acknowledged is lost by that: it has
/// been durable before it was acknowledged.
#[cfg(unix)]
fn at_once() {
    tracing::warn!("stopped at once");
    std::process::exit(1);
}

#[cfg(not(unix))]
fn stop_on_signals(shutdown: &CancellationToken) -> Result<(), CommandError> {
    let mut signals = tokio::signal::windows::ctrl_c().map_err(CommandError::Runtime)?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        signals.recv().await;
        shutdown.cancel();
    });
    Ok(())
}
