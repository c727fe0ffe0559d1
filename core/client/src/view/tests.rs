//! Views against the database: whatever happens in whichever process, what is shown is what a fresh look would find.

mod followed;
mod random;
mod world;
