//! Whom to believe.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PublicKeyData as _, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

use super::super::error::{CertificateFault, NetworkError, ProxyFault, Untrusted};
use super::super::fingerprint::Fingerprint;
use super::super::route::ProxySetting;
use super::host::Host;
use super::proxies::{self, Manner};
use super::{Endpoint, Names, both, client, endpoint};
use crate::error::ClientError;

/// A key, and a certificate for it that signs itself.
struct Own {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl Own {
    fn new() -> Self {
        Self::of(KeyPair::generate().unwrap(), |_| {})
    }

    fn of(key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(vec!["chat.example.org".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { key, certificate }
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key.subject_public_key_info())
    }

    async fn serves(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Host {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        Host::with(Some(Arc::new(config)), None).await
    }
}

async fn visit(host: &Host, address: &str, pin: Option<Fingerprint>) -> Result<(), NetworkError> {
    let endpoint = Endpoint { fingerprint: pin, ..endpoint(address) };
    match both(&client(endpoint, &[], &Names::all_at(&[host.address]))).await {
        Ok(()) => Ok(()),
        Err(ClientError::Network(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

const ADDRESS: &str = "https://chat.example.org";

fn untrusted(fingerprint: Fingerprint, fault: CertificateFault) -> Result<(), NetworkError> {
    Err(NetworkError::Certificate(Untrusted { fingerprint, fault }))
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_with_its_fingerprint() {
    let own = Own::new();
    let host = own.serves(&[&TLS13]).await;
    let refused = visit(&host, ADDRESS, None).await;
    assert_eq!(refused, untrusted(own.fingerprint(), CertificateFault::UnknownIssuer));
    assert!(refused.unwrap_err().needs_somebody());
    assert!(host.seen().is_empty(), "not a byte of a request");
}

/// As `openssl req -x509` makes it.
#[tokio::test]
async fn one_that_signs_itself_as_an_authority_is_no_riddle() {
    let own = Own::of(KeyPair::generate().unwrap(), |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let host = own.serves(&[&TLS13]).await;
    assert_eq!(visit(&host, ADDRESS, None).await, untrusted(own.fingerprint(), CertificateFault::UnknownIssuer));
    assert_eq!(visit(&host, ADDRESS, Some(own.fingerprint())).await, Ok(()));
}

#[tokio::test]
async fn a_pinned_key_is_enough() {
    let own = Own::of(KeyPair::generate().unwrap(), |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let host = own.serves(versions).await;
        for address in [ADDRESS, "https://another.name", "https://192.0.2.7:9443/prefix"] {
            // Names are led to the host by the resolver; an address needs a proxy that does it.
            let proxy = proxies::http(host.address, Manner::default()).await;
            let proxy = ProxySetting::Through(format!("http://{}", proxy.address).parse().unwrap());
            let endpoint = Endpoint { fingerprint: Some(own.fingerprint()), proxy, ..endpoint(address) };
            let names = Names::all_at(&[endpoint_of(&endpoint)]);
            both(&client(endpoint, &[], &names)).await.unwrap();
        }
    }
    let again = Own::of(own.key, |params| params.not_after = date_time_ymd(2040, 1, 1));
    let host = again.serves(&[&TLS13]).await;
    assert_eq!(visit(&host, ADDRESS, Some(again.fingerprint())).await, Ok(()), "a new certificate for the same key");
}

fn endpoint_of(endpoint: &Endpoint) -> std::net::SocketAddr {
    let ProxySetting::Through(proxy) = &endpoint.proxy else { panic!("{endpoint:?}") };
    (std::net::Ipv4Addr::LOCALHOST, proxy.port()).into()
}

#[tokio::test]
async fn with_a_pin_no_other_key_is_good() {
    let (pinned, other) = (Own::new(), Own::new());
    let host = other.serves(&[&TLS13]).await;
    let refused = visit(&host, ADDRESS, Some(pinned.fingerprint())).await;
    let fault = CertificateFault::OtherKey { pinned: pinned.fingerprint() };
    assert_eq!(refused, untrusted(other.fingerprint(), fault));
    assert!(host.seen().is_empty(), "not a byte of a request");
}

/// The certificate is shown to everybody, so who copies it has not got the key.
#[tokio::test]
async fn a_copied_certificate_is_not_the_key() {
    let (own, thief) = (Own::new(), KeyPair::generate().unwrap());
    let provider = rustls::crypto::ring::default_provider();
    let key = PrivateKeyDer::try_from(thief.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![own.certificate.clone()], key);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let host = Host::with(Some(Arc::new(config)), None).await;
    let refused = visit(&host, ADDRESS, Some(own.fingerprint())).await;
    assert!(matches!(refused, Err(NetworkError::Tls(_))), "{refused:?}");
    assert!(host.seen().is_empty());
}

#[tokio::test]
async fn the_fingerprint_of_the_certificate_is_told_from_that_of_its_key() {
    let own = Own::new();
    let host = own.serves(&[&TLS13]).await;
    let of_certificate = Fingerprint::of(&own.certificate);
    let refused = visit(&host, ADDRESS, Some(of_certificate)).await;
    assert_eq!(refused, untrusted(own.fingerprint(), CertificateFault::OfCertificate));
}

/// A proxy that is reached by TLS is judged by the system, whatever is pinned for the server.
#[tokio::test]
async fn a_pin_is_not_for_the_proxy() {
    let own = Own::new();
    let host = own.serves(&[&TLS13]).await;
    let proxy = ProxySetting::Through(format!("https://proxy.invalid:{}", host.port()).parse().unwrap());
    let endpoint = Endpoint { fingerprint: Some(own.fingerprint()), proxy, ..endpoint(ADDRESS) };
    let refused = both(&client(endpoint, &[], &Names::all_at(&[host.address]))).await;
    let Err(ClientError::Network(NetworkError::Proxy { fault, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!(fault, ProxyFault::Untrusted(CertificateFault::UnknownIssuer));
    assert!(host.seen().is_empty(), "not a byte, and no password");
}

/// Whoever can lead a profile to `http://` must not get around its pin.
#[tokio::test]
async fn a_pin_is_not_forgotten_without_tls() {
    let host = Host::start().await;
    let pinned = Own::new().fingerprint();
    assert_eq!(visit(&host, "http://chat.example.org", Some(pinned)).await, Err(NetworkError::PinWithoutTls));
    assert_eq!(host.connections(), 0);
}

#[tokio::test]
async fn http_and_https_are_not_mixed_up_in_silence() {
    let own = Own::new();
    let (tls, plain) = (own.serves(&[&TLS13]).await, Host::start().await);
    assert_eq!(visit(&plain, "https://chat.example.org", None).await, Err(NetworkError::NotTls));
    let spoken = visit(&tls, "http://chat.example.org", None).await;
    assert_eq!(spoken, Err(NetworkError::NotHttp));
}
