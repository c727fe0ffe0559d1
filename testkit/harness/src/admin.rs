//! What the administrator does.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_protocol::rest::{AdminRequest, CreateUser, CreatedUser, LoginRequest, Stats};
use privmsg_protocol::{Secret, UserId};

use crate::endpoint::Endpoint;
use crate::http::Http;

/// Somebody who has the admin key of a server.
#[derive(Debug, Clone)]
pub struct Admin {
    server: Endpoint,
    key: String,
}

/// What the administrator hands over to a user.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name.
    pub user_id: UserId,
    /// Access key.
    pub access_key: Secret,
}

impl Account {
    /// Signs in with a client of another kind, which knows nothing of keys.
    ///
    /// # Errors
    /// If the server does not let it.
    pub async fn signs_in_with_something_else(&self, server: SocketAddr) -> Result<()> {
        let request = LoginRequest {
            user_id: self.user_id.clone(),
            access_key: self.access_key.clone(),
            device_name: None,
            device_type: Some("other".into()),
            device_public_key: None,
        };
        let answer = Http::connect(server).await?.send("POST", "/api/v1/auth/login", None, &request).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(())
    }
}

impl Admin {
    /// The administrator of this server.
    #[must_use]
    pub fn of(server: impl Into<Endpoint>, key: &str) -> Self {
        Self { server: server.into(), key: key.to_owned() }
    }

    /// The admin key itself.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Makes a user with this name.
    ///
    /// # Errors
    /// What the server says.
    pub async fn creates(&self, name: &str) -> Result<Account> {
        self.creates_by(&mut self.connection().await?, name).await
    }

    /// As [`Admin::creates`], on a connection that is there already.
    ///
    /// # Errors
    /// What the server says.
    pub async fn creates_by(&self, http: &mut Http, name: &str) -> Result<Account> {
        let user_id: UserId = name.parse().context("a user's name")?;
        let request = CreateUser { admin_key: Some(self.secret()), user_id: Some(user_id) };
        let answer = http.send("POST", "/api/v1/admin/users", None, &request).await?;
        let created: CreatedUser = answer.json().with_context(|| format!("creating {name}"))?;
        Ok(Account { user_id: created.user_id, access_key: created.access_key })
    }

    /// Revokes a user.
    ///
    /// # Errors
    /// What the server says.
    pub async fn revokes(&self, user: &UserId) -> Result<()> {
        let request = AdminRequest { admin_key: Some(self.secret()) };
        let path = format!("/api/v1/admin/users/{user}");
        let answer = self.connection().await?.send("DELETE", &path, None, &request).await?;
        if !(200..300).contains(&answer.status) {
            bail!("revoking: HTTP {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }

    /// Lets the replacement of a user's identity take effect at once.
    ///
    /// # Errors
    /// What the server says.
    pub async fn passes_replacement(&self, user: &UserId) -> Result<()> {
        let request = AdminRequest { admin_key: Some(self.secret()) };
        let path = format!("/api/v1/admin/users/{user}/identity-replacement");
        let answer = self.connection().await?.send("POST", &path, None, &request).await?;
        if !(200..300).contains(&answer.status) {
            bail!("passing: HTTP {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }

    /// The server's own figures.
    ///
    /// # Errors
    /// What the server says.
    pub async fn stats(&self) -> Result<Stats> {
        let answer = self
            .connection()
            .await?
            .send("GET", "/api/v1/admin/stats", Some(&self.key), &serde_json::json!({}))
            .await?;
        answer.json()
    }

    fn secret(&self) -> Secret {
        Secret::new(self.key.clone())
    }

    async fn connection(&self) -> Result<Http> {
        Http::connect(self.server.clone()).await
    }
}
