//! What happened in a chat that nobody has said, as sentences.

use privmsg_client::{BlockNews, ChatKind, GroupNews, MessageKind, MessageView, foreign};
use privmsg_protocol::UserId;

use crate::lang::{Filling, Lang};
use crate::time;

/// What a notice says, a sentence each. `None` for what somebody has said.
#[must_use]
pub(crate) fn said(lang: Lang, message: &MessageView, own: &UserId) -> Option<Vec<String>> {
    let user: Filling<'_> = ("user", message.sender_id.as_str().into());
    let device: Filling<'_> = ("device", foreign::line(&message.text).into());
    let at: Filling<'_> = ("at", time::date(message.sent_at).into());
    let one = |id: &str, filling: &[Filling<'_>]| vec![lang.with(id, filling)];
    let news =
        || message.group_news.as_deref().map(|news| group(lang, news, &message.sender_id, own)).unwrap_or_default();
    Some(match message.kind {
        MessageKind::Text | MessageKind::File | MessageKind::Unsupported => return None,
        MessageKind::GroupChanged => news(),
        MessageKind::Title => {
            let title = quoted(&message.text);
            if message.sender_id == *own {
                one("title-given-by-you", &[("title", title.into())])
            } else {
                one("title-given", &[("by", message.sender_id.as_str().into()), ("title", title.into())])
            }
        }
        MessageKind::IdentityChanged => one("key-changed", &[user]),
        MessageKind::WentBack => one("went-back", &[]),
        MessageKind::DeviceAdded => match message.chat.kind {
            ChatKind::SelfNotes => one("device-added-own", &[device, at]),
            ChatKind::Direct { .. } | ChatKind::Group { .. } => one("device-added", &[user, device, at]),
        },
        MessageKind::ListConflict => one("list-conflict", &[user]),
        MessageKind::ForeignList => one("foreign-list", &[user]),
        MessageKind::DeviceRemoved => one("device-removed", &[device]),
        MessageKind::KnownOtherwise => one("known-otherwise", &[user, device]),
        MessageKind::ToConfirm => one("to-confirm", &[]),
        MessageKind::SignedOutHere => one("signed-out-here-by", &[device]),
        MessageKind::DeclinedElsewhere => one("declined-elsewhere", &[device]),
        MessageKind::AcceptedElsewhere => one("accepted-elsewhere", &[device]),
        MessageKind::DecisionUndone => one("decision-undone", &[device]),
        MessageKind::DeviceUnseen => one("device-unseen", &[device, at]),
        MessageKind::StepsToConfirm => {
            let mut said = one("steps-to-confirm", &[device]);
            said.extend(news());
            said
        }
        MessageKind::BlocksChanged => message.block_news.as_deref().map(|news| blocks(lang, news)).unwrap_or_default(),
    })
}

/// Whether it is a notice that is to be looked at before anything else is believed.
pub(crate) fn is_alarm(message: &MessageView) -> bool {
    is_about_a_namesake(message) || is_of_alarm(message)
}

/// Whether somebody whom it names is perhaps not who the name says. Nobody is called for it: anybody can make such lines without end.
pub(crate) fn is_about_a_namesake(message: &MessageView) -> bool {
    message.group_news.as_deref().is_some_and(|news| !news.namesakes.is_empty())
}

const fn is_of_alarm(message: &MessageView) -> bool {
    use MessageKind as K;
    match message.kind {
        K::IdentityChanged
        | K::WentBack
        | K::DeviceAdded
        | K::ListConflict
        | K::ForeignList
        | K::KnownOtherwise
        | K::ToConfirm
        | K::SignedOutHere
        | K::DecisionUndone
        | K::DeviceUnseen
        | K::StepsToConfirm
        | K::BlocksChanged => true,
        K::Text
        | K::File
        | K::Unsupported
        | K::GroupChanged
        | K::Title
        | K::DeviceRemoved
        | K::DeclinedElsewhere
        | K::AcceptedElsewhere => false,
    }
}

/// What others have written, where it stands between quotation marks: it does not end them, nor go on without end.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    foreign::first_line(text, LONGEST).replace(['\u{22}', '“', '”', '„', '«', '»', '‟', '″', '＂'], "'")
}

fn names(users: &[UserId]) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")
}

fn group(lang: Lang, news: &GroupNews, by: &UserId, own: &UserId) -> Vec<String> {
    let mut said = Vec::new();
    let is_namesake = |user: &UserId| news.namesakes.contains(user);
    let called = |user: &UserId| match is_namesake(user) {
        true => lang.with("namesake", &[("user", user.as_str().into())]),
        false => user.to_string(),
    };
    let names = |users: &[UserId]| users.iter().map(called).collect::<Vec<_>>().join(", ");
    let by_name = if news.unseen { lang.text("somebody") } else { called(by) };
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
        if by == own && !is_namesake(by) { say("group-begins", &[]) } else { say("group-added-you", &[by_filling()]) }
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
        say("group-role", &[by_filling(), ("user", called(user).into()), ("role", role.into())]);
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
