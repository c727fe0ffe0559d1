//! The rules about accounts, groups and conversations: each decision by itself, small worlds with a hostile server, and
//! the faults of an earlier draft that the rules answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account_model;
mod accounts;
mod called_back;
mod faults;
mod incarnations;
mod leaf_dates;
mod roster_model;
mod roster_steps;
mod roster_view;
mod world;
