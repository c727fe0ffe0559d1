//! The REST half of the protocol.

use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use privmsg_protocol::rest::{
    Backup, ClaimKeyPackages, ClaimedKeyPackages, CommitAccepted, CreateGroup, CreatedUser, Devices, Group,
    GroupStateAt, Groups, KeyPackageStock, LoginRequest, LoginResponse, PendingMessages, Problem, PublishKeyPackages,
    RedeemRequest, RefreshResponse, SubmitCommit, UpdateProfile, UploadResponse, UserProfile,
};
use privmsg_protocol::{DeviceId, Epoch, FileId, GroupId, Secret, UserId};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ClientError;

/// How long a small request may take. A commit with a large tree over a slow line still fits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A file transfer is given up when nothing moves for so long, however long it takes in all.
const STALLED: Duration = Duration::from_secs(60);

/// Connections are kept open for so long. Short, because one that has died silently costs a time-out when it is used.
const IDLE: Duration = Duration::from_secs(20);

/// The server, as REST shows it. Clones share connections and the session token.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: Arc<str>,
    token: Arc<RwLock<Option<Secret>>>,
    tls: Arc<rustls::ClientConfig>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({})", self.base)
    }
}

impl Api {
    pub(crate) fn new(base: &str, token: Option<Secret>) -> Result<Self, ClientError> {
        let tls = super::tls::client_config()?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .user_agent(concat!("privmsg/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STALLED)
            .pool_idle_timeout(IDLE)
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| network(&e))?;
        Ok(Self { http, base: base.into(), token: Arc::new(RwLock::new(token)), tls })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.tls)
    }

    pub(crate) fn set_token(&self, token: Option<Secret>) {
        *self.token.write().unwrap_or_else(std::sync::PoisonError::into_inner) = token;
    }

    pub(crate) fn token(&self) -> Option<Secret> {
        self.token.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) async fn login(&self, request: &LoginRequest) -> Result<LoginResponse, ClientError> {
        self.send(Method::POST, "auth/login", request).await
    }

    pub(crate) async fn redeem(&self, request: &RedeemRequest) -> Result<CreatedUser, ClientError> {
        self.send(Method::POST, "auth/redeem", request).await
    }

    pub(crate) async fn refresh(&self) -> Result<RefreshResponse, ClientError> {
        self.call(Method::POST, "auth/refresh").await
    }

    pub(crate) async fn logout(&self) -> Result<(), ClientError> {
        expect_success(self.request(Method::POST, "auth/logout").timeout(TIMEOUT)).await.map(drop)
    }

    pub(crate) async fn update_profile(&self, update: &UpdateProfile) -> Result<UserProfile, ClientError> {
        self.send(Method::POST, "users/me/profile", update).await
    }

    pub(crate) async fn user(&self, user: &UserId) -> Result<UserProfile, ClientError> {
        self.call(Method::GET, &format!("users/{user}")).await
    }

    pub(crate) async fn devices(&self) -> Result<Devices, ClientError> {
        self.call(Method::GET, "users/me/devices").await
    }

    pub(crate) async fn remove_device(&self, device: &DeviceId) -> Result<(), ClientError> {
        let path = format!("users/me/devices/{device}");
        expect_success(self.request(Method::DELETE, &path).timeout(TIMEOUT)).await.map(drop)
    }

    pub(crate) async fn backup(&self) -> Result<Backup, ClientError> {
        self.call(Method::GET, "users/me/backup").await
    }

    pub(crate) async fn put_backup(&self, backup: &Backup) -> Result<(), ClientError> {
        let request = self.request(Method::PUT, "users/me/backup").json(backup).timeout(TIMEOUT);
        expect_success(request).await.map(drop)
    }

    /// Whether this device has acknowledged everything that was in its mailbox.
    pub(crate) async fn mailbox_is_empty(&self) -> Result<bool, ClientError> {
        let first: PendingMessages = self.call(Method::GET, "messages/pending?limit=1").await?;
        Ok(first.messages.is_empty())
    }

    pub(crate) async fn key_package_stock(&self) -> Result<KeyPackageStock, ClientError> {
        self.call(Method::GET, "key-packages").await
    }

    pub(crate) async fn publish_key_packages(
        &self,
        packages: &PublishKeyPackages,
    ) -> Result<KeyPackageStock, ClientError> {
        self.send(Method::POST, "key-packages", packages).await
    }

    pub(crate) async fn claim_key_packages(&self, user: &UserId) -> Result<ClaimedKeyPackages, ClientError> {
        self.send(Method::POST, &format!("users/{user}/key-packages/claim"), &ClaimKeyPackages::default()).await
    }

    pub(crate) async fn groups(&self) -> Result<Groups, ClientError> {
        self.call(Method::GET, "groups").await
    }

    pub(crate) async fn group(&self, group: &GroupId) -> Result<Group, ClientError> {
        self.call(Method::GET, &format!("groups/{group}")).await
    }

    pub(crate) async fn create_group(&self, request: &CreateGroup) -> Result<Group, ClientError> {
        self.send(Method::POST, "groups", request).await
    }

    pub(crate) async fn commit(&self, group: &GroupId, commit: &SubmitCommit) -> Result<CommitAccepted, ClientError> {
        self.send(Method::POST, &format!("groups/{group}/commits"), commit).await
    }

    pub(crate) async fn group_state(&self, group: &GroupId, epoch: Option<Epoch>) -> Result<GroupStateAt, ClientError> {
        let path = match epoch {
            Some(epoch) => format!("groups/{group}/state?epoch={epoch}"),
            None => format!("groups/{group}/state"),
        };
        self.call(Method::GET, &path).await
    }

    /// Uploads a file whose bytes come from `body`, `length` in all.
    pub(crate) async fn upload(&self, body: reqwest::Body, length: u64) -> Result<UploadResponse, ClientError> {
        // The name is required by multipart servers and says nothing.
        let part = reqwest::multipart::Part::stream_with_length(body, length).file_name("file");
        let form = reqwest::multipart::Form::new().part("file", part);
        json(expect_success(self.request(Method::POST, "files/upload").multipart(form)).await?).await
    }

    pub(crate) async fn download(&self, file: &FileId) -> Result<Response, ClientError> {
        expect_success(self.request(Method::GET, &format!("files/{file}"))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1/{path}", self.base));
        match self.token() {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ClientError> {
        json(expect_success(self.request(method, path).timeout(TIMEOUT)).await?).await
    }

    async fn send<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        json(expect_success(self.request(method, path).json(body).timeout(TIMEOUT)).await?).await
    }
}

async fn expect_success(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await.map_err(|e| network(&e))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    match response.json::<Problem>().await {
        Ok(problem) => Err(ClientError::Server {
            code: problem.code,
            detail: problem.detail.into(),
            retry_after: problem.retry_after_ms.map(Duration::from_millis),
            epoch: problem.epoch,
            group_id: problem.group_id,
        }),
        // A proxy in between, or no PrivMsg server at all.
        Err(_) if status.is_server_error() => Err(ClientError::Network(format!("HTTP {status}"))),
        Err(_) => Err(ClientError::Protocol("an error without a PrivMsg code")),
    }
}

async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let bytes = response.bytes().await.map_err(|e| network(&e))?;
    serde_json::from_slice(&bytes).map_err(|_| ClientError::Protocol("an answer with other fields than documented"))
}

/// The cause at the bottom ("connection refused") says more than reqwest's own sentence, which also names the URL.
pub(crate) fn network(error: &reqwest::Error) -> ClientError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    ClientError::Network(cause.to_string())
}
