//! What front-ends show.
//!
//! [`ChatList`](chat_list::ChatList) and [`Timeline`](timeline::Timeline) are lists that follow the database: each holds
//! what is shown at the moment, and says after a commit what of it has changed. A front-end keeps a list of its own and
//! applies the [`ListDiff`](diff::ListDiff)s to it.
//!
//! A view is read by the one who shows it: nothing runs beside it, and it keeps no queue but that of the feed of changes.
//! What the feed names is read again, and nothing else; several commits that have come meanwhile are one look at the
//! database. Who is so slow that the feed has passed them by gets the list anew.
//!
//! (`eyeball-im`, which others use for this, was weighed: it sends from one owner to many subscribers through a queue of
//! its own, in persistent vectors. Here each view has one reader, and the queue is there already; what was left to
//! take is an enum.)

pub(crate) mod chat_list;
pub(crate) mod diff;
pub(crate) mod history;
pub(crate) mod message;
mod news;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;
