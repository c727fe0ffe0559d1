//! Ctrl-C and SIGTERM, as something that can be waited for.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::exit::Exit;
use crate::failure::Failure;

/// Signals that follow each other faster than a person could send them are one.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Hears the signals from its creation on.
#[derive(Debug)]
pub(crate) struct Signals {
    heard: watch::Receiver<Option<Exit>>,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (sender, heard) = watch::channel(None);
        let mut source = Source::new()?;
        tokio::spawn(async move {
            let exit = source.next().await;
            // If nobody waits any more, the program is about to end anyway.
            let _ = sender.send(Some(exit));
            // Whoever asks twice does not want to wait. Some programs (timeout) send the same signal twice at once.
            let heard = Instant::now();
            let exit = loop {
                let exit = source.next().await;
                if heard.elapsed() > AT_ONCE {
                    break exit;
                }
            };
            crate::screen::put_back();
            std::process::exit(exit.code().into());
        });
        Ok(Self { heard })
    }

    /// Waits for a signal; returns at once if there has been one.
    pub(crate) async fn wait(&self) -> Exit {
        let mut heard = self.heard.clone();
        match heard.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::Interrupted),
            // The listening task lives as long as the runtime.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether there has been one.
    pub(crate) fn heard(&self) -> bool {
        self.heard.borrow().is_some()
    }

    /// Does `work` unless a signal ends it.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            exit = self.wait() => Err(Failure::Interrupted(exit)),
            result = work => result,
        }
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
