//! Directly, through a proxy, or not at all.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use privmsg_protocol::PROTOCOL_VERSION;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::super::error::{Hop, LinkFault, NetworkError, ProxyFault};
use super::super::route::ProxySetting;
use super::super::socket::Socket;
use super::host::Host;
use super::proxies::{self, Manner, Running};
use super::{Names, both, client, endpoint};
use crate::error::ClientError;

const NOTHING: [(&str, &str); 0] = [];

/// An address at which nobody ever says anything: a listener whose queue is full.
async fn nowhere(address: &str) -> (SocketAddr, Vec<Box<dyn Send>>) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held: Vec<Box<dyn Send>> = vec![Box::new(listener)];
    while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        held.push(Box::new(connected.unwrap()));
        assert!(held.len() < 10, "the queue never fills");
    }
    (address, held)
}

fn network(result: Result<(), ClientError>) -> NetworkError {
    match result {
        Err(ClientError::Network(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn through(host: &str, proxy: &Running, scheme: &str, userinfo: &str) -> super::Endpoint {
    let proxy = format!("{scheme}://{userinfo}{}", proxy.address).parse().unwrap();
    super::Endpoint { proxy: ProxySetting::Through(proxy), ..endpoint(host) }
}

#[tokio::test]
async fn both_halves_use_one_address() {
    let host = Host::start().await;
    let names = Names::all_at(&[host.address]);
    both(&client(endpoint("http://ЧАТ.пример.РФ:80/prefix/"), &NOTHING, &names)).await.unwrap();
    let name = "xn--80a0bn.xn--e1afmkfd.xn--p1ai";
    assert_eq!(names.asked(), [name, name]);
    assert_eq!(host.seen(), [format!("GET /prefix/api/v1/users/me/devices {name}"), format!("GET /prefix/ws {name}")]);
}

/// A server of the first API speaks of no version at all; one of a later one than this program knows what that can expect.
#[tokio::test]
async fn a_server_that_is_too_old_is_called_that() {
    let host = Host::start().await;
    let api = client(endpoint(&format!("http://{}", host.address)), &NOTHING, &Names::all_at(&[host.address]));
    for (version, too_old) in [(0, true), (PROTOCOL_VERSION, false), (PROTOCOL_VERSION + 1, false)] {
        host.speaks(version);
        let opened = Socket::open(&api).await.map(drop);
        assert_eq!(matches!(opened, Err(ClientError::ServerTooOld(0))), too_old, "{version}: {opened:?}");
        assert_eq!(opened.is_err(), too_old);
    }
}

#[tokio::test]
async fn an_ipv6_that_leads_nowhere_stops_neither() {
    let host = Host::start().await;
    let (first, _held) = nowhere("[::1]:0").await;
    let (second, _held_too) = nowhere("[::1]:0").await;
    let names = Names::all_at(&[first, second, host.address]);
    let started = Instant::now();
    both(&client(endpoint("http://chat.example.org"), &NOTHING, &names)).await.unwrap();
    // Two connections, a quarter of a second each; on a busy machine more, but never the time-out of either.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn socks_gets_the_name_as_it_is() {
    let host = Host::start().await;
    let proxy = proxies::socks5(host.address, Manner::default()).await;
    let names = Names::all_at(&[proxy.address]);
    for name in ["abcdefghijklmnop.onion", "chat.example.org", "192.0.2.7", "[2001:db8::7]"] {
        let socks = format!("socks5h://tor.invalid:{}", proxy.address.port());
        let api = client(endpoint(&format!("http://{name}:9443")), &[("ALL_PROXY", socks.as_str())], &names);
        both(&api).await.unwrap();
        let asked = format!("{} 9443", name.trim_matches(['[', ']']));
        assert_eq!(proxy.asked(), [asked.clone(), asked]);
        assert_eq!(names.asked(), ["tor.invalid", "tor.invalid"], "nobody is asked for {name}");
    }
}

#[tokio::test]
async fn connect_gets_the_name_too_also_without_tls() {
    let host = Host::start().await;
    let proxy = proxies::http(host.address, Manner::default()).await;
    let names = Names::all_at(&[proxy.address]);
    both(&client(through("http://chat.example.org", &proxy, "http", ""), &NOTHING, &names)).await.unwrap();
    assert_eq!(proxy.asked(), ["chat.example.org:80", "chat.example.org:80"]);
    both(&client(through("http://[2001:db8::7]:9443", &proxy, "http", ""), &NOTHING, &names)).await.unwrap();
    assert_eq!(proxy.asked(), ["[2001:db8::7]:9443", "[2001:db8::7]:9443"]);
}

#[tokio::test]
async fn a_proxy_may_want_a_password() {
    let host = Host::start().await;
    let manner = Manner { credentials: Some("na me:p@ss:w/ord"), refusal: None };
    for (proxy, scheme) in [
        (proxies::http(host.address, manner.clone()).await, "http"),
        (proxies::socks5(host.address, manner).await, "socks5"),
    ] {
        let names = Names::all_at(&[proxy.address]);
        let fault = |userinfo: &str| {
            let api = client(through("http://chat.example.org", &proxy, scheme, userinfo), &NOTHING, &names);
            async move { both(&api).await }
        };
        fault("na%20me:p%40ss%3Aw%2Ford@").await.unwrap();
        for (userinfo, expected) in [("name:other@", ProxyFault::WrongPassword), ("", ProxyFault::WantsPassword)] {
            let error = network(fault(userinfo).await);
            assert!(error.needs_somebody() && !error.to_string().contains("other"), "{error}");
            let NetworkError::Proxy { fault, .. } = error else { panic!("{error:?}") };
            assert_eq!(fault, expected, "{scheme}");
        }
    }
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_apart() {
    let host = Host::start().await;
    let at = |refusal| Manner { credentials: None, refusal: Some(refusal) };
    let unreachable = || ProxyFault::CannotReach(LinkFault::Unreachable);
    for (status, expected) in [
        (403, ProxyFault::Forbids(Some(403))),
        (502, unreachable()),
        (503, unreachable()),
        (504, ProxyFault::CannotReach(LinkFault::TimedOut)),
        (302, ProxyFault::Answered(302)),
        (500, ProxyFault::Answered(500)),
    ] {
        let proxy = proxies::http(host.address, at(status)).await;
        let names = Names::all_at(&[proxy.address]);
        let error =
            network(both(&client(through("http://chat.example.org", &proxy, "http", ""), &NOTHING, &names)).await);
        let NetworkError::Proxy { fault, .. } = error else { panic!("{error:?}") };
        assert_eq!(fault, expected, "{status}");
    }
    for (reply, expected) in [
        (2, ProxyFault::Forbids(None)),
        (4, unreachable()),
        (5, ProxyFault::CannotReach(LinkFault::Refused)),
        (6, ProxyFault::CannotReach(LinkFault::TimedOut)),
        (0xf0, ProxyFault::NoSuchOnion),
    ] {
        let proxy = proxies::socks5(host.address, at(reply)).await;
        let names = Names::all_at(&[proxy.address]);
        let error = network(both(&client(through("http://a.onion", &proxy, "socks5h", ""), &NOTHING, &names)).await);
        let NetworkError::Proxy { fault, .. } = error else { panic!("{error:?}") };
        assert_eq!(fault, expected, "{reply}");
    }
    assert_eq!(host.connections(), 0);
}

#[tokio::test]
async fn a_server_is_no_proxy() {
    let host = Host::start().await;
    let names = Names::all_at(&[host.address]);
    let as_proxy = |scheme: &str| {
        let proxy = format!("{scheme}://{}", host.address).parse().unwrap();
        super::Endpoint { proxy: ProxySetting::Through(proxy), ..endpoint("http://chat.example.org") }
    };
    let error = network(both(&client(as_proxy("socks5h"), &NOTHING, &names)).await);
    assert!(matches!(error, NetworkError::Proxy { fault: ProxyFault::NotAProxy, .. }), "{error:?}");
}

/// Whoever has set a proxy does not want the server, or anybody on the way, to see where they are.
#[tokio::test]
async fn nothing_ever_goes_past_a_proxy() {
    let host = Host::start().await;
    let names = Names::all_at(&[host.address]);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://chat.example.org:{}", host.port());

    let dead = Names::all_at(&[gone]);
    let dead_proxy = format!("http://proxy.invalid:{}", gone.port());
    let error = network(both(&client(endpoint(&server), &[("http_proxy", dead_proxy.as_str())], &dead)).await);
    let hop = Hop::Proxy(dead_proxy);
    assert_eq!(error, NetworkError::Connect { hop, fault: LinkFault::Refused });

    let garbled = [("ALL_PROXY", "socks9://name:hunter2@proxy")];
    let error = network(both(&client(endpoint(&server), &garbled, &names)).await);
    assert!(matches!(error, NetworkError::ProxySetting { .. }) && !error.to_string().contains("hunter2"), "{error}");

    let onion = endpoint(&format!("http://abcdefghijklmnop.onion:{}", host.port()));
    assert_eq!(network(both(&client(onion, &NOTHING, &names)).await), NetworkError::OnionWithoutProxy);

    assert_eq!((host.connections(), names.asked().len()), (0, 0));
    // The other way round, a profile that wants none is not led to one.
    let direct = super::Endpoint { proxy: ProxySetting::Never, ..endpoint(&server) };
    both(&client(direct, &garbled, &names)).await.unwrap();
}

#[tokio::test]
async fn who_is_not_there_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = network(both(&client(endpoint("http://chat.example.org"), &NOTHING, &Names::all_at(&[gone]))).await);
    assert_eq!(error, NetworkError::Connect { hop: Hop::Server, fault: LinkFault::Refused });
    assert!(!error.may_have_arrived() && !error.needs_somebody());
    let error = network(both(&client(endpoint("http://chat.example.org"), &NOTHING, &Names::default())).await);
    assert_eq!(error, NetworkError::Connect { hop: Hop::Server, fault: LinkFault::UnknownName });
}
