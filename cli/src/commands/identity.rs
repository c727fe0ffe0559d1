//! `privmsg identity replacement`, `recovery new-words` and `access-key change`: what only the identity, or the access key, may ask for.

use std::path::Path;

use privmsg_client::{ChangeBy, ClientError};
use privmsg_protocol::{ErrorCode, Secret};
use serde::Serialize;
use zeroize::Zeroizing;

use super::login::announce::{are_noted, recovery_block, say_who_waits};
use super::login::inputs;
use super::{Session, time, with_session};
use crate::failure::Failure;
use crate::output::Style;
use crate::prompt;

#[derive(Serialize)]
struct ReplacementObject<'a> {
    replacement: Option<BegunObject<'a>>,
}

#[derive(Serialize)]
struct BegunObject<'a> {
    public_key: &'a str,
    device_id: &'a str,
    takes_effect_at: i64,
}

#[derive(Serialize)]
struct WordsObject<'a> {
    recovery_key: &'a str,
}

#[derive(Serialize)]
struct AccessKeyObject<'a> {
    access_key: &'a str,
}

/// Shows a replacement of the identity that somebody has begun, or ends it.
pub(super) async fn replacement(session: &Session<'_>, end: bool) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_signed_in().await?;
    if end {
        let words = inputs::recovery_key(lang).await?;
        with_session(&client, || client.end_replacement(&words)).await?;
        return match output.is_json() {
            true => output.object(&ReplacementObject { replacement: None }),
            false => {
                output.text(&lang.replacement_ended())?;
                output.remark(&lang.access_key_is_known());
                say_who_waits(session, &client).await;
                Ok(())
            }
        };
    }
    let begun = with_session(&client, || client.replacement()).await?;
    if output.is_json() {
        let replacement = begun.as_ref().map(|begun| BegunObject {
            public_key: &begun.public_key,
            device_id: begun.device_id.as_str(),
            takes_effect_at: begun.takes_effect_at,
        });
        return output.object(&ReplacementObject { replacement });
    }
    match begun {
        None => output.text(&lang.no_replacement()),
        Some(begun) => {
            let at = time::local(begun.takes_effect_at.saturating_mul(1000));
            output.text(&output.styled(Style::Alarm, &lang.replacement_shown(begun.device_id.as_str(), &at)))
        }
    }
}

/// Puts the identity under other recovery words, and shows them.
pub(super) async fn new_words(session: &Session<'_>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_listed().await?;
    let present = inputs::recovery_key(lang).await?;
    let words = with_session(&client, || client.new_recovery_words(&present)).await?;
    if output.is_json() {
        output.object(&WordsObject { recovery_key: words.expose() })?;
    } else {
        output.text(&recovery_block(output, words.expose()))?;
        output.remark(&lang.former_words());
    }
    if !output.is_terminal() || !prompt::somebody_is_there() || are_noted(output, words.expose()).await? {
        client.forget_recovery_key().await?;
    }
    Ok(())
}

/// Sets another access key, and shows it once.
pub(super) async fn change_access_key(
    session: &Session<'_>,
    recover: bool,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_signed_in().await?;
    let by = match recover {
        true => ChangeBy::Words(Secret::new(inputs::recovery_key(lang).await?.to_string())),
        false => ChangeBy::AccessKey(inputs::access_key(lang, file).await?),
    };
    let replaced = with_session(&client, || client.replacement()).await?.is_some();
    let key = match with_session(&client, || client.change_access_key(by.clone())).await {
        Err(Failure::Client(ClientError::Server { code, .. }))
            if matches!(code, ErrorCode::InvalidCredentials | ErrorCode::TooManyWrongKeys) =>
        {
            return Err(Failure::WrongAccessKey(code));
        }
        changed => changed?,
    };
    if output.is_json() {
        return output.object(&AccessKeyObject { access_key: key.expose() });
    }
    let (title, said) = (lang.access_key_title(), lang.access_key_explanation());
    output.text(&Zeroizing::new(format!("{title}\n\n    {}\n\n{said}", output.styled(Style::Bold, key.expose()))))?;
    output.remark(&lang.former_access_key());
    if replaced && with_session(&client, || client.replacement()).await?.is_none() {
        output.remark(&lang.replacement_ended());
    }
    say_who_waits(session, &client).await;
    Ok(())
}
