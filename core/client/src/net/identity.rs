//! What the server is asked about identities and device lists.

use hyper::Method;
use hyper::header::{CONTENT_TYPE, IF_MATCH};
use privmsg_protocol::UserId;
use privmsg_protocol::rest::{
    EndReplacement, IdentityReplacement, LinkReplyForDevice, LoginResponse, OwnProfile, PublishDeviceList,
    PublishedDeviceList, RecoverySignIn, ReplaceIdentity, SealedIdentity, SetAccessKey, SetUpIdentity, StoreBackup,
};

use super::http::{Api, done, encoded};
use crate::error::ClientError;

impl Api {
    pub(crate) async fn own_profile(&self) -> Result<OwnProfile, ClientError> {
        self.call(Method::GET, "users/me").await
    }

    pub(crate) async fn sign_in_by_words(&self, request: &RecoverySignIn) -> Result<LoginResponse, ClientError> {
        self.send(Method::POST, "auth/recovery", request).await
    }

    pub(crate) async fn set_up_identity(&self, identity: &SetUpIdentity) -> Result<(), ClientError> {
        self.carry_out(Method::POST, "users/me/identity", Some(encoded(identity)?)).await
    }

    pub(crate) async fn begin_replacement(
        &self,
        identity: &ReplaceIdentity,
    ) -> Result<IdentityReplacement, ClientError> {
        self.send(Method::POST, "users/me/identity/replacement", identity).await
    }

    pub(crate) async fn end_replacement(&self, end: &EndReplacement) -> Result<(), ClientError> {
        self.carry_out(Method::DELETE, "users/me/identity/replacement", Some(encoded(end)?)).await
    }

    pub(crate) async fn set_access_key(&self, key: &SetAccessKey) -> Result<(), ClientError> {
        self.carry_out(Method::PUT, "users/me/access-key", Some(encoded(key)?)).await
    }

    pub(crate) async fn sealed_identity(&self) -> Result<SealedIdentity, ClientError> {
        self.call(Method::GET, "users/me/backup").await
    }

    /// Puts the identity under other words.
    pub(crate) async fn seal_identity(&self, sealed: &StoreBackup) -> Result<(), ClientError> {
        self.carry_out(Method::PUT, "users/me/backup", Some(encoded(sealed)?)).await
    }

    pub(crate) async fn device_list(&self, user: &UserId) -> Result<PublishedDeviceList, ClientError> {
        self.call(Method::GET, &format!("users/{user}/device-list")).await
    }

    /// Publishes a list in place of the one with this hash.
    pub(crate) async fn publish_device_list(
        &self,
        list: &PublishDeviceList,
        replaces: &[u8; 32],
    ) -> Result<(), ClientError> {
        let hash: String = replaces.iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.request(Method::PUT, "/api/v1/users/me/device-list")?;
        let request = request.header(CONTENT_TYPE, "application/json").header(IF_MATCH, format!("\"{hash}\""));
        done(&self.answer_to(request, Some(encoded(list)?)).await?)
    }

    pub(crate) async fn link_reply(&self) -> Result<LinkReplyForDevice, ClientError> {
        self.call(Method::GET, "users/me/link-reply").await
    }
}
