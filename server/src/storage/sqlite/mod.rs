//! The storage on SQLite: one writer with group commit, several readers, one file.

mod accounts;
mod administration;
mod arrivals;
mod audit;
mod backup;
mod ballast;
mod batch;
mod blocks;
mod cache;
mod checkpoint;
mod commits;
mod connection;
mod contacts;
mod conversations;
mod creation;
mod device_lists;
mod devices;
mod engine;
mod fault;
mod files;
mod filing;
mod groups;
mod identity;
mod invitations;
mod journal;
mod key_packages;
mod mailbox;
mod migrations;
mod notices;
mod profile;
mod readers;
mod relay;
mod requests;
mod revocation;
mod roster;
mod row;
mod samples;
mod sent;
mod sign_in;
mod storage;
mod taken_back;
mod tx;
#[cfg(test)]
mod upgrade_tests;
mod upkeep;
mod uploads;
mod writer;
#[cfg(test)]
mod writer_tests;

pub(crate) use backup::{copy, file_ids, journal_of, make_present, user_count, users};
pub(crate) use connection::{OpenError, RESTORING, foreign_table};
pub(crate) use engine::{Options, SqliteStorage};
pub(crate) use journal::JournalError;
pub(crate) use migrations::{migrate, newest_schema, schema_version};
pub(crate) use requests::Courier;
pub(crate) use taken_back::TakenBack;
