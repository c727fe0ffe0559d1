//! What things cost others: rows of mailboxes, and bytes on the way to the server.

mod crowd;
mod rows;
mod wire;

pub use crowd::Crowd;
pub use rows::{Rows, of_a_direct_message, of_a_group_message};
pub use wire::{Used, Wire};
