//! Between [`Content`] and its bytes.

use minicbor::bytes::ByteArray;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use privmsg_protocol::MessageId;
use zeroize::Zeroizing;

use super::types::{Attachment, Body, Content, ContentError, Receipt, ReceiptKind};
use super::{
    CONTENT_VERSION, MAX_ATTACHMENTS, MAX_CONTENT_LEN, MAX_MIME_LEN, MAX_RECEIPT_IDS, MAX_TEXT_LEN, sanitize_file_name,
};

const TEXT: u32 = 0;
const FILES: u32 = 1;
const RECEIPT: u32 = 2;

#[derive(Decode)]
#[cbor(map)]
struct VersionWire {
    #[n(0)]
    version: u32,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ContentWire {
    #[n(0)]
    version: u32,
    #[n(1)]
    message_id: ByteArray<16>,
    #[n(2)]
    sent_at_ms: u64,
    #[n(3)]
    body: Body,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct TextWire {
    #[n(0)]
    text: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct FilesWire {
    #[n(0)]
    caption: String,
    #[n(1)]
    attachments: Vec<Attachment>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ReceiptWire {
    #[n(0)]
    kind: u32,
    #[n(1)]
    message_ids: Vec<ByteArray<16>>,
}

impl Content {
    /// The bytes to be encrypted. They hold attachment keys, so they are wiped when dropped.
    ///
    /// # Errors
    /// [`ContentError::Size`] if a limit of this module is broken, [`ContentError::Malformed`] for a
    /// [`Body::Unknown`], which can only be received.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        check(&self.body)?;
        let wire = ContentWire {
            version: CONTENT_VERSION,
            message_id: (*self.message_id.as_bytes()).into(),
            sent_at_ms: self.sent_at_ms,
            body: self.body.clone(),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity(&wire.body)));
        minicbor::encode(wire, &mut *bytes).map_err(|_| ContentError::Malformed)?;
        if bytes.len() > MAX_CONTENT_LEN { Err(ContentError::Size("content")) } else { Ok(bytes) }
    }

    /// Reads what a client of any version wrote. File names are safe afterwards.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        let VersionWire { version } = minicbor::decode(bytes).map_err(|_| ContentError::Malformed)?;
        if version != CONTENT_VERSION {
            return Err(ContentError::UnsupportedVersion(version));
        }
        let mut decoder = Decoder::new(bytes);
        let wire: ContentWire = decoder.decode().map_err(|_| ContentError::Malformed)?;
        if decoder.position() != bytes.len() {
            return Err(ContentError::Malformed);
        }
        check(&wire.body)?;
        Ok(Self {
            message_id: MessageId::from_bytes(wire.message_id.into()),
            sent_at_ms: wire.sent_at_ms,
            body: wire.body,
        })
    }
}

/// Room enough for the encoding, so that no copy of a key stays behind in a buffer that became too small.
fn capacity(body: &Body) -> usize {
    64 + match body {
        Body::Text(text) => text.len(),
        Body::Files { caption, attachments } => caption.len() + attachments.len() * 1024,
        Body::Receipt(receipt) => receipt.message_ids.len() * 17,
        Body::Unknown(_) => 0,
    }
}

fn check(body: &Body) -> Result<(), ContentError> {
    let (what, fits) = match body {
        Body::Text(text) => ("text", (1..=MAX_TEXT_LEN).contains(&text.len())),
        Body::Files { caption, .. } if caption.len() > MAX_TEXT_LEN => ("caption", false),
        Body::Files { attachments, .. } if attachments.iter().any(|file| file.mime.len() > MAX_MIME_LEN) => {
            ("media type", false)
        }
        Body::Files { attachments, .. } => ("attachments", (1..=MAX_ATTACHMENTS).contains(&attachments.len())),
        Body::Receipt(receipt) => ("receipt", (1..=MAX_RECEIPT_IDS).contains(&receipt.message_ids.len())),
        Body::Unknown(_) => ("", true),
    };
    if fits { Ok(()) } else { Err(ContentError::Size(what)) }
}

impl<C> Encode<C> for Body {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?;
        match self {
            Self::Text(text) => e.u32(TEXT)?.encode_with(TextWire { text: text.clone() }, ctx)?,
            Self::Files { caption, attachments } => {
                let attachments = attachments.iter().map(with_safe_name).collect();
                e.u32(FILES)?.encode_with(FilesWire { caption: caption.clone(), attachments }, ctx)?
            }
            Self::Receipt(receipt) => e.u32(RECEIPT)?.encode_with(ReceiptWire::from(receipt), ctx)?,
            Self::Unknown(_) => return Err(EncodeError::message("unknown bodies are not sent")),
        };
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Body {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let len = d.array()?;
        let kind = d.u32()?;
        let body = match kind {
            TEXT => Self::Text(d.decode_with::<C, TextWire>(ctx)?.text),
            FILES => {
                let FilesWire { caption, attachments } = d.decode_with(ctx)?;
                Self::Files { caption, attachments: attachments.iter().map(with_safe_name).collect() }
            }
            RECEIPT => Receipt::from_wire(d.decode_with(ctx)?).map_or(Self::Unknown(RECEIPT), Self::Receipt),
            unknown => {
                d.skip()?;
                Self::Unknown(unknown)
            }
        };
        match len {
            Some(2) => Ok(body),
            _ => Err(DecodeError::message("a body has two elements")),
        }
    }
}

fn with_safe_name(attachment: &Attachment) -> Attachment {
    Attachment { name: sanitize_file_name(&attachment.name), ..attachment.clone() }
}

impl From<&Receipt> for ReceiptWire {
    fn from(receipt: &Receipt) -> Self {
        let kind = match receipt.kind {
            ReceiptKind::Delivered => 0,
            ReceiptKind::Read => 1,
        };
        Self { kind, message_ids: receipt.message_ids.iter().map(|id| (*id.as_bytes()).into()).collect() }
    }
}

impl Receipt {
    /// `None` for a kind of receipt that a newer client made.
    fn from_wire(wire: ReceiptWire) -> Option<Self> {
        let kind = match wire.kind {
            0 => ReceiptKind::Delivered,
            1 => ReceiptKind::Read,
            _ => return None,
        };
        let message_ids = wire.message_ids.into_iter().map(|id| MessageId::from_bytes(id.into())).collect();
        Some(Self { kind, message_ids })
    }
}

pub(super) mod file_id {
    use privmsg_protocol::FileId;

    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};

    pub(crate) fn encode<C, W: Write>(id: &FileId, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(id.as_str())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<FileId, DecodeError> {
        d.str()?.parse().map_err(|_| DecodeError::message("not a file id"))
    }
}

pub(super) mod key {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};
    use crate::attachment::AttachmentKey;

    pub(crate) fn encode<C, W: Write>(
        key: &AttachmentKey,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(key.as_bytes())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<AttachmentKey, DecodeError> {
        let bytes = d.bytes()?.try_into().map_err(|_| DecodeError::message("not a key"))?;
        Ok(AttachmentKey::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attachment::AttachmentKey;

    fn content(body: Body) -> Content {
        Content { message_id: MessageId::from_bytes([0xa5; 16]), sent_at_ms: 1_700_000_000_123, body }
    }

    fn attachment(name: &str) -> Attachment {
        Attachment {
            file_id: "f1".parse().unwrap(),
            key: AttachmentKey::from_bytes([0x11; 32]),
            name: name.to_owned(),
            mime: "image/png".to_owned(),
            size: 1000,
            digest: [0x22; 32],
        }
    }

    fn samples() -> [Content; 3] {
        let receipt = Receipt { kind: ReceiptKind::Read, message_ids: vec![MessageId::from_bytes([7; 16])] };
        [
            content(Body::Text("привет".to_owned())),
            content(Body::Files { caption: "see".to_owned(), attachments: vec![attachment("a.png")] }),
            content(Body::Receipt(receipt)),
        ]
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn bytes_are_pinned() {
        let [text, files, receipt] = samples().map(|content| hex(&content.encode().unwrap()));
        insta::assert_snapshot!(text, @"a400010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a1006cd0bfd180d0b8d0b2d0b5d182");
        insta::assert_snapshot!(files, @"a400010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038201a200637365650181a60062663101582011111111111111111111111111111111111111111111111111111111111111110265612e706e670369696d6167652f706e67041903e80558202222222222222222222222222222222222222222222222222222222222222222");
        insta::assert_snapshot!(receipt, @"a400010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038202a2000101815007070707070707070707070707070707");
        for content in samples() {
            let bytes = content.encode().unwrap();
            assert!(bytes.len() <= capacity(&content.body));
            assert_eq!(Content::decode(&bytes), Ok(content));
        }
    }

    #[test]
    fn an_older_client_lives_with_what_a_newer_one_adds() {
        let mut bytes = Vec::new();
        let mut e = Encoder::new(&mut bytes);
        e.map(5).unwrap();
        e.u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().bytes(&[0xa5; 16]).unwrap();
        e.u8(2).unwrap().u64(1_700_000_000_123).unwrap();
        e.u8(3).unwrap().array(2).unwrap().u8(0).unwrap().map(2).unwrap();
        e.u8(0).unwrap().str("hi").unwrap().u8(9).unwrap().array(1).unwrap().str("bold").unwrap();
        e.u8(9).unwrap().str("a new field").unwrap();
        assert_eq!(Content::decode(&bytes), Ok(content(Body::Text("hi".to_owned()))));

        let reaction = b"\xa4\x00\x01\x01\x50\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\x02\x00\x03\x82\x18\x2a\xa1\x00\x61!";
        assert_eq!(Content::decode(reaction).unwrap().body, Body::Unknown(42));
        assert_eq!(Content::decode(b"\xa2\x00\x02\x01\x80"), Err(ContentError::UnsupportedVersion(2)));
    }

    #[test]
    fn limits_hold_at_both_ends() {
        let encode = |body| content(body).encode().map(|bytes| bytes.len());
        assert!(encode(Body::Text("x".repeat(MAX_TEXT_LEN))).unwrap() <= MAX_CONTENT_LEN);
        assert_eq!(encode(Body::Text("x".repeat(MAX_TEXT_LEN + 1))), Err(ContentError::Size("text")));
        assert_eq!(encode(Body::Text(String::new())), Err(ContentError::Size("text")));
        let long = Attachment { mime: "m".repeat(MAX_MIME_LEN), ..attachment(&"n".repeat(300)) };
        let files = |count| Body::Files { caption: String::new(), attachments: vec![long.clone(); count] };
        assert!(encode(files(MAX_ATTACHMENTS)).is_ok());
        assert_eq!(encode(files(MAX_ATTACHMENTS + 1)), Err(ContentError::Size("attachments")));
        assert_eq!(encode(files(0)), Err(ContentError::Size("attachments")));
        let ids = vec![MessageId::from_bytes([0; 16]); MAX_RECEIPT_IDS + 1];
        let receipt = Receipt { kind: ReceiptKind::Delivered, message_ids: ids };
        assert_eq!(encode(Body::Receipt(receipt)), Err(ContentError::Size("receipt")));
        assert_eq!(encode(Body::Unknown(9)), Err(ContentError::Malformed));
    }

    /// A sender that does not clean its names must not reach the receiver's directories.
    #[test]
    fn names_are_made_safe_by_the_receiver() {
        let honest = content(Body::Files { caption: String::new(), attachments: vec![attachment("__evil.sh")] });
        let mut bytes = honest.encode().unwrap();
        let at = bytes.windows(9).position(|window| window == b"__evil.sh").unwrap();
        bytes[at..at + 2].copy_from_slice(b"./");
        let Body::Files { attachments, .. } = Content::decode(&bytes).unwrap().body else { panic!() };
        assert_eq!(attachments[0].name, "evil.sh");
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", samples());
        for secret in ["привет", "a.png", "see", "11, 11", "17, 17"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = Content::decode(&bytes);
            for content in samples() {
                let mut bytes = content.encode().unwrap();
                let at = at.index(bytes.len());
                prop_assert!(Content::decode(&bytes[..at]).is_err());
                bytes[at] = byte;
                let _ = Content::decode(&bytes);
            }
        }
    }
}
