//! Several addresses, one connection: Happy Eyeballs (RFC 8305).
//!
//! The addresses are tried in turns of IPv6 and IPv4, each a moment after the one before and without waiting for it to
//! fail; the first connection wins. So an IPv6 that leads nowhere, as many networks have it, costs a quarter of a second.
//! Both families are asked for in one call of the system's resolver, which itself asks for both at once; waiting for one
//! answer while the other is there (section 3) is the resolver's affair.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::error::LinkFault;

/// "Connection Attempt Delay" (section 8).
const DELAY: Duration = Duration::from_millis(250);

/// The first connection that `dial` makes to one of the addresses.
pub(super) async fn first<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    dial: impl Fn(SocketAddr) -> F,
) -> Result<T, LinkFault> {
    let mut waiting = in_turns(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut failure = LinkFault::UnknownName;
    loop {
        match waiting.pop_front() {
            Some(address) => attempts.push(dial(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            biased;
            Some(ended) = attempts.next() => match ended {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = more_telling(failure, LinkFault::from(&error)),
            },
            () = sleep(DELAY), if !waiting.is_empty() => {}
        }
    }
}

/// A machine without IPv6 says so for each such address; what the others did says more.
fn more_telling(before: LinkFault, now: LinkFault) -> LinkFault {
    match (&before, &now) {
        (LinkFault::UnknownName, _) | (LinkFault::Unreachable, _) => now,
        _ => before,
    }
}

/// In turns of the two families, beginning with the one that the resolver prefers (section 4).
fn in_turns(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let (mut preferred, mut other): (VecDeque<_>, VecDeque<_>) = addresses
        .iter()
        .copied()
        .partition(|address| Some(address.is_ipv6()) == addresses.first().map(SocketAddr::is_ipv6));
    let mut turns = VecDeque::with_capacity(addresses.len());
    while !preferred.is_empty() || !other.is_empty() {
        turns.extend(preferred.pop_front());
        turns.extend(other.pop_front());
    }
    turns
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Dials in a world where some addresses answer after a while, and the others say nothing or refuse.
    async fn race(texts: &[&str]) -> (Result<SocketAddr, LinkFault>, Duration) {
        let started = Instant::now();
        let dial = |address: SocketAddr| async move {
            match address.port() {
                1 => std::future::pending().await,
                2 => Err(io::ErrorKind::ConnectionRefused.into()),
                3 => Err(io::ErrorKind::NetworkUnreachable.into()),
                ms => {
                    sleep(Duration::from_millis(ms.into())).await;
                    Ok(address)
                }
            }
        };
        (first(&addresses(texts), dial).await, started.elapsed())
    }

    #[test]
    fn families_take_turns() {
        let given = addresses(&["[::1]:1", "[::1]:2", "[::1]:3", "1.1.1.1:1", "1.1.1.1:2"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::1]:2", "1.1.1.1:2", "[::1]:3"]);
        assert_eq!(in_turns(&given), expected);
        let given = addresses(&["1.1.1.1:1", "1.1.1.1:2", "[::1]:1"]);
        assert_eq!(in_turns(&given), addresses(&["1.1.1.1:1", "[::1]:1", "1.1.1.1:2"]));
        assert!(in_turns(&[]).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_says_nothing_costs_a_moment() {
        let (won, took) = race(&["[::1]:1", "[::2]:1", "1.1.1.1:10"]).await;
        assert_eq!(won, Ok("1.1.1.1:10".parse().unwrap()));
        assert_eq!(took, DELAY + Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_refuses_costs_nothing() {
        let (won, took) = race(&["[::1]:2", "[::2]:3", "1.1.1.1:10"]).await;
        assert_eq!(won, Ok("1.1.1.1:10".parse().unwrap()));
        assert_eq!(took, Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_may_still_win() {
        let (won, took) = race(&["[::1]:300", "1.1.1.1:1"]).await;
        assert_eq!((won, took), (Ok("[::1]:300".parse().unwrap()), Duration::from_millis(300)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_telling_failure_is_named() {
        assert_eq!(race(&["[::1]:3", "1.1.1.1:2", "[::2]:3"]).await.0, Err(LinkFault::Refused));
        assert_eq!(race(&["[::1]:3"]).await.0, Err(LinkFault::Unreachable));
        assert_eq!(race(&[]).await.0, Err(LinkFault::UnknownName));
    }
}
