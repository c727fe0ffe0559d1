use std::fmt::Debug;

use ciborium::Value;
use privmsg_e2ee::{Content, Delete, Edit, Files, IfUnknown, Kind, Reaction, Receipt, Text};

/// Message content: what is understood survives being written and read again, and keeps within the limits.
pub fn content(input: &[u8]) {
    let Ok(content) = Content::decode(input) else { return };
    let value: Value = ciborium::from_reader(input).expect("another library reads it as well");
    assert!(has_one_reading(&value), "{value:?}");
    let written = content.encode().expect("what was read can be written");
    assert!(written.len() <= input.len(), "unknown fields are left out, and the rest has one spelling");
    assert_eq!(Content::decode(&written).as_ref(), Ok(&content));
    assert!(!matches!(&content.if_unknown, IfUnknown::Text(text) if text.is_empty()));

    let known = [
        body::<Text>(&content),
        body::<Files>(&content),
        body::<Receipt>(&content),
        body::<Reaction>(&content),
        body::<Edit>(&content),
        body::<Delete>(&content),
    ];
    let known = known.into_iter().filter(|known| *known).count();
    assert!(known == usize::from(content.is_known()), "a content has one kind at most");
}

/// Whether it is of this kind.
fn body<K: Kind + PartialEq + Debug>(content: &Content) -> bool {
    if let Ok(body) = content.body::<K>() {
        let mut again = Content::new(content.message_id, content.sent_at_ms, &body).expect("limits hold at both ends");
        again.about = content.about.clone();
        let written = again.encode().expect("what was read can be written");
        assert_eq!(Content::decode(&written).and_then(|again| again.body::<K>()), Ok(body));
    }
    content.kind == K::NUMBER
}

/// Whether a library that takes the first of two equal keys reads the same as one that takes the last.
fn has_one_reading(value: &Value) -> bool {
    match value {
        Value::Map(fields) => {
            let keys = fields.iter().map(|(key, _)| key.as_integer().and_then(|key| u64::try_from(key).ok()));
            keys.clone().all(|key| key.is_some())
                && keys.clone().zip(keys.skip(1)).all(|(key, next)| key < next)
                && fields.iter().all(|(_, value)| has_one_reading(value))
        }
        Value::Array(values) => values.iter().all(has_one_reading),
        Value::Tag(..) => false,
        _ => true,
    }
}
