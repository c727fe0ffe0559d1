//! `privmsg devices`.

use std::time::Duration;

use privmsg_client::{Client, ClientError, KeyTellings, LinkCode, OwnDevice, Seat};
use privmsg_protocol::{DeviceId, ErrorCode};
use serde::Serialize;

use crate::chat_name::chat_id;
use crate::failure::Failure;
use crate::foreign;
use crate::output::{Output, Style};
use crate::prompt;

use super::login::announce::say_who_waits;
use super::login::inputs;
use super::{Session, time, with_session};

/// How long a new device may take to ask for the account's key, once it is in.
const TELLING: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct LinkedObject<'a> {
    linked: &'a str,
    /// It has been told the account's key, by which it signs. Absent where it was in already.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_told: Option<bool>,
}

#[derive(Serialize)]
struct RemovedObject<'a> {
    removed: &'a str,
}

pub(super) async fn list(session: &Session<'_>) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open_listed().await?;
    let devices = with_session(&client, || client.devices()).await?;
    if output.is_json() {
        return devices.iter().try_for_each(|device| output.object(device));
    }
    let header = [lang.head_device(), lang.head_type(), lang.head_since(), lang.head_seen(), lang.head_name()];
    let rows: Vec<_> = devices.iter().map(row).collect();
    let wide: Vec<_> = (0..4)
        .map(|column| rows.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&wide).map(|(cell, wide)| format!("{cell:<wide$}  ")).collect::<String>();
        format!("{cells}{}", row[4])
    };
    output.text(&output.styled(Style::Faint, &line(&header)))?;
    for (device, row) in devices.iter().zip(&rows) {
        let line = line(row);
        if device.current {
            output.text(&format!("{} {}", output.styled(Style::Bold, &line), lang.this_device()))?;
        } else if device.waiting {
            output.text(&format!("{line} {}", lang.waiting_device()))?;
        } else if device.unknown_to_server {
            output.text(&format!("{line} {}", output.styled(Style::Bold, &lang.unknown_to_server())))?;
        } else {
            output.text(&line)?;
        }
    }
    for hidden in devices.iter().filter(|device| device.unknown_to_server && !device.current) {
        output.remark(&lang.hidden_by_server(hidden.device_id.as_str()));
    }
    for unseen in devices.iter().filter(|device| device.unseen) {
        let since = unseen.last_seen_at.as_ref().or(unseen.created_at.as_ref());
        let since = since.map(|since| time::local_from_server(since)).unwrap_or_default();
        output.remark(&lang.device_unseen(unseen.device_id.as_str(), &since));
    }
    Ok(())
}

/// Names were chosen on other devices; they come last because their width is anybody's guess.
fn row(device: &OwnDevice) -> [String; 5] {
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), foreign::line);
    [
        device.device_id.to_string(),
        shown(&device.device_type),
        since(device),
        device.last_seen_at.as_deref().map_or_else(|| "-".to_owned(), time::local_from_server),
        shown(&device.device_name),
    ]
}

/// When it was let in, as the signed list says; of one that waits, when it has first signed in, as the server says.
fn since(device: &OwnDevice) -> String {
    match (device.added_at, &device.created_at) {
        (Some(added), _) => time::local(i64::try_from(added).unwrap_or(i64::MAX).saturating_mul(1000)),
        (None, Some(created)) => time::local_from_server(created),
        (None, None) => "-".to_owned(),
    }
}

/// Lets a new device in that shows its code.
pub(super) async fn link(session: &Session<'_>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open_listed().await?;
    let text = inputs::link_code(lang).await?;
    let code: LinkCode = text.parse().map_err(|error| Failure::Usage(lang.link_code_error(error)))?;
    let device = code.device.device_id.as_str();
    let devices = with_session(&client, || client.devices()).await?;
    let is_in = |one: &OwnDevice| one.device_id == code.device.device_id && one.added_at.is_some() && !one.waiting;
    if code.device.user_id == *client.user_id() && devices.iter().any(is_in) {
        output.remark(&lang.linked_already(device));
        return if output.is_json() { output.object(&LinkedObject { linked: device, key_told: None }) } else { Ok(()) };
    }
    let told_before = client.key_tellings().await?;
    match with_session(&client, || client.link_device(&code)).await {
        Err(Failure::Client(ClientError::Server { code: ErrorCode::DeviceRemoved, .. })) => {
            return Err(Failure::LinkedWasRemoved);
        }
        linked => linked?,
    }
    if !output.is_json() {
        output.text(&lang.linked(device))?;
    }
    let told = tell_key(session, &client, told_before).await;
    let key_told = matches!(told, Ok(true));
    if !key_told {
        output.remark(&lang.key_not_told());
    }
    // It is in, whatever became of that.
    if output.is_json() {
        output.object(&LinkedObject { linked: device, key_told: Some(key_told) })?;
    }
    told.map(drop)
}

/// Runs the engine until the new device has been told what it signs by: this one may never be here again.
async fn tell_key(session: &Session<'_>, client: &Client, before: KeyTellings) -> Result<bool, Failure> {
    let (output, lang) = (session.output, session.lang());
    if output.is_watched() {
        output.note(&lang.tells_key());
    }
    let mut seat = Seat::take(client)?;
    let told = tokio::select! {
        biased;
        exit = session.signals.wait() => Err(Failure::Interrupted(exit)),
        told = client.wait_key_told(before) => told.map(|()| true).map_err(Failure::from),
        error = seat.watch() => Err(error.into()),
        () = tokio::time::sleep(TELLING) => Ok(false),
    };
    seat.leave().await;
    told
}

pub(super) async fn remove(session: &Session<'_>, device: &DeviceId, stolen: Option<bool>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = match session.open_listed().await {
        // Whoever has the stolen one may have been faster.
        Err(failure @ Failure::Client(ClientError::NotListed)) if stolen != Some(false) => {
            output.remark(&lang.put_out_by_the_stolen());
            return Err(failure);
        }
        opened => opened?,
    };
    if client.whoami().await?.device_id.as_ref() == Some(device) {
        return Err(Failure::Usage(session.lang().own_device()));
    }
    // A slip in the id shows before anybody takes out their recovery key.
    let was_listed = with_session(&client, || client.was_ever_listed(device)).await?;
    let is_stolen = if was_listed { stolen_or_not(output, stolen).await? } else { stolen == Some(true) };
    let mut undone = Vec::new();
    if is_stolen {
        let words = inputs::recovery_key(lang).await?;
        let devices = std::slice::from_ref(device);
        undone = with_session(&client, || client.remove_stolen(devices, &words)).await?;
        with_session(&client, || client.sign_out_stolen(device)).await?;
    } else {
        with_session(&client, || client.remove_device(device)).await?;
    }
    if output.is_json() {
        return output.object(&RemovedObject { removed: device.as_str() });
    }
    output.text(&lang.device_removed(device.as_str()))?;
    if is_stolen {
        output.remark(&lang.what_stolen_has_done());
    }
    if is_stolen && client.devices().await.unwrap_or_default().iter().any(|device| device.waiting) {
        output.remark(&lang.came_after_the_stolen());
        say_who_waits(session, &client).await;
    }
    if !undone.is_empty() {
        let chats: Vec<_> = undone.iter().map(|chat| chat_id(chat, client.user_id())).collect();
        output.remark(&lang.decisions_undone(&chats.join(", ")));
    }
    Ok(())
}

/// Whether the device may be in somebody else's hands. Whoever cannot be asked has to say.
async fn stolen_or_not(output: &Output, said: Option<bool>) -> Result<bool, Failure> {
    let lang = output.lang();
    match said {
        Some(stolen) => Ok(stolen),
        None if prompt::somebody_is_there() => {
            let answer = prompt::line(lang.ask_wiped()).await?;
            if !lang.is_yes(&answer) && !lang.is_no(&answer) {
                output.note(&lang.taken_as_no());
            }
            Ok(!lang.is_yes(&answer))
        }
        None => Err(Failure::Usage(lang.say_wiped_or_stolen())),
    }
}
