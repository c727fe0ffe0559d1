//! The CBOR that contents are made of: one spelling, no surprises.

use std::convert::Infallible;

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode};
use zeroize::Zeroizing;

use super::ContentError;

/// Nesting that is read, in fields that this build does not know as well. Today's deepest, an attachment's field, is
/// at 5; a bound keeps foreign bytes from deciding how deep the stack goes.
const MAX_DEPTH: u32 = 16;

/// Encodes into one allocation of the exact size, so that no copy of a secret stays behind in one that became too
/// small.
pub(crate) fn encode(value: &impl Encode<()>) -> Zeroizing<Vec<u8>> {
    let mut len = Length(0);
    minicbor::encode(value, &mut len).expect("counting does not fail");
    let mut bytes = Zeroizing::new(Vec::with_capacity(len.0));
    minicbor::encode(value, &mut *bytes).expect("a vector takes everything");
    bytes
}

/// Decodes bytes that are one value and nothing behind it; `what` names it in the error.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], what: &'static str) -> Result<T, ContentError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| ContentError::Malformed(what))?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(ContentError::Malformed(what)) }
}

/// Whether the bytes are one value in the spelling that the module documentation demands, unknown parts included.
pub(super) fn is_well_formed(bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(bytes);
    walk(&mut decoder, MAX_DEPTH).is_ok() && decoder.position() == bytes.len()
}

fn walk(d: &mut Decoder<'_>, depth: u32) -> Result<(), DecodeError> {
    let deeper = depth.checked_sub(1).ok_or_else(|| DecodeError::message("nested too deep"))?;
    match d.datatype()? {
        Type::Array => {
            for _ in 0..d.array()?.unwrap_or_default() {
                walk(d, deeper)?;
            }
        }
        Type::Map => {
            let mut last = None;
            for _ in 0..d.map()?.unwrap_or_default() {
                let key = d.u64()?;
                if last.is_some_and(|last| key <= last) {
                    return Err(DecodeError::message("keys out of order"));
                }
                last = Some(key);
                walk(d, deeper)?;
            }
        }
        Type::Bool | Type::Null | Type::F16 | Type::F32 | Type::F64 | Type::Bytes | Type::String => d.skip()?,
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            d.skip()?;
        }
        // Of these, libraries think differently: lengths that come at the end, simple values without a meaning, and
        // tags, which make numbers of bytes.
        other => return Err(DecodeError::type_mismatch(other)),
    }
    Ok(())
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len();
        Ok(())
    }
}

/// A [`MessageId`](privmsg_protocol::MessageId) as 16 bytes.
pub(super) mod message_id {
    use minicbor::bytes::ByteArray;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};
    use privmsg_protocol::MessageId;

    use super::DecodeError;

    pub(crate) fn encode<C, W: Write>(
        id: &MessageId,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(id.as_bytes())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<MessageId, DecodeError> {
        Ok(MessageId::from_bytes(d.decode::<ByteArray<16>>()?.into()))
    }
}

/// Users, each by the textual identifier.
pub(super) mod user_ids {
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};
    use privmsg_protocol::UserId;

    use super::DecodeError;

    pub(crate) fn encode<C, W: Write>(
        ids: &[UserId],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(ids.len() as u64)?;
        ids.iter().try_for_each(|id| e.str(id.as_str())?.ok())
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<UserId>, DecodeError> {
        let texts = d.array_iter::<&str>()?;
        texts.map(|text| text?.parse().map_err(|_| DecodeError::message("not a user id"))).collect()
    }
}

/// A textual identifier.
pub(super) mod text_id {
    use std::str::FromStr;

    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::DecodeError;

    pub(crate) fn encode<C, W: Write>(
        id: &impl AsRef<str>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(id.as_ref())?.ok()
    }

    pub(crate) fn decode<C, T: FromStr>(d: &mut Decoder<'_>, _: &mut C) -> Result<T, DecodeError> {
        d.str()?.parse().map_err(|_| DecodeError::message("not an identifier"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling() {
        for good in [
            &b"\x00"[..],
            b"\xa2\x00\x01\x01\x02",
            b"\x82\xa0\x63abc",
            b"\x1a\x00\x00\x00\x00",
            b"\xf9\x3c\x00",
            b"\x83\xf4\xf5\xf6",
        ] {
            assert!(is_well_formed(good), "{good:02x?}");
        }
        let deep = [&[0x81; 15][..], &[0x00]].concat();
        assert!(is_well_formed(&deep));
        let too_deep = [&[0x81; 16][..], &[0x00]].concat();
        let bottomless = vec![0x81; 40_000];
        for (bad, why) in [
            (&b""[..], "nothing"),
            (b"\x00\x00", "something behind"),
            (b"\xa2\x00\x01\x00\x02", "a key twice"),
            (b"\xa2\x01\x01\x00\x02", "keys in another order"),
            (b"\xa1\x61a\x00", "a text as key"),
            (b"\xa1\x20\x00", "a negative key"),
            (b"\x9f\xff", "an array without length"),
            (b"\xbf\xff", "a map without length"),
            (b"\x7f\x61a\xff", "a text in pieces"),
            (b"\x5f\xff", "bytes in pieces"),
            (b"\xff", "an end without beginning"),
            (b"\x62\xc3\x28", "no UTF-8"),
            (b"\xf7", "undefined"),
            (b"\xe1", "a simple value that nobody has assigned"),
            (b"\xf8\x02", "one in a form that RFC 8949 forbids"),
            (b"\xfc", "a head that is reserved"),
            (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "an array of 2^64 elements"),
            (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "a map of 2^64 fields"),
            (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x00", "2^64 bytes"),
            (&too_deep, "nested too deep"),
            (&bottomless, "nested without end"),
            (b"\xc2\x41\x01", "a number that is bytes with a tag"),
        ] {
            assert!(!is_well_formed(bad), "{why}");
        }
    }

    #[test]
    fn a_secret_is_written_into_one_allocation() {
        let bytes = encode(&vec!["secret"; 100]);
        assert_eq!(bytes.capacity(), bytes.len());
    }
}
