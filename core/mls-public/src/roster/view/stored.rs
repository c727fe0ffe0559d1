//! How a device keeps what it knows of a group's roster in its own database.
//!
//! ```text
//! struct {
//!     uint8  version;          // 1
//!     opaque heads<V><V>;      // each a Roster
//!     opaque parents<V><V>;
//!     opaque waiting<V><V>;
//! } View;
//! ```

use privmsg_protocol::ConversationId;
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use super::RosterView;
use crate::roster::Roster;
use crate::statement::{StatementError, check_version};
use crate::update_needed::UpdateNeeded;

const VERSION: u8 = 1;

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Fields {
    version: u8,
    heads: Vec<VLBytes>,
    parents: Vec<VLBytes>,
    waiting: Vec<VLBytes>,
}

impl RosterView {
    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let each = |rosters: &[Roster]| rosters.iter().map(|roster| roster.encode().into()).collect();
        let (heads, parents, waiting) = (each(&self.heads), each(&self.parents), each(&self.waiting));
        let fields = Fields { version: VERSION, heads, parents, waiting };
        fields.tls_serialize_detached().expect("a few rosters are far shorter than a TLS vector")
    }

    /// Reads what [`RosterView::encode`] wrote about this group.
    ///
    /// # Errors
    /// [`StatementError`]; [`StatementError::Other`] if it was about another one.
    pub fn decode(bytes: &[u8], chat: &ConversationId) -> Result<Self, StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::ROSTER_VIEW)?;
        let fields = Fields::tls_deserialize_exact_bytes(bytes).map_err(|_| StatementError::Malformed)?;
        // They were verified before they were learnt, and this is read with each message.
        let read = |roster: &VLBytes| Roster::decode_admitted(roster.as_slice());
        let heads = fields.heads.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let parents = fields.parents.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let waiting = fields.waiting.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if heads.iter().chain(&parents).chain(&waiting).any(|roster| roster.conversation_id() != *chat) {
            return Err(StatementError::Other);
        }
        if heads.is_empty() { Err(StatementError::Malformed) } else { Ok(Self { heads, parents, waiting }) }
    }
}
