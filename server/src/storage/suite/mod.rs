//! What the storage must do, whatever it is made of: told in the words of the domain alone.

mod bench;
mod messages;
mod samples;
