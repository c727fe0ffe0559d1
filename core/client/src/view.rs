//! What front-ends show.

pub(crate) mod history;
pub(crate) mod message;
