//! Schemas of the types whose wire form is a text or a number with rules of its own, for the description of the API.
//! All others derive theirs.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ErrorCode;
use crate::frames::MessageType;
use crate::ids::{ConversationId, DeviceId, Epoch, FileId, GroupId, Incarnation, MessageId, Seq, UserId};
use crate::limits::{MAX_COUNTER, MAX_DEVICE_ID_LEN, MAX_FILE_ID_LEN, MAX_MESSAGE_TYPE_LEN, MAX_USER_ID_LEN};
use crate::{Opaque, Secret};

/// What [`crate::ids`] takes as a textual identifier.
const ID: &str = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$";

/// 16 bytes in unpadded URL-safe base64: of the last character only two bits count.
const GROUP_ID: &str = "^[A-Za-z0-9_-]{21}[AQgw]$";

/// 32 bytes likewise: of the last character four bits count.
const CONVERSATION_ID: &str = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$";

macro_rules! schemas {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

schemas! {
    UserId: id(MAX_USER_ID_LEN, "AbCd1234", "An account's name on its server. Case-sensitive.");
    DeviceId: id(MAX_DEVICE_ID_LEN, "kH3vXq9TzL0pWm2R", "A signed-in installation, named by the server.");
    FileId: id(MAX_FILE_ID_LEN, "q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJqrs", "A stored file. Unguessable.");
    MessageId: text("A message, named by its sender; version 7 is best.")
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .examples([json!("018bcfe5-6800-7000-8000-000000000001")]);
    GroupId: text("An MLS group: 16 bytes in base64url without padding.")
        .pattern(Some(GROUP_ID))
        .examples([json!("AQEBAQEBAQEBAQEBAQEBAQ")]);
    ConversationId: text("A conversation, whichever MLS group carries it: 32 bytes in base64url without padding.")
        .pattern(Some(CONVERSATION_ID))
        .examples([json!("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE")]);
    Incarnation: ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(1))
        .description(Some("Which MLS group of a conversation it is: 1, 2, 3, …"));
    Epoch: counter("An MLS epoch.");
    Seq: counter("A place in a group's history: 1, 2, 3, … without holes.");
    Opaque: text("Bytes in base64 (standard alphabet, padded), which only the ends understand. The server does not decode it.")
        .content_encoding("base64")
        .examples([json!("Y2lwaGVydGV4dA==")]);
    Secret: text("A credential. Never shown, stored or logged by the server as it is.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)));
    ErrorCode: text("A stable error code.").enum_values(Some(ErrorCode::ALL.iter().map(|code| json!(code))));
    MessageType: text("What the server is told about the kind of a message. Others may come.")
        .min_length(Some(1))
        .max_length(Some(MAX_MESSAGE_TYPE_LEN))
        .examples(MessageType::ALL.iter().map(|kind| json!(kind)));
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn id(max: usize, example: &str, description: &str) -> ObjectBuilder {
    text(description).pattern(Some(ID)).min_length(Some(1)).max_length(Some(max)).examples([Value::from(example)])
}

fn counter(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .maximum(Some(MAX_COUNTER))
        .description(Some(description))
        .examples([json!(7)])
}
