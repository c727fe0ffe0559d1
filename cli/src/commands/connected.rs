//! Commands that decide by what is known of groups: what waits on the server is fetched first.

use std::time::Duration;

use privmsg_client::{ChangeError, Client, ClientError, Event, Picture, Seat};
use privmsg_protocol::MessageId;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::connection::say_failed;
use super::{Session, time};
use crate::failure::Failure;

/// An open profile whose engine runs, here or in another process.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) seat: Seat,
    /// How new what is known here is.
    picture: Picture,
    /// When that began to be found out.
    pub(super) begun: Instant,
    /// What has happened since.
    pub(super) events: broadcast::Receiver<Event>,
}

impl Connected {
    /// Runs the engine, and waits until what waits is here, but no longer than so many seconds.
    pub(super) async fn open(session: &Session<'_>, within: Option<u64>) -> Result<Self, Failure> {
        let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
        Self::of(session, client, within).await
    }

    /// The same with a profile that is open.
    pub(super) async fn of(session: &Session<'_>, client: Client, within: Option<u64>) -> Result<Self, Failure> {
        let begun = Instant::now();
        let events = client.events();
        let mut seat = Seat::take(&client)?;
        if !seat.is_ours() && session.output.is_watched() {
            session.output.note(&session.lang().other_process());
        }
        let within = Duration::from_secs(within.unwrap_or(u64::from(u32::MAX)));
        let picture = tokio::select! {
            biased;
            exit = session.signals.wait() => Err(Failure::Interrupted(exit)),
            error = seat.watch() => Err(error.into()),
            picture = client.newest() => picture.map_err(Failure::from),
            () = tokio::time::sleep(within) => Ok(Picture::Earlier { at_ms: None }),
        };
        match picture {
            Ok(picture) => Ok(Self { client, seat, picture, begun, events }),
            Err(failure) => {
                seat.leave().await;
                Err(failure)
            }
        }
    }

    /// Says by what was decided, if that may be over.
    pub(super) fn say_how_old(&self, session: &Session<'_>) {
        if let Picture::Earlier { at_ms } = self.picture {
            let lang = session.lang();
            let said = match at_ms {
                Some(at) => lang.picture_of(&time::local(at)),
                None => lang.picture_not_new(),
            };
            session.output.notice("outdated", &said);
        }
    }

    /// Ends what was done with it. A refusal by what is known here says how old that is.
    pub(super) async fn end<T>(mut self, session: &Session<'_>, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(
            Failure::Client(
                ClientError::NoSuchGroup(_)
                | ClientError::NotInGroup
                | ClientError::GroupChange(ChangeError::NotAllowed | ChangeError::NoParticipant | ChangeError::LastOwner),
            )
            | Failure::NotThere { .. }
            | Failure::NotAllowedInGroup(_),
        ) = &result
        {
            self.say_how_old(session);
        }
        let told = match &result {
            Err(Failure::Held { message, .. }) => Some(*message),
            _ => None,
        };
        self.say_what_has_happened(session, told).await;
        self.seat.leave().await;
        result
    }

    /// Whether all that waited on the server is here.
    pub(super) const fn is_new(&self) -> bool {
        matches!(self.picture, Picture::Now)
    }

    /// Says what has become of messages that were queued before, but for one of which the command tells itself, and whose key has changed.
    async fn say_what_has_happened(&mut self, session: &Session<'_>, told: Option<MessageId>) {
        let lang = session.lang();
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Failed { id, code, .. } => {
                    let message = self.client.message(id).await.ok().flatten();
                    if message.is_some_and(|message| Some(message.message_id) != told) {
                        // What cannot be said is in the history.
                        drop(say_failed(session, &self.client, id, &code).await);
                    }
                }
                Event::NotChanged { code, .. } => {
                    session.output.notice(code.as_str(), &lang.not_changed(&lang.refusal(&code)));
                }
                Event::IdentityChanged { user, blocked: false, .. } => {
                    session.output.notice("identity_changed", &lang.key_changed(user.as_str()));
                }
                _ => {}
            }
        }
    }
}
