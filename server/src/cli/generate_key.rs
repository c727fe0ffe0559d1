//! `generate-key`: a new user.

use clap::{Arg, ArgAction, ArgMatches};
use privmsg_protocol::UserId;
use serde_json::json;

use super::arguments::{Administrator, administration, invitation, user_id};
use super::desk::Desk;
use super::invite::Invite;
use super::{CommandError, print};
use crate::admin;
use crate::config::Config;
use crate::i18n::Language;
use privmsg_protocol::rest::CreatedUser;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Make a user, and show the access key, this once",
        "Создать пользователя и показать ключ доступа (только один раз)",
    );
    let name = ("Chosen name; random without it", "Выбранное имя; без него — случайное");
    let invite = Arg::new("invite").long("invite").action(ArgAction::SetTrue).help(language.say(
        "Make an invitation as well: a link and a QR code instead of a key to be typed",
        "Создать и приглашение: ссылку и QR-код вместо ключа, который надо вводить",
    ));
    administration(language, "generate-key", about)
        .arg(user_id(language, name))
        .arg(invite)
        .args(invitation(language).map(|arg| arg.requires("invite")))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let name: Option<UserId> = matches.remove_one("user-id");
    // Before anything is made: an invitation needs to know where the server is.
    let invite = if matches.get_flag("invite") { Some(Invite::take(config, &mut matches)?) } else { None };
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let made = make(&mut desk, name, invite.as_ref()).await;
    desk.close().await;
    let (created, invitation) = made?;
    let (user_id, access_key) = (created.user_id.as_str(), created.access_key.expose());
    if by.json {
        let mut json = json!({"user_id": user_id, "access_key": access_key});
        if let Some(invitation) = &invitation {
            json["link"] = invitation.link.expose().into();
            json["expires_at"] = invitation.expires_at.into();
        }
        return print(&json.to_string());
    }
    let advice = language.pick(
        "Keep both: the access key is shown only now.",
        "Сохраните оба значения: ключ доступа показывается только сейчас.",
    );
    print(&format!("user_id:    {user_id}\naccess_key: {access_key}\n\n{advice}"))?;
    if let (Some(invite), Some(invitation)) = (invite, invitation) {
        let instead = language.pick(
            "The invitation gives its user a new key, and this one stops working then.",
            "Приглашение выдаст пользователю новый ключ, и этот ключ тогда перестанет действовать.",
        );
        print(&format!("{instead}\n"))?;
        invite.show(&invitation, language)?;
    }
    Ok(())
}

async fn make(
    desk: &mut Desk,
    name: Option<UserId>,
    invite: Option<&Invite>,
) -> Result<(CreatedUser, Option<admin::invitation::Fresh>), CommandError> {
    let created = loop {
        let (created, act) = admin::new_user(name.clone());
        match desk.act(act).await {
            // A made-up name that is taken: chance, so another one.
            Err(CommandError::UserExists) if name.is_none() => {}
            other => break other.map(|()| created)?,
        }
    };
    let invitation = match invite {
        Some(invite) => Some(invite.make(desk, created.user_id.clone()).await?),
        None => None,
    };
    Ok((created, invitation))
}
