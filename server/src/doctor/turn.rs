//! The relay for calls, used as a client uses it: with credentials made from the secret, over every way that its
//! addresses name.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::http::{self, Trust};
use super::stun::{Line, StunError, round_trip};
use super::x509::Facts;
use super::{Finding, Patient, is_public};
use crate::causes::with_causes;
use crate::config::Turn;
use crate::turn::credentials;

/// Longest round trip; somewhat less than the patience with a check, so that there is an answer instead of none.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// The name under which the relay's log shows this client.
const WHO: &str = "doctor";

const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

/// How a client gets to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Udp,
    Tcp,
    Tls,
    /// TLS over UDP, which hardly any client speaks.
    Dtls,
}

/// One address of the relay, and one way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    url: String,
    /// `None` where the address cannot be understood.
    target: Option<(String, u16, Way)>,
}

/// What is to be tried.
pub(super) fn probes(turn: &Turn) -> Vec<Probe> {
    if !turn.enabled {
        return Vec::new();
    }
    turn.urls.iter().flat_map(|url| of(url)).collect()
}

/// The ways of one address: `turn:HOST[:PORT][?transport=udp|tcp]` or `turns:…` (RFC 7065). An address that does not say
/// which is used both ways.
fn of(url: &str) -> Vec<Probe> {
    let wrong = || vec![Probe { url: url.to_owned(), target: None }];
    let (rest, encrypted) = match (url.strip_prefix("turn:"), url.strip_prefix("turns:")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return wrong(),
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let ways: &[Way] = match (encrypted, query) {
        (false, "") => &[Way::Udp, Way::Tcp],
        (false, "transport=udp") => &[Way::Udp],
        (false, "transport=tcp") => &[Way::Tcp],
        (true, "" | "transport=tcp") => &[Way::Tls],
        (true, "transport=udp") => &[Way::Dtls],
        _ => return wrong(),
    };
    let port = if encrypted { TLS_PORT } else { PORT };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, text)) if !text.ends_with(']') => match text.parse() {
            Ok(port) => (host, port),
            Err(_) => return wrong(),
        },
        _ => (place, port),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() {
        return wrong();
    }
    ways.iter().map(|way| Probe { url: url.to_owned(), target: Some((host.to_owned(), port, *way)) }).collect()
}

/// There is nothing to try.
pub(super) fn absent() -> Finding {
    Finding::warn(
        "There is no relay: calls get through only between people of one network",
        "Ретранслятора нет: звонки проходят только внутри одной сети",
    )
    .advise(
        "Set up coturn and the section [turn]; `privmsg-server init` writes both files.",
        "Настройте coturn и раздел [turn]; `privmsg-server init` создаст оба файла.",
    )
}

impl Probe {
    pub(super) fn name(&self) -> String {
        let way = match self.target {
            Some((_, _, Way::Udp)) => " udp",
            Some((_, _, Way::Tcp)) => " tcp",
            Some((_, _, Way::Tls)) => " tls",
            Some((_, _, Way::Dtls)) => " dtls",
            None => "",
        };
        let place = self.url.split('?').next().unwrap_or(&self.url);
        format!("{place}{way}")
    }

    pub(super) async fn run(self, patient: &Patient) -> Finding {
        let name = self.name();
        let Some((host, port, way)) = self.target else {
            return Finding::fail(
                format!("{} is no address of a relay", self.url),
                format!("{} — не адрес ретранслятора", self.url),
            )
            .advise(
                "Write turn:HOST:3478?transport=udp, turn:HOST:3478?transport=tcp or turns:HOST:5349?transport=tcp.",
                "Пишите turn:ХОСТ:3478?transport=udp, turn:ХОСТ:3478?transport=tcp или turns:ХОСТ:5349?transport=tcp.",
            );
        };
        if way == Way::Dtls {
            return Finding::warn(
                format!("{name}: DTLS is not tried, and few clients can use it"),
                format!("{name}: DTLS не проверяется, и мало какие клиенты им пользуются"),
            )
            .advise("Use ?transport=tcp with turns:.", "Для turns: используйте ?transport=tcp.");
        }
        let mut addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((host.as_str(), port)).await.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() {
            return Finding::fail(
                format!("{name}: the name {host} is not known"),
                format!("{name}: имя {host} не находится"),
            )
            .advise(
                "Have an A or AAAA record made that names the relay's machine, or correct turn.urls.",
                "Заведите запись A или AAAA, указывающую на машину ретранслятора, или исправьте turn.urls.",
            );
        }
        // coturn listens on IPv4 alone where its file says 0.0.0.0; clients try both.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let tried = timeout(PATIENCE, attempts(patient, &host, &addresses, way)).await;
        match tried.unwrap_or(Err(Failure::Stun(StunError::Silence))) {
            Ok((address, reached)) => judged(&name, address, &reached, patient.clock.now()),
            Err(failure) => failed(&name, port, way, &failure),
        }
    }
}

/// A round trip that went well.
struct Reached {
    relay: SocketAddr,
    certificate: Option<Facts>,
}

enum Failure {
    Connect(io::Error),
    Tls((String, String)),
    Stun(StunError),
}

impl From<StunError> for Failure {
    fn from(error: StunError) -> Self {
        Self::Stun(error)
    }
}

/// Tries one address after the other. Returns what became of the first one if none works.
async fn attempts(
    patient: &Patient,
    host: &str,
    addresses: &[SocketAddr],
    way: Way,
) -> Result<(SocketAddr, Reached), Failure> {
    let mut first = None;
    for address in addresses {
        match attempt(patient, host, *address, way).await {
            Ok(reached) => return Ok((*address, reached)),
            Err(failure) => {
                first.get_or_insert(failure);
            }
        }
    }
    Err(first.unwrap_or(Failure::Stun(StunError::Silence)))
}

/// A line to the relay without TLS, if there is one that answers.
pub(super) async fn plain_line(patient: &Patient) -> Option<Line<TcpStream>> {
    let targets = probes(&patient.config.turn).into_iter().filter_map(|probe| probe.target);
    for (host, port, _) in targets.filter(|(_, _, way)| matches!(way, Way::Udp | Way::Tcp)) {
        let addresses = tokio::net::lookup_host((host.as_str(), port)).await.map(Iterator::collect::<Vec<_>>);
        let mut addresses = addresses.unwrap_or_default();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        for address in addresses {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Some(Line::Stream(stream));
            }
        }
    }
    None
}

async fn attempt(patient: &Patient, host: &str, address: SocketAddr, way: Way) -> Result<Reached, Failure> {
    let credentials = credentials(&patient.config.turn, WHO, patient.clock.now());
    if way == Way::Udp {
        let own = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await.map_err(Failure::Connect)?;
        socket.connect(address).await.map_err(Failure::Connect)?;
        let relay = round_trip(&mut Line::<TcpStream>::Packets(socket), &credentials).await?;
        return Ok(Reached { relay, certificate: None });
    }
    let stream = TcpStream::connect(address).await.map_err(Failure::Connect)?;
    if way == Way::Tcp {
        let relay = round_trip(&mut Line::Stream(stream), &credentials).await?;
        return Ok(Reached { relay, certificate: None });
    }
    let stream =
        http::handshake(stream, host, Trust::System).await.map_err(|error| Failure::Tls(http::tls_trouble(&error)))?;
    let certificate = http::certificate(&stream).and_then(|certificate| Facts::of(&certificate));
    let relay = round_trip(&mut Line::Stream(stream), &credentials).await?;
    Ok(Reached { relay, certificate })
}

/// It works from here. Would it from elsewhere, and for long?
fn judged(name: &str, address: SocketAddr, reached: &Reached, now: i64) -> Finding {
    let relay = reached.relay;
    if is_public(address.ip()) && !is_public(relay.ip()) {
        return Finding::fail(
            format!("{name}: the relay gives out {}, which nobody outside can reach", relay.ip()),
            format!("{name}: ретранслятор выдаёт {} — снаружи туда не попасть", relay.ip()),
        )
        .advise(
            format!("Set external-ip={} in turnserver.conf, and restart coturn.", address.ip()),
            format!("Впишите external-ip={} в turnserver.conf и перезапустите coturn.", address.ip()),
        );
    }
    let what = (format!("{name}: the relay's certificate"), format!("{name}: сертификат ретранслятора"));
    let trouble = reached.certificate.as_ref().and_then(|facts| facts.trouble(now, (&what.0, &what.1)));
    trouble.unwrap_or_else(|| {
        Finding::pass(
            format!("{name}: the relay answers, and gave out {relay}"),
            format!("{name}: ретранслятор отвечает и выделил {relay}"),
        )
    })
}

fn failed(name: &str, port: u16, way: Way, failure: &Failure) -> Finding {
    let finding = |en: &str, ru: &str| Finding::fail(format!("{name}: {en}"), format!("{name}: {ru}"));
    match failure {
        Failure::Stun(StunError::Refused) => finding(
            "the relay refuses the credentials: its secret is another one",
            "ретранслятор не принимает учётные данные: секрет у него другой",
        )
        .advise(
            "Make turn.credential and static-auth-secret the same, restart server and coturn; then look at both clocks.",
            "Сделайте turn.credential и static-auth-secret одинаковыми, перезапустите сервер и coturn; затем сверьте часы.",
        ),
        Failure::Connect(_) | Failure::Stun(StunError::Silence) => {
            let kind = if way == Way::Udp { "udp" } else { "tcp" };
            let why = match failure {
                Failure::Connect(error) => format!(" ({error})"),
                _ => String::new(),
            };
            finding(&format!("no relay answers{why}"), &format!("ретранслятор не отвечает{why}")).advise(
                format!("Start coturn (docker compose logs coturn, systemctl status coturn), and open {port}/{kind} in the firewall."),
                format!("Запустите coturn (docker compose logs coturn, systemctl status coturn) и откройте {port}/{kind} в файрволе."),
            )
        }
        Failure::Tls((en, ru)) => finding(
            &format!("no trusted TLS: {en}"),
            &format!("нет доверенного TLS: {ru}"),
        )
        .advise(
            "Set cert and pkey in turnserver.conf to a certificate for this name, or take the turns: address out of turn.urls.",
            "Укажите в turnserver.conf cert и pkey сертификата на это имя или уберите адрес turns: из turn.urls.",
        ),
        Failure::Stun(error) => {
            let why = with_causes(error);
            finding(&format!("no relay was given: {why}"), &format!("ретранслятор ничего не выделил: {why}")).advise(
                "Compare turnserver.conf with the one that `privmsg-server init` writes; its log says more.",
                "Сравните turnserver.conf с тем, что создаёт `privmsg-server init`; подробности в его журнале.",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::*;

    fn names(url: &str) -> Vec<String> {
        of(url).iter().map(Probe::name).collect()
    }

    #[test]
    fn addresses_name_their_ways() {
        assert_eq!(names("turn:a.org:3478"), ["turn:a.org:3478 udp", "turn:a.org:3478 tcp"]);
        assert_eq!(names("turn:a.org?transport=tcp"), ["turn:a.org tcp"]);
        assert_eq!(names("turns:a.org:5349"), ["turns:a.org:5349 tls"]);
        assert_eq!(of("turn:[::1]?transport=udp")[0].target, Some(("::1".to_owned(), 3478, Way::Udp)));
        assert_eq!(of("turns:[::1]:1")[0].target, Some(("::1".to_owned(), 1, Way::Tls)));
        for wrong in ["stun:a.org", "turn:", "turn:a.org:x", "turn:a.org?transport=sctp", "https://a.org"] {
            assert_eq!(of(wrong)[0].target, None, "{wrong}");
        }
    }

    #[test]
    fn a_relay_behind_nat_needs_its_outer_address() {
        let judge = |address: &str, relay: &str| {
            let reached = Reached { relay: relay.parse().unwrap(), certificate: None };
            judged("turn:x udp", address.parse().unwrap(), &reached, 0).status
        };
        assert_eq!(judge("8.8.8.8:3478", "10.0.0.5:49152"), CheckStatus::Fail);
        assert_eq!(judge("8.8.8.8:3478", "8.8.8.8:49152"), CheckStatus::Pass);
        assert_eq!(judge("127.0.0.1:3478", "127.0.0.1:49152"), CheckStatus::Pass);
    }
}
