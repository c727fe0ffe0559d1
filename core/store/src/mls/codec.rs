//! How MLS state stands in blobs.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// First byte of every stored value; a later format gets another one.
///
/// OpenMLS needs a self-describing format; against JSON, byte strings stay byte strings instead of lists of decimal
/// numbers, a third of the size.
const CBOR_V1: u8 = 1;

/// Why a stored MLS value cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// CBOR could not be made from the value.
    #[error("cannot encode")]
    Encode(#[from] ciborium::ser::Error<std::io::Error>),
    /// The bytes are not that value.
    #[error("cannot decode")]
    Decode(#[from] ciborium::de::Error<std::io::Error>),
    /// A part is missing that stands in a row of its own.
    #[error("a part is missing")]
    Incomplete,
    /// Written by a newer build.
    #[error("unknown format {0:?}")]
    Version(Option<u8>),
}

/// Most of what is stored is secret, so the copy made for SQLite is wiped.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>, CodecError> {
    let mut bytes = Zeroizing::new(vec![CBOR_V1]);
    ciborium::into_writer(value, &mut *bytes)?;
    Ok(bytes)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        Some((&CBOR_V1, cbor)) => Ok(ciborium::from_reader(cbor)?),
        other => Err(CodecError::Version(other.map(|(version, _)| *version))),
    }
}

/// The same of CBOR without the byte in front.
pub(super) fn decode_cbor<T: DeserializeOwned>(cbor: &[u8]) -> Result<T, CodecError> {
    Ok(ciborium::from_reader(cbor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cbor_behind_a_version() {
        let bytes = encode(&("epoch", 7, b"key".to_vec())).unwrap();
        assert_eq!(hex::encode(&*bytes), "01836565706f63680783186b18651879");
        assert_eq!(decode::<(String, u8, Vec<u8>)>(&bytes).unwrap(), ("epoch".into(), 7, b"key".to_vec()));
        assert!(matches!(decode::<u8>(&[2, 7]), Err(CodecError::Version(Some(2)))));
        assert!(matches!(decode::<u8>(&[]), Err(CodecError::Version(None))));
        assert!(matches!(decode::<String>(&bytes), Err(CodecError::Decode(_))));
    }
}
