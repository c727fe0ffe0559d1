//! What a certificate says about itself.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// From when until when a certificate holds, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Validity {
    pub(crate) const fn covers(self, now: i64) -> bool {
        self.from <= now && now <= self.until
    }

    /// Whole days that are left; negative once it is over.
    pub(crate) const fn days_left(self, now: i64) -> i64 {
        (self.until - now).div_euclid(24 * 3600)
    }
}

/// `None` if it is no X.509 certificate.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
}
