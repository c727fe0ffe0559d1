//! `privmsg logout`.

use privmsg_protocol::UserId;
use serde::Serialize;

use crate::failure::Failure;
use crate::{profile, prompt};

use super::{Session, with_session};

#[derive(Serialize)]
struct LoggedOutObject<'a> {
    user_id: &'a str,
    signed_in: bool,
}

pub(super) async fn run(session: &Session<'_>, local: bool, yes: bool) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let folder = session.profile.dir().display().to_string();
    let mut was_last = false;
    let (user_id, said) = match local {
        true => (sign_out_here(session).await?, lang.signed_out_here(&folder)),
        false => {
            let client = session.open_signed_in().await?;
            // Where it cannot be known, nothing is claimed.
            let devices = client.devices().await.unwrap_or_default();
            was_last = !devices.is_empty() && devices.iter().all(|device| device.current || device.waiting);
            if was_last && !yes && !output.is_json() && prompt::somebody_is_there() {
                let answer = prompt::line(lang.ask_last_device()).await?;
                if !lang.is_yes(&answer) {
                    return Err(Failure::NotConfirmed(lang.stays_signed_in()));
                }
            }
            with_session(&client, || client.logout()).await?;
            (client.user_id().clone(), lang.logged_out(&folder))
        }
    };
    if output.is_json() {
        output.object(&LoggedOutObject { user_id: user_id.as_str(), signed_in: false })
    } else {
        output.text(&said)?;
        if was_last {
            output.remark(&lang.was_the_last_device());
        }
        Ok(())
    }
}

async fn sign_out_here(session: &Session<'_>) -> Result<UserId, Failure> {
    let Some(place) = session.profile.key_place()? else {
        return Err(Failure::NoAccount(session.profile.dir().to_owned()));
    };
    let passphrase = profile::existing_passphrase(place, session.lang()).await?;
    let passphrase = passphrase.as_ref().map(|phrase| phrase.as_str());
    Ok(privmsg_client::sign_out_here(&session.profile, passphrase).await?)
}
