//! Further devices of somebody, and the recovery words.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use privmsg_client::SignInKey;
use privmsg_protocol::Secret;

use super::{NewDevice, Person};
use crate::Server;

impl Person {
    /// Lets a further device in, which goes online.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn takes_another_device(&self, url: &str) -> Result<Self> {
        let mut person = self.links(url).await?;
        person.goes_online().await?;
        Ok(person)
    }

    /// Lets a further device in: it shows its code, and this one answers. It stays offline.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn links(&self, url: &str) -> Result<Self> {
        let mut new = NewDevice::begins(url, &self.account, SignInKey::Link, &self.clock).await?;
        self.client.link_device(&new.pending()?.code().await?).await?;
        let linked = new.pending()?.wait_until_linked().await?;
        new.becomes(linked).await
    }

    /// Signs in on a further device with the recovery key and nothing else: the others wait from now on. Stays offline.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn recovers(&self, url: &str) -> Result<Self> {
        let words = self.recovery_key.clone().context("only the first device was shown the recovery key")?;
        let mut new = NewDevice::begins(url, &self.account, SignInKey::Words(words), &self.clock).await?;
        let recovered = new.done()?;
        let mut person = new.becomes(recovered).await?;
        person.recovery_key.clone_from(&self.recovery_key);
        Ok(person)
    }

    /// This device, which does not stand in the list any more, shows its code. Its engine must not run.
    ///
    /// # Errors
    /// If it was not left out.
    pub async fn asks_to_be_let_in(&self, url: &str) -> Result<NewDevice> {
        let login = NewDevice::login(url, &self.account, SignInKey::Link)?;
        let begun = login.begin_with(&self.profile, None, Arc::clone(&self.clock)).await?;
        let (account, profile, clock) = (self.account.clone(), self.profile.clone(), Arc::clone(&self.clock));
        Ok(NewDevice { account, profile, clock, home: Arc::clone(&self.home), begun: Some(begun) })
    }

    /// Has written down other recovery words.
    pub fn knows_words(&mut self, words: Secret) {
        self.recovery_key = Some(words);
    }

    /// The recovery words.
    ///
    /// # Errors
    /// If this device was not shown any.
    pub fn words(&self) -> Result<&str> {
        self.recovery_key.as_ref().map(Secret::expose).context("only the first device was shown the recovery key")
    }

    /// Signs in on a further device without the recovery key: with a new identity, which the administrator lets take effect
    /// at once. Stays offline.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn starts_anew(&self, server: &Server) -> Result<Self> {
        let key = SignInKey::Access(self.account.access_key.clone());
        let mut new = NewDevice::begins(&server.url(), &self.account, key, &self.clock).await?;
        new.pending()?.replace_identity().await?;
        server.admin().passes_replacement(&self.account.user_id).await?;
        let replaced = new.pending()?.wait_until_replaced().await?;
        new.becomes(replaced).await
    }
}
