//! `privmsg settings`.

use privmsg_client::{Client, Setting};
use serde::Serialize;

use crate::failure::Failure;
use crate::lang::Lang;

use super::Session;

#[derive(Serialize)]
struct SettingObject {
    setting: &'static str,
    on: bool,
}

pub(super) async fn run(session: &Session<'_>, change: Option<(Setting, bool)>) -> Result<(), Failure> {
    let client = session.open().await?;
    if let Some((setting, on)) = change {
        client.set(setting, on).await?;
        return show(session, &client, setting).await;
    }
    for setting in Setting::ALL {
        show(session, &client, setting).await?;
    }
    Ok(())
}

async fn show(session: &Session<'_>, client: &Client, setting: Setting) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let on = client.setting(setting).await?;
    if output.is_json() {
        return output.object(&SettingObject { setting: setting.as_str(), on });
    }
    let state = if on { lang.setting_on() } else { lang.setting_off() };
    output.text(&format!("{:<13}  {state:<3}  {}", setting.as_str(), explanation(lang, setting)))
}

fn explanation(lang: Lang, setting: Setting) -> String {
    match setting {
        Setting::ReadReceipts => lang.setting_read_receipts(),
        Setting::Presence => lang.setting_presence(),
        Setting::Typing => lang.setting_typing(),
    }
}
