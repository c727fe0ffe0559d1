//! Accounts and what they sign.

use ed25519_dalek::{Signer as _, SigningKey};
use privmsg_mls_public::{
    AccountPublicKey, Device, DeviceList, DevicePublicKey, Participant, Role, Roster, SigningKeyCertificate,
    SigningPublicKey,
};
use privmsg_protocol::{DeviceId, UserId};
use proptest::test_runner::Config as ProptestConfig;

/// Somebody, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Account(pub(crate) u8);

/// A generation of an account. A second key in the same one has another `variant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) variant: u8,
}

impl From<u64> for Generation {
    fn from(number: u64) -> Self {
        Self { number, variant: 0 }
    }
}

fn key(purpose: u8, of: u8, variant: u8, number: u64) -> SigningKey {
    let mut seed = [0; 32];
    seed[..3].copy_from_slice(&[purpose, of, variant]);
    seed[3..11].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_bytes(&seed)
}

impl Account {
    pub(crate) fn user(self) -> UserId {
        UserId::new(&format!("user{:03}", self.0)).unwrap()
    }

    fn identity_key(self) -> SigningKey {
        key(1, self.0, 0, 0)
    }

    pub(crate) fn identity(self) -> AccountPublicKey {
        AccountPublicKey::from_bytes(self.identity_key().verifying_key().to_bytes()).unwrap()
    }

    fn signing_key(self, generation: Generation) -> SigningKey {
        key(2, self.0, generation.variant, generation.number)
    }

    pub(crate) fn certificate(self, generation: impl Into<Generation>) -> SigningKeyCertificate {
        let generation = generation.into();
        let public = self.signing_key(generation).verifying_key().to_bytes();
        let public = SigningPublicKey::from_bytes(public).unwrap();
        let sign = |bytes: &[u8]| self.identity_key().sign(bytes).to_bytes();
        SigningKeyCertificate::signed_by(self.identity(), sign, &self.user(), generation.number, public).unwrap()
    }

    /// The device of this number, whose key nobody else has.
    pub(crate) fn device(self, number: u8) -> Device {
        let public = key(3, self.0, number, 0).verifying_key().to_bytes();
        Device {
            device_id: DeviceId::new(&format!("d{}-{number:03}", self.0)).unwrap(),
            device_key: DevicePublicKey::from_bytes(public).unwrap(),
            added_at: u64::from(number),
        }
    }

    pub(crate) fn list(self, generation: impl Into<Generation>, counter: u64, devices: &[u8]) -> DeviceList {
        let generation = generation.into();
        let sign = |bytes: &[u8]| self.signing_key(generation).sign(bytes).to_bytes();
        let devices = devices.iter().map(|number| self.device(*number)).collect();
        DeviceList::signed_by(self.certificate(generation), sign, counter, devices).unwrap()
    }

    pub(crate) fn is(self, role: Role, floor: u64) -> Participant {
        Participant::with_role(self.user(), self.identity(), role, floor)
    }

    pub(crate) fn founds(self, generation: u64, people: &[Participant]) -> Roster {
        let sign = |bytes: &[u8]| self.signing_key(generation.into()).sign(bytes).to_bytes();
        Roster::founding(self.certificate(generation), sign, [self.0; 16], people.to_vec()).unwrap()
    }

    pub(crate) fn writes(self, generation: u64, previous: &[&Roster], nonce: u8, people: &[Participant]) -> Roster {
        let sign = |bytes: &[u8]| self.signing_key(generation.into()).sign(bytes).to_bytes();
        Roster::next(previous, self.certificate(generation), sign, [nonce; 16], people.to_vec()).unwrap()
    }

    /// What has no constructor, because nothing honest comes to it: the roster under another number.
    pub(crate) fn renumbers(self, generation: u64, roster: &Roster, number: u64) -> Roster {
        let mut bytes = roster.encode();
        let signed = bytes.len() - 64;
        bytes[33..41].copy_from_slice(&number.to_be_bytes());
        let labelled = [b"PrivMsg roster v1\0", &bytes[..signed]].concat();
        bytes[signed..].copy_from_slice(&self.signing_key(generation.into()).sign(&labelled).to_bytes());
        Roster::decode(&bytes).unwrap()
    }
}

/// Worlds take longer than single statements.
pub(crate) fn fewer_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 3, ..usual }
}

/// The participants with one of them changed, added or, with `None`, gone.
pub(crate) fn with(roster: &Roster, user: &UserId, place: Option<Participant>) -> Vec<Participant> {
    let others = roster.participants().iter().filter(|participant| participant.user_id() != user);
    let mut people: Vec<_> = others.cloned().chain(place).collect();
    people.sort();
    people
}
