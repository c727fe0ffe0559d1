//! The desktop client `privmsg-desktop`: a window on [`privmsg_client`]. Nothing of MLS, and no database, is known here.
//!
//! ```text
//! main ──▶ app ──▶ screen   opening ─▶ sign_in ─▶ waiting │ keep_words ─▶ home (list, conversation, panes); locked over it
//!           │        │
//!           │        ├──▶ follow   what the client library tells, as streams of messages
//!           │        └──▶ session  the open profile, and its engine
//!           └──▶ theme, widget     how things look
//! ```
//!
//! All sentences are in `i18n/`, by way of [`lang`]; `failure` and `notice` choose them. What other people wrote goes through
//! [`privmsg_client::foreign`] before it is drawn.

pub mod app;
mod emoji;
mod failure;
mod follow;
mod handover;
mod idle;
mod keys;
pub mod lang;
mod links;
pub mod looks;
mod notice;
pub mod notifications;
mod screen;
mod session;
mod start;
mod theme;
mod time;
pub mod tools;
mod units;
mod waiting_for;
mod widget;
