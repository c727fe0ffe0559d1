//! Waiting until what waits on the server is here.

use std::time::Duration;

use privmsg_store::{Change, Snapshot, StoreError, settings};
use tokio::time::{Instant, timeout_at};

use super::Client;
use crate::error::ClientError;
use crate::picture::{IN_STEP_AT, Picture, STANDING, Standing};

/// How long a process that has just begun to run the engine may take to say so.
const BEGINNING: Duration = Duration::from_secs(1);

/// How long what waits is waited for before it is said that it is not here.
const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// Waits until everything that waited on the server is here, for ten seconds at most, and for nothing where no engine runs
    /// for this profile, or where it cannot reach the server.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn newest(&self) -> Result<Picture, ClientError> {
        let end = Instant::now() + PATIENCE;
        let is_here = match timeout_at(end, self.until_here()).await {
            Ok(is_here) => is_here?,
            Err(_) => false,
        };
        if is_here {
            return Ok(Picture::Now);
        }
        let at_ms = self.context.store.read(|at| settings::get(at, IN_STEP_AT)).await?;
        Ok(Picture::Earlier { at_ms })
    }

    async fn until_here(&self) -> Result<bool, ClientError> {
        let mut own = self.context.progress.follow();
        let mut changes = self.changes();
        let beginning = Instant::now() + BEGINNING;
        loop {
            // Not matched on directly: the engine's word would be locked while others are asked.
            let standing = *own.borrow_and_update();
            match standing {
                Standing::InStep => return Ok(true),
                Standing::Away => return Ok(false),
                Standing::Coming => {}
                Standing::Stopped => match self.others().await? {
                    Standing::InStep => return Ok(true),
                    Standing::Stopped => return Ok(false),
                    Standing::Away if Instant::now() >= beginning => return Ok(false),
                    Standing::Away | Standing::Coming => {}
                },
            }
            tokio::select! {
                changed = own.changed() => if changed.is_err() {
                    return Ok(false);
                },
                there = changes.wait_for(|change| *change == Change::Setting(STANDING.into())) => if !there {
                    return Err(StoreError::Closed.into());
                },
                () = tokio::time::sleep_until(beginning), if Instant::now() < beginning => {}
            }
        }
    }

    /// How far the engine of another process is. One that has been stopped, or has just begun, says nothing yet.
    async fn others(&self) -> Result<Standing, ClientError> {
        if self.context.profile.lock_engine().map_err(ClientError::Disk)?.is_some() {
            return Ok(Standing::Stopped);
        }
        let look = |at: &Snapshot<'_>| Ok::<_, StoreError>(settings::get(at, STANDING)?.unwrap_or_default());
        Ok(match Standing::of_number(self.context.store.read(look).await?) {
            Standing::Stopped => Standing::Away,
            other => other,
        })
    }

    /// Does what is decided by what is known of a group. Where that refuses, it is decided once more when all that waits is here.
    pub(crate) async fn by_the_newest<T, W: Future<Output = Result<T, ClientError>>>(
        &self,
        attempt: impl Fn() -> W,
    ) -> Result<T, ClientError> {
        match attempt().await {
            Err(error) if error.may_be_of_the_past() && self.newest().await? == Picture::Now => attempt().await,
            other => other,
        }
    }
}
