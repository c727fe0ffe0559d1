//! The built server.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use anyhow::{Context as _, Result};
use privmsg_harness::e2ee::{DeviceKeys, OsRng};
use privmsg_harness::http::Http;
use privmsg_harness::mls::MlsDevice;
use privmsg_harness::{ServerProcess, Setting, binaries};
use privmsg_protocol::rest::LoginResponse;
use serde_json::json;
use tempfile::TempDir;

/// A server of this build, as [`ServerProcess`] runs it, and the folder of its data.
#[derive(Debug)]
pub struct Running {
    // Ends before its folder goes: fields are dropped in this order.
    process: ServerProcess,
    data: TempDir,
}

impl Running {
    /// Starts it with `settings` (environment variables such as `PRIVMSG_LIMITS_MAX_PENDING_MESSAGES`).
    ///
    /// # Errors
    /// If it has not been built, or does not answer.
    pub async fn start(settings: &[Setting]) -> Result<Self> {
        let data = tempfile::tempdir().context("a folder for the server's data")?;
        let process = ServerProcess::start(&binaries::server()?, data.path(), settings).await?;
        Ok(Self { process, data })
    }

    /// Where its data lies: `privmsg.db`, `files`, `server.log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    /// A new user with one signed-in device.
    ///
    /// # Errors
    /// What the server says.
    pub async fn user(&self, name: &str) -> Result<Device> {
        let account = self.admin().creates(name).await?;
        self.device(name, account.access_key.expose()).await
    }

    /// Signs one more device of a user in.
    ///
    /// # Errors
    /// What the server says.
    pub async fn device(&self, name: &str, access_key: &str) -> Result<Device> {
        Device::signs_in(&self.process, name, access_key).await
    }
}

impl Deref for Running {
    type Target = ServerProcess;

    fn deref(&self) -> &ServerProcess {
        &self.process
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut ServerProcess {
        &mut self.process
    }
}

/// A signed-in device, with everything that a test may want to try.
#[derive(Debug, Clone)]
pub struct Device {
    /// Whose.
    pub user_id: String,
    /// What it signed in with.
    pub access_key: String,
    /// Which.
    pub device_id: String,
    /// Of its session.
    pub token: String,
    /// Its leaves.
    pub mls: MlsDevice,
}

impl Device {
    /// Signs a device of a user in at whatever server runs.
    ///
    /// # Errors
    /// What the server says.
    pub async fn signs_in(server: &ServerProcess, name: &str, access_key: &str) -> Result<Self> {
        let keys = DeviceKeys::generate(&mut OsRng);
        let request = json!({
            "user_id": name, "access_key": access_key, "device_name": "blackbox", "device_type": "cli",
            "device_public_key": keys.public().to_string(),
        });
        let answer = Http::connect(server.address()).await?.send("POST", "/api/v1/auth/login", None, &request).await?;
        let login: LoginResponse = answer.json().with_context(|| format!("signing {name} in"))?;
        Ok(Self {
            user_id: name.to_owned(),
            access_key: access_key.to_owned(),
            device_id: login.device_id.to_string(),
            token: login.token.expose().to_owned(),
            mls: MlsDevice::with_keys(name, login.device_id.as_str(), keys)?,
        })
    }
}
