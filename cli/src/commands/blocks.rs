//! `privmsg block`, `unblock` and `blocks`.

use privmsg_protocol::UserId;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Style;

use super::{Session, time, with_session};

#[derive(Serialize)]
struct BlockedObject<'a> {
    user_id: &'a UserId,
    blocked: bool,
    /// Messages to them that wait on this device, and do not go out by themselves.
    #[serde(skip_serializing_if = "is_none")]
    held: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

pub(super) async fn block(session: &Session<'_>, user: &UserId, blocked: bool, send: bool) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_listed().await?;
    if client.user_id() == user {
        return Err(Failure::Usage(lang.cannot_block_oneself()));
    }
    if blocked {
        with_session(&client, || client.block(user)).await?;
    } else {
        with_session(&client, || client.unblock(user)).await?;
        if send {
            client.send_held(user).await?;
        }
    }
    let held = client.held_messages(user).await?;
    if output.is_json() {
        return output.object(&BlockedObject { user_id: user, blocked, held });
    }
    let name = user.as_str();
    output.text(&if blocked { lang.blocked(name) } else { lang.unblocked(name) })?;
    if held > 0 {
        output.text(&if blocked { lang.held_while_blocked(held) } else { lang.held_still(name, held) })?;
    } else if send {
        output.remark(&lang.held_sent());
    }
    Ok(())
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
