//! People with devices, for stories. A device forgets everything but its storage between any two steps.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::{
    AccountKey, AccountSigningKey, ClaimedKeyPackage, CommitBundle, CommitError, Conversation, ConversationInfo,
    CreateError, DeviceCertificate, DeviceKeys, DevicePublicKey, Expected, Member, MembershipChange, ProcessError,
    Processed, Provider, generate_key_package,
};
use privmsg_protocol::{DeviceId, GroupId, Incarnation, UserId};
use rand_core::OsRng;

/// The chat of Alice and Bob, which nearly all stories are about: its name follows from theirs.
pub(crate) const CHAT: GroupId = GroupId::from_bytes([
    0xfc, 0x03, 0xe6, 0xf1, 0x48, 0x12, 0xdb, 0xa4, 0xe1, 0xf2, 0x29, 0xed, 0x31, 0x13, 0x21, 0x07,
]);

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Later than any leaf before.
pub(crate) fn made_at() -> u64 {
    static LATER: AtomicU64 = AtomicU64::new(0);
    now() + LATER.fetch_add(1, Ordering::Relaxed)
}

pub(crate) struct Person {
    pub(crate) user_id: UserId,
    pub(crate) account: AccountKey,
    pub(crate) signing_key: AccountSigningKey,
}

pub(crate) fn person(name: &str) -> Person {
    let (user_id, account) = (UserId::new(name).unwrap(), AccountKey::generate(&mut OsRng));
    let signing_key = account.begin_generation(&user_id, 1, &mut OsRng).unwrap();
    Person { user_id, account, signing_key }
}

/// What `account` says of a device, under any name: a generation of its own for each.
pub(crate) fn certify(
    account: &AccountKey,
    user_id: &UserId,
    device_id: &DeviceId,
    device_key: &DevicePublicKey,
    added_at: u64,
) -> DeviceCertificate {
    account.begin_generation(user_id, 1, &mut OsRng).unwrap().certify(device_id, device_key, added_at)
}

impl Person {
    /// As conversations name them.
    pub(crate) fn in_chats(&self) -> privmsg_e2ee::Person {
        privmsg_e2ee::Person { user_id: self.user_id.clone(), identity: self.account.public() }
    }

    pub(crate) fn device(&self, name: &str) -> Device {
        let keys = DeviceKeys::generate(&mut OsRng);
        let device_id = DeviceId::new(&format!("{}-{name}", self.user_id)).unwrap();
        let certificate = self.signing_key.certify(&device_id, &keys.public(), now());
        Device { keys, certificate, storage: MemoryStorage::default(), chat: CHAT }
    }
}

pub(crate) struct Device {
    pub(crate) keys: DeviceKeys,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) storage: MemoryStorage,
    /// Which of its chats the story is about.
    pub(crate) chat: GroupId,
}

impl Device {
    pub(crate) fn user_id(&self) -> &UserId {
        self.certificate.user_id()
    }

    pub(crate) fn device_id(&self) -> &DeviceId {
        self.certificate.device_id()
    }

    /// Its owner, as conversations name people.
    pub(crate) fn owner(&self) -> privmsg_e2ee::Person {
        privmsg_e2ee::Person { user_id: self.user_id().clone(), identity: *self.certificate.identity_key() }
    }

    pub(crate) fn address(&self) -> (UserId, DeviceId) {
        (self.user_id().clone(), self.device_id().clone())
    }

    pub(crate) fn provider(&self) -> Provider<'_, MemoryStorage> {
        Provider::new(&self.storage)
    }

    /// A copy of what the device has on its disk.
    pub(crate) fn disk(&self) -> HashMap<Vec<u8>, Vec<u8>> {
        self.storage.values.read().unwrap().clone()
    }

    /// Puts the disk back to what it was, as a rolled back transaction does.
    pub(crate) fn restore(&self, disk: HashMap<Vec<u8>, Vec<u8>>) {
        *self.storage.values.write().unwrap() = disk;
    }

    pub(crate) fn key_package(&self) -> Vec<u8> {
        generate_key_package(&self.provider(), &self.keys, &self.certificate, false, now(), made_at()).unwrap().bytes
    }

    pub(crate) fn claim(&self) -> ClaimedKeyPackage {
        ClaimedKeyPackage::validate(&self.key_package(), self.user_id(), self.device_id(), now()).unwrap()
    }

    pub(crate) fn claim_last_resort(&self) -> ClaimedKeyPackage {
        let bytes = generate_key_package(&self.provider(), &self.keys, &self.certificate, true, now(), made_at())
            .unwrap()
            .bytes;
        ClaimedKeyPackage::validate(&bytes, self.user_id(), self.device_id(), now()).unwrap()
    }

    pub(crate) fn chat(&self) -> Conversation {
        Conversation::load(&self.provider(), self.chat).unwrap().unwrap()
    }

    pub(crate) fn has_chat(&self) -> bool {
        Conversation::load(&self.provider(), self.chat).unwrap().is_some()
    }

    pub(crate) fn create(&self, info: ConversationInfo, others: &[&Device]) -> CommitBundle {
        self.create_with(info, &others.iter().map(|device| device.claim()).collect::<Vec<_>>()).unwrap()
    }

    pub(crate) fn create_with(
        &self,
        info: ConversationInfo,
        others: &[ClaimedKeyPackage],
    ) -> Result<CommitBundle, CreateError> {
        let (keys, certificate) = (&self.keys, &self.certificate);
        let created = Conversation::create(&self.provider(), keys, certificate, info, None, others, made_at());
        created.map(|(_, bundle)| bundle)
    }

    pub(crate) fn commit(&self, add: &[&Device], remove: &[&Device]) -> CommitBundle {
        self.try_commit(add, remove).unwrap()
    }

    pub(crate) fn try_commit(&self, add: &[&Device], remove: &[&Device]) -> Result<CommitBundle, CommitError> {
        let add: Vec<_> = add.iter().map(|device| device.claim()).collect();
        let remove: Vec<_> = remove.iter().map(|device| device.address()).collect();
        self.chat().commit(&self.provider(), &self.keys, &add, &remove, made_at())
    }

    pub(crate) fn accepted(&self) {
        self.chat().merge_pending(&self.provider()).unwrap();
    }

    pub(crate) fn join(&self, bundle: &CommitBundle) {
        let (_, welcome) = bundle.welcomes().into_iter().find(|(device, _)| device == self.device_id()).unwrap();
        Conversation::join(&self.provider(), &welcome, &bundle.ratchet_tree, None).unwrap();
    }

    pub(crate) fn join_external(&self, latest: &CommitBundle) -> CommitBundle {
        let (keys, certificate) = (&self.keys, &self.certificate);
        let (group_info, tree) = (&latest.group_info, &latest.ratchet_tree);
        Conversation::join_external(&self.provider(), keys, certificate, group_info, tree, None, made_at()).unwrap().1
    }

    pub(crate) fn encrypt(&self, text: &str) -> Vec<u8> {
        self.chat().encrypt(&self.provider(), &self.keys, text.as_bytes()).unwrap()
    }

    /// Processes an ordinary message.
    pub(crate) fn process(&self, bytes: &[u8]) -> Result<Processed, ProcessError> {
        self.chat().process(&self.provider(), Expected::Application, bytes)
    }

    /// Processes a commit.
    pub(crate) fn process_commit(&self, bytes: &[u8]) -> Result<MembershipChange, ProcessError> {
        match self.chat().process(&self.provider(), Expected::Commit, bytes)? {
            Processed::Commit(change) => Ok(change),
            Processed::Application { .. } => panic!("not a commit"),
        }
    }

    /// Reads a text and says who wrote it.
    pub(crate) fn read(&self, bytes: &[u8]) -> (DeviceId, String) {
        match self.process(bytes).unwrap() {
            Processed::Application { sender, plaintext, .. } => {
                (sender.device_id, String::from_utf8(plaintext.to_vec()).unwrap())
            }
            Processed::Commit(change) => panic!("a commit: {change:?}"),
        }
    }

    pub(crate) fn follow(&self, bundle: &CommitBundle) -> MembershipChange {
        let change = self.process_commit(&bundle.commit).unwrap();
        assert_eq!(change.epoch, bundle.next_epoch);
        change
    }

    pub(crate) fn members(&self) -> Vec<String> {
        names(&self.chat().members())
    }
}

pub(crate) fn names(members: &[Member]) -> Vec<String> {
    let mut names: Vec<_> = members.iter().map(|member| member.device_id.to_string()).collect();
    names.sort();
    names
}

pub(crate) fn direct(a: &Person, b: &Person) -> ConversationInfo {
    ConversationInfo::direct(a.in_chats(), b.in_chats(), Incarnation::FIRST).unwrap()
}

/// Everybody hears what each of them says.
pub(crate) fn all_talk(devices: &[&Device]) {
    for sender in devices {
        let message = sender.encrypt("hello");
        for receiver in devices.iter().filter(|device| device.device_id() != sender.device_id()) {
            assert_eq!(receiver.read(&message), (sender.device_id().clone(), "hello".to_owned()));
        }
    }
}

/// Creates the chat on the first device, and lets all the others in.
pub(crate) fn open_chat(info: ConversationInfo, devices: &[&Device]) -> CommitBundle {
    let bundle = devices[0].create(info, &devices[1..]);
    devices[0].accepted();
    for device in &devices[1..] {
        device.join(&bundle);
    }
    bundle
}
