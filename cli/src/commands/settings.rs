//! `privmsg settings`.

use privmsg_client::{CacheLimit, Client, Setting};
use serde::Serialize;

use crate::args::Settings;
use crate::failure::Failure;
use crate::lang::Lang;

use super::Session;

/// Either of the two, as the setting is.
#[derive(Serialize)]
struct SettingObject {
    setting: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    megabytes: Option<u32>,
}

pub(super) async fn run(session: &Session<'_>, wanted: Settings) -> Result<(), Failure> {
    let client = session.open().await?;
    match wanted {
        Settings::Switch(setting, on) => {
            client.set(setting, on).await?;
            show(session, &client, setting).await
        }
        Settings::Cache(limit) => {
            client.set_cache_limit(limit).await?;
            show_cache(session, &client).await
        }
        Settings::Show(setting) => show(session, &client, setting).await,
        Settings::ShowCache => show_cache(session, &client).await,
        Settings::ShowAll => {
            for setting in Setting::ALL {
                show(session, &client, setting).await?;
            }
            show_cache(session, &client).await
        }
    }
}

async fn show(session: &Session<'_>, client: &Client, setting: Setting) -> Result<(), Failure> {
    let lang = session.lang();
    let on = client.setting(setting).await?;
    let state = if on { lang.setting_on() } else { lang.setting_off() };
    let object = SettingObject { setting: setting.as_str(), on: Some(on), megabytes: None };
    print(session, &object, &state, &explanation(lang, setting))
}

async fn show_cache(session: &Session<'_>, client: &Client) -> Result<(), Failure> {
    let CacheLimit { megabytes } = client.cache_limit().await?;
    let object = SettingObject { setting: CacheLimit::NAME, on: None, megabytes: Some(megabytes) };
    print(session, &object, &megabytes.to_string(), &session.lang().setting_cache())
}

fn print(session: &Session<'_>, object: &SettingObject, state: &str, explanation: &str) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.object(object);
    }
    session.output.text(&format!("{:<13}  {state:<4}  {explanation}", object.setting))
}

fn explanation(lang: Lang, setting: Setting) -> String {
    match setting {
        Setting::ReadReceipts => lang.setting_read_receipts(),
        Setting::Presence => lang.setting_presence(),
        Setting::Typing => lang.setting_typing(),
    }
}
