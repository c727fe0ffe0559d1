//! What has been promised and is not done yet.

pub mod outbox;
pub mod owed_receipts;
pub mod parked;
pub mod uploads;
