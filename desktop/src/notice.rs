//! What happened in a chat that nobody has said, as sentences.

use privmsg_client::{BlockNews, ChatKind, GroupNews, MessageKind, MessageView, foreign};
use privmsg_protocol::UserId;

use crate::lang::{Filling, Lang};
use crate::time;

/// What a notice says, a sentence each, and whether it is to be looked at before anything else is believed. `None` for what somebody
/// has said.
#[must_use]
pub(crate) fn said(lang: Lang, message: &MessageView, own: &UserId) -> Option<(Vec<String>, bool)> {
    let user: Filling<'_> = ("user", message.sender_id.as_str().into());
    let device: Filling<'_> = ("device", foreign::line(&message.text).into());
    let at: Filling<'_> = ("at", time::date(message.sent_at).into());
    let one = |id: &str, filling: &[Filling<'_>]| vec![lang.with(id, filling)];
    let news =
        || message.group_news.as_deref().map(|news| group(lang, news, &message.sender_id, own)).unwrap_or_default();
    Some(match message.kind {
        MessageKind::Text | MessageKind::File | MessageKind::Unsupported => return None,
        MessageKind::GroupChanged => (news(), false),
        MessageKind::Title => {
            let title = foreign::line(&message.text);
            (one("title-given", &[("by", message.sender_id.as_str().into()), ("title", title.into())]), false)
        }
        MessageKind::IdentityChanged => (one("key-changed", &[user]), true),
        MessageKind::WentBack => (one("went-back", &[]), true),
        MessageKind::DeviceAdded => match message.chat.kind {
            ChatKind::SelfNotes => (one("device-added-own", &[device, at]), true),
            ChatKind::Direct { .. } | ChatKind::Group { .. } => (one("device-added", &[user, device, at]), true),
        },
        MessageKind::ListConflict => (one("list-conflict", &[user]), true),
        MessageKind::ForeignList => (one("foreign-list", &[user]), true),
        MessageKind::DeviceRemoved => (one("device-removed", &[device]), false),
        MessageKind::KnownOtherwise => (one("known-otherwise", &[user, device]), true),
        MessageKind::ToConfirm => (one("to-confirm", &[]), true),
        MessageKind::SignedOutHere => (one("signed-out-here-by", &[device]), true),
        MessageKind::DeclinedElsewhere => (one("declined-elsewhere", &[device]), false),
        MessageKind::AcceptedElsewhere => (one("accepted-elsewhere", &[device]), false),
        MessageKind::DecisionUndone => (one("decision-undone", &[device]), true),
        MessageKind::DeviceUnseen => (one("device-unseen", &[device, at]), true),
        MessageKind::StepsToConfirm => {
            let mut said = one("steps-to-confirm", &[device]);
            said.extend(news());
            (said, true)
        }
        MessageKind::BlocksChanged => {
            (message.block_news.as_deref().map(|news| blocks(lang, news)).unwrap_or_default(), true)
        }
    })
}

fn names(users: &[UserId]) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")
}

fn group(lang: Lang, news: &GroupNews, by: &UserId, own: &UserId) -> Vec<String> {
    let mut said = Vec::new();
    let by_name = if news.unseen { lang.text("somebody") } else { by.to_string() };
    let others = |users: &[UserId]| names(&users.iter().filter(|user| *user != own).cloned().collect::<Vec<_>>());
    let mut say = |id: &str, filling: &[Filling<'_>]| said.push(lang.with(id, filling));
    let by_filling = || -> Filling<'_> { ("by", by_name.as_str().into()) };
    if news.went_on {
        say("group-went-on", &[]);
    }
    if news.unseen {
        say("group-unseen", &[]);
    }
    if news.added.contains(own) {
        if by == own { say("group-begins", &[]) } else { say("group-added-you", &[by_filling()]) }
    }
    if news.removed.contains(own) {
        say("group-removed-you", &[by_filling()]);
    }
    if news.left.contains(own) {
        say("group-left-you", &[]);
    }
    for (id, users) in [
        ("group-added", others(&news.added)),
        ("group-removed", others(&news.removed)),
        ("group-left", others(&news.left)),
        ("group-other-identity", names(&news.other_identity)),
    ] {
        if !users.is_empty() {
            say(id, &[by_filling(), ("users", users.into())]);
        }
    }
    for (user, role) in &news.roles {
        let role = lang.text(match role.as_str() {
            "owner" => "role-owner",
            "admin" => "role-admin",
            _ => "role-member",
        });
        say("group-role", &[by_filling(), ("user", user.as_str().into()), ("role", role.into())]);
    }
    if news.came_in {
        say("group-came-in", &[]);
    }
    if news.unknown_to_server {
        say("group-unknown", &[]);
    }
    said
}

fn blocks(lang: Lang, news: &BlockNews) -> Vec<String> {
    let of = |users: &[UserId], by_nobody: &str, by_stolen: &str, elsewhere: &str| {
        let users: Filling<'_> = ("users", names(users).into());
        match &news.device {
            None => lang.with(by_nobody, &[users]),
            Some(device) => {
                let id = if news.stolen { by_stolen } else { elsewhere };
                lang.with(id, &[("device", foreign::line(device).into()), users])
            }
        }
    };
    let mut said = Vec::new();
    if !news.blocked.is_empty() {
        said.push(of(&news.blocked, "blocked-by-nobody", "blocked-by-stolen", "blocked-elsewhere"));
    }
    if !news.unblocked.is_empty() {
        said.push(of(&news.unblocked, "unblocked-by-nobody", "unblocked-by-stolen", "unblocked-elsewhere"));
    }
    said
}
