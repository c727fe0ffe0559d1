//! `invite`: a link and a QR code by which a user signs in, once.

use std::io::{IsTerminal as _, stdout};

use clap::ArgMatches;
use privmsg_protocol::{Invitation, UserId};
use serde_json::json;

use super::arguments::{Administrator, administration, invitation, take_whom, whom};
use super::desk::Desk;
use super::{CommandError, print};
use crate::admin::invitation::{DEFAULT_HOURS, Fresh, fresh};
use crate::clock::{Clock, format_utc};
use crate::config::Config;
use crate::http::own_fingerprint;
use crate::i18n::Language;

/// How an invitation is made and shown.
pub(super) struct Invite {
    server: String,
    fingerprint: Option<String>,
    hours: u32,
    qr: bool,
}

impl Invite {
    /// Takes the arguments made by [`invitation`].
    pub(super) fn take(config: &Config, matches: &mut ArgMatches) -> Result<Self, CommandError> {
        let configured = Some(config.server.public_url.clone()).filter(|url| !url.is_empty());
        let server = matches.remove_one::<String>("server-url").or(configured).ok_or(CommandError::NoServerUrl)?;
        let server = server.trim_end_matches('/').to_owned();
        if !Invitation::is_server_url(&server) {
            return Err(CommandError::NoServerUrl);
        }
        Ok(Self {
            server,
            fingerprint: own_fingerprint(&config.tls),
            hours: matches.remove_one("expires-in-hours").unwrap_or(DEFAULT_HOURS),
            qr: matches.get_flag("qr"),
        })
    }

    pub(super) async fn make(&self, desk: &mut Desk, user_id: UserId) -> Result<Fresh, CommandError> {
        let (invitation, act) =
            fresh(user_id, &self.server, self.fingerprint.clone(), self.hours, Clock::system().now());
        desk.act(act).await?;
        Ok(invitation)
    }

    /// For people.
    pub(super) fn show(&self, invitation: &Fresh, language: Language) -> Result<(), CommandError> {
        let until = format_utc(invitation.expires_at).unwrap_or_default();
        let title = language.pick(
            "Invitation, for one use; whoever has it can sign in as this user. Valid until (UTC):",
            "Приглашение на один вход; кто им владеет, войдёт как этот пользователь. Действует до (UTC):",
        );
        print(&format!("{title} {until}\n\n{}", invitation.link.expose()))?;
        if self.qr || stdout().is_terminal() {
            let knows_colours = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
            print(&format!("\n{}", invitation.text(stdout().is_terminal() && knows_colours).expose()))?;
        }
        Ok(())
    }
}

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Make an invitation: a link and a QR code for one sign-in. An earlier one stops working",
        "Создать приглашение: ссылку и QR-код на один вход. Прежнее приглашение перестаёт действовать",
    );
    administration(language, "invite", about).arg(whom(language)).args(invitation(language))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let user_id = take_whom(&mut matches);
    let invite = Invite::take(config, &mut matches)?;
    let by = Administrator::take(&mut matches, language);
    let mut desk = by.desk(config).await?;
    let made = invite.make(&mut desk, user_id).await;
    desk.close().await;
    let invitation = made?;
    if by.json {
        let (user_id, link) = (invitation.user_id.as_str(), invitation.link.expose());
        return print(&json!({"user_id": user_id, "link": link, "expires_at": invitation.expires_at}).to_string());
    }
    invite.show(&invitation, language)
}
