//! To whom the relay relays: not to the machine itself, nor to the networks behind it. Otherwise whoever has an account can
//! reach what is meant for them alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::stun::{StunError, open_peers};
use super::{Finding, Patient, turn};
use crate::turn::credentials;

/// The name under which the relay's log shows this client.
const WHO: &str = "doctor";

/// One address of each network that is nobody's on the internet.
const IPV4: [Ipv4Addr; 10] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(100, 64, 0, 1),
    // Where clouds keep the secrets of their machines.
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(172, 16, 0, 1),
    Ipv4Addr::new(192, 0, 0, 1),
    Ipv4Addr::new(192, 168, 0, 1),
    Ipv4Addr::new(198, 18, 0, 1),
    Ipv4Addr::new(240, 0, 0, 1),
];

/// The same of IPv6, and IPv4 in its clothes: mapped, compatible, NAT64, Teredo, 6to4.
const IPV6: [Ipv6Addr; 10] = [
    Ipv6Addr::LOCALHOST,
    Ipv6Addr::UNSPECIFIED,
    Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1),
    Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1),
    Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0x7f00, 1),
    Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0x7f00, 1),
    Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x2002, 0x7f00, 1, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
];

/// An address of the internet of each kind. Asking for leave to send there sends nothing there.
const INTERNET: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)), IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9))];

/// Somewhat less than the patience with a check: a relay that is not there is told by the checks of its addresses.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// RFC 8656, section 19.
const ADDRESS_FAMILY_NOT_SUPPORTED: u16 = 440;

pub(super) async fn check(patient: Arc<Patient>) -> Finding {
    let mut open = Vec::new();
    let tried = timeout(PATIENCE, tried(&patient, &mut open)).await;
    match tried.unwrap_or_else(|_| Some(unknown())) {
        // What was found open is open, whatever came of the rest.
        _ if !open.is_empty() => lets_through(&open),
        Some(finding) => finding,
        None => Finding::pass(
            "The relay relays to no address of this machine or of the networks behind it",
            "Ретранслятор не пропускает ни к этой машине, ни в сети за ней",
        ),
    }
}

/// Notes addresses within to which it relays. Returns what ends the trial before all are tried.
async fn tried(patient: &Patient, open: &mut Vec<IpAddr>) -> Option<Finding> {
    for (inside, outside) in [IPV4.map(IpAddr::from), IPV6.map(IpAddr::from)].into_iter().zip(INTERNET) {
        let peers: Vec<IpAddr> = inside.into_iter().chain([outside]).collect();
        let Some(mut line) = turn::plain_line(patient).await else { return Some(unknown()) };
        let credentials = credentials(&patient.config.turn, WHO, patient.clock.now());
        match open_peers(&mut line, &credentials, &peers).await {
            Ok(found) if !found.contains(&outside) => return Some(shut(outside)),
            Ok(found) => open.extend(found.into_iter().filter(|peer| *peer != outside)),
            // It has no address of this family, and relays to none then.
            Err(StunError::Error { code: ADDRESS_FAMILY_NOT_SUPPORTED, .. }) if peers[0].is_ipv6() => {}
            Err(_) => return Some(unknown()),
        }
    }
    None
}

fn lets_through(open: &[IpAddr]) -> Finding {
    let list = open.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Finding::fail(
        format!("The relay lets everybody who has an account through to {list}"),
        format!("Ретранслятор пропускает любого пользователя к {list}"),
    )
    .advise(
        "Take all lines with denied-peer-ip over from the turnserver.conf that `privmsg-server init` writes, and restart \
         coturn. Use 4.9 or newer.",
        "Перенесите все строки denied-peer-ip из turnserver.conf, который создаёт `privmsg-server init`, и перезапустите \
         coturn. Нужна версия не ниже 4.9.",
    )
}

/// Nobody gets through, whatever the checks of its addresses say.
fn shut(outside: IpAddr) -> Finding {
    Finding::fail(
        format!("The relay lets nobody through to the internet, not even to {outside}"),
        format!("Ретранслятор не пропускает никого в интернет, даже к {outside}"),
    )
    .advise(
        "Look at denied-peer-ip in turnserver.conf: a range that begins with :: is any address to coturn.",
        "Проверьте denied-peer-ip в turnserver.conf: диапазон, начинающийся с ::, для coturn означает любой адрес.",
    )
}

/// The checks of its addresses say what is the matter.
fn unknown() -> Finding {
    Finding::pass(
        "To whom the relay relays cannot be tried without TLS, or not at all, from here",
        "Куда пропускает ретранслятор, отсюда не проверить: без TLS он не отвечает",
    )
}
