//! `privmsg login`.

use std::path::Path;
use std::time::Duration;

use privmsg_client::{Client, Event, KeyPlace, LoggedIn, Login as SignIn, LoginError, NewIdentity, Seat, SignInKey};
use privmsg_protocol::{Invitation, Secret, UserId};
use serde::Serialize;
use tokio::sync::broadcast;
use zeroize::Zeroizing;

use crate::args::Login;
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::output::{Output, Style};
use crate::profile::{self, Passphrase};
use crate::{prompt, variable};

use super::Session;

/// How long to wait until this device is in all chats.
const SYNC: Duration = Duration::from_secs(30);

/// The server sees the name, so it says nothing about the machine.
const DEVICE_NAME: &str = "terminal";

/// Typing mistakes in the recovery key that a person is given.
const ATTEMPTS: usize = 3;

#[derive(Serialize)]
struct LoggedInObject<'a> {
    user_id: &'a str,
    device_id: &'a str,
    recovery_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<&'a str>,
}

pub(super) async fn run(session: &Session<'_>, login: Login) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let invitation = if login.account.is_none() { Some(invitation(lang).await?) } else { None };
    let (server, user_id) = match (&invitation, login.account) {
        (_, Some(account)) => account,
        (Some(invitation), None) => (invitation.server.clone(), invitation.user_id.clone()),
        (None, None) => return Err(Failure::NoInvitation),
    };
    if !(server.starts_with("https://") || server.starts_with("http://")) {
        return Err(LoginError::BadAddress.into());
    }
    let existing = session.profile.key_place()?;
    let passphrase = match existing {
        Some(place) => profile::existing_passphrase(place, lang).await?,
        None => None,
    };
    if existing.is_some() && show_what_was_not_shown(session, &user_id, &passphrase).await? {
        return Ok(());
    }
    if goes_in_the_clear(&server) {
        output.remark(&lang.plain_http());
    }
    let key = match invitation {
        Some(invitation) => SignInKey::Invitation(invitation.key),
        None => SignInKey::Access(access_key(lang, login.access_key_file.as_deref()).await?),
    };
    let (place, passphrase) = match existing {
        Some(place) => (place, passphrase),
        None => profile::create(&session.profile, output).await?,
    };
    let sign_in = SignIn {
        server_url: server,
        user_id,
        key,
        device_name: login.device_name.unwrap_or_else(|| DEVICE_NAME.to_owned()),
        device_type: "cli",
    };
    let begun = sign_in.begin(&session.profile, passphrase.as_ref().map(|phrase| phrase.as_str())).await?;
    let logged_in = match begun {
        NewIdentity::Done(logged_in) => logged_in,
        NewIdentity::RecoveryKeyNeeded(mut pending) if login.new_identity => pending.replace_identity().await?,
        NewIdentity::RecoveryKeyNeeded(mut pending) => {
            let mut attempt = 1;
            loop {
                let words = recovery_key(lang).await?;
                match pending.recover(&words).await {
                    Err(LoginError::Recovery(error)) if may_try_again(attempt) => {
                        output.note(&Failure::Login(LoginError::Recovery(error)).describe(lang).message);
                        attempt += 1;
                    }
                    other => break other?,
                }
            }
        }
    };
    let client = profile::open_with(&session.profile, &passphrase).await?;
    announce(output, &client, &logged_in).await?;
    explain_key(session, place);
    join_chats(session, &client).await;
    Ok(())
}

/// A sign-in that was cut off after its end, before the recovery key was shown: nothing is left but to show it. Returns
/// whether that was so.
async fn show_what_was_not_shown(
    session: &Session<'_>,
    user: &UserId,
    passphrase: &Passphrase,
) -> Result<bool, Failure> {
    let client = match profile::open_with(&session.profile, passphrase).await {
        Err(Failure::NoAccount(_)) => return Ok(false),
        other => other?,
    };
    let me = client.whoami().await?;
    if me.user_id != *user && !me.signed_in {
        return Err(Failure::AnotherUsersProfile { user: me.user_id, dir: session.profile.dir().to_owned() });
    }
    let (true, Some(device_id)) = (me.signed_in && me.user_id == *user, me.device_id) else { return Ok(false) };
    let Some(recovery_key) = client.recovery_key().await? else { return Ok(false) };
    let logged_in = LoggedIn { user_id: me.user_id, device_id, recovery_key: Some(recovery_key), access_key: None };
    announce(session.output, &client, &logged_in).await?;
    join_chats(session, &client).await;
    Ok(true)
}

/// Shows who has signed in, and the recovery key once; what was shown is forgotten.
async fn announce(output: &Output, client: &Client, logged_in: &LoggedIn) -> Result<(), Failure> {
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
    if words.is_some() {
        client.forget_recovery_key().await?;
    }
    Ok(())
}

/// The words in rows of four, to be written down.
fn recovery_block(output: &Output, words: &str) -> Zeroizing<String> {
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

fn explain_key(session: &Session<'_>, place: KeyPlace) {
    session.output.note(&foreign::line(&profile::explain(place, &session.profile, session.lang())));
}

/// Runs the engine until this device takes part in all chats, so that nothing that is sent from now on passes it by.
async fn join_chats(session: &Session<'_>, client: &Client) {
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
                Ok(Event::Disconnected { reason: why }) => reason = lang.network(&why),
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
    }
    seat.leave().await;
}

/// From the file, the environment or the terminal.
async fn access_key(lang: Lang, file: Option<&Path>) -> Result<Secret, Failure> {
    let text = match (file, variable("PRIVMSG_ACCESS_KEY").filter(|key| !key.is_empty())) {
        (Some(path), _) => {
            Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, lang.io(&error)))?)
        }
        (None, Some(key)) => Zeroizing::new(key),
        (None, None) if prompt::somebody_is_there() => prompt::secret(lang.ask_access_key()).await?,
        (None, None) => return Err(Failure::NoAccessKey),
    };
    Ok(Secret::new(text.trim().to_owned()))
}

/// From the environment or the terminal: it holds a key, so it does not belong among the arguments.
async fn invitation(lang: Lang) -> Result<Invitation, Failure> {
    let text = match variable("PRIVMSG_INVITATION").filter(|link| !link.is_empty()) {
        Some(link) => Zeroizing::new(link),
        None if prompt::somebody_is_there() => prompt::secret(lang.ask_invitation()).await?,
        None => return Err(Failure::NoInvitation),
    };
    text.parse().map_err(|_| Failure::NotAnInvitation)
}

/// From the environment or the terminal.
async fn recovery_key(lang: Lang) -> Result<Zeroizing<String>, Failure> {
    match recovery_variable() {
        Some(words) => Ok(words),
        None if prompt::somebody_is_there() => prompt::secret(lang.ask_recovery_key()).await,
        None => Err(Failure::NoRecoveryKey),
    }
}

fn recovery_variable() -> Option<Zeroizing<String>> {
    variable("PRIVMSG_RECOVERY_KEY").filter(|words| !words.trim().is_empty()).map(Zeroizing::new)
}

/// A person who mistyped may try again; the environment says the same each time.
fn may_try_again(attempt: usize) -> bool {
    attempt < ATTEMPTS && recovery_variable().is_none()
}

/// Whether an address is neither encrypted nor on this machine nor an onion service, which encrypts by itself.
fn goes_in_the_clear(server: &str) -> bool {
    let Some(rest) = server.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !(loopback || host.eq_ignore_ascii_case("localhost") || host.ends_with(".onion"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_warned_of() {
        for safe in [
            "https://chat.example.org",
            "http://127.0.0.1:9443",
            "http://localhost:9443/",
            "http://[::1]:9443",
            "http://abc.onion",
        ] {
            assert!(!goes_in_the_clear(safe), "{safe}");
        }
        for open in ["http://chat.example.org", "http://192.168.1.2:9443", "http://127.0.0.1.example.org"] {
            assert!(goes_in_the_clear(open), "{open}");
        }
    }
}
