//! What was said, in the order that everybody shares.

pub mod amended;
pub mod epoch_ends;
pub mod gaps;
pub mod held;
pub mod messages;
pub mod position;
pub mod receipts;
pub mod relations;
pub mod unknown;

#[cfg(test)]
mod tests;
