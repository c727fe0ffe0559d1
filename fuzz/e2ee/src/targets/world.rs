//! A small conversation that is made once: Alice's devices say what an input says, Bob's have to cope with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use privmsg_e2ee::{AccountSigningKey, CommitBundle};

use crate::people::{Device, Person, direct, person};
use crate::server::Server;

type Disk = HashMap<Vec<u8>, Vec<u8>>;

/// See the module. Between two inputs every disk is put back to what it was.
pub(super) struct World {
    pub(super) alice: Person,
    pub(super) bob: Person,
    /// Alice's, in the chat.
    pub(super) phone: Device,
    /// Alice's, outside.
    pub(super) tablet: Device,
    /// Bob's, in the chat; see also [`World::uninvite`].
    pub(super) bobs: Device,
    /// Bob's, outside.
    pub(super) laptop: Device,
    /// How the chat began: with a welcome for Bob.
    pub(super) opened: CommitBundle,
    /// What happens next, one or the other. All of it is for Bob.
    pub(super) text: Vec<u8>,
    pub(super) rotation: CommitBundle,
    pub(super) addition: CommitBundle,
    pub(super) joining: CommitBundle,
    /// What the server sees of the chat.
    pub(super) server: Server,
    phone_disk: Disk,
    bobs_disk: Disk,
    uninvited: Disk,
}

/// Does something in the world, which is made first if there is none.
pub(super) fn with<T>(act: impl FnOnce(&World) -> T) -> T {
    static WORLD: Mutex<Option<World>> = Mutex::new(None);
    let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let world = world.get_or_insert_with(World::new);
    world.reset();
    act(world)
}

impl World {
    fn new() -> Self {
        let (alice, bob) = (person("alice"), person("bob"));
        let (phone, tablet) = (alice.device("phone"), alice.device("tablet"));
        let (bobs, laptop) = (bob.device("phone"), bob.device("laptop"));
        let opened = phone.create(direct(&alice, &bob), &[&bobs]);
        let uninvited = bobs.disk();
        phone.accepted();
        bobs.join(&opened);
        let (phone_disk, bobs_disk) = (phone.disk(), bobs.disk());
        let text = phone.encrypt("hello");
        let rotation = phone.commit(&[], &[]);
        phone.restore(phone_disk.clone());
        let addition = phone.commit(&[&tablet], &[]);
        let joining = laptop.join_external(&opened);
        let server = Server::begin(&opened);
        Self {
            alice,
            bob,
            phone,
            tablet,
            bobs,
            laptop,
            opened,
            text,
            rotation,
            addition,
            joining,
            server,
            phone_disk,
            bobs_disk,
            uninvited,
        }
    }

    /// Bob's device has a key package out, and nobody has used it.
    pub(super) fn uninvite(&self) {
        self.bobs.restore(self.uninvited.clone());
    }

    fn reset(&self) {
        self.phone.restore(self.phone_disk.clone());
        self.bobs.restore(self.bobs_disk.clone());
        self.tablet.restore(Disk::new());
        self.laptop.restore(Disk::new());
    }
}

/// Device certificate bytes whose last 64 are this signing key's signature over the others, whatever those are.
pub(super) fn signed(signing_key: &AccountSigningKey, fields: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    let key = ed25519_dalek::SigningKey::from_bytes(&signing_key.to_bytes());
    let signature = key.sign(&[b"PrivMsg device certificate v2\0", fields].concat());
    [fields, &signature.to_bytes()].concat()
}

/// What a device's certificate says, without the signature.
pub(super) fn fields(device: &Device) -> Vec<u8> {
    let mut bytes = device.certificate.encode();
    bytes.truncate(bytes.len() - 64);
    bytes
}
