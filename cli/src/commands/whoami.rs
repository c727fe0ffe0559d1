//! `privmsg whoami`.

use privmsg_client::KeyPlace;
use serde::Serialize;

use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;
use crate::profile;

use super::{Session, connection, why_not_signed_in};

#[derive(Serialize)]
struct WhoamiObject<'a> {
    user_id: &'a str,
    device_id: Option<&'a str>,
    device_name: &'a str,
    server: &'a str,
    proxy: Option<&'a str>,
    fingerprint: Option<&'a str>,
    public_key: Option<&'a str>,
    signed_in: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<&'a str>,
    /// It has to be let in by another device of the account.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waiting: bool,
    /// It can sign for the account: let devices in, and change groups.
    signs: bool,
    /// What is wrong with the account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<&'static str>,
    profile: String,
    key_place: Option<&'static str>,
}

pub(super) async fn run(session: &Session<'_>) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let me = client.whoami().await?;
    let waits = me.signed_in && client.is_known_to_wait().await?;
    let signs = me.signed_in && !waits && client.signs().await?;
    let place = session.profile.key_place()?;
    let folder = session.profile.dir().display().to_string();
    let why_not = match me.signed_in {
        true => None,
        false => match why_not_signed_in(&client).await? {
            // Nothing is known but that.
            Failure::SignInUnfinished => None,
            why => Some(why.describe(lang)),
        },
    };
    if output.is_json() {
        return output.object(&WhoamiObject {
            user_id: me.user_id.as_str(),
            device_id: me.device_id.as_ref().map(privmsg_protocol::DeviceId::as_str),
            device_name: &me.device_name,
            server: &me.server_url,
            proxy: me.proxy.as_deref(),
            fingerprint: me.fingerprint.as_deref(),
            public_key: me.identity_key.as_deref(),
            signed_in: me.signed_in,
            why_not: why_not.as_ref().map(|why| why.code.as_str()),
            waiting: waits,
            signs,
            alarms: client.alarms().await?.iter().map(connection::alarm).collect(),
            profile: folder,
            key_place: place.map(KeyPlace::name),
        });
    }
    let device = match &me.device_id {
        Some(id) => format!("{id} ({})", me.device_name),
        None => me.device_name.clone(),
    };
    let state = match (me.signed_in, waits) {
        (true, true) => lang.is_waiting(),
        (true, false) => lang.is_signed_in(),
        (false, _) => lang.is_signed_out(),
    };
    let mut rows = vec![
        (lang.label_user(), me.user_id.to_string()),
        (lang.label_device(), device),
        (lang.label_server(), me.server_url),
    ];
    rows.extend(me.proxy.map(|proxy| (lang.label_proxy(), proxy)));
    rows.extend(me.fingerprint.map(|fingerprint| (lang.label_fingerprint(), fingerprint)));
    rows.extend([
        (lang.label_state(), state),
        (lang.label_public_key(), me.identity_key.unwrap_or_else(|| "-".to_owned())),
        (lang.label_profile(), folder),
    ]);
    let wide = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    for (label, value) in rows {
        let label = output.styled(Style::Faint, &format!("{label:<wide$}"));
        output.text(&format!("{label}  {}", foreign::line(&value)))?;
    }
    if me.signed_in && !waits && !signs {
        output.text(&lang.signs_nothing_yet())?;
    }
    if let Some(why) = why_not {
        output.text(&why.message)?;
    }
    if let Some(place) = place {
        output.text(&profile::explain(place, &session.profile, lang))?;
    }
    Ok(())
}
