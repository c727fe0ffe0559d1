//! A handle for front-ends.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::rest::Device;
use privmsg_protocol::{DeviceId, MessageId, Secret, UserId};
use privmsg_store::account::{self, Account};
use privmsg_store::messages::MessageState;
use privmsg_store::{Store, StoreError, chats, contacts, messages};
use tokio::sync::{Notify, broadcast};

use crate::clock::{Clock, SystemClock};
use crate::contacts::ContactInfo;
use crate::engine::Engine;
use crate::error::{ClientError, EngineError};
use crate::events::Event;
use crate::history::{self, ChatEntry, HistoryItem, Inbox, MessageView};
use crate::identity::Whoami;
use crate::net::Endpoint;
use crate::net::http::{Api, is_over};
use crate::profile::{Profile, ProfileError};
use crate::sending::{self, Draft, Recipient, Sent};
use crate::transfer;

/// Events that a slow front-end may be behind. One that is slower finds everything in the database.
const EVENTS: usize = 1024;

/// How often the database is looked at when another process may have changed it.
const POLL: Duration = Duration::from_millis(100);

/// What the parts of one open profile share.
pub(crate) struct Context {
    pub(crate) profile: Profile,
    pub(crate) store: Store,
    pub(crate) api: Api,
    pub(crate) events: broadcast::Sender<Event>,
    /// Rung when the outbox has something new.
    pub(crate) wake: Notify,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Context {
    pub(crate) fn emit(&self, event: Event) {
        // Without a front-end that listens there is nobody to tell.
        let _ = self.events.send(event);
    }

    pub(crate) fn emit_all(&self, events: Vec<Event>) {
        for event in events {
            self.emit(event);
        }
    }

    pub(crate) async fn account(&self) -> Result<Account, ClientError> {
        self.store.read(account::load).await?.ok_or(ClientError::NotSignedIn)
    }
}

/// An open profile. Clones share it.
#[derive(Clone)]
pub struct Client {
    context: Arc<Context>,
    user_id: UserId,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.user_id)
    }
}

/// Why a profile with an account in it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The profile cannot be opened.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Nobody has signed in with it, or the database fails.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Client {
    /// Opens a profile that has been signed in ([`crate::Login`]). Nothing is sent or received until an engine runs.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(profile: &Profile, passphrase: Option<&str>) -> Result<Self, OpenError> {
        Self::open_with(profile, passphrase, Arc::new(SystemClock)).await
    }

    /// As [`Client::open`], with a clock of one's own.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_with(
        profile: &Profile,
        passphrase: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let store = profile.open_store(passphrase)?;
        let account = store
            .read(account::load)
            .await
            .map_err(ClientError::Store)?
            .ok_or(OpenError::Client(ClientError::NotSignedIn))?;
        let api = Api::of(&account);
        let context = Context {
            profile: profile.clone(),
            store,
            api,
            events: broadcast::Sender::new(EVENTS),
            wake: Notify::new(),
            clock,
        };
        Ok(Self { context: Arc::new(context), user_id: account.user_id })
    }

    /// Starts the engine on the current Tokio runtime. It stops when the handle is dropped.
    ///
    /// # Errors
    /// [`EngineError::ProfileInUse`] if another process, or another handle, runs it.
    pub fn start_engine(&self) -> Result<Engine, EngineError> {
        Engine::start(Arc::clone(&self.context))
    }

    /// Follows what happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.context.events.subscribe()
    }

    /// The account's user.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Stores and queues a message; it will be sent whatever happens to this process. Durable when this returns.
    ///
    /// # Errors
    /// [`ClientError`] of the database, or for a text that is empty or too long.
    pub async fn send(&self, recipient: &Recipient, draft: Draft) -> Result<Sent, ClientError> {
        let now = self.context.clock.now_ms();
        let message_id = sending::new_message_id(now)?;
        let (own, recipient) = (self.user_id.clone(), recipient.clone());
        let sent =
            self.context.store.transact(move |c| sending::queue(c, &own, &recipient, &draft, message_id, now)).await?;
        self.context.wake.notify_one();
        Ok(sent)
    }

    /// Waits until a message is acknowledged by the server or has failed, whichever process sends it.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_sent(&self, sent: &Sent) -> Result<MessageState, ClientError> {
        let mut events = self.events();
        let id = sent.id;
        loop {
            let message = self.context.store.read(move |c| messages::load(c, id)).await?;
            match message.map(|message| message.state) {
                Some(MessageState::Queued) => {}
                Some(state) => return Ok(state),
                None => return Err(StoreError::Invalid("message").into()),
            }
            wait_for(
                &mut events,
                |event| matches!(event, Event::Sent { id: row } | Event::Failed { id: row, .. } if *row == id),
            )
            .await;
        }
    }

    /// One message by its row.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn message(&self, id: i64) -> Result<Option<MessageView>, ClientError> {
        let view = self
            .context
            .store
            .read(move |c| messages::load(c, id)?.map(|message| MessageView::of(c, message)).transpose());
        Ok(view.await.map_err(|e: StoreError| e)?)
    }

    /// The newest `limit` messages with `recipient`, and the gaps between them, oldest first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn history(&self, recipient: &Recipient, limit: u32) -> Result<Vec<HistoryItem>, ClientError> {
        let kind = sending::chat_kind(&self.user_id, recipient);
        let items = self.context.store.read(move |c| match chats::find(c, &kind)? {
            Some(chat) => history::newest(c, chat, limit),
            None => Ok(Vec::new()),
        });
        Ok(items.await?)
    }

    /// What was received and has not been marked as seen yet, up to `limit`, oldest first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn unseen(&self, limit: u32) -> Result<Inbox, ClientError> {
        Ok(self.context.store.read(move |c| history::unseen(c, limit)).await?)
    }

    /// Marks everything received up to row `id` as seen.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_seen(&self, id: i64) -> Result<(), ClientError> {
        Ok(self.context.store.transact(move |c| history::mark_seen(c, id)).await?)
    }

    /// Waits until something may have been received, by this process or another.
    pub async fn wait_received(&self, events: &mut broadcast::Receiver<Event>) {
        wait_for(events, |event| matches!(event, Event::Received { .. })).await;
    }

    /// All chats, the one with the newest message first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn chats(&self) -> Result<Vec<ChatEntry>, ClientError> {
        let chats = self.context.store.read(chats::list).await?;
        Ok(chats
            .into_iter()
            .map(|summary| ChatEntry { kind: summary.chat.kind, messages: summary.messages, last_at: summary.last_at })
            .collect())
    }

    /// What this profile is.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        Ok(Whoami::from(&self.context.account().await?))
    }

    /// Where the server is, and how it is reached; `None` if what is stored of that is damaged.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn endpoint(&self) -> Result<Option<Endpoint>, ClientError> {
        Ok(Endpoint::of(&self.context.account().await?).ok())
    }

    /// The account's devices, as the server has them.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        Ok(self.context.api.devices().await?.devices)
    }

    /// Signs another device of the account out.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn remove_device(&self, device: &DeviceId) -> Result<(), ClientError> {
        self.context.api.remove_device(device).await
    }

    /// What is known of a contact's identity.
    ///
    /// # Errors
    /// [`ClientError::UnknownContact`] before the first message in either direction.
    pub async fn contact(&self, user: &UserId) -> Result<ContactInfo, ClientError> {
        let user = user.clone();
        self.context.store.read(move |c| crate::contacts::info(c, &user)).await
    }

    /// Notes that the user has compared the safety number of a contact, or takes that back.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn set_verified(&self, user: &UserId, verified: bool) -> Result<(), ClientError> {
        let user = user.clone();
        Ok(self.context.store.transact(move |c| contacts::set_verified(c, &user, verified)).await?)
    }

    /// Accepts the changed identity of a verified contact; what waited for it is sent. Returns whether there was one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn accept_identity_change(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        let accepted = self.context.store.transact(move |c| contacts::accept_change(c, &user)).await?;
        self.context.wake.notify_one();
        Ok(accepted)
    }

    /// Forgets the recovery key, once it has been shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn forget_recovery_key(&self) -> Result<(), ClientError> {
        Ok(self.context.store.transact(account::forget_recovery_words).await?)
    }

    /// The recovery key, if it was made and never shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn recovery_key(&self) -> Result<Option<Secret>, ClientError> {
        Ok(self.context.account().await?.recovery_words)
    }

    /// Downloads the files of a message: to `out` if it is one, into the directory `out` if there are several or
    /// `out` is a directory. Returns where they are.
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`], [`ClientError::AlteredFile`], …
    pub async fn download(
        &self,
        message_id: MessageId,
        out: &Path,
        progress: impl Fn(u64, u64) + Send + Sync + Clone + 'static,
    ) -> Result<Vec<PathBuf>, ClientError> {
        let views = self.context.store.read(move |c| {
            messages::find(c, &message_id)?
                .into_iter()
                .map(|message| MessageView::of(c, message))
                .collect::<Result<Vec<_>, StoreError>>()
        });
        let attachments: Vec<_> = views.await?.into_iter().flat_map(|view| view.attachments).collect();
        let into_dir = out.is_dir() || attachments.len() > 1;
        if attachments.is_empty() {
            return Err(ClientError::NoSuchAttachment);
        }
        if into_dir {
            std::fs::create_dir_all(out)
                .map_err(|source| ClientError::File { path: out.display().to_string(), source })?;
        }
        let mut paths = Vec::new();
        for attachment in attachments {
            let path = if into_dir { free_name(out, &attachment.name, &paths) } else { out.to_owned() };
            transfer::download(&self.context.api, &attachment, &path, Box::new(progress.clone())).await?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// Signs this device out, on the server and here. History stays readable until the profile is deleted.
    ///
    /// # Errors
    /// [`ClientError`] of the request; a device that the server does not know is signed out already.
    pub async fn logout(&self) -> Result<(), ClientError> {
        // Another process may have renewed the token since.
        self.context.api.set_token(self.context.account().await?.token);
        if let Err(error) = self.context.api.logout().await
            && !error.code().is_some_and(is_over)
        {
            return Err(error);
        }
        self.context.api.set_token(None);
        Ok(self.context.store.transact(account::set_signed_out).await?)
    }
}

/// Neither another file of the same message nor one that lies there already may be replaced by a name that a sender has
/// chosen.
fn free_name(dir: &Path, name: &str, taken: &[PathBuf]) -> PathBuf {
    std::iter::once(dir.join(name))
        .chain((2..).map(|n: u32| dir.join(format!("{n}-{name}"))))
        .find(|path| !taken.contains(path) && !path.exists())
        .unwrap_or_else(|| dir.join(name))
}

/// Waits for an event, or for the time after which the database is worth a look anyway.
async fn wait_for(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&Event) -> bool) {
    let event = async {
        loop {
            match events.recv().await {
                Ok(event) if wanted(&event) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Not an error: the caller looks at the database either way.
    let _ = tokio::time::timeout(POLL, event).await;
}
