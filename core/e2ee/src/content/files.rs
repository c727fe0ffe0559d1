use std::fmt;

use minicbor::{Decode, Encode};
use privmsg_protocol::{FileId, UserId};
use zeroize::Zeroizing;

use super::{
    AboutRule, ContentError, IfUnknown, Kind, MAX_ATTACHMENTS, MAX_BLURHASH_LEN, MAX_MENTIONS, MAX_MIME_LEN,
    MAX_TEXT_LEN, MAX_WAVEFORM_LEN, cbor,
};
use crate::attachment::AttachmentKey;

/// Files, with a text beside them or without.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Files {
    /// The text; may be empty, at most [`MAX_TEXT_LEN`] bytes.
    #[n(0)]
    pub caption: String,
    /// One to [`MAX_ATTACHMENTS`] files.
    #[n(1)]
    pub attachments: Vec<Attachment>,
    /// Whom the caption speaks to by name, at most [`MAX_MENTIONS`], as in a [`Text`](super::Text).
    #[cbor(n(2), with = "cbor::user_ids", default, skip_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

/// An encrypted file on the server, and what it takes to open it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attachment {
    /// Where the ciphertext lies.
    #[cbor(n(0), with = "cbor::text_id")]
    pub file_id: FileId,
    /// Opens it, and no other file.
    #[cbor(n(1), with = "key")]
    pub key: AttachmentKey,
    /// The file's name. Goes through [`sanitize_file_name`](super::sanitize_file_name) when it is encoded and when it
    /// is decoded, so that it never names a directory.
    #[cbor(n(2), with = "name")]
    pub name: String,
    /// Media type, such as `image/jpeg`, at most [`MAX_MIME_LEN`] bytes. A claim of the sender.
    #[n(3)]
    pub mime: String,
    /// Size of the file itself, in bytes; the ciphertext is longer.
    #[n(4)]
    pub size: u64,
    /// SHA-256 of the file itself.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// That it is a voice message. A claim of the sender.
    #[n(6)]
    pub voice: Option<VoiceNote>,
    /// That it is a picture. A claim of the sender.
    #[n(7)]
    pub picture: Option<PictureNote>,
}

/// What is shown of a picture before it is there.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PictureNote {
    /// Pixels from left to right.
    #[n(0)]
    pub width: u32,
    /// Pixels from top to bottom.
    #[n(1)]
    pub height: u32,
    /// Its colours, as BlurHash writes them, at most [`MAX_BLURHASH_LEN`] bytes.
    #[n(2)]
    pub blurhash: String,
}

/// What is shown of a voice message before it is there.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VoiceNote {
    /// How long it is, in milliseconds.
    #[n(0)]
    pub duration_ms: u32,
    /// How loud it is from its beginning to its end, at most [`MAX_WAVEFORM_LEN`] parts.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub waveform: Vec<u8>,
}

impl Kind for Files {
    const NUMBER: u32 = 1;
    const NAME: &'static str = "files";
    const ABOUT: AboutRule = AboutRule::Optional;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Placeholder
    }

    fn check(&self) -> Result<(), ContentError> {
        if self.caption.len() > MAX_TEXT_LEN {
            return Err(ContentError::Size("caption"));
        }
        if !(1..=MAX_ATTACHMENTS).contains(&self.attachments.len()) {
            return Err(ContentError::Size("attachments"));
        }
        if self.mentions.len() > MAX_MENTIONS {
            return Err(ContentError::Size("mentions"));
        }
        for file in &self.attachments {
            if file.mime.len() > MAX_MIME_LEN {
                return Err(ContentError::Size("media type"));
            }
            if file.voice.as_ref().is_some_and(|voice| voice.waveform.len() > MAX_WAVEFORM_LEN) {
                return Err(ContentError::Size("waveform"));
            }
            if file.picture.as_ref().is_some_and(|picture| picture.blurhash.len() > MAX_BLURHASH_LEN) {
                return Err(ContentError::Size("blurhash"));
            }
        }
        Ok(())
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Shows how many files, and nothing of them.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files({} …)", self.attachments.len())
    }
}

impl fmt::Debug for VoiceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoiceNote(…)")
    }
}

impl fmt::Debug for PictureNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PictureNote(…)")
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment(…)")
    }
}

mod key {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

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

mod name {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use crate::content::sanitize_file_name;

    pub(crate) fn encode<C, W: Write>(name: &str, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&sanitize_file_name(name))?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<String, DecodeError> {
        Ok(sanitize_file_name(d.str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len, read_body};

    fn attachment(name: &str) -> Attachment {
        Attachment {
            file_id: "f1".parse().unwrap(),
            key: AttachmentKey::from_bytes([0x11; 32]),
            name: name.to_owned(),
            mime: "image/png".to_owned(),
            size: 1000,
            digest: [0x22; 32],
            voice: None,
            picture: None,
        }
    }

    fn files(attachments: Vec<Attachment>) -> Files {
        Files { caption: "see".to_owned(), attachments, mentions: Vec::new() }
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&files(vec![attachment("a.png")])), @"8201a200637365650181a60062663101582011111111111111111111111111111111111111111111111111111111111111110265612e706e670369696d6167652f706e67041903e80558202222222222222222222222222222222222222222222222222222222222222222");
    }

    #[test]
    fn whom_a_caption_speaks_to_stands_beside_it() {
        let bob = || "bob".parse().unwrap();
        let mentioning = Files { mentions: vec![bob()], ..files(vec![attachment("a.png")]) };
        insta::assert_snapshot!(body_hex(&mentioning), @"8201a300637365650181a60062663101582011111111111111111111111111111111111111111111111111111111111111110265612e706e670369696d6167652f706e67041903e80558202222222222222222222222222222222222222222222222222222222222222222028163626f62");
        assert_eq!(read_body::<Files>(&cbor::encode(&mentioning)).unwrap(), mentioning);
        let many = Files { mentions: vec![bob(); MAX_MENTIONS + 1], ..mentioning };
        assert_eq!(encoded_len(&many), Err(ContentError::Size("mentions")));
    }

    #[test]
    fn bytes_of_a_voice_are_pinned() {
        let voice = Some(VoiceNote { duration_ms: 4_200, waveform: vec![0, 128, 255] });
        let voice = files(vec![Attachment { voice, ..attachment("a.ogg") }]);
        insta::assert_snapshot!(body_hex(&voice), @"8201a200637365650181a70062663101582011111111111111111111111111111111111111111111111111111111111111110265612e6f67670369696d6167652f706e67041903e8055820222222222222222222222222222222222222222222222222222222222222222206a20019106801430080ff");
        assert_eq!(read_body::<Files>(&cbor::encode(&voice)).unwrap(), voice);
    }

    #[test]
    fn bytes_of_a_picture_are_pinned() {
        let picture = files(vec![Attachment { picture: Some(picture("L00000")), ..attachment("a.png") }]);
        insta::assert_snapshot!(body_hex(&picture), @"8201a200637365650181a70062663101582011111111111111111111111111111111111111111111111111111111111111110265612e706e670369696d6167652f706e67041903e8055820222222222222222222222222222222222222222222222222222222222222222207a300190a000119078002664c3030303030");
        assert_eq!(read_body::<Files>(&cbor::encode(&picture)).unwrap(), picture);
    }

    fn picture(blurhash: &str) -> PictureNote {
        PictureNote { width: 2_560, height: 1_920, blurhash: blurhash.to_owned() }
    }

    #[test]
    fn limits_hold_at_both_ends() {
        let voice = |len| Some(VoiceNote { duration_ms: u32::MAX, waveform: vec![1; len] });
        let long = Attachment { mime: "m".repeat(MAX_MIME_LEN), ..attachment(&"n".repeat(300)) };
        let blurred = |len| Some(PictureNote { width: u32::MAX, height: u32::MAX, ..picture(&"x".repeat(len)) });
        let long = Attachment { voice: voice(MAX_WAVEFORM_LEN), picture: blurred(MAX_BLURHASH_LEN), ..long };
        assert!(encoded_len(&files(vec![long.clone(); MAX_ATTACHMENTS])).is_ok());
        let too_many = files(vec![long.clone(); MAX_ATTACHMENTS + 1]);
        let too_long = files(vec![Attachment { mime: "m".repeat(MAX_MIME_LEN + 1), ..long.clone() }]);
        let too_fine = files(vec![Attachment { voice: voice(MAX_WAVEFORM_LEN + 1), ..long.clone() }]);
        let too_blurred = files(vec![Attachment { picture: blurred(MAX_BLURHASH_LEN + 1), ..long }]);
        let wordy = Files { caption: "x".repeat(MAX_TEXT_LEN + 1), ..files(vec![attachment("a")]) };
        for (bad, what) in [
            (too_many, "attachments"),
            (files(vec![]), "attachments"),
            (too_long, "media type"),
            (too_fine, "waveform"),
            (too_blurred, "blurhash"),
            (wordy, "caption"),
        ] {
            assert_eq!(encoded_len(&bad), Err(ContentError::Size(what)));
            assert_eq!(read_body::<Files>(&cbor::encode(&bad)), Err(ContentError::Size(what)));
        }
    }

    /// A sender that does not clean its names must not reach the receiver's directories.
    #[test]
    fn names_are_made_safe_by_the_receiver() {
        let mut bytes = cbor::encode(&files(vec![attachment("__evil.sh")]));
        let at = bytes.windows(9).position(|window| window == b"__evil.sh").unwrap();
        bytes[at..at + 2].copy_from_slice(b"./");
        assert_eq!(read_body::<Files>(&bytes).unwrap().attachments[0].name, "evil.sh");
        let unclean = cbor::encode(&files(vec![attachment("../evil.sh")]));
        assert!(!unclean.windows(2).any(|window| window == b".."), "by the sender as well");
    }

    #[test]
    fn a_key_has_its_length() {
        let bytes = cbor::encode(&files(vec![attachment("a")]));
        let at = bytes.windows(2).position(|window| window == b"\x58\x20").unwrap();
        let mut short = bytes.to_vec();
        short[at + 1] = 0x1f;
        short.remove(at + 2);
        assert_eq!(read_body::<Files>(&short), Err(ContentError::Malformed("files")));
    }
}
