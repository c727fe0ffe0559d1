//! The program as people and scripts run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alarms;
mod alone;
mod blocks;
mod changed_keys;
#[cfg(target_os = "linux")]
mod chat;
mod contact;
mod conversation;
mod groups;
mod held;
#[cfg(target_os = "linux")]
mod keyring;
mod linking;
mod listening;
mod login;
mod machine;
mod media;
mod passphrase;
mod people;
#[cfg(target_os = "linux")]
mod pty;
mod reach;
mod requests;
mod run;
mod saving;
mod searching;
mod set_back;
mod signed_out;
mod stolen;
mod taking_back;
mod waiting;
#[cfg(target_os = "linux")]
mod words;
