//! A device that waits to be let in, and the way that the user takes.

use std::time::Duration;

use privmsg_client::{ClientError, LoggedIn, LoginError, PendingLogin};
use serde::Serialize;
use zeroize::Zeroizing;

use super::inputs;
use super::wanted::Way;
use crate::commands::{Session, time};
use crate::failure::Failure;
use crate::qr;

/// How long a device waits before it says what may be wrong: longer than two devices are held side by side.
const LONG: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct CodeObject<'a> {
    link_code: &'a str,
}

#[derive(Serialize)]
struct ReplacementObject {
    takes_effect_at: i64,
}

/// A device that is in.
#[derive(Debug)]
pub(super) struct LetIn {
    pub(super) logged_in: LoggedIn,
    /// By the recovery words, which leave all others out until they are let in again.
    pub(super) by_words: bool,
}

/// Lets it in, unless it has to wait for days (`None`).
pub(super) async fn let_in(
    session: &Session<'_>,
    pending: &mut PendingLogin,
    way: Way,
) -> Result<Option<LetIn>, Failure> {
    if way.new_identity {
        return replace(session, pending).await.map(|()| None);
    }
    if !way.link
        && let Some(logged_in) = by_words(session, pending).await?
    {
        return Ok(Some(LetIn { logged_in, by_words: true }));
    }
    show_code(session, pending).await?;
    let user = pending.user_id().clone();
    let mut linked = std::pin::pin!(pending.wait_until_linked());
    tokio::select! {
        logged_in = &mut linked => return Ok(Some(LetIn { logged_in: logged_in?, by_words: false })),
        () = tokio::time::sleep(LONG) => session.output.remark(&session.lang().still_waits_to_be_let_in(user.as_str())),
    }
    Ok(Some(LetIn { logged_in: linked.await?, by_words: false }))
}

/// Asks for the words, unless the user wants to be linked (`None`).
async fn by_words(session: &Session<'_>, pending: &mut PendingLogin) -> Result<Option<LoggedIn>, Failure> {
    let mut attempt = 1;
    while let Some(words) = inputs::recovery_key_or_link(session.lang()).await? {
        match pending.recover(&words).await {
            Err(error @ (LoginError::Recovery(_) | LoginError::Client(ClientError::FormerWords)))
                if inputs::may_try_again(attempt) =>
            {
                session.output.note(&Failure::Login(error).describe(session.lang()).message);
                attempt += 1;
            }
            other => return Ok(Some(other?)),
        }
    }
    Ok(None)
}

/// Shows what the other device has to see.
async fn show_code(session: &Session<'_>, pending: &mut PendingLogin) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let code = pending.code().await?.link();
    if output.is_json() {
        return output.object(&CodeObject { link_code: code.expose() });
    }
    output.remark(&lang.link_title());
    output.text(&Zeroizing::new(code.expose().to_owned()))?;
    qr::show(output, code.expose())?;
    output.note(&lang.link_explanation());
    Ok(())
}

/// Begins another identity in the place of the account's.
async fn replace(session: &Session<'_>, pending: &mut PendingLogin) -> Result<(), Failure> {
    let at = pending.replace_identity().await?.takes_effect_at;
    if session.output.is_json() {
        return session.output.object(&ReplacementObject { takes_effect_at: at });
    }
    session.output.text(&session.lang().replacement_begun(&time::local(at.saturating_mul(1000))))
}
