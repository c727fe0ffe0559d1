//! The contract between the PrivMsg server and every client.
//!
//! This crate holds what both sides must agree on, and nothing else: identifiers ([`ids`]), WebSocket frames
//! ([`frames`]), REST bodies ([`rest`]), invitations ([`Invitation`]), limits ([`limits`]), error codes ([`error`]) and
//! a farewell ([`closing`]). It does no I/O, knows no async runtime and no SQL, and builds for
//! `wasm32-unknown-unknown`.
//!
//! Two rules hold for every type here:
//!
//! - **Foreign bytes never panic.** Identifiers are validated when they are parsed; a value that exists is valid.
//! - **Unknown is not an error where it need not be.** Unknown JSON fields are ignored, unknown error codes and
//!   message types are kept as they are, so that an older client lives on beside a newer server.
//!
//! `docs/protocol.md` describes the same contract in prose.

pub mod closing;
pub mod error;
mod fault;
pub mod frames;
pub mod ids;
mod ignorable;
mod invitation;
pub mod limits;
mod opaque;
pub mod rest;
#[cfg(feature = "openapi")]
mod schema;
mod secret;

pub use error::ErrorCode;
pub use fault::json_fault;
pub use ids::{ConversationId, DeviceId, Epoch, FileId, GroupId, IdError, Incarnation, MessageId, Seq, UserId};
pub use ignorable::is_ignorable;
pub use invitation::{Invitation, InvitationError, MAX_SERVER_URL_LEN, unwrapped_link};
pub use opaque::Opaque;
pub use secret::Secret;

/// Version of the wire protocol, sent by the server in [`frames::Authenticated`].
///
/// It grows when a peer that knows only the older version could misunderstand what it is sent. New optional
/// fields, frame types and endpoints do not change it.
pub const PROTOCOL_VERSION: u32 = 1;
