//! The address that clients are given: does it lead here, and would they trust what they meet?

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::http::{self, HttpError, Trust};
use super::x509::Facts;
use super::{Finding, Patient, Setting};
use crate::causes::with_causes;

pub(super) async fn check(patient: Arc<Patient>) -> Finding {
    let url = patient.config.server.public_url.trim_end_matches('/');
    if url.is_empty() {
        return Finding::warn(
            "server.public_url is not set: invitations do not know where to lead",
            "server.public_url не задан: приглашения не знают, куда вести",
        )
        .advise(
            "Set it to what clients connect to, e.g. https://chat.example.org",
            "Впишите туда адрес, по которому подключаются клиенты, например https://chat.example.org",
        );
    }
    let Some((encrypted, host, port)) = parts(url) else {
        return Finding::fail(format!("{url} is no address of a server"), format!("{url} — не адрес сервера"))
            .advise("Set server.public_url to https://NAME", "Впишите в server.public_url https://ИМЯ");
    };
    if !encrypted && http::does_tls(&patient.config) {
        return Finding::fail(
            format!("server.public_url is {url}, but this server speaks TLS: clients that go by it get no answer"),
            format!("В server.public_url стоит {url}, а этот сервер говорит на TLS: по такому адресу клиенты не получат ответа"),
        )
        .advise("Write https:// there.", "Впишите туда https://.");
    }
    let (authority, path) = place(url);
    let server_name = host.trim_matches(['[', ']']);
    let mut addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((server_name, port)).await.map(Iterator::collect).unwrap_or_default();
    // Where a name has both, the server mostly listens on IPv4 alone.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let Some(address) = addresses.first() else {
        return Finding::fail(format!("{host} is not known to the name servers"), format!("Имя {host} не находится"))
            .advise(
                "Have an A or AAAA record made that names this machine.",
                "Заведите запись A или AAAA, указывающую на эту машину.",
            );
    };
    match http::ask(*address, encrypted.then_some((server_name, Trust::System)), authority, path).await {
        Ok(certificate) => {
            let facts = certificate.and_then(|certificate| Facts::of(&certificate));
            let (en, ru) = (format!("The certificate at {url}"), format!("Сертификат на {url}"));
            let now = patient.clock.now();
            facts.and_then(|facts| facts.trouble(now, (&en, &ru))).unwrap_or_else(|| {
                Finding::pass(format!("The server answers at {url}"), format!("Сервер отвечает по адресу {url}"))
            })
        }
        Err(HttpError::Connect(_)) if patient.setting == Setting::CommandLine && !running(&patient).await => {
            Finding::pass(
                format!("Nobody answers at {url}; the server is not running"),
                format!("По адресу {url} никто не отвечает; сервер не запущен"),
            )
        }
        Err(error) => trouble(url, &error),
    }
}

async fn running(patient: &Patient) -> bool {
    http::own_health(&patient.config).await.is_ok()
}

fn trouble(url: &str, error: &HttpError) -> Finding {
    let why = with_causes(error);
    let (en, ru) = http::tls_trouble(error);
    match error {
        HttpError::Tls(_) | HttpError::Setup(_) => Finding::fail(
            format!("Clients do not trust what answers at {url}: {en}"),
            format!("Клиенты не доверяют тому, что отвечает по адресу {url}: {ru}"),
        )
        .advise(
            "The certificate must be for this name and from a public authority; the file must hold the whole chain.",
            "Сертификат должен быть на это имя и от общеизвестного центра; в файле должна быть вся цепочка.",
        ),
        HttpError::Foreign => {
            Finding::fail(format!("Something else answers at {url}"), format!("По адресу {url} отвечает что-то другое"))
                .advise(
                    "Check where the name leads, and what the proxy passes on.",
                    "Проверьте, куда ведёт имя и что передаёт прокси.",
                )
        }
        // Some routers do not let a machine reach itself by its outer address, so this is no proof.
        _ => Finding::warn(
            format!("{url} cannot be reached from this machine: {why}"),
            format!("С этой машины не достучаться до {url}: {why}"),
        )
        .advise(
            "Try from outside: curl URL/health. If that fails too, look at the firewall and at where the name leads.",
            "Попробуйте снаружи: curl АДРЕС/health. Если и так не выйдет, проверьте файрвол и куда ведёт имя.",
        ),
    }
}

/// What stands for host and port in an address, and the path below which the server is.
fn place(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or((rest, ""), |at| (&rest[..at], &rest[at..]))
}

/// Whether it is encrypted, the host as it stands there, and the port.
fn parts(url: &str) -> Option<(bool, &str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let encrypted = match scheme {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let default = if encrypted { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    (!host.is_empty()).then_some((encrypted, host, port))
}

/// The host that clients connect to, if it is known.
pub(super) fn public_host(url: &str) -> Option<&str> {
    parts(url).map(|(_, host, _)| host)
}

/// Whether this host is this machine by any account.
pub(super) fn is_only_here(host: Option<&str>) -> bool {
    host.is_none_or(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// Whether others can reach this address over the internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let carrier_grade_nat = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || address.is_unspecified()
                || carrier_grade_nat)
        }
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("https://chat.example.org"), Some((true, "chat.example.org", 443)));
        assert_eq!(parts("http://[2001:db8::1]:9443/x"), Some((false, "[2001:db8::1]", 9443)));
        assert_eq!(parts("http://[::1]"), Some((false, "[::1]", 80)));
        for wrong in ["chat.example.org", "ftp://x", "https://", "http://x:port"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    /// A stand-in for a proxy: it has one site, which it knows by its name, below a path.
    fn proxy(authority: &str, path: &str) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let expected = format!(
            "GET {path}/health HTTP/1.1\r\nhost: {}\r\n",
            authority.replace("PORT", &address.port().to_string())
        );
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = vec![0; 4096];
                let length = std::io::Read::read(&mut stream, &mut request).unwrap_or(0);
                let body =
                    if request[..length].starts_with(expected.as_bytes()) { "{\"status\":\"ok\"}" } else { "welcome" };
                let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
                let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
            }
        });
        address
    }

    async fn at(url: String, change: impl FnOnce(&mut crate::config::Config)) -> Finding {
        let mut config = crate::config::Config::default();
        config.server.public_url = url;
        change(&mut config);
        let clock = crate::clock::Clock::system();
        check(Arc::new(Patient { config, coturn_file: None, setting: Setting::CommandLine, clock })).await
    }

    /// It asked for `localhost`, and met whatever site a proxy shows to those who ask for nobody.
    #[tokio::test]
    async fn a_proxy_is_asked_for_the_name_and_the_path_of_the_server() {
        let address = proxy("localhost:PORT", "/chat");
        let found = at(format!("http://localhost:{}/chat/", address.port()), |_| {}).await;
        assert_eq!(found.status, CheckStatus::Pass, "{}", found.summary.en);
        let found = at(format!("http://127.0.0.1:{}/chat", address.port()), |_| {}).await;
        assert_eq!(found.status, CheckStatus::Fail, "another name: {}", found.summary.en);
    }

    #[tokio::test]
    async fn an_address_without_tls_of_a_server_with_tls_is_named() {
        let found = at("http://chat.example.org".to_owned(), |config| config.tls.cert_path = "/x.pem".into()).await;
        assert_eq!(found.status, CheckStatus::Fail);
        assert!(found.summary.en.contains("speaks TLS"), "{}", found.summary.en);
    }

    #[test]
    fn private_addresses_are_not_public() {
        for private in ["10.1.2.3", "100.64.0.1", "127.0.0.1", "192.168.1.1", "169.254.1.1", "::1", "fd00::1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2a01:4f8::1", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
