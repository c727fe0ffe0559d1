//! What the parts of one open profile share.

use std::sync::{Arc, Mutex, PoisonError};

use privmsg_protocol::UserId;
use privmsg_protocol::rest::IdentityReplacement;
use privmsg_store::Store;
use privmsg_store::account::{self, Account};
use privmsg_store::holds::Reason;
use tokio::sync::broadcast;

use crate::client::Passing;
use crate::clock::Clock;
use crate::error::ClientError;
use crate::events::Event;
use crate::files::folder::Folder;
use crate::group::loaded::Loaded;
use crate::net::http::Api;
use crate::picture::Progress;
use crate::profile::Profile;

/// Events that a slow front-end may be behind. One that is slower finds everything in the database.
const EVENTS: usize = 1024;

/// An open profile, signed in at some time.
pub(crate) struct Context {
    pub(crate) profile: Profile,
    pub(crate) user_id: UserId,
    pub(crate) store: Store,
    pub(crate) api: Api,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) files: Folder,
    /// Around all that is logged: there may be several accounts in one process.
    pub(crate) span: tracing::Span,
    /// Conversations that stay in memory.
    pub(crate) loaded: Arc<Loaded>,
    /// What is said and not kept.
    pub(crate) passing: Passing,
    /// How far the engine of this process is.
    pub(crate) progress: Progress,
    /// The replacement of the identity that the user was told of last, in this process.
    replacement: Mutex<Option<IdentityReplacement>>,
    events: broadcast::Sender<Event>,
}

impl Context {
    pub(crate) fn new(profile: Profile, store: Store, account: Account, clock: Arc<dyn Clock>) -> Self {
        let api = Api::of(&account);
        // At the level of errors, so that it is there whatever is logged.
        let span = tracing::error_span!("account", user = %account.user_id);
        let store = store.in_span(span.clone());
        let events = broadcast::Sender::new(EVENTS);
        let files = Folder::of(&profile);
        let (passing, loaded, progress) = (Passing::default(), Arc::default(), Progress::default());
        let (user_id, replacement) = (account.user_id, Mutex::default());
        Self { profile, user_id, store, api, clock, files, span, loaded, passing, progress, replacement, events }
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn emit(&self, event: Event) {
        // Without a front-end that listens there is nobody to tell.
        let _ = self.events.send(event);
    }

    pub(crate) fn emit_all(&self, events: Vec<Event>) {
        for event in events {
            self.emit(event);
        }
    }

    /// Tells the user that somebody has begun to replace the identity: each beginning, and again in each process until it is
    /// over, for a single line is easily missed.
    pub(crate) fn tell_of_replacement(&self, begun: Option<IdentityReplacement>) {
        let mut told = self.replacement.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_some() && *told != begun {
            self.emit(Event::OwnDevicesAlarm { reason: Reason::ReplacementBegun });
        }
        *told = begun;
    }

    pub(crate) async fn account(&self) -> Result<Account, ClientError> {
        self.store.read(account::load).await?.ok_or(ClientError::NotSignedIn)
    }
}
