//! The real server for a story: its program, on a folder that goes with it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use privmsg_harness::{Admin, ServerProcess, Setting, binaries};
use privmsg_protocol::{ConversationId, GroupId, Seq, UserId};

use crate::database;
use crate::person::Person;

/// A server on a free loopback port with its data in a temporary folder.
#[derive(Debug)]
pub struct Server {
    // Ends before its folder goes: fields are dropped in this order.
    process: ServerProcess,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts without a limit of messages a minute.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts with a configuration of one's own.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with(settings: &[Setting]) -> Result<Self> {
        crate::log();
        let data = tempfile::tempdir().context("a folder for the server's data")?;
        let process = ServerProcess::start(&binaries::server()?, data.path(), settings).await?;
        Ok(Self { process, data })
    }

    /// How many devices the server delivers to, in all conversations: what commits have made of them.
    ///
    /// # Errors
    /// If its database cannot be read.
    pub fn leaves(&self) -> Result<u64> {
        database::rows_in(&self.process, "grp_leaf")
    }

    /// The same in the newest conversation between exactly these users.
    ///
    /// # Errors
    /// If there is none.
    pub fn leaves_of(&self, users: &[&str]) -> Result<u64> {
        database::leaves_of(&self.process, self.group_of(users)?)
    }

    /// Stops in good order. Does nothing if it has stopped.
    ///
    /// # Errors
    /// If it does not end, or not well.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await
    }

    /// Stops in good order, and starts again on the same data and port, with changes to the configuration.
    ///
    /// # Errors
    /// If it does not stop or start.
    pub async fn restart_with(&mut self, settings: &[Setting]) -> Result<()> {
        self.stop().await?;
        self.process.configure(settings);
        self.process.restart().await.map(drop)
    }

    /// A backup of what there is now, in the server's folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn is_backed_up(&self) -> Result<PathBuf> {
        let path = self.data.path().join("backup.tar");
        self.process.administer(&["backup".as_ref(), path.as_os_str()])?;
        Ok(path)
    }

    /// Its disk breaks, the record of what must not come back included, and a backup takes its place.
    ///
    /// # Errors
    /// If it cannot be restored.
    pub async fn loses_all_since(&mut self, backup: &Path) -> Result<()> {
        self.process.kill()?;
        std::fs::remove_file(self.process.database().with_extension("db.revocations"))?;
        self.is_restored_from(backup).await
    }

    /// Its database breaks, and a backup takes its place.
    ///
    /// # Errors
    /// If it cannot be restored.
    pub async fn is_set_back_to(&mut self, backup: &Path) -> Result<()> {
        self.process.kill()?;
        self.is_restored_from(backup).await
    }

    async fn is_restored_from(&mut self, backup: &Path) -> Result<()> {
        let arguments = ["restore".as_ref(), backup.as_os_str(), "--force".as_ref(), "--verify".as_ref()];
        self.process.administer(&arguments)?;
        self.process.restart().await.map(drop)
    }

    /// Its administrator deactivates somebody.
    ///
    /// # Errors
    /// If that fails.
    pub fn deactivates(&self, user: &str) -> Result<()> {
        self.process.administer(&["revoke-key", "--user-id", user].map(AsRef::as_ref))
    }

    /// Its administrator deletes somebody.
    ///
    /// # Errors
    /// If that fails.
    pub fn deletes(&self, user: &str) -> Result<()> {
        self.process.administer(&["delete-user", "--user-id", user, "--yes"].map(AsRef::as_ref))
    }

    /// Is off, and when it is back, what waits in it is so much older.
    ///
    /// # Errors
    /// If it does not stop or start.
    pub async fn sleeps(&mut self, seconds: i64) -> Result<()> {
        self.stop().await?;
        database::age_messages(&self.process, seconds)?;
        self.process.restart().await.map(drop)
    }

    /// Is off for so long that all sessions have run out.
    ///
    /// # Errors
    /// If it does not stop or start.
    pub async fn outlives_sessions(&mut self) -> Result<()> {
        self.stop().await?;
        database::end_sessions(&self.process)?;
        self.process.restart().await.map(drop)
    }

    /// Is off for so long that all uploads have run out.
    ///
    /// # Errors
    /// If it does not stop or start.
    pub async fn outlives_uploads(&mut self) -> Result<()> {
        self.stop().await?;
        database::end_uploads(&self.process)?;
        self.process.restart().await.map(drop)
    }

    /// Rows in a table of its database.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn rows_in(&self, table: &str) -> Result<u64> {
        database::rows_in(&self.process, table)
    }

    /// The newest group between exactly these users.
    ///
    /// # Errors
    /// If there is none.
    pub fn group_of(&self, users: &[&str]) -> Result<GroupId> {
        database::group_of(&self.process, users)
    }

    /// The newest group of a conversation.
    ///
    /// # Errors
    /// If there is none.
    pub fn group_in(&self, conversation: &ConversationId) -> Result<GroupId> {
        database::group_in(&self.process, conversation)
    }

    /// The last place that is taken in the history of a group.
    ///
    /// # Errors
    /// If there is no such group.
    pub fn last_seq(&self, group: GroupId) -> Result<Seq> {
        database::last_seq(&self.process, group)
    }

    /// How many messages wait for the devices of a user.
    ///
    /// # Errors
    /// If its database cannot be read.
    pub fn waiting_for(&self, user: &UserId) -> Result<u64> {
        database::waiting_for(&self.process, user)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.process.address()
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        self.process.url()
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its administrator.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.process.admin()
    }

    /// Somebody new, signed in and online.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn person(&self, name: &str) -> Result<Person> {
        let account = self.admin().creates(name).await?;
        Person::signs_in(&self.url(), &account).await
    }
}
