//! The rosters of a group of people, as requests bring them.

use std::borrow::Cow;

use privmsg_mls_public::{Roster, StatementError};
use privmsg_protocol::rest::{CreateGroup, GroupKind};
use privmsg_protocol::{ConversationId, ErrorCode, Opaque};

use super::Refusal;
use crate::causes::with_causes;

/// Rosters between the newest that a server has, which may have been restored, and the newest that there is.
const MAX_STEPS: usize = 32;

/// What a group that begins, or goes on, says of its rosters.
pub(crate) struct Rosters {
    /// The one that the conversation is named after.
    pub(crate) founding: Roster,
    /// Those that lead to the one which the GroupContext names, that among them unless it is the founding one.
    pub(crate) later: Vec<Roster>,
}

impl Rosters {
    /// What the request says, if it is about a group of people. All are genuine and of one conversation.
    pub(crate) fn of(new: &CreateGroup) -> Result<Option<Self>, Refusal> {
        let founding = match (new.kind, &new.founding_roster) {
            (GroupKind::Group, Some(founding)) => founding,
            (GroupKind::Group, None) => {
                return Err(Refusal::new(ErrorCode::InvalidRequest, "a group needs the roster that it began with"));
            }
            (_, None) if new.roster.is_none() && new.steps.is_empty() => return Ok(None),
            _ => return Err(Refusal::new(ErrorCode::InvalidRequest, "only a group has rosters")),
        };
        if new.steps.len() > MAX_STEPS {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "too many rosters at once"));
        }
        let founding = read(founding)?;
        if !founding.is_founding() {
            return Err(invalid("not the roster that a group begins with"));
        }
        let later = new.steps.iter().chain(&new.roster).map(read).collect::<Result<Vec<_>, _>>()?;
        let chat = founding.conversation_id();
        if later.iter().any(|roster| roster.is_founding() || roster.conversation_id() != chat) {
            return Err(invalid("a roster of another group"));
        }
        Ok(Some(Self { founding, later }))
    }

    /// The one that the GroupContext names.
    pub(crate) fn current(&self) -> &Roster {
        self.later.last().unwrap_or(&self.founding)
    }

    /// Whose rosters they are.
    pub(crate) fn conversation_id(&self) -> ConversationId {
        self.founding.conversation_id()
    }
}

/// Reads and verifies a roster.
pub(crate) fn read(bytes: &Opaque) -> Result<Roster, Refusal> {
    let bytes = bytes.decode().ok_or_else(|| invalid("the roster is not base64"))?;
    Roster::decode(&bytes).map_err(|error: StatementError| invalid(with_causes(&error)))
}

pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRoster, detail)
}
