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
//! Front-ends follow [`Changes`], which tell what each commit has changed, whichever process has made it, and read it again.
//! [`Event`]s tell what the engine of this process is doing besides.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use privmsg_client::{Client, Draft, Profile, Recipient};
//!
//! let profile = Profile::at("/home/alice/.local/share/privmsg");
//! let client = Client::open(&profile, Some("correct horse battery staple")).await?;
//! let sent = client.send(&Recipient::User("bob".parse()?), Draft::text("Hi Bob")).await?;
//! let engine = client.start_engine()?;
//! client.wait_acknowledged(&sent.said()).await?;
//! engine.stop().await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod clock;
mod contact_links;
mod contacts;
mod content;
mod context;
mod device_lists;
mod engine;
mod error;
mod events;
mod files;
pub mod foreign;
mod group;
pub mod hardening;
mod identity;
mod net;
mod own_devices;
mod picture;
mod profile;
mod search;
mod sending;
mod sign_in;
mod trust;
pub mod units;
mod view;

pub use client::{
    AskedChange, CacheLimit, ChangeBy, Client, ContactWord, GroupPerson, GroupView, HeldGroup, HeldMessage,
    KeptOutGroup, KeyTellings, MAX_FORWARDED, OpenError, OwnDevice, Request, SHORTEST_GROUP_NAME, SavedFile, Setting,
    SuspendedDevice, Which,
};
pub use clock::{Clock, SystemClock, server_time};
pub use contact_links::LinkFrom;
pub use contacts::{ContactInfo, Known};
pub use engine::{Engine, Seat};
pub use error::{ClientError, EngineError, Retry, causes};
pub use events::{Disconnection, Event};
pub use group::change::ChangeError;
pub use group::news::GroupNews;
pub use identity::Whoami;
pub use net::{
    AddressError, Between, CertificateFault, Endpoint, Fingerprint, FingerprintError, Hop, LinkFault, NetworkError,
    Proxy, ProxyError, ProxyFault, ProxySetting, ProxySource, ServerAddress, Untrusted,
};
pub use own_devices::block_news::BlockNews;
pub use picture::Picture;
pub use privmsg_e2ee::{
    About, Attachment, ContentError, LinkCode, LinkCodeError, MAX_TEXT_LEN, PictureNote, RecoveryError, Role,
    SafetyNumber, VoiceNote,
};
pub use privmsg_mls_public::{ContactLink, ContactLinkError, Device};
pub use privmsg_store::amended::{Amended, Amendment};
pub use privmsg_store::chats::{Chat, ChatId, ChatKind, ChatSummary, Mark, Marks};
pub use privmsg_store::consent::Consent;
pub use privmsg_store::contacts::ChangedBy;
pub use privmsg_store::contacts::words::Weight;
pub use privmsg_store::downloads::DownloadState;
pub use privmsg_store::group_chats::{Gone, Heading};
pub use privmsg_store::holds::{Hold, Reason, Scope, Unreachable};
pub use privmsg_store::key::{
    DatabaseKey, Details, KEY_FILE, KeyError, KeyPlace, Vault, VaultError, keyring_is_available,
};
pub use privmsg_store::messages::{Cursor, HeldBy, MessageState};
pub use privmsg_store::outbox::OTHERS_CAME;
pub use privmsg_store::position::Position;
pub use privmsg_store::receipts::Receipt;
pub use privmsg_store::sign_outs::{SignOutCause, SignedOut};
pub use privmsg_store::{Change, ChangeSet, Changes, StoreError, wait_until_closed};
pub use profile::{Profile, ProfileError, has_keyring};
pub use search::{Excerpt, Found, Hit, Search, SearchCursor, Sought};
pub use sending::{Acknowledged, Draft, FileToSend, HeldFile, Recipient, Said, Sent};
pub use sign_in::{
    Introduced, LoggedIn, Login, LoginError, NewIdentity, PendingLogin, Relocation, RelocationError, Replacing,
    SignInKey, sign_out_here,
};
pub use view::chat_list::ChatList;
pub use view::diff::ListDiff;
pub use view::history::{ChatEntry, HistoryItem, Page};
pub use view::message::{MAX_VOICE_LEN, MessageKind, MessageView, ReactionView};
pub use view::timeline::{ChatStatus, Timeline};
