//! The fingerprint by which clients know a certificate that no authority vouches for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config;

/// Of the key in a certificate from files that has signed itself; `None` for any other, which clients judge by their
/// authorities. `docs/protocol.md` says of what it is made.
pub(crate) fn own_fingerprint(config: &config::Tls) -> Option<String> {
    let certificate = CertificateDer::from_pem_file(&config.cert_path).ok()?;
    let (_, parsed) = X509Certificate::from_der(&certificate).ok()?;
    let signs_itself = parsed.issuer().as_raw() == parsed.subject().as_raw();
    signs_itself.then(|| format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(parsed.public_key().raw))))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    fn of(pem: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let cert_path = dir.path().join("certificate.pem");
        std::fs::write(&cert_path, pem).unwrap();
        own_fingerprint(&config::Tls { cert_path, ..config::Tls::default() })
    }

    #[test]
    fn only_a_certificate_that_signs_itself_needs_one() {
        let key = KeyPair::generate().unwrap();
        let names = || vec!["chat.example.org".to_owned()];
        let own = CertificateParams::new(names()).unwrap().self_signed(&key).unwrap();
        let fingerprint = of(&own.pem()).unwrap();
        assert!(fingerprint.starts_with("SHA256:") && fingerprint.len() == 7 + 43, "{fingerprint}");
        // Of the key: a new certificate does not change it.
        assert_eq!(of(&CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().pem()), Some(fingerprint));

        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let authority = Issuer::new(authority, KeyPair::generate().unwrap());
        let signed = CertificateParams::new(names()).unwrap().signed_by(&key, &authority).unwrap();
        assert_eq!(of(&signed.pem()), None);
        assert_eq!(of("no certificate"), None);
        assert_eq!(own_fingerprint(&config::Tls::default()), None);
    }
}
