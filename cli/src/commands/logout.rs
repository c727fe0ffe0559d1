//! `privmsg logout`.

use std::time::Duration;

use privmsg_client::{Client, Picture, Seat};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::failure::Failure;
use crate::{profile, prompt};

use super::{Session, with_session};

/// How long other devices of the account are answered before this one is signed out.
const ANSWERING: Duration = Duration::from_secs(15);

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
            if !was_last && client.signs().await? && !answer_others(session, &client).await? {
                output.remark(&lang.key_wanted_by_others());
                if !yes && !output.is_json() && prompt::somebody_is_there() {
                    let answer = prompt::line(lang.ask_logout_all_the_same()).await?;
                    if !lang.is_yes(&answer) {
                        return Err(Failure::NotConfirmed(lang.stays_signed_in()));
                    }
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

/// Tells other devices of the account that have asked for it the key by which they sign: this one is perhaps the only one that has it.
async fn answer_others(session: &Session<'_>, client: &Client) -> Result<bool, Failure> {
    let mut seat = Seat::take(client)?;
    let answered = async {
        let Picture::Now = client.newest().await? else { return Ok(false) };
        client.wait_no_key_wanted().await.map(|()| true)
    };
    let is_answered = tokio::select! {
        biased;
        exit = session.signals.wait() => Err(Failure::Interrupted(exit)),
        answered = answered => answered.map_err(Failure::from),
        error = seat.watch() => Err(error.into()),
        () = tokio::time::sleep(ANSWERING) => Ok(false),
    };
    seat.leave().await;
    is_answered
}

async fn sign_out_here(session: &Session<'_>) -> Result<UserId, Failure> {
    let Some(place) = session.profile.key_place()? else {
        return Err(Failure::NoAccount(session.profile.dir().to_owned()));
    };
    let passphrase = profile::existing_passphrase(place, session.lang()).await?;
    let passphrase = passphrase.as_ref().map(|phrase| phrase.as_str());
    Ok(privmsg_client::sign_out_here(&session.profile, passphrase).await?)
}
