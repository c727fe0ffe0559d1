//! The screens of the window. Each has a state, messages that say what happened there, and actions by which it asks the
//! application for what is not its own: none of them knows another.

pub(crate) mod home;
pub(crate) mod keep_words;
pub(crate) mod locked;
pub(crate) mod opening;
pub(crate) mod sign_in;
pub(crate) mod waiting;
