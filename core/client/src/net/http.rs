//! The REST half of the protocol.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RANGE, USER_AGENT};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode};
use privmsg_protocol::rest::{
    BlockedUsers, Challenge, ChallengeRequest, ClaimKeyPackages, ClaimMany, ClaimedKeyPackages, ClaimedMany,
    CommitAccepted, CreateGroup, CreatedUser, DeviceSignIn, Devices, Group, GroupStateAt, Groups, Health,
    KeyPackageStock, LeaveGroup, LoginRequest, LoginResponse, PendingMessages, PublishKeyPackages, RedeemRequest,
    Requests, RosterSteps, SubmitCommit, TakenCommit, UnusableCommit, UserProfile,
};
use privmsg_protocol::{DeviceId, Epoch, FileId, GroupId, MessageId, Secret, UserId};
use privmsg_store::account::Account;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::answer;
use super::clock::ServerClock;
use super::endpoint::Endpoint;
use super::error::{LinkFault, NetworkError};
use super::request::{AGENT, Body, Download, MAX_DOCUMENT, MAX_REASON, cause, whole};
use super::route::Environment;
use super::server::Server;
use crate::error::ClientError;

/// How long a small request may take, once there is a connection. A commit with a large tree over a slow line still fits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The server, as REST shows it. Clones share connections, the session token and what is known of the server's clock.
#[derive(Clone)]
pub(crate) struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    environment: Environment,
    server: RwLock<Arc<Server>>,
    token: RwLock<Option<Secret>>,
    clock: ServerClock,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({:?})", self.server())
    }
}

impl Api {
    /// A server that nobody has signed in to yet.
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self::with(Environment::of_process(), |environment| Server::new(Ok(endpoint), environment), None, None)
    }

    /// The server of a profile.
    pub(crate) fn of(account: &Account) -> Self {
        let server = |environment: &Environment| Server::new(Endpoint::of(account), environment);
        Self::with(Environment::of_process(), server, account.token.clone(), account.server_clock_ms)
    }

    pub(super) fn with(
        environment: Environment,
        server: impl FnOnce(&Environment) -> Server,
        token: Option<Secret>,
        ahead_ms: Option<i64>,
    ) -> Self {
        let server = RwLock::new(Arc::new(server(&environment)));
        let clock = ServerClock::remembering(ahead_ms);
        Self { shared: Arc::new(Shared { environment, server, token: RwLock::new(token), clock }) }
    }

    /// Takes over what another process may have changed since: the address, the way to it, the token.
    pub(crate) fn follow(&self, account: &Account) {
        let endpoint = Endpoint::of(account);
        if *self.server().endpoint() != endpoint {
            let server = Arc::new(Server::new(endpoint, &self.shared.environment));
            *self.shared.server.write().unwrap_or_else(PoisonError::into_inner) = server;
        }
        self.set_token(account.token.clone());
    }

    pub(super) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.shared.server.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The server's time, as it was heard last.
    pub(crate) fn clock(&self) -> &ServerClock {
        &self.shared.clock
    }

    pub(crate) fn set_token(&self, token: Option<Secret>) {
        *self.shared.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    pub(crate) fn token(&self) -> Option<Secret> {
        self.shared.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a PrivMsg server answers there.
    pub(crate) async fn health(&self) -> Result<Health, ClientError> {
        let response = self.answered(Method::GET, "/health", None).await?;
        answer::document(&response)
    }

    pub(crate) async fn login(&self, request: &LoginRequest) -> Result<LoginResponse, ClientError> {
        self.send(Method::POST, "auth/login", request).await
    }

    pub(crate) async fn challenge(&self, request: &ChallengeRequest) -> Result<Challenge, ClientError> {
        self.send(Method::POST, "auth/challenge", request).await
    }

    pub(crate) async fn sign_in(&self, request: &DeviceSignIn) -> Result<LoginResponse, ClientError> {
        self.send(Method::POST, "auth/device", request).await
    }

    pub(crate) async fn redeem(&self, request: &RedeemRequest) -> Result<CreatedUser, ClientError> {
        self.send(Method::POST, "auth/redeem", request).await
    }

    pub(crate) async fn logout(&self) -> Result<(), ClientError> {
        self.carry_out(Method::POST, "auth/logout", None).await
    }

    pub(crate) async fn user(&self, user: &UserId) -> Result<UserProfile, ClientError> {
        self.call(Method::GET, &format!("users/{user}")).await
    }

    pub(crate) async fn devices(&self) -> Result<Devices, ClientError> {
        self.call(Method::GET, "users/me/devices").await
    }

    pub(crate) async fn remove_device(&self, device: &DeviceId) -> Result<(), ClientError> {
        self.carry_out(Method::DELETE, &format!("users/me/devices/{device}"), None).await
    }

    pub(crate) async fn blocked(&self) -> Result<BlockedUsers, ClientError> {
        self.call(Method::GET, "users/me/blocks").await
    }

    pub(crate) async fn block(&self, user: &UserId) -> Result<(), ClientError> {
        self.carry_out(Method::PUT, &format!("users/me/blocks/{user}"), None).await
    }

    pub(crate) async fn unblock(&self, user: &UserId) -> Result<(), ClientError> {
        self.carry_out(Method::DELETE, &format!("users/me/blocks/{user}"), None).await
    }

    pub(crate) async fn requests(&self) -> Result<Requests, ClientError> {
        self.call(Method::GET, "users/me/requests").await
    }

    pub(crate) async fn accept(&self, group: &GroupId) -> Result<(), ClientError> {
        self.carry_out(Method::POST, &format!("groups/{group}/accept"), None).await
    }

    pub(crate) async fn decline(&self, group: &GroupId) -> Result<(), ClientError> {
        self.carry_out(Method::POST, &format!("groups/{group}/decline"), None).await
    }

    /// The last message that waits in this device's mailbox.
    pub(crate) async fn newest_pending(&self) -> Result<Option<MessageId>, ClientError> {
        let first: PendingMessages = self.call(Method::GET, "messages/pending?limit=1").await?;
        Ok(first.newest)
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

    pub(crate) async fn claim_many(&self, claims: &ClaimMany) -> Result<ClaimedMany, ClientError> {
        self.send(Method::POST, "key-packages/claim", claims).await
    }

    pub(crate) async fn leave_group(&self, group: &GroupId, leave: &LeaveGroup) -> Result<(), ClientError> {
        self.carry_out(Method::POST, &format!("groups/{group}/leave"), Some(encoded(leave)?)).await
    }

    /// All groups, or what is to be told of them since an earlier answer.
    pub(crate) async fn groups(&self, since: Option<&str>) -> Result<Groups, ClientError> {
        match since {
            Some(cursor) => self.call(Method::GET, &format!("groups?since={cursor}")).await,
            None => self.call(Method::GET, "groups").await,
        }
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

    /// Who has made a commit that was taken lately, and on what.
    pub(crate) async fn taken_commit(&self, group: &GroupId, epoch: Epoch) -> Result<TakenCommit, ClientError> {
        self.call(Method::GET, &format!("groups/{group}/commits/{epoch}")).await
    }

    /// Says that nobody can follow it.
    pub(crate) async fn report_unusable(
        &self,
        group: &GroupId,
        epoch: Epoch,
        report: UnusableCommit,
    ) -> Result<(), ClientError> {
        let path = format!("groups/{group}/commits/{epoch}/unusable");
        self.carry_out(Method::POST, &path, Some(encoded(&report)?)).await
    }

    pub(crate) async fn roster_steps(&self, group: &GroupId, after: u64) -> Result<RosterSteps, ClientError> {
        self.call(Method::GET, &format!("groups/{group}/rosters?after={after}")).await
    }

    /// The bytes of a file from `from` on.
    pub(crate) async fn download(&self, file: &FileId, from: u64) -> Result<Download, ClientError> {
        let mut request = self.request(Method::GET, &format!("/api/v1/files/{file}"))?;
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let request = request.body(Body::of("")).map_err(unwritable)?;
        Ok(Download::new(self.exchange(request).await?, from)?)
    }

    /// A request for `path` on the server, with the session token.
    pub(crate) fn request(&self, method: Method, path: &str) -> Result<request::Builder, ClientError> {
        let server = self.server();
        let mut request = Request::builder().method(method).uri(format!("{}{path}", server.address()?));
        request = request.header(USER_AGENT, AGENT);
        if let Some(token) = self.token() {
            let bearer = Secret::new(format!("Bearer {}", token.expose()));
            let mut value = HeaderValue::from_str(bearer.expose())
                .map_err(|_| ClientError::Protocol("a token of other letters"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Sends a request and waits for the head of its answer, for as long as anything moves.
    ///
    /// # Errors
    /// The server's own refusal, or who else has answered.
    pub(crate) async fn exchange(&self, request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        let (server, asked) = (self.server(), Instant::now());
        let path = server.path_of(request.uri());
        let response = server.http()?.request(request).await.map_err(|error| cause(&error))?;
        if response.status().is_success() {
            self.shared.clock.note(response.headers(), asked);
            return Ok(response);
        }
        let response = whole(response, MAX_REASON).await?;
        let refusal = answer::refusal(server.address()?, &path, &response);
        if matches!(refusal, ClientError::Server { .. }) {
            self.shared.clock.note(response.headers(), asked);
        }
        Err(refusal)
    }

    /// A small request and the head of its answer, whatever it says.
    pub(super) async fn head_of(&self, request: Request<Body>) -> Result<hyper::http::response::Parts, ClientError> {
        let server = self.server();
        let answered = async { server.http()?.request(request).await.map_err(|error| cause(&error)) };
        let patience = TIMEOUT + server.patience();
        let response = timeout(patience, answered).await.unwrap_or(Err(NetworkError::Lost(LinkFault::TimedOut)))?;
        Ok(response.into_parts().0)
    }

    /// A small request with its whole answer.
    pub(super) async fn answered(
        &self,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Response<Bytes>, ClientError> {
        let mut request = self.request(method, path)?;
        if json.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.answer_to(request, json).await
    }

    /// As [`Api::answered`], for a request with headers of its own.
    pub(super) async fn answer_to(
        &self,
        request: request::Builder,
        json: Option<Vec<u8>>,
    ) -> Result<Response<Bytes>, ClientError> {
        let request = request.body(Body::of(json.unwrap_or_default())).map_err(unwritable)?;
        let answered = async { Ok(whole(self.exchange(request).await?, MAX_DOCUMENT).await?) };
        let patience = TIMEOUT + self.server().patience();
        timeout(patience, answered).await.unwrap_or(Err(NetworkError::Lost(LinkFault::TimedOut).into()))
    }

    pub(super) async fn carry_out(&self, method: Method, path: &str, json: Option<Vec<u8>>) -> Result<(), ClientError> {
        done(&self.answered(method, &format!("/api/v1/{path}"), json).await?)
    }

    pub(super) async fn call<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ClientError> {
        answer::document(&self.answered(method, &format!("/api/v1/{path}"), None).await?)
    }

    pub(super) async fn send<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        answer::document(&self.answered(method, &format!("/api/v1/{path}"), Some(encoded(body)?)).await?)
    }
}

/// A page that says 200 is not the server's word that something has been done.
pub(super) fn done(response: &Response<Bytes>) -> Result<(), ClientError> {
    match response.status() {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(answer::between(status, response.headers()).into()),
    }
}

pub(super) fn encoded(body: &(impl Serialize + Sync)) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(body).map_err(|_| ClientError::Protocol("a request that cannot be written"))
}

pub(super) fn unwritable(_: hyper::http::Error) -> ClientError {
    ClientError::Protocol("a request that cannot be written")
}
