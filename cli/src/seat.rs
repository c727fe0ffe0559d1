//! The seat of the engine: one process per profile has it, the others wait beside it.

use std::time::Duration;

use privmsg_client::{Client, Engine, EngineError};
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;

/// How often it is tried to take the seat when its holder has gone.
const RETRY: Duration = Duration::from_millis(500);

/// How long the engine may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The engine, or the wish to have it.
#[derive(Debug)]
pub(crate) struct Seat {
    client: Client,
    engine: Option<Engine>,
    /// When to try again to take it. Kept here, because whoever waits is interrupted more often than that.
    retry_at: Instant,
}

impl Seat {
    /// Starts the engine, unless another process runs it.
    pub(crate) fn take(client: &Client) -> Result<Self, Failure> {
        Ok(Self { client: client.clone(), engine: start(client)?, retry_at: Instant::now() + RETRY })
    }

    /// Whether the engine runs in this process.
    pub(crate) const fn is_ours(&self) -> bool {
        self.engine.is_some()
    }

    /// Returns when nothing more will happen: the device has been signed out, or the engine cannot go on. Takes over
    /// from another process that has ended. Cancel-safe.
    pub(crate) async fn watch(&mut self) -> Failure {
        loop {
            if let Some(engine) = &mut self.engine {
                if let Err(error) = engine.finished().await {
                    return error.into();
                }
                self.engine = None;
            }
            sleep_until(self.retry_at).await;
            self.retry_at = Instant::now() + RETRY;
            match self.client.whoami().await {
                Ok(me) if !me.signed_in => return Failure::Engine(EngineError::NotSignedIn),
                Ok(_) => {}
                Err(error) => return error.into(),
            }
            match start(&self.client) {
                Ok(engine) => self.engine = engine,
                Err(failure) => return failure,
            }
        }
    }

    /// Stops the engine, if it is ours.
    pub(crate) async fn leave(self) {
        if let Some(engine) = self.engine {
            // What matters is in the database already; the process ends either way.
            let _ = tokio::time::timeout(GOODBYE, engine.stop()).await;
        }
    }
}

fn start(client: &Client) -> Result<Option<Engine>, Failure> {
    match client.start_engine() {
        Ok(engine) => Ok(Some(engine)),
        Err(EngineError::ProfileInUse) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
