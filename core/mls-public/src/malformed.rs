/// Bytes that cannot be read as what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}")]
pub struct Malformed {
    /// What they should be.
    what: &'static str,
    /// Where the reading ended, if it was not the wrong thing altogether.
    source: Option<tls_codec::Error>,
}

impl Malformed {
    /// They are something else.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }

    /// Reading `what` failed.
    pub fn because(what: &'static str) -> impl FnOnce(tls_codec::Error) -> Self {
        move |error| Self { what, source: Some(error) }
    }
}
