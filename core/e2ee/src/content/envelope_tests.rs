//! The envelope's bytes, its limits, and what foreign bytes do to it; the tests of the kinds use what is public here.

use proptest::prelude::*;
use rand_core::SeedableRng as _;

use super::*;
use crate::attachment::AttachmentKey;
use crate::content::{Attachment, Delete, Edit, Files, Reaction, Receipt, ReceiptKind, Text};

fn id(byte: u8) -> MessageId {
    MessageId::from_bytes([byte; 16])
}

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

/// A content of this kind, about another message where it has to be.
fn content<K: Kind>(kind: &K) -> Result<Content, ContentError> {
    let content = Content::new(id(0xa5), 1_700_000_000_123, kind)?;
    Ok(if K::ABOUT == AboutRule::Needed { content.about(id(7), alice()) } else { content })
}

/// `[kind, body]` as it stands in the encoding, which decodes to what was encoded.
pub(in crate::content) fn body_hex<K: Kind + PartialEq + fmt::Debug>(kind: &K) -> String {
    let content = content(kind).unwrap();
    let bytes = content.encode().unwrap();
    let decoded = Content::decode(&bytes).unwrap();
    assert_eq!(decoded, content);
    assert_eq!(decoded.body::<K>().as_ref(), Ok(kind));
    hex(&cbor::encode(&WireBody { kind: content.kind, body: &content.body }))
}

pub(in crate::content) fn encoded_len(kind: &impl Kind) -> Result<usize, ContentError> {
    let bytes = content(kind)?.encode()?;
    assert!(bytes.len() <= MAX_CONTENT_LEN);
    Ok(bytes.len())
}

/// Reads a body that this build would not write.
pub(in crate::content) fn read_body<K: Kind>(body: &[u8]) -> Result<K, ContentError> {
    let about = (K::ABOUT == AboutRule::Needed).then(|| About { message_id: id(7), author: alice() });
    let bytes = encode_raw(1, WireBody { kind: K::NUMBER, body }, about, None);
    Content::decode(&bytes)?.body()
}

fn encode_raw(
    version: u32,
    body: WireBody<'_>,
    about: Option<About>,
    if_unknown: Option<IfUnknown>,
) -> Zeroizing<Vec<u8>> {
    let (message_id, sent_at_ms) = (id(0xa5), 1_700_000_000_123);
    cbor::encode(&Wire {
        version,
        message_id,
        sent_at_ms,
        body,
        about,
        if_unknown,
        expires_s: None,
        list_number: None,
        list: None,
        again: None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(text: &str) -> Text {
    Text::new(text)
}

/// One of each kind, and one of a kind that this build does not know.
fn samples() -> Vec<Content> {
    let attachment = Attachment {
        file_id: "f1".parse().unwrap(),
        key: AttachmentKey::from_bytes([0x11; 32]),
        name: "a.png".to_owned(),
        mime: "image/png".to_owned(),
        size: 1000,
        digest: [0x22; 32],
        voice: None,
        picture: None,
    };
    let unknown = WireBody { kind: 42, body: b"\xa1\x00\x82\x01\xa0" };
    let unknown = encode_raw(1, unknown, None, Some(IfUnknown::Text("a poll".to_owned())));
    vec![
        content(&text("привет")).unwrap(),
        content(&Files { caption: "see".to_owned(), attachments: vec![attachment], mentions: Vec::new() }).unwrap(),
        content(&Receipt { kind: ReceiptKind::Read, message_ids: vec![id(7)] }).unwrap(),
        content(&Reaction { emoji: "👍".to_owned(), removed: false }).unwrap(),
        content(&Edit { text: "привет!".to_owned() }).unwrap(),
        content(&Delete {}).unwrap(),
        Content::decode(&unknown).unwrap(),
    ]
}

#[test]
fn bytes_are_pinned() {
    let plain = content(&text("hi")).unwrap();
    insta::assert_snapshot!(hex(&plain.encode().unwrap()), @"a400010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a100626869");
    let all = plain.clone().about(id(7), alice()).expires(NonZeroU32::new(86_400).unwrap());
    let all = Content { if_unknown: IfUnknown::Hide, ..all };
    insta::assert_snapshot!(hex(&all.encode().unwrap()), @"a700010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a1006268690482500707070707070707070707070707070765616c6963650501061a00015180");
    let worded = Content { if_unknown: IfUnknown::Text("new".to_owned()), ..plain.clone() };
    insta::assert_snapshot!(hex(&worded.encode().unwrap()), @"a500010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a10062686905636e6577");
    let again = plain.clone().again(Again { envelope_id: id(7), seq: Some(9) });
    insta::assert_snapshot!(hex(&again.encode().unwrap()), @"a500010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a1006268690982500707070707070707070707070707070709");
    assert_eq!((again.message_id, again.envelope_id(), plain.envelope_id()), (id(0xa5), id(7), id(0xa5)));
    for content in samples().into_iter().chain([all, worded, again]) {
        assert_eq!(Content::decode(&content.encode().unwrap()), Ok(content));
    }
}

/// Of one device, by keys that are the same each time.
fn list(counter: u64) -> DeviceList {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    let signing = crate::AccountKey::from_bytes(&[1; 32]).begin_generation(&alice(), 1_700_000_000, &mut rng).unwrap();
    let device_key = crate::DeviceKeys::from_bytes(&[2; 32]).public();
    signing
        .list(counter, vec![privmsg_mls_public::Device { device_id: "d1".parse().unwrap(), device_key, added_at: 1 }])
        .unwrap()
}

#[test]
fn a_device_list_is_named_in_each_message_and_told_in_the_first() {
    let plain = content(&text("hi")).unwrap();
    let list = list(1_700_000_001);
    let named = plain.clone().under(&list, false);
    insta::assert_snapshot!(hex(&named.encode().unwrap()), @"a500010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a10062686907821a6553f1001a6553f101");
    let told = plain.clone().under(&list, true);
    insta::assert_snapshot!(hex(&told.encode().unwrap()), @"a600010150a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5021b0000018bcfe5687b038200a10062686907821a6553f1001a6553f1010882588f0105616c6963658a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c000000006553f1004d4b18062f8502598de045ca7b69f067f59f93b16e3af8733a988adc2341f5c82b8ada63c6c376dd80c91a8c5592a643c5f42e671d862fc9ac70769142ae667d994379b0e67b1501e9df394b1011006946fa7d4a3823f6603377d049010cf00058830105616c696365000000006553f100000000006553f1012b0264318139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b3940000000000000001d615c79ec2f7c07688f111e021c4fa76f08da1056fd0c8a6b3e54f28410f2330fe9d3e494378aa2dd04996f7bc90d9cd4e5fde91534b1f9bd6ad357d621a5b0b");
    for content in [named, told] {
        assert_eq!(Content::decode(&content.encode().unwrap()), Ok(content));
    }
    // The longest text has room for the number, and none for the list: that is told with the next.
    let full = content(&text(&"x".repeat(super::super::MAX_TEXT_LEN))).unwrap().under(&list, true);
    assert!(full.list.is_some() && full.encode().is_ok(), "a list of one device");
    let device = |n: u8| privmsg_mls_public::Device {
        device_id: format!("d{n:02}").parse().unwrap(),
        device_key: crate::DeviceKeys::from_bytes(&[n; 32]).public(),
        added_at: 1,
    };
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    let signing = crate::AccountKey::from_bytes(&[1; 32]).begin_generation(&alice(), 1, &mut rng).unwrap();
    let long = signing.list(1, (1..=32).map(device).collect()).unwrap();
    let full = content(&text(&"x".repeat(super::super::MAX_TEXT_LEN))).unwrap().under(&long, true);
    assert!(full.list.is_none() && full.list_number.is_some() && full.encode().is_ok());
    let far = Content { list_number: Some(ListNumber { generation: 1, counter: MAX_COUNTER + 1 }), ..plain };
    assert_eq!(far.encode(), Err(ContentError::Malformed("number of a device list")));
}

#[test]
fn an_older_client_lives_with_what_a_newer_one_adds() {
    let mut bytes = encode_raw(1, WireBody { kind: 0, body: b"\xa1\x00\x62hi" }, None, None).to_vec();
    bytes[0] += 1;
    bytes.extend_from_slice(b"\x0a\x6ba new field");
    let read = Content::decode(&bytes).unwrap();
    assert_eq!((&read, read.body()), (&content(&text("hi")).unwrap(), Ok(text("hi"))));

    assert_eq!(Content::decode(b"\xa2\x00\x02\x01\x9f\xff"), Err(ContentError::UnsupportedVersion(2)));
}

/// A device that could not show a message applies it after an update, from the bytes that it has kept.
#[test]
fn a_body_of_an_unknown_kind_is_kept_whole() {
    let poll =
        Content::decode(&encode_raw(1, WireBody { kind: 42, body: b"\xa1\x00\x82\x01\xa0" }, None, None)).unwrap();
    assert!(!poll.is_known() && content(&text("hi")).unwrap().is_known());
    assert_eq!(poll.body::<Text>(), Err(ContentError::OtherKind { found: 42, wanted: 0 }));
    assert_eq!(poll.body.as_slice(), b"\xa1\x00\x82\x01\xa0");
    assert_eq!(Content::decode(&poll.encode().unwrap()), Ok(poll));
}

#[test]
fn what_to_do_with_an_unknown_kind_is_for_the_sender_to_say() {
    let read = |if_unknown: &[u8]| {
        let mut bytes = encode_raw(1, WireBody { kind: 42, body: b"\xa0" }, None, None).to_vec();
        bytes[0] += 1;
        bytes.push(5);
        bytes.extend_from_slice(if_unknown);
        Content::decode(&bytes).map(|content| content.if_unknown)
    };
    assert_eq!(read(b"\x00"), Ok(IfUnknown::Placeholder));
    assert_eq!(read(b"\x01"), Ok(IfUnknown::Hide));
    assert_eq!(read(b"\x18\x63"), Ok(IfUnknown::Placeholder), "a wish of a newer client");
    assert_eq!(read(b"\x64poll"), Ok(IfUnknown::Text("poll".to_owned())));
    assert_eq!(read(b"\x60"), Err(ContentError::Size("text for older clients")));
    assert_eq!(read(b"\xa0"), Err(ContentError::Malformed("envelope")));
}

#[test]
fn what_has_to_be_about_a_message_is() {
    let needs = |content: Result<Content, _>| content.and_then(|content| content.encode()).map(|_| ());
    for without in [
        needs(Content::new(id(1), 1, &Edit { text: "x".to_owned() })),
        needs(Content::new(id(1), 1, &Delete {})),
        needs(Content::new(id(1), 1, &Reaction { emoji: "👍".to_owned(), removed: true })),
    ] {
        assert!(matches!(without, Err(ContentError::About("edit" | "delete" | "reaction"))), "{without:?}");
    }
    let receipt = Receipt { kind: ReceiptKind::Read, message_ids: vec![id(7)] };
    let receipt = Content::new(id(1), 1, &receipt).map(|receipt| receipt.about(id(7), alice()));
    assert_eq!(needs(receipt), Err(ContentError::About("receipt")));
    // Nor does a receiver believe that the sender has checked it.
    let (delete, about) = (WireBody { kind: 5, body: b"\xa0" }, Some(About { message_id: id(7), author: alice() }));
    assert_eq!(Content::decode(&encode_raw(1, delete, None, None)), Err(ContentError::About("delete")));
    let receipt = b"\xa2\x00\x00\x01\x81\x50\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07";
    let receipt = WireBody { kind: 2, body: receipt };
    assert_eq!(Content::decode(&encode_raw(1, receipt, about, None)), Err(ContentError::About("receipt")));
}

#[test]
fn limits_of_the_envelope_hold_at_both_ends() {
    let plain = content(&text("hi")).unwrap();
    let late = Content { sent_at_ms: MAX_COUNTER + 1, ..plain.clone() };
    assert_eq!(late.encode(), Err(ContentError::Malformed("time")));
    let (message_id, body) = (id(1), WireBody { kind: 0, body: b"\xa1\x00\x62hi" });
    let wire = Wire {
        version: 1,
        message_id,
        sent_at_ms: u64::MAX,
        body,
        about: None,
        if_unknown: None,
        expires_s: None,
        list_number: None,
        list: None,
        again: None,
    };
    assert_eq!(Content::decode(&cbor::encode(&wire)), Err(ContentError::Malformed("time")));
    let wordy = Content { if_unknown: IfUnknown::Text("x".repeat(MAX_IF_UNKNOWN_LEN + 1)), ..plain.clone() };
    assert_eq!(wordy.encode(), Err(ContentError::Size("text for older clients")));
    let full = content(&text(&"x".repeat(super::super::MAX_TEXT_LEN))).unwrap();
    let over = Content { if_unknown: IfUnknown::Text("x".repeat(MAX_IF_UNKNOWN_LEN)), ..full };
    assert_eq!(over.encode(), Err(ContentError::Size("content")));
    let large = [&[0x59, 0xb8, 0x00][..], &[0; 0xb800]].concat();
    let large = encode_raw(1, WireBody { kind: 42, body: &large }, None, None);
    assert_eq!(Content::decode(&large), Err(ContentError::Size("content")));
}

/// Two clients that read the same bytes differently would show two people different messages.
#[test]
fn bytes_with_two_meanings_are_refused() {
    for (bytes, what) in [
        (&b""[..], "nothing"),
        (b"\xa0", "no fields"),
        (b"\xa1\x00\x01", "only a version"),
        (b"\xbf\x00\x01\xff", "no length"),
        (b"\x84\x01\x01\x00\x00", "an array"),
        (b"\xa4\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa2\x00\x61a\x00\x61b", "a text twice"),
        (
            b"\xa5\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a\x03\x82\x00\xa1\x00\x61b",
            "a body twice",
        ),
        (b"\xa4\x00\x01\x01\x4faaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a", "an id of 15 bytes"),
        (b"\xa4\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x20\x03\x82\x00\xa1\x00\x61a", "a time before 1970"),
        (b"\xa4\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x83\x00\xa1\x00\x61a\x00", "two bodies"),
        (b"\xa4\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x61a\xa0", "a kind without number"),
        (b"\xa4\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a\x00", "something behind"),
        (b"\xa5\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a\x06\x00", "expired when it is made"),
        (
            b"\xa5\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a\x04\x82\x40\x65alice",
            "about nothing",
        ),
        (
            b"\xa5\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00\x03\x82\x00\xa1\x00\x61a\x04\x82\x50aaaaaaaaaaaaaaaa\x62..",
            "no user",
        ),
    ] {
        assert_eq!(Content::decode(bytes), Err(ContentError::Malformed("envelope")), "{what}");
    }
    let odd = encode_raw(1, WireBody { kind: 0, body: b"\xa1\x00\x42hi" }, None, None);
    assert_eq!(Content::decode(&odd).unwrap().body::<Text>(), Err(ContentError::Malformed("text")), "bytes as text");
}

#[test]
fn debug_shows_no_content() {
    let bodies = samples().into_iter().map(|sample| {
        [
            format!("{:?}", sample.body::<Text>()),
            format!("{:?}", sample.body::<Files>()),
            format!("{:?}", sample.body::<Reaction>()),
            format!("{:?}", sample.body::<Edit>()),
        ]
        .concat()
    });
    let shown = format!("{:?} {}", samples(), bodies.collect::<String>());
    for secret in ["привет", "a.png", "see", "11, 11", "17, 17", "👍", "poll"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("reaction") && shown.contains("Files(1 …)"), "{shown}");
}

fn read_all(content: &Content) {
    let _ = content.body::<Text>();
    let _ = content.body::<Files>();
    let _ = content.body::<Receipt>();
    let _ = content.body::<Reaction>();
    let _ = content.body::<Edit>();
    let _ = content.body::<Delete>();
}

proptest! {
    #[test]
    fn any_envelope_survives_its_bytes(
        message_id in any::<[u8; 16]>(), sent_at_ms in 0..=MAX_COUNTER, body in "\\PC{1,200}",
        about in any::<Option<[u8; 16]>>(), seconds in any::<u32>(), hint in "\\PC{0,100}",
    ) {
        let about = about.map(|id| About { message_id: MessageId::from_bytes(id), author: alice() });
        let if_unknown = match hint.len() { 0 => IfUnknown::Hide, 1 => IfUnknown::Placeholder, _ => IfUnknown::Text(hint) };
        let body = text(&body);
        let content = Content::new(MessageId::from_bytes(message_id), sent_at_ms, &body).unwrap();
        let content = Content { about, if_unknown, expires_s: NonZeroU32::new(seconds), ..content };
        let decoded = Content::decode(&content.encode().unwrap()).unwrap();
        prop_assert_eq!(decoded.body(), Ok(body));
        prop_assert_eq!(decoded, content);
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = Content::decode(&bytes);
        for content in samples() {
            let mut bytes = content.encode().unwrap().to_vec();
            let at = at.index(bytes.len());
            prop_assert!(Content::decode(&bytes[..at]).is_err());
            bytes[at] = byte;
            if let Ok(content) = Content::decode(&bytes) {
                read_all(&content);
                prop_assert_eq!(Content::decode(&content.encode().unwrap()), Ok(content));
            }
        }
    }
}
