use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use privmsg_protocol::MessageId;
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_RECEIPT_IDS, cbor};

/// Says what became of other people's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What became of them.
    pub kind: ReceiptKind,
    /// Which messages: one to [`MAX_RECEIPT_IDS`].
    pub message_ids: Vec<MessageId>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// A device has decrypted and stored it.
    Delivered,
    /// The person has seen it.
    Read,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(0)]
    kind: u32,
    #[n(1)]
    message_ids: Vec<ByteArray<16>>,
}

impl Kind for Receipt {
    const NUMBER: u32 = 2;
    const NAME: &'static str = "receipt";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        let fits = (1..=MAX_RECEIPT_IDS).contains(&self.message_ids.len());
        if fits { Ok(()) } else { Err(ContentError::Size("receipt")) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        let kind = match self.kind {
            ReceiptKind::Delivered => 0,
            ReceiptKind::Read => 1,
        };
        let message_ids = self.message_ids.iter().map(|id| (*id.as_bytes()).into()).collect();
        Ok(cbor::encode(&Wire { kind, message_ids }))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        let Wire { kind, message_ids } = cbor::decode(bytes, Self::NAME)?;
        let kind = match kind {
            0 => ReceiptKind::Delivered,
            1 => ReceiptKind::Read,
            _ => return Err(ContentError::UnknownValue("kind of receipt")),
        };
        Ok(Self { kind, message_ids: message_ids.into_iter().map(|id| MessageId::from_bytes(id.into())).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len, read_body};

    fn receipt(kind: ReceiptKind, count: usize) -> Receipt {
        Receipt { kind, message_ids: vec![MessageId::from_bytes([7; 16]); count] }
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&receipt(ReceiptKind::Delivered, 1)), @"8202a2000001815007070707070707070707070707070707");
        insta::assert_snapshot!(body_hex(&receipt(ReceiptKind::Read, 1)), @"8202a2000101815007070707070707070707070707070707");
    }

    #[test]
    fn a_receipt_names_some_messages_but_not_any_number() {
        assert!(encoded_len(&receipt(ReceiptKind::Read, MAX_RECEIPT_IDS)).is_ok());
        for count in [0, MAX_RECEIPT_IDS + 1] {
            assert_eq!(encoded_len(&receipt(ReceiptKind::Read, count)), Err(ContentError::Size("receipt")));
        }
        assert_eq!(read_body::<Receipt>(b"\xa2\x00\x00\x01\x80"), Err(ContentError::Size("receipt")));
    }

    #[test]
    fn a_kind_of_receipt_that_a_newer_client_made_is_not_taken_for_another() {
        let played = b"\xa2\x00\x02\x01\x81\x50\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07";
        assert_eq!(read_body::<Receipt>(played), Err(ContentError::UnknownValue("kind of receipt")));
    }
}
