//! A device before it is somebody's.

use std::sync::Arc;

use anyhow::{Result, bail};
use privmsg_client::{
    Client, Clock, Endpoint, KeyPlace, LoggedIn, Login, NewIdentity, PendingLogin, Profile, SignInKey,
};

use super::Person;
use crate::Account;

/// A device on its way in.
pub struct NewDevice {
    pub(super) account: Account,
    pub(super) profile: Profile,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) home: Arc<tempfile::TempDir>,
    pub(super) begun: Option<NewIdentity>,
}

impl NewDevice {
    /// Signs in as far as it comes by itself.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn begins(url: &str, account: &Account, key: SignInKey, clock: &Arc<dyn Clock>) -> Result<Self> {
        let home = Arc::new(tempfile::tempdir()?);
        let profile = Profile::at(home.path().join("profile"));
        profile.create(KeyPlace::File, None)?;
        let login = Self::login(url, account, key)?;
        let begun = Some(login.begin_with(&profile, None, Arc::clone(clock)).await?);
        Ok(Self { account: account.clone(), profile, clock: Arc::clone(clock), home, begun })
    }

    pub(super) fn login(url: &str, account: &Account, key: SignInKey) -> Result<Login> {
        Ok(Login {
            endpoint: Endpoint::at(url.parse()?),
            user_id: account.user_id.clone(),
            key,
            device_name: format!("{}'s device", account.user_id),
            device_type: "test",
        })
    }

    /// Begins once more where it was left.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn begins_again(self, url: &str, key: SignInKey) -> Result<Self> {
        let Self { account, profile, clock, home, begun } = self;
        drop(begun);
        let login = Self::login(url, &account, key)?;
        let begun = Some(login.begin_with(&profile, None, Arc::clone(&clock)).await?);
        Ok(Self { account, profile, clock, home, begun })
    }

    /// The sign-in that waits.
    ///
    /// # Errors
    /// If it does not wait.
    pub fn pending(&mut self) -> Result<&mut PendingLogin> {
        match &mut self.begun {
            Some(NewIdentity::Waits(pending)) => Ok(pending),
            other => bail!("it does not wait: {other:?}"),
        }
    }

    /// The sign-in that is finished.
    ///
    /// # Errors
    /// If it is not.
    pub fn done(&mut self) -> Result<LoggedIn> {
        match self.begun.take() {
            Some(NewIdentity::Done(done)) => Ok(done),
            other => bail!("it is not signed in: {other:?}"),
        }
    }

    /// The device, offline.
    ///
    /// # Errors
    /// If its profile cannot be opened.
    pub async fn becomes(self, logged_in: LoggedIn) -> Result<Person> {
        let Self { account, profile, clock, home, begun } = self;
        drop(begun);
        let client = Client::open_with(&profile, None, Arc::clone(&clock)).await?;
        let (events, recovery_key) = (client.events(), logged_in.recovery_key);
        Ok(Person { account, profile, clock, recovery_key, client, engine: None, events, home })
    }
}
