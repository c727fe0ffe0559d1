//! The inputs from which fuzzing begins, each with a name: of every shape that a target takes, what is right and what
//! is nearly right. `cargo run --example seed` writes them to the corpus.

use std::num::NonZeroU32;

use privmsg_e2ee::attachment::AttachmentKey;
use privmsg_e2ee::{Attachment, Content, Delete, Edit, Files, IfUnknown, Kind, Reaction, Receipt, ReceiptKind, Text};
use privmsg_protocol::{MessageId, UserId};

/// An input for a target: the target's name, its own name, and what it is.
type Seed = (&'static str, String, Vec<u8>);

/// All of them.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = [contents(), odd_contents()].concat();
    for (target, shapes) in [("attachment", 0..5), ("certificate", 0..7), ("key_package", 0..3)] {
        seeds.extend(shapes.map(|shape: u8| seed(target, shape, "nothing", &[])));
    }
    for (target, shapes) in [("welcome", 0..7), ("commit", 0..9)] {
        seeds.extend(shapes.map(|shape: u8| seed(target, shape, "unchanged", &[])));
    }
    let edits: [(&str, &[u8]); 4] = [
        ("newer", &[4, 0, 0, 3]),
        ("renamed", &[0, 2, 0, 3, b'm', b'a', b'l']),
        ("cut", &[3, 100, 0, 0]),
        ("mixed", &[5, 0, 1, 255]),
    ];
    for (target, shapes) in [
        ("attachment", &[1, 2][..]),
        ("certificate", &[1, 3, 5]),
        ("key_package", &[0, 1, 2]),
        ("welcome", &[0, 1, 2, 3, 4, 5, 6]),
        ("commit", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        let both = shapes.iter().flat_map(|shape| edits.iter().map(|(name, edit)| seed(target, *shape, name, edit)));
        seeds.extend(both);
    }
    seeds.extend(signed_again());
    seeds.push(seed("attachment", 0, "a-file", b"what is in it"));
    for (name, size, length, stream) in [
        ("right", 3, 3, &b"abc\0"[..]),
        ("unpadded", 3, 3, b"abc"),
        ("longer-than-it-says", 2, 3, b"abc\0"),
        ("shorter-than-it-says", 5, 5, b"abc\0"),
    ] {
        seeds.push(seed("attachment", 4, name, &[&[size, 0, length, 0], stream].concat()));
    }
    seeds.push(seed("certificate", 4, "an-info", b"\x01\x01\x0a\x05alice\x03bob"));
    seeds.push(seed("certificate", 4, "an-info-and-more", b"\x01\x01\x0a\x05alice\x03bobmore"));
    seeds.push(seed("certificate", 4, "an-info-in-another-order", b"\x01\x01\x0a\x03bob\x05alice"));
    seeds.push(seed("certificate", 4, "a-newer-info", b"\x02\x01\x0a\x05alice\x03bob"));
    let words = b"legal winner thank year wave sausage worth useful legal winner thank yellow";
    seeds.push(seed("certificate", 6, "words", words));
    seeds
}

/// What the owner of a key signs or sets instead: fields that later builds add, and what nobody else may let pass.
fn signed_again() -> Vec<Seed> {
    // A place behind the end is the end.
    let more: &[u8] = &[1, 0xff, 0xff, 4, b'm', b'o', b'r', b'e'];
    let bobs: &[u8] = &[0, 1, 0, 4, 3, b'b', b'o', b'b', 2, 5, 0, 2];
    let twin = [&[0, 7, 0, 12, 11], &b"alice-phone"[..], &[2, 19, 0, 1]].concat();
    let other: &[u8] = &[0, 8, 0, 3, b'm', b'a', b'l'];
    let mut seeds = Vec::new();
    for (target, shape) in [("key_package", 2), ("welcome", 6), ("commit", 6), ("commit", 7), ("commit", 8)] {
        seeds.push(seed(target, shape, "and-more", more));
        seeds.push(seed(target, shape, "under-bobs-name", bobs));
        seeds.push(seed(target, shape, "as-a-device-that-is-there", &twin));
        seeds.push(seed(target, shape, "as-another-device", other));
    }
    for target in ["welcome", "commit"] {
        seeds.push(seed(target, 4, "and-more", more));
        seeds.push(seed(target, 4, "newer-kind", &[4, 1, 0, 6]));
    }
    seeds
}

fn seed(target: &'static str, shape: u8, name: &str, rest: &[u8]) -> Seed {
    (target, format!("{shape}-{name}"), [&[shape], rest].concat())
}

/// Contents that a client would not write.
fn odd_contents() -> Vec<Seed> {
    const HEAD: &[u8] = b"\x00\x01\x01\x50aaaaaaaaaaaaaaaa\x02\x00";
    let odd: [(&str, u8, &[u8]); 10] = [
        ("empty-text", 0xa4, b"\x03\x82\x00\xa1\x00\x60"),
        ("text-twice", 0xa4, b"\x03\x82\x00\xa2\x00\x61a\x00\x61b"),
        ("two-emoji", 0xa5, b"\x03\x82\x03\xa1\x00\x62!!\x04\x82\x50bbbbbbbbbbbbbbbb\x63bob"),
        ("about-nothing", 0xa4, b"\x03\x82\x05\xa0"),
        ("no-receipts", 0xa4, b"\x03\x82\x02\xa2\x00\x00\x01\x80"),
        ("newer-receipt", 0xa4, b"\x03\x82\x02\xa2\x00\x07\x01\x81\x50bbbbbbbbbbbbbbbb"),
        ("unknown-kind", 0xa5, b"\x03\x82\x18\x2a\xa1\x00\x82\x01\xa0\x05\x01"),
        ("tag", 0xa5, b"\x03\x82\x00\xa1\x00\x61a\x09\xc2\x41\x01"),
        ("odd-simple-value", 0xa5, b"\x03\x82\x00\xa1\x00\x61a\x09\xf8\x02"),
        ("unknown-field", 0xa5, b"\x03\x82\x00\xa2\x00\x61a\x09\xf9\x3c\x00\x09\x82\x01\x20"),
    ];
    odd.map(|(name, map, rest)| ("content", name.to_owned(), [&[map], HEAD, rest].concat())).into()
}

fn contents() -> Vec<Seed> {
    let (id, author) = (MessageId::from_bytes([7; 16]), UserId::new("alice").expect("a name"));
    let attachment = Attachment {
        file_id: "f1".parse().expect("an id"),
        key: AttachmentKey::from_bytes([0x11; 32]),
        name: "a.png".to_owned(),
        mime: "image/png".to_owned(),
        size: 1000,
        digest: [0x22; 32],
        voice: None,
        picture: None,
    };
    let text = || content(&Text::new("hi"));
    let about = |content: Content| content.about(id, author.clone());
    let if_unknown = |if_unknown| {
        let mut content = text();
        content.if_unknown = if_unknown;
        content
    };
    let received = Receipt { kind: ReceiptKind::Read, message_ids: vec![id, MessageId::from_bytes([8; 16])] };
    [
        ("text", text()),
        ("answer", about(text())),
        ("expiring", text().expires(NonZeroU32::MIN)),
        ("hidden", if_unknown(IfUnknown::Hide)),
        ("worded", if_unknown(IfUnknown::Text("a poll".to_owned()))),
        (
            "files",
            content(&Files {
                caption: "see @bob".to_owned(),
                attachments: vec![attachment.clone(), attachment],
                mentions: vec!["bob".parse().unwrap()],
            }),
        ),
        ("receipt", content(&received)),
        ("reaction", about(content(&Reaction { emoji: "👍🏽".to_owned(), removed: false }))),
        ("removal", about(content(&Reaction { emoji: "!".to_owned(), removed: true }))),
        ("edit", about(content(&Edit { text: "hello".to_owned() }))),
        ("delete", about(content(&Delete {}))),
    ]
    .map(|(name, content)| {
        let bytes = content.encode().expect("it keeps within the limits");
        ("content", name.to_owned(), bytes.to_vec())
    })
    .into()
}

fn content(kind: &impl Kind) -> Content {
    Content::new(MessageId::from_bytes([0xa5; 16]), 1_700_000_000_123, kind).expect("it keeps within the limits")
}
