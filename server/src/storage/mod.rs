//! What the server asks of its storage, in words of the domain. No SQL is visible outside [`sqlite`].
//!
//! The rules that every implementation keeps, checked by one behavioural suite:
//!
//! - An operation that has answered is durable. An operation that was refused has changed nothing.
//! - Each device has a mailbox in order of [`Position`]. A message leaves it only by that device's acknowledgement or
//!   by age.
//! - A message is known by (sending device, message id), also long after it was delivered: a repeat gets the first
//!   answer and is delivered to nobody. This is looked at before anything else.
//! - Whatever became deliverable is told to the [`Observer`] after it is durable, in order of position.

mod administration;
mod chats;
mod error;
mod handshake;
mod identity;
mod model;
mod people;
pub(crate) mod rosters;
pub(crate) mod sqlite;
#[cfg(test)]
mod suite;

use std::sync::Arc;

use async_trait::async_trait;
use privmsg_mls_public::{AccountPublicKey, DevicePublicKey, RecoveryPublicKey};
use privmsg_protocol::rest::{
    AuditLog, BlockedUser, ClaimOf, ClaimedKeyPackages, ClaimedOf, Device, IdentityReplacement, KeyPackageStock,
    PublishKeyPackages, UpdateProfile, UserProfile,
};
use privmsg_protocol::{DeviceId, FileId, MessageId, Opaque, UserId};

pub(crate) use administration::{
    Act, Actor, AuditNote, Consequences, Credentials, DeviceSummary, Request, RequestId, StoredInvitation, UserDetail,
    UserSummary,
};
pub(crate) use error::{Refusal, StorageError, not_listed, over_quota};
pub(crate) use handshake::{Checked, Commit, Founding, Named, StoredState, Welcomed};
pub(crate) use identity::{
    Authority, Enrolment, NewIdentity, NewList, Own, Relisted, Replaced, SignIn, SignedIn, Signer, StoredList,
};
pub(crate) use model::{
    Blocked, Bounds, Cutoffs, Declined, Delivery, Destination, DeviceKey, Login, NewFile, Outcome, Outgoing, Page,
    PageLimit, Position, Sample, Session, StorageStats, StoredUpload, Submission, Transaction, UploadBounds, UserKey,
};
pub(crate) use rosters::Rosters;

pub(crate) use chats::Conversations;
pub(crate) use people::People;

use crate::secrets::KeyHash;

pub(crate) type Result<T> = std::result::Result<T, StorageError>;

/// Is told what has become deliverable, after it is durable. Called on the storage's own thread: must not block.
pub(crate) trait Observer: Send + Sync {
    fn committed(&self, deliveries: Vec<Delivery>);

    /// A transaction has ended, well or not.
    fn transaction(&self, _transaction: Transaction) {}
}

/// Takes the answers to one [`Submission`], in its order, after they are durable. Must not block.
pub(crate) trait Replies: Send + Sync {
    fn replied(&self, outcomes: Vec<Outcome>);
}

/// Durable state of the server. See the module's rules.
#[async_trait]
pub(crate) trait Storage: People + Conversations {
    // Accounts

    /// What a login is checked against; `None` for an unknown or deleted user.
    async fn credentials(&self, user_id: UserId) -> Result<Option<Credentials>>;
    /// The invitation of an active user, spent or not, if it has not been withdrawn.
    async fn invitation(&self, user_id: UserId) -> Result<Option<StoredInvitation>>;
    /// Spends an invitation: from now on `access_key` is the user's. Spending it again for the same access key changes
    /// nothing; for another one it is refused.
    async fn redeem(&self, user_id: UserId, key: KeyHash, access_key: KeyHash) -> Result<()>;

    // Administration

    /// Carries an act out, notes it in the audit log and, if it was requested, marks the request as done with this
    /// outcome: all of it or nothing. [`Storage::answer`] lets the command line read it.
    async fn administer(&self, act: Act, by: Actor, request: Option<(RequestId, String)>) -> Result<Consequences>;
    async fn users(&self) -> Result<Vec<UserSummary>>;
    async fn user(&self, user_id: UserId) -> Result<UserDetail>;
    /// Adds an entry to the audit log.
    async fn note(&self, note: AuditNote) -> Result<()>;
    /// The latest entries of the audit log, or the latest before that one.
    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<AuditLog>;
    /// What the command line asks for and has not got yet.
    async fn requests(&self) -> Result<Vec<Request>>;
    /// Answers a request, unless it has its outcome already. Passes over one that has been withdrawn.
    async fn answer(&self, request: RequestId, outcome: String) -> Result<()>;
    async fn admin_key_hash(&self) -> Result<Option<KeyHash>>;
    async fn set_admin_key_hash(&self, hash: KeyHash) -> Result<()>;

    // Sessions and devices

    /// Whether a login with this public key is one of a device that the user has already.
    async fn knows_device(&self, user: UserKey, public_key: String) -> Result<bool>;
    /// Signs a device in by the access key: the user's device with the same public key, or a new one.
    async fn login(&self, login: Login) -> Result<SignedIn>;
    /// By what a device shows that it is this one; `None` for an unknown user or device.
    async fn device_signer(&self, user_id: UserId, device_id: DeviceId) -> Result<Option<Signer<DevicePublicKey>>>;
    /// The key of a device that was signed out, and the device that has done it.
    async fn removed_device(
        &self,
        user_id: UserId,
        device_id: DeviceId,
    ) -> Result<Option<(DevicePublicKey, Option<DeviceId>)>>;
    /// By what somebody shows that they have the recovery words.
    async fn recovery_signer(&self, user_id: UserId) -> Result<Option<Signer<RecoveryPublicKey>>>;
    /// Signs a device in that has signed.
    async fn sign_in_by_device(&self, order: SignIn) -> Result<SignedIn>;
    /// Signs a new device in, with the words that have been shown.
    async fn sign_in_by_recovery(&self, order: SignIn, words: RecoveryPublicKey) -> Result<SignedIn>;
    /// Whose token it is.
    async fn session(&self, token: KeyHash) -> Result<Session>;
    /// Replaces the device's token, unless the device has a key to sign in with.
    async fn renew_token(&self, session: Session, token: KeyHash, expires_at: i64) -> Result<()>;
    /// Whether devices and tokens may be about of which the storage has never heard, because it was restored.
    async fn was_restored_lately(&self) -> Result<bool>;
    async fn devices(&self, session: Session) -> Result<Vec<Device>>;
    /// Signs a device of the session's user out for good.
    async fn remove_device(&self, session: Session, device_id: DeviceId) -> Result<DeviceKey>;

    // Identity

    /// The identity of an account that has a device list.
    async fn identity(&self, user: UserKey) -> Result<Option<AccountPublicKey>>;
    /// Stores all that an identity begins with, unless the account has one.
    async fn set_up_identity(&self, session: Session, identity: NewIdentity) -> Result<Relisted>;
    async fn device_list(&self, user_id: UserId) -> Result<StoredList>;
    /// Puts a device list in place of the present one, and lets in and leaves out whom it says.
    async fn publish_list(&self, session: Session, list: NewList) -> Result<Relisted>;
    async fn link_reply(&self, device: DeviceKey) -> Result<Option<Opaque>>;
    /// Sets another access key. Sessions stay.
    async fn set_access_key(&self, session: Session, key: KeyHash, by: Authority) -> Result<()>;
    /// Keeps another sealed identity, which that identity has signed for.
    async fn seal_identity(
        &self,
        session: Session,
        identity: AccountPublicKey,
        backup: Opaque,
        recovery_key: RecoveryPublicKey,
    ) -> Result<()>;
    /// Begins to put another identity in place of the present one.
    async fn begin_replacement(
        &self,
        session: Session,
        access_key: KeyHash,
        identity: NewIdentity,
    ) -> Result<IdentityReplacement>;
    /// Ends what has been begun, which the present identity has signed for.
    async fn end_replacement(&self, session: Session, identity: AccountPublicKey) -> Result<()>;
    /// Puts off the replacements whose time came while the server was off.
    async fn put_off_replacements(&self, now: i64) -> Result<()>;
    /// Carries out the replacements whose time has come.
    async fn replace_identities(&self, now: i64) -> Result<Replaced>;

    // Profile

    /// The profile of `user_id` as `viewer` may see it.
    async fn profile(&self, user_id: UserId, viewer: UserKey) -> Result<UserProfile>;
    /// Returns the picture before, to be deleted from the disk.
    async fn update_profile(&self, session: Session, update: UpdateProfile) -> Result<Option<FileId>>;
    /// What a user sees of their own account.
    async fn own(&self, session: Session) -> Result<Own>;
    /// The sealed identity, and those before it that are kept, the newest first.
    async fn backups(&self, user: UserKey) -> Result<Vec<Opaque>>;
    async fn user_exists(&self, user_id: UserId) -> Result<bool>;

    // Blocking

    /// Nothing that `user_id` sends reaches the session's user any more. `None` if that is so already.
    async fn block(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>>;
    /// Takes that back. `None` if there was nothing to take back.
    async fn unblock(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>>;
    async fn blocked(&self, user: UserKey) -> Result<Vec<BlockedUser>>;

    // Delivery

    /// Takes messages and acknowledgements of one connection. Waits only for room in the queue.
    async fn submit(&self, submission: Submission) -> Result<()>;
    /// Notes that the device is here. Acknowledgements submitted before are in effect when this answers.
    async fn connected(&self, device: DeviceKey) -> Result<()>;
    async fn mailbox_page(&self, device: DeviceKey, after: Position, limit: PageLimit) -> Result<Page>;
    /// Takes these messages out of the mailbox, wherever in it they are.
    async fn acknowledge(&self, device: DeviceKey, message_ids: Vec<MessageId>) -> Result<()>;

    // Key packages

    async fn publish_key_packages(&self, session: Session, packages: PublishKeyPackages) -> Result<KeyPackageStock>;
    async fn key_package_stock(&self, device: DeviceKey) -> Result<KeyPackageStock>;
    /// One key package of each device of the user but `asking`.
    async fn claim_key_packages(
        &self,
        asking: DeviceKey,
        user_id: UserId,
        only: Option<Vec<DeviceId>>,
    ) -> Result<ClaimedKeyPackages>;
    /// The same of many users, each as by itself.
    async fn claim_many(&self, asking: DeviceKey, claims: Vec<ClaimOf>) -> Result<Vec<ClaimedOf>>;

    // Files

    /// Adds a file, unless its owner's files would then have more than `quota` bytes.
    async fn add_file(&self, file: NewFile, quota: u64) -> Result<()>;
    /// Bytes of the user's files, with what is reserved for uploads under way.
    async fn stored_bytes(&self, owner: UserKey) -> Result<u64>;
    async fn file_exists(&self, file_id: FileId) -> Result<bool>;
    /// Whether bytes of this name on the disk belong to a file or to an upload under way.
    async fn file_is_known(&self, file_id: FileId) -> Result<bool>;
    async fn delete_file(&self, owner: UserKey, file_id: FileId) -> Result<()>;
    /// Begins a resumable upload: its file's row comes with [`Storage::finish_upload`].
    async fn create_upload(&self, upload: NewFile, bounds: UploadBounds) -> Result<()>;
    async fn upload(&self, owner: UserKey, file_id: FileId) -> Result<StoredUpload>;
    /// Notes from where on bytes have not been compared with their checksum.
    async fn set_unproven(&self, owner: UserKey, file_id: FileId, from: Option<u64>) -> Result<()>;
    /// Makes a file of an upload whose bytes are all on the disk.
    async fn finish_upload(&self, owner: UserKey, file_id: FileId, expires_at: i64) -> Result<()>;
    /// Forgets an upload, also when it has become a file.
    async fn delete_upload(&self, owner: UserKey, file_id: FileId) -> Result<()>;

    // Upkeep

    /// Reads, and writes something small: answers if both work.
    async fn probe(&self) -> Result<()>;
    async fn stats(&self) -> Result<StorageStats>;
    /// Notes figures of a moment; what is noted for the same moment twice is taken together.
    async fn add_sample(&self, sample: Sample) -> Result<()>;
    /// The samples from `since` on, those of the same `interval` seconds taken together under its beginning.
    async fn samples(&self, since: i64, interval: i64) -> Result<Vec<Sample>>;
    /// Takes older samples together and forgets old ones, so that they never become many.
    async fn thin_samples(&self, now: i64) -> Result<()>;
    /// Forgets what is older than the cutoffs. Returns files to delete from the disk.
    async fn expire(&self, cutoffs: Cutoffs) -> Result<Vec<FileId>>;
    /// Finishes what is queued and closes. Later operations answer [`StorageError::Stopped`].
    async fn close(&self);
}

/// Shared handle to the storage.
pub(crate) type SharedStorage = Arc<dyn Storage>;
