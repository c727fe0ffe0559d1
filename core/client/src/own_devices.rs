//! The devices of one's own account: the signed list of them, and what follows from it.
//!
//! | | |
//! |---|---|
//! | [`block_news`] | whom another device has blocked, or only the server says so |
//! | [`learn`] | what this device knows of the list, and what it does when it hears of another one |
//! | [`publish`] | another list in place of the one that the server has |
//! | [`generation`] | a new signing key, by the identity that the recovery words open |
//! | [`remembered`] | which devices this one has ever seen in it, and who stays when one of them was stolen |
//! | [`sealed_copy`] | the copy of the sealed identity that each device keeps |
//! | [`steps`] | what was changed in groups in the account's name while a device was there that was removed as stolen |
//! | [`linking`] | a new device is let in by a present one |
//! | [`words`] | what only the identity may ask for, opened by the recovery words |
//!
//! The identity key vouches for the signing key of a generation, that signs the list, and what stands in the list is the
//! account's. The server keeps all of it and can change none; what it can withhold, another device brings back.

pub(crate) mod block_news;
pub(crate) mod generation;
pub(crate) mod learn;
pub(crate) mod linking;
pub(crate) mod publish;
mod remembered;
pub(crate) mod sealed_copy;
mod steps;
pub(crate) mod unseen;
pub(crate) mod words;
