//! Between [`Content`] and its bytes.

use minicbor::bytes::ByteArray;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use privmsg_protocol::MessageId;
use zeroize::Zeroizing;

use super::types::{Attachment, Body, Content, ContentError, Receipt, ReceiptKind};
use super::{CONTENT_VERSION, MAX_ATTACHMENTS, MAX_MIME_LEN, MAX_RECEIPT_IDS, MAX_TEXT_LEN, sanitize_file_name};

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
        minicbor::to_vec(wire).map(Zeroizing::new).map_err(|_| ContentError::Malformed)
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
