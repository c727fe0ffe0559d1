use zeroize::Zeroizing;

use super::{
    ContentError, Decisions, Delete, Edit, Files, IfUnknown, Pins, Reaction, Receipt, SealedIdentity, SigningKey,
    SigningKeyWanted, Text, Title,
};

/// A kind of content: what a body of its number means. See the [module documentation](super) for the table.
pub trait Kind: Sized {
    /// Its number in the envelope.
    const NUMBER: u32;
    /// Its name, for errors and logs.
    const NAME: &'static str;
    /// Whether the envelope names a message that it is about.
    const ABOUT: AboutRule;

    /// What a client does with it that does not know this kind.
    fn if_unknown(&self) -> IfUnknown;

    /// Whether it keeps within the limits of its kind. Asked by the sender and by the receiver.
    ///
    /// # Errors
    /// [`ContentError`].
    fn check(&self) -> Result<(), ContentError>;

    /// The body in CBOR. It may hold keys, so it is made in one allocation and wiped when dropped.
    ///
    /// # Errors
    /// [`ContentError`].
    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError>;

    /// Reads a body of this kind. [`Content::body`](super::Content::body) calls it, and [`Kind::check`] after it.
    ///
    /// # Errors
    /// [`ContentError`].
    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError>;
}

/// Whether contents of a kind are about another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AboutRule {
    /// Never: a content that names one is malformed.
    Never,
    /// They may be: an answer.
    Optional,
    /// Always: a content that names none is malformed.
    Needed,
}

/// The kinds of this build, in the order of their numbers.
const KINDS: [Known; 12] = [
    Known::of::<Text>(),
    Known::of::<Files>(),
    Known::of::<Receipt>(),
    Known::of::<Reaction>(),
    Known::of::<Edit>(),
    Known::of::<Delete>(),
    Known::of::<Title>(),
    Known::of::<SigningKey>(),
    Known::of::<SigningKeyWanted>(),
    Known::of::<Pins>(),
    Known::of::<SealedIdentity>(),
    Known::of::<Decisions>(),
];

/// What is known of a kind before its body is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    number: u32,
    pub(super) name: &'static str,
    pub(super) about: AboutRule,
}

impl Known {
    const fn of<K: Kind>() -> Self {
        Self { number: K::NUMBER, name: K::NAME, about: K::ABOUT }
    }

    /// The kind with this number, if this build knows it.
    pub(super) fn find(number: u32) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once() {
        let numbers: Vec<u32> = KINDS.iter().map(|kind| kind.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20]);
    }
}
