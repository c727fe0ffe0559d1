//! What a new device is told by the one that lets it in, before anybody else can tell it anything: contacts' keys, the sealed
//! identity as the identity has signed for it, which the server could spoil, and how far conversations have come, so that the
//! server cannot show them as they once were; and what groups are called.
//!
//! ```text
//! nonce (12 bytes) | AES-256-GCM({ 0: told_by (text), 1: [pin], ? 2: sealed identity, ? 3: [reached],
//!     ? 4: [{ 0: conversation (32 bytes), 1: title }] } in CBOR) | tag (16 bytes)
//! reached = { 0: conversation (32 bytes), 1: incarnation, ? 2: number of the roster }
//! ```
//!
//! The key comes from the secret in the new device's code by HKDF-SHA-256 (RFC 5869): the server carries it, and need not know
//! whom the user has verified. That it is for this device, the MAC of the [`LinkReply`](privmsg_mls_public::LinkReply) says.

use std::fmt;

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use hkdf::Hkdf;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use privmsg_mls_public::MAX_LINK_PINS;
use privmsg_protocol::{ConversationId, DeviceId, Incarnation};
use rand_core::CryptoRngCore;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::content::{ContentError, Pin, PinDevice, SealedIdentity, decode_cbor, encode_cbor};

const INFO: &[u8] = b"PrivMsg link pins v1";

const NONCE_LEN: usize = 12;

const TAG_LEN: usize = 16;

const NAME: &str = "pins for a new device";

/// The part of the room that conversations take at most: contacts' keys are worth more.
const CHATS_SHARE: usize = MAX_LINK_PINS / 4;

/// How far a conversation has come, as a device knows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reached {
    #[n(0)]
    conversation: ByteArray<32>,
    #[n(1)]
    incarnation: u32,
    #[cbor(n(2), default, skip_if = "is_none")]
    roster: u64,
}

impl Reached {
    /// In this incarnation, and, of a group of people, with this roster in its GroupContext; 0: none.
    #[must_use]
    pub fn new(conversation: &ConversationId, incarnation: Incarnation, roster: u64) -> Self {
        Self { conversation: (*conversation.as_bytes()).into(), incarnation: incarnation.0, roster }
    }

    /// Which conversation.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        ConversationId::from_bytes(*self.conversation)
    }

    /// Its incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        Incarnation(self.incarnation)
    }

    /// The number of its roster; 0: it has none.
    #[must_use]
    pub const fn roster(&self) -> u64 {
        self.roster
    }
}

/// What a group of people is called, as a device knows it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Titled {
    #[n(0)]
    conversation: ByteArray<32>,
    #[n(1)]
    title: String,
}

impl Titled {
    /// This group so.
    #[must_use]
    pub fn new(conversation: &ConversationId, title: String) -> Self {
        Self { conversation: (*conversation.as_bytes()).into(), title }
    }

    /// Which conversation.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        ConversationId::from_bytes(*self.conversation)
    }

    /// What it is called.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
}

/// Does not show the title.
impl fmt::Debug for Titled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Titled({})", self.conversation())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "minicbor asks so")]
const fn is_none(roster: &u64) -> bool {
    *roster == 0
}

/// What a device tells that lets another one in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LinkPins {
    #[n(0)]
    told_by: PinDevice,
    #[n(1)]
    pins: Vec<Pin>,
    #[n(2)]
    sealed: Option<SealedIdentity>,
    #[cbor(n(3), default, skip_if = "Vec::is_empty")]
    chats: Vec<Reached>,
    #[cbor(n(4), default, skip_if = "Vec::is_empty")]
    titles: Vec<Titled>,
}

impl LinkPins {
    /// The sealed identity, and as many of these conversations and pins as there is room for, the first.
    #[must_use]
    pub fn new(told_by: DeviceId, sealed: Option<SealedIdentity>, mut pins: Vec<Pin>, mut chats: Vec<Reached>) -> Self {
        // Besides the lists: their numbers, the map, who tells it, and what is sealed.
        let besides = 16 + told_by.as_str().len() + sealed.as_ref().map_or(0, |sealed| encode_cbor(sealed).len());
        let mut left = (MAX_LINK_PINS - NONCE_LEN - TAG_LEN).saturating_sub(besides);
        left -= keep_what_fits(&mut chats, left.min(CHATS_SHARE));
        keep_what_fits(&mut pins, left);
        Self { told_by: PinDevice(told_by), pins, sealed, chats, titles: Vec::new() }
    }

    /// And as many of these titles as there is room for besides, the first.
    #[must_use]
    pub fn with_titles(mut self, mut titles: Vec<Titled>) -> Self {
        let taken = NONCE_LEN + TAG_LEN + encode_cbor(&self).len();
        keep_what_fits(&mut titles, MAX_LINK_PINS.saturating_sub(taken + 16));
        self.titles = titles;
        self
    }

    /// The device that tells it.
    #[must_use]
    pub const fn told_by(&self) -> &DeviceId {
        &self.told_by.0
    }

    /// What it knows.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The sealed identity, as that device has it. Whether the identity has signed for it is for the reader to check.
    #[must_use]
    pub const fn sealed(&self) -> Option<&SealedIdentity> {
        self.sealed.as_ref()
    }

    /// How far conversations have come.
    #[must_use]
    pub fn chats(&self) -> &[Reached] {
        &self.chats
    }

    /// What groups are called.
    #[must_use]
    pub fn titles(&self) -> &[Titled] {
        &self.titles
    }

    /// Seals it for the device that has shown this secret.
    pub fn seal(&self, secret: &[u8; 32], rng: &mut impl CryptoRngCore) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let sealed = cipher(secret).encrypt(Nonce::from_slice(&nonce), encode_cbor(self).as_slice());
        [&nonce[..], &sealed.expect("some kilobytes are not too long")].concat()
    }

    /// Opens what the device was told that has shown this secret.
    ///
    /// # Errors
    /// [`ContentError::Malformed`] if it was not sealed under it, or is not what this version knows.
    pub fn open(sealed: &[u8], secret: &[u8; 32]) -> Result<Self, ContentError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(ContentError::Malformed(NAME))?;
        let opened = cipher(secret).decrypt(Nonce::from_slice(nonce), sealed);
        decode_cbor(&Zeroizing::new(opened.map_err(|_| ContentError::Malformed(NAME))?), NAME)
    }
}

/// Cuts a list down to what has room in so many bytes. Returns how many it takes.
fn keep_what_fits<T: Encode<()>>(list: &mut Vec<T>, room: usize) -> usize {
    let mut taken = 0;
    let fit = list.iter().take_while(|one| {
        let with = taken + encode_cbor(*one).len();
        let fits = with <= room;
        if fits {
            taken = with;
        }
        fits
    });
    let fit = fit.count();
    list.truncate(fit);
    taken
}

fn cipher(secret: &[u8; 32]) -> Aes256Gcm {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(INFO, key.as_mut())
        .expect("32 bytes are a valid HKDF-SHA-256 output length");
    Aes256Gcm::new(key.as_slice().into())
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::UserId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;
    use crate::RecoveryKey;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::from_seed([1; 32])
    }

    fn pins(count: usize) -> Vec<Pin> {
        let pin = |at: usize| Pin {
            user_id: UserId::new(&format!("bob-{at}")).unwrap(),
            identity: [7; 32].into(),
            by_link: false,
            verified: at.is_multiple_of(2),
            said_by: None,
            floor: 0,
            through: Vec::new(),
        };
        (0..count).map(pin).collect()
    }

    fn chats(count: usize) -> Vec<Reached> {
        let conversation = ConversationId::from_bytes([9; 32]);
        (0..count).map(|at| Reached::new(&conversation, Incarnation(2), at as u64)).collect()
    }

    fn phone() -> DeviceId {
        DeviceId::new("phone").unwrap()
    }

    #[test]
    fn bytes_are_pinned() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let told = LinkPins::new(phone(), None, pins(1), Vec::new());
        insta::assert_snapshot!(hex(&encode_cbor(&told)), @"a2006570686f6e650181a30065626f622d30015820070707070707070707070707070707070707070707070707070707070707070703f5");
        let with = LinkPins::new(phone(), None, Vec::new(), chats(2));
        insta::assert_snapshot!(hex(&encode_cbor(&with)), @"a3006570686f6e6501800382a200582009090909090909090909090909090909090909090909090909090909090909090102a3005820090909090909090909090909090909090909090909090909090909090909090901020201");
        insta::assert_snapshot!(hex(&told.seal(&[8; 32], &mut rng())), @"023f37203a2476c42566a61cfe5981e380ab058da61e1cac18fc43ff6275ddb594f17bec3565f92f3aa387c8cff67e541ba584ee7af8f177580747b8d5906553f54ba67b594996b99d7da3eee39199b3d2366e");
    }

    #[test]
    fn only_the_secret_opens_it() {
        let told = LinkPins::new(phone(), None, pins(3), chats(2));
        let sealed = told.seal(&[8; 32], &mut rng());
        assert_eq!(LinkPins::open(&sealed, &[8; 32]), Ok(told));
        assert!(LinkPins::open(&sealed, &[9; 32]).is_err());
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert!(LinkPins::open(&other, &[8; 32]).is_err() && LinkPins::open(&sealed[..at], &[8; 32]).is_err());
        }
    }

    #[test]
    fn there_is_room_for_some_hundreds() {
        assert_eq!(LinkPins::new(phone(), None, pins(400), Vec::new()).pins().len(), 400);
        let most = LinkPins::new(phone(), None, pins(5000), Vec::new());
        let sealed = most.seal(&[8; 32], &mut rng());
        assert!(sealed.len() <= MAX_LINK_PINS && sealed.len() > MAX_LINK_PINS - 128, "{}", sealed.len());
        assert_eq!(most.pins(), &pins(5000)[..most.pins().len()], "the first");
        let titled = Titled::new(&ConversationId::from_bytes([9; 32]), "x".repeat(512));
        let titles = vec![titled; 100];
        assert!(most.with_titles(titles.clone()).titles().is_empty(), "keys are worth more");
        let some = LinkPins::new(phone(), None, pins(10), chats(10)).with_titles(titles);
        let sealed = some.seal(&[8; 32], &mut rng());
        assert!(sealed.len() <= MAX_LINK_PINS && some.titles().len() > 10, "{} {}", sealed.len(), some.titles().len());
        assert_eq!(LinkPins::open(&sealed, &[8; 32]), Ok(some));
        let copy = SealedIdentity::new(vec![1; 61], &RecoveryKey::generate(&mut rng()).sign_in_key(), [2; 32], [3; 64]);
        let with = LinkPins::new(phone(), Some(copy.clone()), pins(5000), chats(5000));
        let sealed = with.seal(&[8; 32], &mut rng());
        assert!(sealed.len() <= MAX_LINK_PINS && sealed.len() > MAX_LINK_PINS - 128, "{}", sealed.len());
        let opened = LinkPins::open(&sealed, &[8; 32]).unwrap();
        assert_eq!(opened.sealed(), Some(&copy));
        assert_eq!(opened.chats(), &chats(5000)[..opened.chats().len()], "the first");
        assert!(
            opened.chats().len() > 150 && opened.pins().len() > 250,
            "{} {}",
            opened.chats().len(),
            opened.pins().len()
        );
    }
}
