//! `privmsg block`, `unblock` and `blocks`.

use privmsg_client::{Client, HeldBy, Recipient};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::chat_name::{name_of, short};
use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;

use super::{Session, time, with_session};

#[derive(Serialize)]
struct BlockedObject<'a> {
    user_id: &'a UserId,
    blocked: bool,
    /// Messages to them that wait on this device, and do not go out by themselves.
    #[serde(skip_serializing_if = "is_none")]
    held: u64,
    /// They were not blocked before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    was_not_blocked: bool,
    /// It was so already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unchanged: bool,
    /// Groups in which both take part: there they are heard as before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared_groups: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

pub(super) async fn block(session: &Session<'_>, user: &UserId, blocked: bool, send: bool) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_listed().await?;
    if client.user_id() == user || is_oneself(user) {
        return Err(Failure::Usage(lang.cannot_block_oneself()));
    }
    let before = with_session(&client, || client.blocked()).await?;
    let was_blocked = before.iter().any(|one| one.user_id == *user);
    let to = Recipient::User(user.clone());
    let sends = send && held_by_block(&client, &to).await? > 0;
    if blocked {
        with_session(&client, || client.block(user)).await?;
    } else {
        with_session(&client, || client.unblock(user)).await?;
        if send {
            let held = client.held_messages(&to).await?.into_iter().filter(|held| held.by == HeldBy::Block);
            client.send_held(&to, &held.collect::<Vec<_>>()).await?;
        }
    }
    // Whoever wants what was held to go out may have unblocked them before.
    let was_not_blocked = !blocked && !was_blocked && !sends;
    let unchanged = if blocked { was_blocked } else { was_not_blocked };
    let held = held_by_block(&client, &to).await?;
    let shared = if blocked { client.groups_with(user).await? } else { Vec::new() };
    if output.is_json() {
        let shared_groups = shared.iter().map(|(group, _)| name_of(group)).collect();
        return output.object(&BlockedObject {
            user_id: user,
            blocked,
            held,
            was_not_blocked,
            unchanged,
            shared_groups,
        });
    }
    let name = user.as_str();
    output.text(&match (blocked, was_not_blocked) {
        (true, _) if was_blocked => lang.is_blocked_already(name),
        (true, _) => lang.blocked(name),
        (false, true) => lang.was_not_blocked(name),
        (false, false) => lang.unblocked(name),
    })?;
    if !shared.is_empty() {
        output.text(&lang.heard_in_groups(name))?;
        for (group, title) in &shared {
            let title = if title.is_empty() { lang.untitled() } else { foreign::line(title) };
            output.text(&format!("  {}  {title}", short(&name_of(group))))?;
        }
    }
    if held > 0 {
        output.text(&if blocked { lang.held_while_blocked(held) } else { lang.held_still(name, held) })?;
    } else if sends {
        output.remark(&lang.held_sent());
    } else if send {
        output.remark(&lang.nothing_was_held(name));
    }
    Ok(())
}

/// What is held for another reason is shown in its chat.
async fn held_by_block(client: &Client, to: &Recipient) -> Result<u64, Failure> {
    let held = client.held_messages(to).await?;
    Ok(held.iter().filter(|message| message.by == HeldBy::Block).count() as u64)
}

/// As one's own notes are called elsewhere.
pub(super) fn is_oneself(user: &UserId) -> bool {
    user.as_str() == "self"
}

pub(super) async fn list(session: &Session<'_>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_listed().await?;
    let blocked = with_session(&client, || client.blocked()).await?;
    if output.is_json() {
        return blocked.iter().try_for_each(|one| output.object(one));
    }
    if blocked.is_empty() {
        return output.text(&lang.nobody_blocked());
    }
    let head = lang.head_user();
    let names = blocked.iter().map(|one| one.user_id.as_str()).chain([head.as_str()]);
    let wide = names.map(|name| name.chars().count()).max().unwrap_or_default();
    output.text(&output.styled(Style::Faint, &format!("{head:<wide$}  {}", lang.head_since())))?;
    for one in &blocked {
        let since = time::local(one.blocked_at.saturating_mul(1000));
        output.text(&format!("{:<wide$}  {since}", one.user_id.as_str()))?;
    }
    Ok(())
}
