//! The server's own certificate, from files or from an ACME authority.

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::x509::Facts;
use super::{Finding, Patient, address};

pub(super) fn check(patient: &Patient) -> Finding {
    let tls = &patient.config.tls;
    let host = address::public_host(&patient.config.server.public_url);
    if !tls.cert_path.as_os_str().is_empty() {
        return from_files(&tls.cert_path, &tls.key_path, host, patient.clock.now());
    }
    if let Some(domain) = tls.acme.domains.first() {
        return from_cache(&tls.acme.cache_path, domain, patient.clock.now());
    }
    if patient.config.server.public_url.starts_with("https://") {
        return Finding::pass(
            "The server leaves TLS to the proxy in front of it",
            "TLS занимается прокси перед сервером",
        );
    }
    if address::is_only_here(host) {
        return Finding::pass(
            "No TLS: this server is for this machine only",
            "Без TLS: этот сервер только для этой машины",
        );
    }
    Finding::warn(
        "There is no TLS: tokens, and who talks to whom, are readable on the way",
        "TLS нет: токены и то, кто с кем общается, по пути видны",
    )
    .advise(
        "Set tls.acme.domains, or put nginx in front and set server.public_url to https://…",
        "Задайте tls.acme.domains или поставьте перед сервером nginx и впишите в server.public_url адрес с https://",
    )
}

fn from_files(chain: &Path, key: &Path, host: Option<&str>, now: i64) -> Finding {
    let shown = chain.display();
    let unreadable = |path: &Path, error: rustls::pki_types::pem::Error| {
        Finding::fail(
            format!("{} cannot be read: {error}", path.display()),
            format!("{} не прочитать: {error}", path.display()),
        )
        .advise(
            "The server's account must be able to read it, also behind links such as those of /etc/letsencrypt/live.",
            "Учётная запись сервера должна иметь право читать его, в том числе по ссылкам, как в /etc/letsencrypt/live.",
        )
    };
    let certificates: Result<Vec<CertificateDer<'_>>, _> =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect);
    let certificates = match certificates {
        Ok(certificates) => certificates,
        Err(error) => return unreadable(chain, error),
    };
    let key = match PrivateKeyDer::from_pem_file(key) {
        Ok(key) => key,
        Err(error) => return unreadable(key, error),
    };
    let Some(facts) = certificates.first().and_then(|first| Facts::of(first)) else {
        return Finding::fail(format!("{shown} holds no certificate"), format!("В {shown} нет сертификата")).advise(
            "Name the file with the whole chain, usually fullchain.pem.",
            "Укажите файл со всей цепочкой, обычно fullchain.pem.",
        );
    };
    if !fits(certificates, key) {
        return Finding::fail(
            format!("{shown} and its key do not fit together"),
            format!("{shown} и ключ не подходят друг к другу"),
        )
        .advise("Set both of one issue in [tls].", "Укажите в [tls] оба файла одного выпуска.");
    }
    judged(&facts, &shown.to_string(), host, now)
}

fn fits(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> bool {
    let provider = rustls::crypto::ring::default_provider();
    rustls::sign::CertifiedKey::from_der(certificates, key, &provider).is_ok()
}

/// Looks through the folder that certificates from an authority are kept in.
fn from_cache(folder: &Path, domain: &str, now: i64) -> Finding {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let facts = files.filter_map(|path| std::fs::read(path).ok()).filter_map(|bytes| {
        let first = CertificateDer::pem_slice_iter(&bytes).next()?.ok()?;
        Facts::of(&first)
    });
    let newest = facts.filter(|facts| facts.is_for(domain)).max_by_key(|facts| facts.not_after);
    match newest {
        Some(facts) => judged(&facts, domain, Some(domain), now),
        None => Finding::warn(
            format!("There is no certificate for {domain} yet"),
            format!("Сертификата для {domain} ещё нет"),
        )
        .advise(
            "The server gets one once it runs: the domain must lead to this machine, and port 443 must be reachable from outside.",
            "Сервер получит его, когда будет запущен: домен должен вести на эту машину, а порт 443 — быть доступен снаружи.",
        ),
    }
}

fn judged(facts: &Facts, what: &str, host: Option<&str>, now: i64) -> Finding {
    let (en, ru) = (format!("The certificate {what}"), format!("Сертификат {what}"));
    if let Some(trouble) = facts.trouble(now, (&en, &ru)) {
        return trouble;
    }
    if let Some(host) = host.filter(|host| !facts.is_for(host)) {
        return Finding::fail(
            format!("{en} is not for {host}, where clients connect to"),
            format!("{ru} выдан не для {host}, куда подключаются клиенты"),
        )
        .advise(
            "Get one for this name, or correct server.public_url.",
            "Получите сертификат на это имя или исправьте server.public_url.",
        );
    }
    let days = facts.days_left(now);
    Finding::pass(format!("{en} is valid for {days} more days"), format!("{ru} действителен ещё {days} дн."))
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    const HOST: &str = "chat.example.org";

    fn patient(folder: &Path) -> Patient {
        let mut config = Config::default();
        config.server.public_url = format!("https://{HOST}");
        config.tls.cert_path = folder.join("chain.pem");
        config.tls.key_path = folder.join("key.pem");
        Patient { config, coturn_file: None, setting: Setting::CommandLine, clock: Clock::system() }
    }

    fn certificate(folder: &Path, host: &str) {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn files_are_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let patient = patient(folder.path());
        assert_eq!(check(&patient).status, CheckStatus::Fail, "there are none");
        certificate(folder.path(), HOST);
        assert_eq!(check(&patient).status, CheckStatus::Pass);
        let key = std::fs::read(folder.path().join("key.pem")).unwrap();
        certificate(folder.path(), "other.example.org");
        assert_eq!(check(&patient).status, CheckStatus::Fail, "another name");
        certificate(folder.path(), HOST);
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        assert_eq!(check(&patient).status, CheckStatus::Fail, "another key");
    }

    #[test]
    fn an_authoritys_certificates_are_found_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut patient = patient(folder.path());
        patient.config.tls = crate::config::Tls::default();
        patient.config.tls.acme.domains = vec![HOST.to_owned()];
        patient.config.tls.acme.cache_path = folder.path().to_owned();
        assert_eq!(check(&patient).status, CheckStatus::Warn, "there is none yet");
        certificate(folder.path(), "other.example.org");
        assert_eq!(check(&patient).status, CheckStatus::Warn);
        certificate(folder.path(), HOST);
        assert_eq!(check(&patient).status, CheckStatus::Pass);
    }

    #[test]
    fn without_tls_it_depends_on_who_connects() {
        let mut patient = patient(Path::new("nowhere"));
        patient.config.tls = crate::config::Tls::default();
        for (url, status) in [
            ("https://chat.example.org", CheckStatus::Pass),
            ("http://chat.example.org:9443", CheckStatus::Warn),
            ("http://192.168.1.5:9443", CheckStatus::Warn),
            ("http://localhost:9443", CheckStatus::Pass),
            ("", CheckStatus::Pass),
        ] {
            url.clone_into(&mut patient.config.server.public_url);
            assert_eq!(check(&patient).status, status, "{url}");
        }
    }
}
