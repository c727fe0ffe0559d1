//! What keeps a message for longer than anybody wants to wait at a prompt.

use privmsg_client::{Reason, Unreachable};
use privmsg_protocol::{ErrorCode, UserId};

use crate::exit::Exit;
use crate::lang::Lang;

/// Something that does not pass by itself in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// The recipient cannot be written to.
    Unreachable(Unreachable),
    /// The server has nobody to give it to.
    NoDevices,
    /// Nobody to whom it could give it has come back yet.
    NotBack,
    /// Others have not fetched what was sent for long.
    MailboxFull,
    /// The other one has not answered yet, and enough was said until then.
    AwaitsAnswer,
    /// Enough people were written to today who have not answered.
    TooManyRequests,
    /// Somebody uses a newer version.
    UpdateNeeded,
    /// The server says too often that something is missing here.
    JoinedTooOften,
    NotListed,
    /// Who is in a group is for an owner to settle.
    GroupUnsettled,
}

impl Lasting {
    /// What there is of it in a reason.
    pub(crate) const fn of(reason: &Reason) -> Option<Self> {
        match reason {
            Reason::Unreachable(why) => Some(Self::Unreachable(*why)),
            Reason::Refused(ErrorCode::RecipientHasNoDevices) => Some(Self::NoDevices),
            Reason::Refused(ErrorCode::RecipientNotBack) => Some(Self::NotBack),
            Reason::Refused(ErrorCode::MailboxFull) => Some(Self::MailboxFull),
            Reason::Refused(ErrorCode::AwaitsAnswer) => Some(Self::AwaitsAnswer),
            Reason::Refused(ErrorCode::TooManyRequests) => Some(Self::TooManyRequests),
            Reason::UpdateNeeded => Some(Self::UpdateNeeded),
            Reason::JoinedTooOften => Some(Self::JoinedTooOften),
            Reason::NotListed => Some(Self::NotListed),
            Reason::GroupUnsettled => Some(Self::GroupUnsettled),
            Reason::Refused(_)
            | Reason::Network
            | Reason::Unusable
            | Reason::Disk
            | Reason::IdentityToAccept
            | Reason::IdentityRefused
            | Reason::AnotherOwnIdentity
            | Reason::DeviceListConflict
            | Reason::DeviceListMissing
            | Reason::ReplacementBegun
            | Reason::SealedIdentitySpoilt => None,
        }
    }

    /// Whether waiting for a moment helps nobody: it is for the user to do something, elsewhere.
    pub(crate) const fn is_for_the_user(self) -> bool {
        matches!(self, Self::NotListed)
    }

    pub(super) const fn exit(self) -> Exit {
        if self.is_for_the_user() { Exit::NotSignedIn } else { Exit::Network }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            // Whether the server has found it out or this device makes no difference.
            Self::Unreachable(Unreachable::NobodyThere) | Self::NoDevices => "recipient_has_no_devices",
            Self::Unreachable(why) => why.as_str(),
            Self::NotBack => "recipient_not_back",
            Self::MailboxFull => "mailbox_full",
            Self::AwaitsAnswer => "awaits_answer",
            Self::TooManyRequests => "too_many_requests",
            Self::UpdateNeeded => "update_needed",
            Self::JoinedTooOften => "joined_too_often",
            Self::NotListed => "device_not_listed",
            Self::GroupUnsettled => "group_unsettled",
        }
    }

    pub(super) fn sentence(self, lang: Lang, to: Option<&UserId>) -> String {
        match (self, to) {
            (Self::AwaitsAnswer, Some(user)) => lang.has_not_answered(user.as_str()),
            (Self::Unreachable(why), _) => lang.unreachable_person(why, to),
            (Self::NotBack, _) => lang.person_not_back(to),
            (Self::NoDevices, _) => lang.unreachable_person(Unreachable::NobodyThere, to),
            _ => self.of_anybody(lang),
        }
    }

    fn of_anybody(self, lang: Lang) -> String {
        match self {
            Self::Unreachable(why) => lang.unreachable_person(why, None),
            Self::NoDevices => lang.refusal(&ErrorCode::RecipientHasNoDevices),
            Self::NotBack => lang.person_not_back(None),
            Self::MailboxFull => lang.refusal(&ErrorCode::MailboxFull),
            Self::AwaitsAnswer => lang.refusal(&ErrorCode::AwaitsAnswer),
            Self::TooManyRequests => lang.refusal(&ErrorCode::TooManyRequests),
            Self::UpdateNeeded => lang.update_needed(),
            Self::JoinedTooOften => lang.joined_too_often(),
            Self::NotListed => lang.waits_to_be_let_in(),
            Self::GroupUnsettled => lang.group_unsettled(),
        }
    }
}
