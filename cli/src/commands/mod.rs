//! One file per command.

mod act;
mod blocks;
mod chat;
mod chats;
mod connected;
mod connection;
mod contact;
mod devices;
mod download;
mod forward;
mod group;
mod history;
mod identity;
mod listen;
mod login;
mod logout;
mod message;
mod passphrase;
mod progress;
mod read;
mod requests;
mod safety_number;
mod search;
mod send;
mod send_media;
mod settings;
pub(crate) mod time;
mod units;
mod waiting;
mod whoami;

use std::path::PathBuf;
use std::sync::OnceLock;

use privmsg_client::{Client, ClientError, Event, Profile, Reason, Seat};
use privmsg_protocol::ErrorCode;
use tokio::sync::broadcast;

use crate::args::Command;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::output::Output;
use crate::profile;
use crate::signals::Signals;

/// What every command has.
pub(crate) struct Session<'a> {
    output: &'a Output,
    profile: Profile,
    signals: Signals,
    /// What was wrong with the account when the profile was opened, which was said.
    alarms: OnceLock<Vec<Reason>>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(profile: Option<PathBuf>, output: &'a Output) -> Result<Self, Failure> {
        let signals = Signals::listen().map_err(Failure::Runtime)?;
        Ok(Self { output, profile: profile::folder(profile)?, signals, alarms: OnceLock::new() })
    }

    const fn lang(&self) -> Lang {
        self.output.lang()
    }

    /// Opens the profile, and says what is wrong with its account: each command does, as long as it is so.
    async fn open(&self) -> Result<Client, Failure> {
        let client = profile::open(&self.profile, self.lang()).await?;
        let alarms = client.alarms().await?;
        if self.alarms.get().is_none() {
            alarms.iter().for_each(|reason| connection::say_alarm(self, reason));
        }
        self.alarms.get_or_init(|| alarms);
        Ok(client)
    }

    /// Opens the profile of a device that is signed in.
    async fn open_signed_in(&self) -> Result<Client, Failure> {
        let client = self.open().await?;
        if client.whoami().await?.signed_in || comes_back(&client).await {
            return Ok(client);
        }
        Err(why_not_signed_in(&client).await?)
    }

    /// The same of one that its account's other devices know. One that waits to be let in can do little else.
    async fn open_listed(&self) -> Result<Client, Failure> {
        let client = self.open_signed_in().await?;
        if client.waits_to_be_let_in().await? { Err(ClientError::NotListed.into()) } else { Ok(client) }
    }
}

/// Whether a device that the server has called signed out is in again. Without a connection what it has said stands.
async fn comes_back(client: &Client) -> bool {
    client.comes_back().await.unwrap_or_else(|error| {
        tracing::info!(%error, "the device's key was not tried again");
        false
    })
}

/// Why a device is not signed in.
async fn why_not_signed_in(client: &Client) -> Result<Failure, Failure> {
    Ok(match (client.signed_out().await?, client.identity_begins_at().await?) {
        (Some(signed_out), _) => Failure::SignedOut(signed_out),
        (None, Some(at)) => Failure::IdentityBegins { at_ms: at.saturating_mul(1000) },
        (None, None) => Failure::SignInUnfinished,
    })
}

/// Runs a command to its end.
pub(crate) async fn run(session: &Session<'_>, command: Command) -> Result<(), Failure> {
    let signals = &session.signals;
    match command {
        // These have something to finish when a signal comes.
        Command::Login(login) => login::run(session, login).await,
        Command::Send(send) => send::run(session, send).await,
        Command::Chat { with } => chat::run(session, &with).await,
        Command::Group(command) => group::run(session, command).await,
        Command::React { which, emoji, remove, timeout } => act::react(session, &which, emoji, remove, timeout).await,
        Command::Edit { which, text, timeout } => act::edit(session, &which, text, timeout).await,
        Command::Forward { which, to, timeout } => forward::run(session, &which, to, timeout).await,
        Command::Delete { which, for_me, timeout } => act::delete(session, &which, for_me, timeout).await,
        Command::Listen(listen) => listen::run(session, listen).await,
        Command::Download { which, out } => download::run(session, &which, &out).await,
        Command::History { chat, limit } => signals.unless_interrupted(history::run(session, &chat, limit)).await,
        Command::Search(wanted) => signals.unless_interrupted(search::run(session, &wanted)).await,
        Command::Read { chat } => signals.unless_interrupted(read::run(session, &chat)).await,
        Command::Settings(wanted) => signals.unless_interrupted(settings::run(session, wanted)).await,
        Command::Passphrase { remove } => signals.unless_interrupted(passphrase::run(session, remove)).await,
        Command::Chats => signals.unless_interrupted(chats::run(session)).await,
        Command::ContactLink => signals.unless_interrupted(contact::link(session)).await,
        Command::AddContact(wanted) => signals.unless_interrupted(contact::add(session, wanted)).await,
        Command::Contacts => signals.unless_interrupted(contact::list(session)).await,
        Command::ContactInfo(user) => signals.unless_interrupted(contact::known::info(session, &user)).await,
        Command::ConfirmContact { user, drop } => {
            signals.unless_interrupted(contact::known::confirm(session, &user, drop)).await
        }
        Command::Whoami => signals.unless_interrupted(whoami::run(session)).await,
        Command::Devices => signals.unless_interrupted(devices::list(session)).await,
        Command::LinkDevice => signals.unless_interrupted(devices::link(session)).await,
        Command::RemoveDevice { device, stolen } => {
            signals.unless_interrupted(devices::remove(session, &device, stolen)).await
        }
        Command::Replacement { end } => signals.unless_interrupted(identity::replacement(session, end)).await,
        Command::NewWords => signals.unless_interrupted(identity::new_words(session)).await,
        Command::ChangeAccessKey { recover, access_key_file } => {
            signals.unless_interrupted(identity::change_access_key(session, recover, access_key_file.as_deref())).await
        }
        Command::SafetyNumber { user, change } => {
            signals.unless_interrupted(safety_number::run(session, &user, change)).await
        }
        Command::Block { user, blocked, send } => {
            signals.unless_interrupted(blocks::block(session, &user, blocked, send)).await
        }
        Command::Requests => requests::list(session).await,
        Command::Answer { chat, answer } => requests::answer(session, &chat, answer).await,
        Command::Blocks => signals.unless_interrupted(blocks::list(session)).await,
        Command::Logout { local, yes } => signals.unless_interrupted(logout::run(session, local, yes)).await,
    }
}

/// Does a request, and again with a new session if the old one has ended: somebody who was away for weeks should not
/// notice. The engine renews it when it connects.
async fn with_session<T, W: Future<Output = Result<T, ClientError>>>(
    client: &Client,
    request: impl Fn() -> W,
) -> Result<T, Failure> {
    match request().await {
        Err(ClientError::Server { code: ErrorCode::TokenExpired | ErrorCode::Unauthorized, .. }) => {}
        other => return Ok(other?),
    }
    let mut events = client.events();
    let mut seat = Seat::take(client)?;
    let connected = async {
        loop {
            match events.recv().await {
                Ok(Event::Connected) | Err(broadcast::error::RecvError::Closed) => return Ok(()),
                Ok(Event::Disconnected { reason }) => return Err(Failure::Disconnected(reason)),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            }
        }
    };
    let connected: Result<(), Failure> = tokio::select! {
        result = connected => result,
        error = seat.watch() => Err(error.into()),
    };
    connected?;
    let result = request().await;
    seat.leave().await;
    Ok(result?)
}
