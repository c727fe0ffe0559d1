//! The seat of the engine: one process per profile has it, the others wait beside it.

use std::time::Duration;

use privmsg_store::{Change, Changes};
use tokio::sync::oneshot;

use super::Engine;
use crate::client::Client;
use crate::error::{ClientError, EngineError};
use crate::profile::EngineLock;

/// How long the engine may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The engine, or a place in the queue for it.
#[derive(Debug)]
pub struct Seat {
    client: Client,
    state: State,
    changes: Changes,
}

#[derive(Debug)]
enum State {
    /// The engine runs in this process.
    Taken(Engine),
    /// Another process has it. The system says when that ends.
    Waiting(oneshot::Receiver<std::io::Result<EngineLock>>),
    /// This process's engine has ended without an error.
    Left,
}

impl Seat {
    /// Starts the engine, unless another process runs it.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be found out.
    pub fn take(client: &Client) -> Result<Self, EngineError> {
        let changes = client.changes();
        let state = match client.start_engine() {
            Ok(engine) => State::Taken(engine),
            Err(EngineError::ProfileInUse) => State::Waiting(client.wait_for_engine()?),
            Err(error) => return Err(error),
        };
        Ok(Self { client: client.clone(), state, changes })
    }

    /// Whether the engine runs in this process.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self.state, State::Taken(_))
    }

    /// Returns when nothing more will happen, with the reason: the device has been signed out, or the engine cannot go on.
    /// Takes over from another process that has ended. Cancel-safe.
    pub async fn watch(&mut self) -> EngineError {
        loop {
            match &mut self.state {
                State::Taken(engine) => match engine.finished().await {
                    Err(error) => return error,
                    Ok(()) => self.state = State::Left,
                },
                State::Left => match self.client.wait_for_engine() {
                    Ok(waiting) => self.state = State::Waiting(waiting),
                    Err(error) => return error,
                },
                State::Waiting(waiting) => {
                    let lock = tokio::select! {
                        lock = waiting => lock,
                        signed_out = signed_out(&self.client, &mut self.changes) => return signed_out,
                    };
                    match lock {
                        Ok(Ok(lock)) => self.state = State::Taken(self.client.start_engine_with(lock)),
                        Ok(Err(error)) => return EngineError::Lock(error),
                        Err(_) => self.state = State::Left,
                    }
                }
            }
        }
    }

    /// Stops the engine, if it is ours.
    pub async fn leave(self) {
        if let State::Taken(engine) = self.state {
            // What matters is in the database already; the process ends either way.
            let _ = tokio::time::timeout(GOODBYE, engine.stop()).await;
        }
    }
}

/// Returns when another process has found out that the device is signed out.
async fn signed_out(client: &Client, changes: &mut Changes) -> EngineError {
    loop {
        match client.whoami().await {
            Ok(me) if !me.signed_in => {
                let why = client.signed_out().await.ok().flatten();
                return why.map_or(EngineError::NotSignedIn, EngineError::SignedOut);
            }
            Ok(_) => {}
            Err(ClientError::Store(error)) => return EngineError::Store(error),
            Err(_) => return EngineError::NotSignedIn,
        }
        if !changes.wait_for(|change| *change == Change::Account).await {
            return EngineError::Store(privmsg_store::StoreError::Closed);
        }
    }
}
