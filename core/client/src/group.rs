//! The MLS groups behind chats: made, joined, changed, and told apart.

pub(crate) mod asking;
pub(crate) mod change;
pub(crate) mod claim;
pub(crate) mod commit;
pub(crate) mod create;
pub(crate) mod external_commit;
pub(crate) mod former;
pub(crate) mod join;
pub(crate) mod leaf_dates;
pub(crate) mod leaving;
pub(crate) mod loaded;
pub(crate) mod membership;
pub(crate) mod mls;
pub(crate) mod news;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod restored;
pub(crate) mod roster_steps;
pub(crate) mod rosters;
pub(crate) mod saying_again;
pub(crate) mod schedule;
pub(crate) mod standing;
pub(crate) mod told;
pub(crate) mod unusable;
