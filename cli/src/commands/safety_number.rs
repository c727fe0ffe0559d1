//! `privmsg safety-number`.

use privmsg_client::{ChangedBy, Client, ClientError, ContactInfo, Device, Known, SafetyNumber};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::args::Verification;
use crate::failure::Failure;
use crate::output::{Output, Style};

use super::blocks::is_oneself;
use super::{Session, contact, time};

#[derive(Serialize)]
struct SafetyNumberObject<'a> {
    user_id: &'a str,
    safety_number: &'a str,
    verified: bool,
    known: &'static str,
    /// The number of a new key that has not been accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a str>,
    /// Who names that key: `seen` (the server), `link`, `in_person`, or `device`, another one of the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<&'static str>,
    /// That device.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by_device: Option<&'a str>,
    /// The numbers of keys that the user has refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<&'a str>,
    /// As the contact's newest device list has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    devices: Vec<DeviceObject<'a>>,
}

#[derive(Serialize)]
struct DeviceObject<'a> {
    device_id: &'a str,
    /// Seconds since 1970, by the clock of the device that let it in.
    added_at: u64,
}

pub(super) async fn run(session: &Session<'_>, user: &UserId, change: Option<Verification>) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    if user == client.user_id() || is_oneself(user) {
        return Err(Failure::Usage(lang.own_safety_number()));
    }
    let contact = client.contact(user).await?;
    let asked = match &change {
        Some(Verification::AcceptChange { number }) => to_accept(&contact, number).ok_or_else(|| {
            let first = contact.refused.first().map_or("", SafetyNumber::digits);
            Failure::Usage(lang.several_refused(user.as_str(), first.get(..5).unwrap_or_default()))
        })?,
        _ => Some(contact.to_compare()),
    };
    match (change, asked) {
        (None, _) => {}
        (Some(Verification::Mark), _) if contact.changed.is_some() => {
            return Err(ClientError::KeyChanged(user.clone()).into());
        }
        (Some(Verification::Mark | Verification::AcceptChange { .. } | Verification::RefuseChange), Some(asked))
            if !client.was_shown(user, asked).await? =>
        {
            show(output, &contact, &client.devices_of(user).await?)?;
            client.remember_shown(&contact).await?;
            return Err(ClientError::AnotherNumber(user.clone()).into());
        }
        (Some(Verification::AcceptChange { .. }), Some(asked)) => {
            let accepted = client.accept_identity_change(user, asked).await?;
            output.remark(&if accepted { lang.change_accepted(user.as_str()) } else { lang.no_change(user.as_str()) });
            // Where they stand under the former key, that one still counts.
            say_held_groups(output, &client, user).await?;
        }
        (Some(Verification::AcceptChange { .. }), None) => output.remark(&lang.no_change(user.as_str())),
        (Some(Verification::Mark), _) => client.mark_verified(user, contact.to_compare()).await?,
        (Some(Verification::Unmark), _) => client.unmark_verified(user).await?,
        (Some(Verification::RefuseChange), _) => {
            let refused = client.refuse_identity_change(user, contact.to_compare()).await?;
            output.remark(&if refused { lang.change_refused(user.as_str()) } else { lang.no_change(user.as_str()) });
            // Where they stand under the refused key, nothing is sent.
            say_held_groups(output, &client, user).await?;
        }
    }
    let contact = client.contact(user).await?;
    show(output, &contact, &client.devices_of(user).await?)?;
    Ok(client.remember_shown(&contact).await?)
}

/// The number of the key that is to be accepted, if there is one that begins so: the new one, or one that was refused. `None` where
/// several could be meant.
fn to_accept<'a>(contact: &'a ContactInfo, number: &str) -> Option<Option<&'a SafetyNumber>> {
    let wanted: String = number.chars().filter(|c| !c.is_whitespace()).collect();
    let offered = match &contact.changed {
        Some(changed) => std::slice::from_ref(changed),
        None => contact.refused.as_slice(),
    };
    let mut fitting = offered.iter().filter(|number| number.digits().starts_with(&wanted));
    match (fitting.next(), fitting.next()) {
        (Some(_), Some(_)) => None,
        (first, _) => Some(first),
    }
}

async fn say_held_groups(output: &Output, client: &Client, user: &UserId) -> Result<(), Failure> {
    for held in client.held_groups_with(user).await? {
        output.remark(&output.lang().group_held(&held));
    }
    Ok(())
}

pub(super) fn show(output: &Output, contact: &ContactInfo, devices: &[Device]) -> Result<(), Failure> {
    let lang = output.lang();
    let user = contact.user_id.as_str();
    if output.is_json() {
        return output.object(&SafetyNumberObject {
            user_id: user,
            safety_number: contact.safety_number.digits(),
            // The verified key is not the one in use while a change waits.
            verified: contact.verified && contact.changed.is_none(),
            known: contact.known().as_str(),
            changed: contact.changed.as_ref().map(SafetyNumber::digits),
            changed_by: contact.changed_by.as_ref().map(contact::changed_by),
            changed_by_device: contact.changed_by.as_ref().and_then(contact::device_of),
            refused: contact.refused.iter().map(SafetyNumber::digits).collect(),
            devices: devices
                .iter()
                .map(|device| DeviceObject { device_id: device.device_id.as_str(), added_at: device.added_at })
                .collect(),
        });
    }
    if let Some(changed) = &contact.changed {
        let by = contact.changed_by.as_ref().unwrap_or(&ChangedBy::Seen);
        let alarm = match by {
            ChangedBy::Seen => lang.key_changed(user),
            ChangedBy::Link | ChangedBy::InPerson => lang.link_differs(user),
            ChangedBy::Device(device) => lang.known_otherwise(user, device.as_str()),
        };
        for line in alarm.lines().chain(lang.key_changed_blocked(user).lines()) {
            output.text(&output.styled(Style::Alarm, line))?;
        }
        output.text("")?;
        output.text(&match by {
            ChangedBy::Seen => lang.safety_new_title(user),
            ChangedBy::Link | ChangedBy::InPerson => lang.safety_link_title(),
            ChangedBy::Device(device) => lang.safety_device_title(device.as_str()),
        })?;
        output.text(&block(output, changed))?;
        output.text(&match contact.known() {
            Known::Verified => lang.safety_old_title(),
            Known::ByLink if matches!(by, ChangedBy::Seen) => lang.safety_link_title(),
            Known::ByLink | Known::SeenFirst => lang.safety_pinned_title(),
        })?;
        return output.text(&block(output, &contact.safety_number));
    }
    output.text(&lang.safety_title(user))?;
    output.text(&block(output, &contact.safety_number))?;
    output.text(&match contact.known() {
        Known::Verified => lang.safety_verified(),
        Known::ByLink => lang.safety_by_link(user),
        Known::SeenFirst => lang.safety_unverified(user),
    })?;
    if let Some(first) = contact.refused.first() {
        output.text(&lang.safety_refused_title(user))?;
        for refused in &contact.refused {
            output.text(&block(output, refused))?;
        }
        let several = (contact.refused.len() > 1).then(|| first.digits().get(..5).unwrap_or_default());
        output
            .text(&lang.safety_refused_hint(user, &several.map(|digits| format!("={digits}")).unwrap_or_default()))?;
    }
    if devices.is_empty() {
        return Ok(());
    }
    let since = |device: &Device| {
        let at = i64::try_from(device.added_at).unwrap_or(i64::MAX).saturating_mul(1000);
        lang.device_since(device.device_id.as_str(), &time::local(at))
    };
    let devices: Vec<_> = devices.iter().map(since).collect();
    output.text(&output.styled(Style::Faint, &lang.devices_of(user, &devices.join(", "))))
}

/// Twelve groups in three rows, as they are read aloud.
pub(super) fn block(output: &Output, number: &SafetyNumber) -> String {
    let groups: Vec<_> = number.to_string().split(' ').map(str::to_owned).collect();
    let rows: Vec<_> =
        groups.chunks(4).map(|row| format!("    {}", output.styled(Style::Bold, &row.join(" ")))).collect();
    rows.join("\n")
}
