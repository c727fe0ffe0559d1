//! Those who are up to no good, as tools with which an attack is ten lines.
//!
//! - [`HostileServer`]: stands between clients that nobody has touched and the real server, and answers, changes, withholds,
//!   repeats and invents what it likes. An [`Operator`] puts a whole group in the place of a chat, and listens.
//!   A [`Thief`] has a copy of a device's disk.
//! - [`HostileMember`]: a user of an honest server whose client keeps none of our rules: it signs in as everybody does, and
//!   posts any group, commit, welcome and message.
//! - [`Rogue`]: a device of either, with keys of its own, under any name; what it makes is right by RFC 9420 and nothing else.
//!   [`Claim`]: what a group of its says that it is.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use privmsg_testkit::hostile::{Claim, HostileServer, Rogue, Who};
//! use privmsg_testkit::{Person, Server};
//!
//! let server = Server::start().await?;
//! let hostile = HostileServer::before(&server).await?;
//! let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
//! let bob = server.person("bob").await?;
//! alice.says(&bob, "Hi").await?;
//! bob.hears(&alice, "Hi").await?;
//! let eve = Rogue::named("bob.", "laptop")?;
//! let claim = Claim::direct(&Who::is(&alice).await?, &eve.who())?.under(server.group_of(&["alice", "bob"])?);
//! let operator = hostile.takes_over(eve.founds(&claim)?)?;
//! alice.says(&bob, "a secret").await?;
//! operator.learns_nothing().await?;
//! # Ok(())
//! # }
//! ```

mod claim;
mod http;
mod member;
mod operator;
mod past;
mod relay;
mod rogue;
mod rules;
mod server;
mod thief;

pub use claim::{Claim, Who};
pub use member::{HostileMember, Verdict};
pub use operator::Operator;
pub use past::Past;
pub use rogue::{Forged, Rogue, RogueGroup};
pub use rules::{Answer, Asked, Frame};
pub use server::HostileServer;
pub use thief::{Taken, Thief};

pub(crate) use relay::between;
pub(crate) use rogue::new_message_id;
pub(crate) use rules::Rules;
