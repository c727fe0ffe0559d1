//! What has been promised and is not done yet.

pub mod audiences;
pub mod downloads;
pub mod ended_uploads;
pub mod group_changes;
pub mod holds;
pub mod lags;
pub mod outbox;
pub mod owed_receipts;
pub mod parked;
pub mod rejoins;
pub mod said_again;
pub mod sealed_files;
pub mod unusable_commits;
pub mod uploads;
pub mod wanted_lists;
pub mod welcomes;

#[cfg(test)]
mod tests;
