//! What the storage can do, and which part does it, on the writer's thread or on a reader's.

use std::sync::PoisonError;

use async_trait::async_trait;
use privmsg_mls_public::{AccountPublicKey, DevicePublicKey, RecoveryPublicKey};
use privmsg_protocol::rest::{
    AuditLog, BlockedUser, ClaimOf, ClaimedKeyPackages, ClaimedOf, Device, IdentityReplacement, KeyPackageStock,
    PublishKeyPackages, UpdateProfile, UserProfile,
};
use privmsg_protocol::{DeviceId, FileId, MessageId, Opaque, UserId};

use super::engine::SqliteStorage;
use super::writer::Touches;
use super::{
    accounts, administration, audit, blocks, device_lists, devices, files, identity, invitations, key_packages,
    mailbox, requests, samples, sign_in, taken_back, upkeep, uploads,
};
use crate::secrets::KeyHash;
use crate::storage::{
    Act, Actor, AuditNote, Authority, Blocked, Consequences, Credentials, Cutoffs, DeviceKey, Login, NewFile,
    NewIdentity, NewList, Own, Page, PageLimit, Position, Relisted, Replaced, Request, RequestId, Result, Sample,
    Session, SignIn, SignedIn, Signer, Storage, StorageStats, StoredInvitation, StoredList, StoredUpload, Submission,
    UploadBounds, UserDetail, UserKey, UserSummary,
};

#[async_trait]
impl Storage for SqliteStorage {
    async fn credentials(&self, user_id: UserId) -> Result<Option<Credentials>> {
        self.read(move |conn| accounts::credentials(conn, &user_id)).await
    }

    async fn invitation(&self, user_id: UserId) -> Result<Option<StoredInvitation>> {
        self.read(move |conn| invitations::invitation(conn, &user_id)).await
    }

    async fn redeem(&self, user_id: UserId, key: KeyHash, access_key: KeyHash) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.redeem(&user_id, key, access_key)).await
    }

    async fn administer(&self, act: Act, by: Actor, request: Option<(RequestId, String)>) -> Result<Consequences> {
        let touches = match act {
            Act::CreateUser { .. } | Act::Invite { .. } | Act::WithdrawInvitation { .. } => Touches::Data,
            _ => Touches::Structure,
        };
        self.write(touches, move |tx| {
            tx.administer(&act, by, request.as_ref().map(|(id, outcome)| (*id, outcome.as_str())))
        })
        .await
    }

    async fn users(&self) -> Result<Vec<UserSummary>> {
        self.read(administration::users).await
    }

    async fn user(&self, user_id: UserId) -> Result<UserDetail> {
        self.read(move |conn| administration::user(conn, &user_id)).await
    }

    async fn note(&self, note: AuditNote) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.note(&note)).await
    }

    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<AuditLog> {
        self.read(move |conn| audit::page(conn, before, limit)).await
    }

    async fn requests(&self) -> Result<Vec<Request>> {
        let now = self.clock.now();
        self.read(move |conn| requests::waiting(conn, now)).await
    }

    async fn answer(&self, request: RequestId, outcome: String) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.answer(request, &outcome)).await
    }

    async fn admin_key_hash(&self) -> Result<Option<KeyHash>> {
        self.read(accounts::admin_key_hash).await
    }

    async fn set_admin_key_hash(&self, hash: KeyHash) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_admin_key_hash(hash)).await
    }

    async fn knows_device(&self, user: UserKey, public_key: String) -> Result<bool> {
        self.read(move |conn| devices::knows_device(conn, user, &public_key)).await
    }

    async fn login(&self, login: Login) -> Result<SignedIn> {
        // Says itself what it changes: whatever else the writer remembers stays right, and there are many logins. A
        // device that it pushes out has waited, so nothing about it is remembered.
        self.write(Touches::Data, move |tx| tx.login(&login)).await
    }

    async fn device_signer(&self, user_id: UserId, device_id: DeviceId) -> Result<Option<Signer<DevicePublicKey>>> {
        self.read(move |conn| sign_in::device_signer(conn, &user_id, &device_id)).await
    }

    async fn removed_device(
        &self,
        user_id: UserId,
        device_id: DeviceId,
    ) -> Result<Option<(DevicePublicKey, Option<DeviceId>)>> {
        self.read(move |conn| sign_in::removed_device(conn, &user_id, &device_id)).await
    }

    async fn recovery_signer(&self, user_id: UserId) -> Result<Option<Signer<RecoveryPublicKey>>> {
        self.read(move |conn| sign_in::recovery_signer(conn, &user_id)).await
    }

    async fn sign_in_by_device(&self, order: SignIn) -> Result<SignedIn> {
        self.write(Touches::Data, move |tx| tx.sign_in_by_device(&order)).await
    }

    async fn sign_in_by_recovery(&self, order: SignIn, words: RecoveryPublicKey) -> Result<SignedIn> {
        self.write(Touches::Data, move |tx| tx.sign_in_by_recovery(&order, &words)).await
    }

    async fn session(&self, token: KeyHash) -> Result<Session> {
        let now = self.clock.now();
        self.read(move |conn| devices::session(conn, token, now)).await
    }

    async fn renew_token(&self, session: Session, token: KeyHash, expires_at: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.renew_token(&session, token, expires_at)).await
    }

    async fn was_restored_lately(&self) -> Result<bool> {
        let now = self.clock.now();
        self.read(move |conn| taken_back::was_restored_lately(conn, now)).await
    }

    async fn devices(&self, session: Session) -> Result<Vec<Device>> {
        self.read(move |conn| devices::devices(conn, &session)).await
    }

    async fn remove_device(&self, session: Session, device_id: DeviceId) -> Result<DeviceKey> {
        self.write(Touches::Structure, move |tx| tx.remove_own_device(&session, &device_id)).await
    }

    async fn identity(&self, user: UserKey) -> Result<Option<AccountPublicKey>> {
        self.read(move |conn| identity::identity(conn, user)).await
    }

    async fn set_up_identity(&self, session: Session, identity: NewIdentity) -> Result<Relisted> {
        self.write(Touches::Structure, move |tx| tx.set_up_identity(&session, &identity)).await
    }

    async fn device_list(&self, user_id: UserId) -> Result<StoredList> {
        self.read(move |conn| device_lists::device_list(conn, &user_id)).await
    }

    async fn publish_list(&self, session: Session, list: NewList) -> Result<Relisted> {
        self.write(Touches::Structure, move |tx| tx.publish_list(&session, &list)).await
    }

    async fn link_reply(&self, device: DeviceKey) -> Result<Option<Opaque>> {
        self.read(move |conn| device_lists::link_reply(conn, device)).await
    }

    async fn set_access_key(&self, session: Session, key: KeyHash, by: Authority) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_access_key(&session, key, &by)).await
    }

    async fn seal_identity(
        &self,
        session: Session,
        identity: AccountPublicKey,
        backup: Opaque,
        recovery_key: RecoveryPublicKey,
    ) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.seal_identity(&session, &identity, &backup, &recovery_key)).await
    }

    async fn begin_replacement(
        &self,
        session: Session,
        access_key: KeyHash,
        identity: NewIdentity,
    ) -> Result<IdentityReplacement> {
        self.write(Touches::Data, move |tx| tx.begin_replacement(&session, access_key, &identity)).await
    }

    async fn end_replacement(&self, session: Session, identity: AccountPublicKey) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.end_replacement(&session, &identity)).await
    }

    async fn put_off_replacements(&self, now: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.put_off_replacements(now)).await
    }

    async fn replace_identities(&self, now: i64) -> Result<Replaced> {
        self.write(Touches::Structure, move |tx| tx.replace_identities(now)).await
    }

    async fn own(&self, session: Session) -> Result<Own> {
        self.read(move |conn| identity::own(conn, &session)).await
    }

    async fn profile(&self, user_id: UserId, viewer: UserKey) -> Result<UserProfile> {
        self.read(move |conn| accounts::profile(conn, &user_id, viewer)).await
    }

    async fn update_profile(&self, session: Session, update: UpdateProfile) -> Result<Option<FileId>> {
        self.write(Touches::Structure, move |tx| tx.update_profile(&session, &update)).await
    }

    async fn backups(&self, user: UserKey) -> Result<Vec<Opaque>> {
        self.read(move |conn| identity::backups(conn, user)).await
    }

    async fn block(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>> {
        // Says itself what it changes: nobody empties what the writer remembers by blocking and unblocking.
        self.write(Touches::Data, move |tx| tx.block(&session, &user_id)).await
    }

    async fn unblock(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>> {
        self.write(Touches::Data, move |tx| tx.unblock(&session, &user_id)).await
    }

    async fn blocked(&self, user: UserKey) -> Result<Vec<BlockedUser>> {
        self.read(move |conn| blocks::blocked(conn, user)).await
    }

    async fn user_exists(&self, user_id: UserId) -> Result<bool> {
        self.read(move |conn| accounts::user_exists(conn, &user_id)).await
    }

    async fn submit(&self, submission: Submission) -> Result<()> {
        self.handles()?.writer.relay(submission).await
    }

    async fn connected(&self, device: DeviceKey) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.connected(device)).await
    }

    async fn mailbox_page(&self, device: DeviceKey, after: Position, limit: PageLimit) -> Result<Page> {
        self.read(move |conn| mailbox::page(conn, device, after, limit)).await
    }

    async fn acknowledge(&self, device: DeviceKey, message_ids: Vec<MessageId>) -> Result<()> {
        // Looked for where it holds up nobody: whoever acknowledges what is not there costs the writer nothing.
        let found = self.read(move |conn| mailbox::positions(conn, device, &message_ids)).await?;
        if found.is_empty() {
            return Ok(());
        }
        self.write(Touches::Data, move |tx| tx.acknowledge(device, &found)).await
    }

    async fn publish_key_packages(&self, session: Session, packages: PublishKeyPackages) -> Result<KeyPackageStock> {
        self.write(Touches::Data, move |tx| tx.publish_key_packages(&session, &packages)).await
    }

    async fn key_package_stock(&self, device: DeviceKey) -> Result<KeyPackageStock> {
        self.read(move |conn| key_packages::stock(conn, device)).await
    }

    async fn claim_key_packages(
        &self,
        asking: DeviceKey,
        user_id: UserId,
        only: Option<Vec<DeviceId>>,
    ) -> Result<ClaimedKeyPackages> {
        self.write(Touches::Data, move |tx| tx.claim_key_packages(asking, &user_id, only.as_deref())).await
    }

    async fn claim_many(&self, asking: DeviceKey, claims: Vec<ClaimOf>) -> Result<Vec<ClaimedOf>> {
        self.write(Touches::Data, move |tx| tx.claim_many(asking, claims)).await
    }

    async fn add_file(&self, file: NewFile, quota: u64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.add_file(&file, quota)).await
    }

    async fn stored_bytes(&self, owner: UserKey) -> Result<u64> {
        self.read(move |conn| files::stored_bytes(conn, owner)).await
    }

    async fn file_exists(&self, file_id: FileId) -> Result<bool> {
        let now = self.clock.now();
        self.read(move |conn| files::exists(conn, &file_id, now)).await
    }

    async fn file_is_known(&self, file_id: FileId) -> Result<bool> {
        self.read(move |conn| files::is_known(conn, &file_id)).await
    }

    async fn delete_file(&self, owner: UserKey, file_id: FileId) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.delete_file(owner, &file_id)).await
    }

    async fn probe(&self) -> Result<()> {
        self.write(Touches::Data, upkeep::touch).await?;
        self.read(upkeep::look).await
    }

    async fn create_upload(&self, upload: NewFile, bounds: UploadBounds) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.create_upload(&upload, bounds)).await
    }

    async fn upload(&self, owner: UserKey, file_id: FileId) -> Result<StoredUpload> {
        let now = self.clock.now();
        self.read(move |conn| uploads::upload(conn, owner, &file_id, now)).await
    }

    async fn set_unproven(&self, owner: UserKey, file_id: FileId, from: Option<u64>) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_unproven(owner, &file_id, from)).await
    }

    async fn finish_upload(&self, owner: UserKey, file_id: FileId, expires_at: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.finish_upload(owner, &file_id, expires_at)).await
    }

    async fn delete_upload(&self, owner: UserKey, file_id: FileId) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.delete_upload(owner, &file_id)).await
    }

    async fn stats(&self) -> Result<StorageStats> {
        self.read(upkeep::stats).await
    }

    async fn add_sample(&self, sample: Sample) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.add_sample(&sample)).await
    }

    async fn samples(&self, since: i64, interval: i64) -> Result<Vec<Sample>> {
        self.read(move |conn| samples::samples(conn, since, interval)).await
    }

    async fn thin_samples(&self, now: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.thin_samples(now)).await
    }

    async fn expire(&self, cutoffs: Cutoffs) -> Result<Vec<FileId>> {
        while self.write(Touches::Structure, move |tx| tx.expire_messages(cutoffs.messages)).await? {}
        while self.write(Touches::Data, move |tx| tx.expire_sent(cutoffs.seen)).await? {}
        let files = self.write(Touches::Structure, move |tx| tx.expire_rest(cutoffs)).await?;
        let mut from = Some(0);
        while let Some(row) = from {
            from = self.write(Touches::Data, move |tx| tx.forget_sent_by_nobody(row)).await?;
        }
        Ok(files)
    }

    async fn close(&self) {
        drop(self.handles.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // Operations that are still under way hold handles of their own; the threads end with the last of them.
        let path = self.path.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let well = threads.into_iter().all(|thread| thread.join().is_ok());
            super::connection::settle(&path);
            well
        });
        // Cancelled: the runtime is ending with the process, and the threads end by themselves.
        let panicked = joined.await.map_or_else(|error| error.is_panic(), |well| !well);
        if panicked {
            tracing::error!("a thread of the storage has panicked");
        }
    }
}
