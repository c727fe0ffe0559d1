//! Message secrets, written without what is the same each time.
//!
//! OpenMLS writes all of a group's message secrets at every message that is sent or read, and among them, for each past epoch
//! that it keeps, all of its leaves: of a thousand, two megabytes each. Those never change. So they are taken out of the value
//! while it is encoded, without being looked at, and stand in a row of their own, by the number of their epoch, from the first
//! write that has them to the first that has them no more. A state that begins anew has no past, and so takes nothing over.
//!
//! ```text
//! uint8   2                    // the format of the blob
//! uint8   count
//! struct { uint32 at; uint64 epoch; } holes[count]
//! opaque  cbor                 // leaves belong in at each hole, counted in these bytes, in ascending order
//! ```

use serde::Serialize;
use serde::ser::{self, Impossible, SerializeSeq, SerializeStruct, Serializer};
use zeroize::Zeroizing;

use super::codec::CodecError;

/// First byte of a blob of this form.
pub(super) const SPLIT_V2: u8 = 2;

const HOLE_LEN: usize = 12;

/// Why a value was not split: it has another shape than that of OpenMLS 0.9, or cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum SplitError {
    #[error("not of the expected shape")]
    Shape,
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("{0}")]
    Custom(String),
}

impl ser::Error for SplitError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

/// The leaves of a past epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    at: u32,
    pub(super) epoch: u64,
    /// `None`: they are stored already.
    pub(super) leaves: Option<Vec<u8>>,
}

/// The bytes of a value, and what was taken out of it. `known`: epochs whose leaves are stored.
pub(super) fn split(value: &impl Serialize, known: &[u64]) -> Result<(Zeroizing<Vec<u8>>, Vec<Hole>), SplitError> {
    let mut out = Out { cbor: Zeroizing::new(Vec::new()), known, holes: Vec::new() };
    value.serialize(Node { out: &mut out, level: Level::Store })?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 + HOLE_LEN * out.holes.len() + out.cbor.len()));
    bytes.extend([SPLIT_V2, u8::try_from(out.holes.len()).map_err(|_| SplitError::Shape)?]);
    for hole in &out.holes {
        bytes.extend(hole.at.to_be_bytes());
        bytes.extend(hole.epoch.to_be_bytes());
    }
    bytes.extend_from_slice(&out.cbor);
    Ok((bytes, out.holes))
}

/// The CBOR of a value that was split, with what `leaves` gives for each epoch. `None`: it was not.
pub(super) fn joined<E>(
    bytes: &[u8],
    mut leaves: impl FnMut(u64) -> Result<Option<Vec<u8>>, E>,
) -> Result<Option<Zeroizing<Vec<u8>>>, E> {
    let Some(([SPLIT_V2, count], rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let Some((holes, cbor)) = rest.split_at_checked(usize::from(*count) * HOLE_LEN) else { return Ok(None) };
    let mut whole = Zeroizing::new(Vec::with_capacity(cbor.len()));
    let mut done = 0;
    for hole in holes.chunks_exact(HOLE_LEN) {
        let (at, epoch) = hole.split_at(4);
        let at = at.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let epoch = epoch.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (Some(before), Some(leaves)) = (cbor.get(done..at), leaves(epoch)?) else { return Ok(None) };
        whole.extend_from_slice(before);
        whole.extend_from_slice(&leaves);
        done = at;
    }
    whole.extend_from_slice(cbor.get(done..).unwrap_or_default());
    Ok(Some(whole))
}

struct Out<'k> {
    cbor: Zeroizing<Vec<u8>>,
    known: &'k [u64],
    holes: Vec<Hole>,
}

impl Out<'_> {
    /// The head of an item (RFC 8949, section 3).
    fn head(&mut self, major: u8, count: usize) -> Result<(), SplitError> {
        let count = u8::try_from(count).map_err(|_| SplitError::Shape)?;
        match count {
            0..24 => self.cbor.push(major << 5 | count),
            _ => self.cbor.extend([major << 5 | 24, count]),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), SplitError> {
        self.head(3, text.len())?;
        self.cbor.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), SplitError> {
        Ok(ciborium::into_writer(value, &mut *self.cbor).map_err(CodecError::from)?)
    }
}

/// How deep in the value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Store,
    Trees,
    Tree,
}

/// Where the shape is the one that is looked for. What is no part of it is an error.
struct Node<'o, 'k> {
    out: &'o mut Out<'k>,
    level: Level,
}

struct Fields<'o, 'k> {
    out: &'o mut Out<'k>,
    level: Level,
    epoch: Option<u64>,
}

struct Items<'o, 'k>(&'o mut Out<'k>);

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = SplitError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), SplitError> {
        self.out.text(key)?;
        match (self.level, key) {
            (Level::Store, "past_epoch_trees") => value.serialize(Node { out: &mut *self.out, level: Level::Trees }),
            (Level::Tree, "epoch") => {
                let begin = self.out.cbor.len();
                self.out.item(value)?;
                let written = self.out.cbor.get(begin..).unwrap_or_default();
                self.epoch = Some(ciborium::from_reader(written).map_err(CodecError::from)?);
                Ok(())
            }
            (Level::Tree, "leaves") => {
                let epoch = self.epoch.ok_or(SplitError::Shape)?;
                let at = u32::try_from(self.out.cbor.len()).map_err(|_| SplitError::Shape)?;
                let mut leaves = None;
                if !self.out.known.contains(&epoch) {
                    let mut bytes = Vec::new();
                    ciborium::into_writer(value, &mut bytes).map_err(CodecError::from)?;
                    leaves = Some(bytes);
                }
                self.out.holes.push(Hole { at, epoch, leaves });
                Ok(())
            }
            _ => self.out.item(value),
        }
    }

    fn end(self) -> Result<(), SplitError> {
        Ok(())
    }
}

impl SerializeSeq for Items<'_, '_> {
    type Ok = ();
    type Error = SplitError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SplitError> {
        value.serialize(Node { out: &mut *self.0, level: Level::Tree })
    }

    fn end(self) -> Result<(), SplitError> {
        Ok(())
    }
}

type Nothing = Impossible<(), SplitError>;

/// What is no part of the shape.
macro_rules! none_of {
    ($($method:ident($($of:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $of),*) -> Result<$ok, SplitError> {
            Err(SplitError::Shape)
        }
    )*};
}

impl<'o, 'k> Serializer for Node<'o, 'k> {
    type Ok = ();
    type Error = SplitError;
    type SerializeSeq = Items<'o, 'k>;
    type SerializeTuple = Nothing;
    type SerializeTupleStruct = Nothing;
    type SerializeTupleVariant = Nothing;
    type SerializeMap = Nothing;
    type SerializeStruct = Fields<'o, 'k>;
    type SerializeStructVariant = Nothing;

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'o, 'k>, SplitError> {
        let expected = match self.level {
            Level::Store => "MessageSecretsStore",
            Level::Tree => "EpochTree",
            Level::Trees => return Err(SplitError::Shape),
        };
        if name != expected {
            return Err(SplitError::Shape);
        }
        self.out.head(5, len)?;
        Ok(Fields { out: self.out, level: self.level, epoch: None })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'o, 'k>, SplitError> {
        let len = len.filter(|_| self.level == Level::Trees).ok_or(SplitError::Shape)?;
        self.out.head(4, len)?;
        Ok(Items(self.out))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), SplitError> {
        Err(SplitError::Shape)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), SplitError> {
        Err(SplitError::Shape)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), SplitError> {
        Err(SplitError::Shape)
    }

    none_of! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Nothing;
        serialize_tuple_struct(&'static str, usize) -> Nothing;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Nothing;
        serialize_map(Option<usize>) -> Nothing;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Nothing;
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
