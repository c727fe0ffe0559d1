//! Encryption of connections by the server itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[tls]`: both files, or `[tls.acme]`, or nothing for plain HTTP behind a proxy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Certificate chain, PEM. Default none: plain HTTP, for behind a proxy.
    pub cert_path: PathBuf,
    /// Private key, PEM.
    pub key_path: PathBuf,
    /// Certificates from an ACME authority, instead of files.
    pub acme: Acme,
}

/// `[tls.acme]`: used when it names a domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Acme {
    /// Names that the certificate is for. Default none: no ACME.
    pub domains: Vec<String>,
    /// Where the authority may write to about the certificate. Default none.
    pub contact_email: String,
    /// Folder of the account's key and of certificates. Default `data/acme`.
    pub cache_path: PathBuf,
    /// The authority. Default Let's Encrypt.
    pub directory_url: String,
    /// Root certificates of the authority's own server, PEM, where it is a private one. Default the public ones.
    pub ca_path: PathBuf,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            contact_email: String::new(),
            cache_path: "data/acme".into(),
            directory_url: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            ca_path: PathBuf::new(),
        }
    }
}
