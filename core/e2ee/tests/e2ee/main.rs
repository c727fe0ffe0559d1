//! The crate as its callers see it, in stories of people with devices.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod attachments;
mod causes;
mod conversations;
mod corpus;
mod forged_commits;
mod forged_devices;
mod forged_groups;
mod groups;
mod leaf_dates;
mod newer;
mod people;
mod public_forgeries;
mod public_histories;
mod rogue;
mod server;
mod spoiled_keys;
mod stored_state;
#[expect(unreachable_pub, reason = "a library elsewhere")]
#[path = "../../../../fuzz/e2ee/src/targets/mod.rs"]
mod targets;
