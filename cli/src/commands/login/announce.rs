//! What a person is told once a device is signed in.

use std::time::Duration;

use privmsg_client::{Client, Event, KeyPlace, LoggedIn, Seat};
use privmsg_protocol::Secret;
use serde::Serialize;
use tokio::sync::broadcast;
use zeroize::Zeroizing;

use crate::commands::Session;
use crate::failure::Failure;
use crate::foreign;
use crate::output::{Output, Style};
use crate::{profile, prompt};

/// How long to wait until this device is in all chats.
const SYNC: Duration = Duration::from_secs(30);

/// How often a word may be mistyped.
const ATTEMPTS: usize = 3;

#[derive(Serialize)]
struct LoggedInObject<'a> {
    user_id: &'a str,
    device_id: &'a str,
    recovery_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<&'a str>,
}

/// Shows who has signed in, and the recovery key once; what was shown is forgotten.
pub(super) async fn announce(output: &Output, client: &Client, logged_in: &LoggedIn) -> Result<(), Failure> {
    let lang = output.lang();
    let (user, device) = (logged_in.user_id.as_str(), logged_in.device_id.as_str());
    let words = logged_in.recovery_key.as_ref().map(Secret::expose);
    let access_key = logged_in.access_key.as_ref().map(Secret::expose);
    if output.is_json() {
        output.object(&LoggedInObject { user_id: user, device_id: device, recovery_key: words, access_key })?;
    } else {
        output.text(&lang.signed_in(user, device))?;
        if let Some(key) = access_key {
            let title = lang.access_key_title();
            let text =
                format!("\n{title}\n\n    {}\n\n{}", output.styled(Style::Bold, key), lang.access_key_explanation());
            output.text(&Zeroizing::new(text))?;
        }
        if let Some(words) = words {
            output.text(&recovery_block(output, words))?;
        }
    }
    if match words {
        Some(words) if output.is_terminal() && prompt::somebody_is_there() => {
            let unnoted = Unnoted { output, is_noted: false };
            let noted = are_noted(output, words).await?;
            unnoted.ends();
            noted
        }
        Some(_) => true,
        None => access_key.is_some(),
    } {
        client.forget_recovery_key().await?;
    }
    if let Some(ahead_ms) = logged_in.clock_ahead_ms {
        output.note(&lang.clock_is_off(ahead_ms));
    }
    Ok(())
}

/// Says, if it is cut off, that the device is signed in all the same.
struct Unnoted<'a> {
    output: &'a Output,
    is_noted: bool,
}

impl Unnoted<'_> {
    fn ends(mut self) {
        self.is_noted = true;
    }
}

impl Drop for Unnoted<'_> {
    fn drop(&mut self) {
        if !self.is_noted {
            self.output.remark(&format!("\n{}", self.output.lang().shown_again_by_login()));
        }
    }
}

/// Asks for three of the words. Until they are typed back, the device keeps them, and the identity key with them: somebody who
/// has lost both has lost the account.
pub(in crate::commands) async fn are_noted(output: &Output, words: &str) -> Result<bool, Failure> {
    let lang = output.lang();
    let words: Vec<_> = words.split_whitespace().collect();
    for at in Client::words_to_type_back() {
        let mut attempt = 1;
        while prompt::line(lang.ask_word(at + 1)).await?.to_lowercase() != words[at] {
            if attempt == ATTEMPTS {
                output.note(&lang.words_not_noted());
                return Ok(false);
            }
            output.note(&lang.wrong_word());
            attempt += 1;
        }
    }
    output.note(&lang.words_noted());
    Ok(true)
}

/// The words in rows of four, to be written down.
pub(in crate::commands) fn recovery_block(output: &Output, words: &str) -> Zeroizing<String> {
    let lang = output.lang();
    let words: Vec<_> = words.split_whitespace().collect();
    let mut block = Zeroizing::new(format!("\n{}\n\n", lang.recovery_title()));
    for row in words.chunks(4) {
        block.push_str("    ");
        block.push_str(&output.styled(Style::Bold, &row.join(" ")));
        block.push('\n');
    }
    block.push('\n');
    block.push_str(&lang.recovery_explanation());
    block.push('\n');
    block
}

pub(super) fn explain_key(session: &Session<'_>, place: KeyPlace) {
    session.output.note(&foreign::line(&profile::explain(place, &session.profile, session.lang())));
}

/// How long a device that is let in waits for the account's key: the one that lets it in waits longer.
const KEY: Duration = Duration::from_secs(20);

/// Runs the engine until this device takes part in all chats, so that nothing that is sent from now on passes it by, and can sign for the
/// account, so that the one that has let it in is not needed any more.
pub(super) async fn join_chats(session: &Session<'_>, client: &Client) {
    let (output, lang) = (session.output, session.lang());
    if output.is_watched() {
        output.note(&lang.joining());
    }
    let mut events = client.events();
    let mut seat = match Seat::take(client) {
        Ok(seat) if seat.is_ours() => seat,
        // Another process of this profile does it.
        Ok(_) => return,
        Err(error) => return output.note(&lang.not_synced(&Failure::from(error).describe(lang).message)),
    };
    let mut reason = lang.no_answer_in_time();
    let synced = async {
        loop {
            match events.recv().await {
                Ok(Event::Synced) | Err(broadcast::error::RecvError::Closed) => return,
                Ok(Event::SetBack) => output.notice("profile_set_back", &lang.set_back()),
                Ok(Event::Disconnected { reason: why }) => reason = lang.disconnection(&why),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            }
        }
    };
    let ended = tokio::select! {
        () = synced => None,
        error = seat.watch() => Some(Some(Failure::from(error).describe(lang).message)),
        () = tokio::time::sleep(SYNC) => Some(None),
    };
    if let Some(why) = ended {
        output.note(&foreign::line(&lang.not_synced(&why.unwrap_or(reason))));
    } else if tokio::time::timeout(KEY, client.wait_signs()).await.is_err() {
        output.remark(&lang.signs_nothing_yet());
    }
    seat.leave().await;
}

/// Names the account's devices that wait to be let in: who came in by the words has left them out.
pub(in crate::commands) async fn say_who_waits(session: &Session<'_>, client: &Client) {
    let (output, lang) = (session.output, session.lang());
    // It is a hint: where the server cannot be asked, 'devices' says it later.
    for device in client.devices().await.unwrap_or_default().iter().filter(|device| device.waiting) {
        let name = device.device_name.as_deref().map(foreign::line).unwrap_or_default();
        output.remark(&lang.device_waits(device.device_id.as_str(), &name));
    }
}
