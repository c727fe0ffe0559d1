//! How the program ends.

/// Exit codes, as `--help` and `docs/cli.md` list them. A number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A failure without a number of its own.
    Other = 1,
    /// Wrong arguments.
    Usage = 2,
    /// Not signed in, or signed out from elsewhere.
    NotSignedIn = 3,
    /// Wrong access key, recovery key or passphrase.
    Credentials = 4,
    /// No connection, or no answer in time.
    Network = 5,
    /// The server refused.
    Refused = 6,
    /// Fewer messages than wanted.
    TooFewReceived = 7,
    /// A file cannot be read, written, found or trusted.
    File = 8,
    /// A contact's key has changed, and sending waits for the user.
    IdentityChanged = 9,
    /// 128 + SIGINT, as shells do.
    Interrupted = 130,
    /// 128 + SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}
