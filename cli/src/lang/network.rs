//! Why the server cannot be reached, for people.

use privmsg_client::{
    AddressError, Between, CertificateFault, Disconnection, Hop, LinkFault, NetworkError, ProxyError, ProxyFault,
    ProxySource, Untrusted,
};

use super::{Lang, texts};

texts! {
    onion_without_proxy() =>
        "an onion address is reached through Tor only; with Tor running here: --proxy socks5h://127.0.0.1:9050",
        "onion-адрес доступен только через Tor; если Tor запущен здесь: --proxy socks5h://127.0.0.1:9050";
    proxy_of_profile() => "the proxy of the profile", "прокси из профиля";
    bad_proxy(from: &str, why: &str) => "{from} is no proxy that can be used: {why}", "{from}: такой прокси не подходит: {why}";
    at_proxy(proxy: &str, why: &str) => "the proxy {proxy} cannot be reached: {why}", "прокси {proxy} недоступен: {why}";
    proxy_did(proxy: &str, what: &str) => "the proxy {proxy} {what}", "прокси {proxy} {what}";
    proxy_forbids(status: &str) =>
        "does not allow a connection to the server{status}", "не разрешает соединение с сервером{status}";
    proxy_cannot_reach(why: &str) => "does not reach the server: {why}", "не может связаться с сервером: {why}";
    proxy_untrusted(why: &str) =>
        "has a TLS certificate that is not trusted: {why}", "предъявил сертификат TLS, которому нет доверия: {why}";
    proxy_answered(status: u16) => "answers {status}", "отвечает {status}";
    untrusted(why: &str, fingerprint: &str) =>
        "its TLS certificate is not trusted: {why}. The fingerprint of its key is {fingerprint}. If that is the one that your administrator gave you, pin it: --fingerprint {fingerprint}",
        "его сертификату TLS нет доверия: {why}. Отпечаток его ключа: {fingerprint}. Если именно его назвал вам администратор, закрепите его: --fingerprint {fingerprint}";
    other_key(fingerprint: &str, pinned: &str) =>
        "its key is not the one that is pinned. SOMEBODY MAY BE IN BETWEEN. Pinned: {pinned}, shown: {fingerprint}. Ask the administrator; only if the server really has a new key, pin that with --fingerprint",
        "его ключ не тот, который закреплён. ВОЗМОЖНО, КТО-ТО ВКЛИНИЛСЯ ПОСЕРЕДИНЕ. Закреплён: {pinned}, показан: {fingerprint}. Спросите администратора; только если у сервера правда новый ключ, закрепите его: --fingerprint";
    of_certificate(fingerprint: &str) =>
        "the fingerprint that was given is that of its certificate, which fits. Pin that of the key: --fingerprint {fingerprint}",
        "указан отпечаток самого сертификата, и он совпадает. Закрепите отпечаток ключа: --fingerprint {fingerprint}";
    tls_failed(detail: &str) => "TLS failed ({detail})", "сбой TLS ({detail})";
    closed_with(words: &str) => "it has closed the connection ({words})", "он закрыл соединение ({words})";
    moved_to(server: &str) =>
        "it has moved to {server}. If the administrator says so too: privmsg login --server {server}",
        "он переехал на {server}. Если это подтвердит администратор: privmsg login --server {server}";
    between(status: u16, hint: &str) =>
        "something between you and the server answered {status} in its place{hint}",
        "вместо сервера ответил посредник (прокси или сама сеть): {status}{hint}";
    leads_to(target: &str) => " (it leads to {target})", " (ведёт на {target})";
}

impl Lang {
    /// A reason, to stand behind "the server cannot be reached: ".
    pub(crate) fn network(self, error: &NetworkError) -> String {
        use NetworkError as E;
        match error {
            E::Address(error) => self.address(*error),
            E::ProxySetting { from, error } => {
                let from = match from {
                    ProxySource::Profile => self.proxy_of_profile(),
                    ProxySource::Variable(name) => (*name).to_owned(),
                };
                self.bad_proxy(&from, &self.proxy(*error))
            }
            E::PinWithoutTls => self.fingerprint_needs_tls(),
            E::OnionWithoutProxy => self.onion_without_proxy(),
            E::Connect { hop: Hop::Server, fault } | E::Lost(fault) => self.link(fault),
            E::Connect { hop: Hop::Proxy(proxy), fault } => self.at_proxy(proxy, &self.link(fault)),
            E::Proxy { proxy, fault } => self.proxy_did(proxy, &self.proxy_fault(fault)),
            E::Certificate(untrusted) => self.certificate(untrusted),
            E::NotTls => self
                .pick(
                    "what answers there does not speak TLS; is the address http://…?",
                    "там отвечают без TLS; может быть, адрес начинается с http://?",
                )
                .to_owned(),
            E::NotHttp => self
                .pick(
                    "what answers there does not speak HTTP; is the address https://…?",
                    "там отвечают не по HTTP; может быть, адрес начинается с https://?",
                )
                .to_owned(),
            E::Tls(detail) => self.tls_failed(detail),
            E::Closed(words) if words.is_empty() => self.link(&LinkFault::Broken),
            E::Closed(words) => self.closed_with(words),
            E::Between(between) => self.answered_between(between),
            E::Moved { to } => self.moved_to(to),
            E::Other(text) if text.contains("silent") => self.link(&LinkFault::TimedOut),
            E::Other(text) if text.contains("broke off") => self.link(&LinkFault::Broken),
            E::Other(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Why there is no connection, as a sentence.
    pub(crate) fn no_connection(self, reason: &Disconnection) -> String {
        match reason {
            // The server is there.
            Disconnection::Disk => self.messages_wait_for_disk(),
            other => self.unreachable(&self.disconnection(other)),
        }
    }

    /// Why there is no connection, to stand behind "the server cannot be reached: ", too.
    pub(crate) fn disconnection(self, reason: &Disconnection) -> String {
        match reason {
            Disconnection::Network(error) => self.network(error),
            Disconnection::Restarting => self.restarting(),
            Disconnection::Refused(code) => self.refused(&self.refusal(code)),
            Disconnection::TooOld => self.server_too_old(),
            Disconnection::Disk => self.disk_unusable(),
            Disconnection::Other(text) => text.clone(),
        }
    }

    /// What is wrong with the address of a server.
    pub(crate) fn address(self, error: AddressError) -> String {
        use AddressError as E;
        let text = match error {
            E::Empty => self.pick("the server's address is empty", "адрес сервера пуст"),
            E::Invitation => return self.invitation_as_argument(),
            E::Scheme => self.pick(
                "the server's address must begin with https:// (or with http://, for trying things out)",
                "адрес сервера должен начинаться с https:// (или с http://, чтобы попробовать)",
            ),
            E::TooLong => self.pick("the server's address is too long", "адрес сервера слишком длинный"),
            E::Character => self.pick(
                "the server's address has a blank in it, or a character that no address has",
                "в адресе сервера есть пробел или знак, которого в адресах не бывает",
            ),
            E::User => self.pick(
                "the server's address must not hold a name or password (before @): the name is given by --user-id",
                "в адресе сервера не должно быть имени и пароля (до @): имя указывает --user-id",
            ),
            E::Query => self.pick(
                "leave out what stands behind '?' in the server's address",
                "уберите из адреса сервера то, что стоит после «?»",
            ),
            E::Fragment => self.pick(
                "leave out what stands behind '#' in the server's address",
                "уберите из адреса сервера то, что стоит после «#»",
            ),
            E::Port => self.pick(
                "the server's address has a port that does not exist: 1 to 65535",
                "в адресе сервера нет такого порта: бывают от 1 до 65535",
            ),
            _ => self.pick(
                "the server's address names no host that can exist",
                "в адресе сервера нет имени, которое может существовать",
            ),
        };
        text.to_owned()
    }

    /// What is wrong with a proxy.
    pub(crate) fn proxy(self, error: ProxyError) -> String {
        let text = match error {
            ProxyError::Scheme => self.pick(
                "of the kinds of proxies, http://, https:// and socks5h:// are supported",
                "из видов прокси поддерживаются http://, https:// и socks5h://",
            ),
            ProxyError::Credentials => self.pick(
                "its name or password is missing, too long, or has characters that cannot be sent",
                "имя или пароль отсутствует, слишком длинный или содержит знаки, которые нельзя передать",
            ),
            _ => self.pick(
                "it is no address, such as http://proxy.example.org:3128",
                "это не адрес вида http://proxy.example.org:3128",
            ),
        };
        text.to_owned()
    }

    fn link(self, fault: &LinkFault) -> String {
        let text = match fault {
            LinkFault::UnknownName => self.pick("its name is not known (DNS)", "его имя не найдено (DNS)"),
            LinkFault::NoNameService => {
                self.pick("no name service (DNS) answers; is there a network?", "DNS не отвечает; есть ли сеть?")
            }
            LinkFault::Refused => self.pick(
                "nothing answers at its address; is it running?",
                "по его адресу никто не отвечает; запущен ли он?",
            ),
            LinkFault::Unreachable => self.pick("no way to it; is there a network?", "до него нет пути; есть ли сеть?"),
            LinkFault::TimedOut => self.pick("no answer in time", "нет ответа"),
            LinkFault::Broken => self.pick("the connection broke off", "соединение оборвалось"),
            LinkFault::Other(text) => text,
        };
        text.to_owned()
    }

    fn proxy_fault(self, fault: &ProxyFault) -> String {
        let text = match fault {
            ProxyFault::WantsPassword => self
                .pick("wants a name and a password: set PRIVMSG_PROXY", "требует имя и пароль: задайте PRIVMSG_PROXY"),
            ProxyFault::WrongPassword => self.pick("does not take the name or password", "не принимает имя или пароль"),
            ProxyFault::Forbids(status) => {
                let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
                return self.proxy_forbids(&status);
            }
            ProxyFault::CannotReach(fault) => return self.proxy_cannot_reach(&self.link(fault)),
            ProxyFault::Untrusted(fault) => return self.proxy_untrusted(&self.certificate_fault(fault)),
            ProxyFault::Answered(status) => return self.proxy_answered(*status),
            ProxyFault::NoSuchOnion => self
                .pick("finds no such onion service; is it running?", "не находит такого onion-сервиса; запущен ли он?"),
            ProxyFault::NotAProxy => {
                self.pick("does not speak the protocol of such a proxy", "не понимает протокол такого прокси")
            }
        };
        text.to_owned()
    }

    fn certificate(self, Untrusted { fingerprint, fault }: &Untrusted) -> String {
        let fingerprint = fingerprint.to_string();
        match fault {
            CertificateFault::OtherKey { pinned } => self.other_key(&fingerprint, &pinned.to_string()),
            CertificateFault::OfCertificate => self.of_certificate(&fingerprint),
            other => self.untrusted(&self.certificate_fault(other), &fingerprint),
        }
    }

    fn certificate_fault(self, fault: &CertificateFault) -> String {
        let text = match fault {
            CertificateFault::UnknownIssuer => self.pick(
                "no authority that this machine knows has signed it",
                "его не подписал ни один центр, известный этой машине",
            ),
            CertificateFault::OtherName => self.pick("it is for another name", "он выдан на другое имя"),
            CertificateFault::Expired => self.pick(
                "its time is over (or the clock of this machine is wrong)",
                "срок его действия истёк (или часы этой машины неверны)",
            ),
            CertificateFault::NotYetValid => self.pick(
                "its time has not come (or the clock of this machine is wrong)",
                "срок его действия не начался (или часы этой машины неверны)",
            ),
            CertificateFault::Revoked => self.pick("it has been withdrawn", "он отозван"),
            // Of a pinned key, which has sentences of its own.
            other => return other.to_string(),
        };
        text.to_owned()
    }

    fn answered_between(self, Between { status, redirect, .. }: &Between) -> String {
        let hint = match (status, redirect) {
            (_, Some(target)) => self.leads_to(target),
            (200..=299, _) => self
                .pick(" (a page: does this network want a sign-in?)", " (страница: эта сеть требует входа?)")
                .to_owned(),
            (401 | 407, _) => self.pick(" (it wants a sign-in of its own)", " (требует собственного входа)").to_owned(),
            (403, _) => self.pick(" (it does not allow this)", " (не разрешает)").to_owned(),
            (413, _) => self.pick(" (too large for it)", " (слишком большой объём)").to_owned(),
            (429, _) => self.pick(" (too much at once)", " (слишком много сразу)").to_owned(),
            (502..=504, _) => {
                self.pick(" (it does not reach the server)", " (не может связаться с сервером)").to_owned()
            }
            _ => String::new(),
        };
        self.between(*status, &hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons() -> Vec<NetworkError> {
        let fingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap();
        let links = || {
            [
                LinkFault::UnknownName,
                LinkFault::NoNameService,
                LinkFault::Refused,
                LinkFault::Unreachable,
                LinkFault::TimedOut,
                LinkFault::Broken,
            ]
        };
        let proxy = || "http://proxy:3128".to_owned();
        let mut reasons = vec![
            NetworkError::OnionWithoutProxy,
            NetworkError::PinWithoutTls,
            NetworkError::NotTls,
            NetworkError::NotHttp,
        ];
        reasons.push(NetworkError::Moved { to: "https://new.example.org".to_owned() });
        for error in [
            AddressError::Empty,
            AddressError::Invitation,
            AddressError::Scheme,
            AddressError::TooLong,
            AddressError::Character,
            AddressError::User,
            AddressError::Query,
            AddressError::Fragment,
            AddressError::Host,
            AddressError::Port,
        ] {
            reasons.push(error.into());
        }
        for error in [ProxyError::Scheme, ProxyError::Address, ProxyError::Credentials] {
            for from in [ProxySource::Profile, ProxySource::Variable("ALL_PROXY")] {
                reasons.push(NetworkError::ProxySetting { from, error });
            }
        }
        for fault in links() {
            reasons.push(NetworkError::Connect { hop: Hop::Server, fault: fault.clone() });
            reasons.push(NetworkError::Connect { hop: Hop::Proxy(proxy()), fault: fault.clone() });
            reasons.push(NetworkError::Proxy { proxy: proxy(), fault: ProxyFault::CannotReach(fault.clone()) });
            reasons.push(NetworkError::Lost(fault));
        }
        for fault in [
            ProxyFault::WantsPassword,
            ProxyFault::WrongPassword,
            ProxyFault::Forbids(Some(403)),
            ProxyFault::Answered(500),
            ProxyFault::NoSuchOnion,
            ProxyFault::NotAProxy,
            ProxyFault::Untrusted(CertificateFault::UnknownIssuer),
        ] {
            reasons.push(NetworkError::Proxy { proxy: proxy(), fault });
        }
        for fault in [
            CertificateFault::UnknownIssuer,
            CertificateFault::OtherName,
            CertificateFault::Expired,
            CertificateFault::NotYetValid,
            CertificateFault::Revoked,
            CertificateFault::OfCertificate,
            CertificateFault::OtherKey { pinned: fingerprint },
        ] {
            reasons.push(NetworkError::Certificate(Untrusted { fingerprint, fault }));
        }
        for status in [200, 302, 401, 403, 404, 407, 413, 429, 500, 502, 503, 504] {
            let redirect = (status == 302).then(|| "https://portal.example.net".to_owned());
            reasons.push(NetworkError::Between(Between { status, redirect, retry_after: None }));
        }
        reasons
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own_in_both_languages() {
        let is_russian = |text: &str| text.chars().any(|c| ('а'..='я').contains(&c));
        for reason in reasons() {
            let (english, russian) = (Lang::En.network(&reason), Lang::Ru.network(&reason));
            assert!(!is_russian(&english) && is_russian(&russian), "{reason:?}: {english} / {russian}");
            assert!(!russian.contains("the ") && !russian.contains(" its "), "{russian}");
        }
    }

    #[test]
    fn what_helps_is_said() {
        let said = |error: &NetworkError| (Lang::En.network(error), Lang::Ru.network(error));
        let (english, russian) = said(&NetworkError::Moved { to: "https://new.example.org".to_owned() });
        for text in [english, russian] {
            assert!(text.contains("privmsg login --server https://new.example.org"), "{text}");
        }
        let (english, russian) = said(&NetworkError::OnionWithoutProxy);
        assert!(english.contains("socks5h://") && russian.contains("socks5h://"));
    }
}
