//! The engine of every PrivMsg client.
//!
//! A [`Profile`] is a directory with one encrypted database. A [`Client`] opens it: it reads chats and messages, and
//! writes what a user does into the same database: a sent message is a row in the outbox before anything else happens.
//! The [`Engine`] is what talks to the server: it drains this device's mailbox, keeps the MLS groups in step, and empties
//! the outbox. Everything that it does is a transaction that can be cut off anywhere and goes on at the next start.
//!
//! One process at a time runs the engine of a profile. Others use the same database beside it: what they queue is sent
//! by the one that runs, and they see what it has received.
//!
//! Front-ends follow [`Event`]s, which are sent after the transaction that they tell of.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use privmsg_client::{Client, Draft, Profile, Recipient};
//!
//! let profile = Profile::at("/home/alice/.local/share/privmsg");
//! let client = Client::open(&profile, Some("correct horse battery staple")).await?;
//! let sent = client.send(&Recipient::User("bob".parse()?), Draft::text("Hi Bob")).await?;
//! let engine = client.start_engine()?;
//! client.wait_sent(&sent).await?;
//! engine.stop().await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod clock;
mod contacts;
mod engine;
mod error;
mod events;
mod history;
mod identity;
mod net;
mod profile;
mod sending;
mod sign_in;
mod transfer;

pub use client::{Client, OpenError};
pub use clock::{Clock, SystemClock};
pub use contacts::ContactInfo;
pub use engine::Engine;
pub use error::{ClientError, EngineError, Retry};
pub use events::{Disconnection, Event};
pub use history::{ChatEntry, HistoryItem, Inbox, MessageView};
pub use identity::Whoami;
pub use net::{
    AddressError, Between, CertificateFault, Endpoint, Fingerprint, FingerprintError, Hop, LinkFault, NetworkError,
    Proxy, ProxyError, ProxyFault, ProxySetting, ProxySource, ServerAddress, Untrusted,
};
pub use privmsg_e2ee::{Attachment, Body, Content, ContentError, RecoveryError, SafetyNumber};
pub use privmsg_store::chats::{ChatId, ChatKind};
pub use privmsg_store::key::{KEY_FILE, KeyError, KeyPlace, keyring_is_available};
pub use privmsg_store::messages::{MessageKind, MessageState};
pub use privmsg_store::{StoreError, wait_until_closed};
pub use profile::{Profile, ProfileError};
pub use sending::{Draft, Recipient, Sent};
pub use sign_in::{
    Introduced, LoggedIn, Login, LoginError, NewIdentity, PendingLogin, Relocation, RelocationError, SignInKey,
    sign_out_here,
};
