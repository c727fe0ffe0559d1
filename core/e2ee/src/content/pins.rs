use minicbor::bytes::ByteArray;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use privmsg_protocol::{DeviceId, UserId};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_PINS, cbor};

/// What a device of one's own knows of contacts' keys, for the others. It counts in the conversation with oneself only, and
/// from a device of the newest device list.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pins {
    /// At least one, at most [`MAX_PINS`].
    #[n(0)]
    pub pins: Vec<Pin>,
}

/// What a device knows of a contact's key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pin {
    /// The contact.
    #[cbor(n(0), with = "cbor::text_id")]
    pub user_id: UserId,
    /// Their identity key, as that device has met it.
    #[n(1)]
    pub identity: ByteArray<32>,
    /// A contact link names it.
    #[cbor(n(2), default, skip_if = "is_false")]
    pub by_link: bool,
    /// The user has compared it.
    #[cbor(n(3), default, skip_if = "is_false")]
    pub verified: bool,
    /// The device that has said so, where that is another one than who tells it.
    #[n(4)]
    pub said_by: Option<PinDevice>,
    /// The generation that stood on the contact's own screen: what their account has signed in a lower one does not count. 0 for
    /// none.
    #[cbor(n(5), default, skip_if = "is_zero")]
    pub floor: u64,
    /// The devices that have handed it on from there to who tells it, in their order: a word counts no longer than all of them.
    #[cbor(n(6), default, skip_if = "Vec::is_empty")]
    pub through: Vec<PinDevice>,
}

/// A device's name on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinDevice(pub DeviceId);

impl<C> Encode<C> for PinDevice {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        cbor::text_id::encode(&self.0, e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for PinDevice {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        cbor::text_id::decode(d, ctx).map(Self)
    }
}

impl Kind for Pins {
    const NUMBER: u32 = 18;
    const NAME: &'static str = "pins";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        if (1..=MAX_PINS).contains(&self.pins.len()) { Ok(()) } else { Err(ContentError::Size(Self::NAME)) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len};

    fn pin(name: &str, by_link: bool, verified: bool, said_by: Option<&str>) -> Pin {
        let said_by = said_by.map(|id| PinDevice(DeviceId::new(id).unwrap()));
        Pin {
            user_id: UserId::new(name).unwrap(),
            identity: [7; 32].into(),
            by_link,
            verified,
            said_by,
            floor: 0,
            through: Vec::new(),
        }
    }

    #[test]
    fn bytes_are_pinned() {
        let seen = Pins { pins: vec![pin("bob", false, false, None)] };
        insta::assert_snapshot!(body_hex(&seen), @"8212a10081a20063626f620158200707070707070707070707070707070707070707070707070707070707070707");
        let read = Pins { pins: vec![Pin { floor: 5, ..pin("bob", true, true, None) }] };
        insta::assert_snapshot!(body_hex(&read), @"8212a10081a50063626f62015820070707070707070707070707070707070707070707070707070707070707070702f503f50505");
        let marked = Pins { pins: vec![pin("bob", true, true, Some("phone")), pin("eve", false, true, None)] };
        insta::assert_snapshot!(body_hex(&marked), @"8212a10082a50063626f62015820070707070707070707070707070707070707070707070707070707070707070702f503f5046570686f6e65a30063657665015820070707070707070707070707070707070707070707070707070707070707070703f5");
    }

    #[test]
    fn as_many_fit_as_are_allowed() {
        let longest = "x".repeat(64);
        let many =
            |count| Pins { pins: vec![Pin { floor: u64::MAX, ..pin(&longest, true, true, Some(&longest)) }; count] };
        assert!(encoded_len(&many(MAX_PINS)).is_ok());
        for bad in [0, MAX_PINS + 1] {
            assert_eq!(encoded_len(&many(bad)), Err(ContentError::Size("pins")));
        }
    }
}
