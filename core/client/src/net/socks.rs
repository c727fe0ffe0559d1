//! Through a SOCKS5 proxy (RFC 1928, RFC 1929).
//!
//! Names go to the proxy unresolved, so that asking the DNS gives nothing away and Tor finds onion services. Written
//! here and not taken from a library: those at hand either say nothing about why they failed that a program could tell
//! apart, or do not know Tor's own answers.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::error::{LinkFault, ProxyFault};
use super::proxy::Credentials;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USERNAME_PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// Where the proxy is to connect to.
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: u16,
}

/// Asks the proxy at the other end of `stream` for a connection to `target`. Afterwards the stream is that connection.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    target: &Target<'_>,
    credentials: Option<&Credentials>,
) -> Result<(), ProxyFault> {
    authenticate(stream, credentials).await?;
    stream.write_all(&request(target)?).await.map_err(|e| broken(&e))?;
    let mut head = [0; 4];
    read(stream, &mut head).await?;
    let [VERSION, reply, _, kind] = head else { return Err(ProxyFault::NotAProxy) };
    if let Some(fault) = fault(reply) {
        return Err(fault);
    }
    // The address that the proxy speaks from is of no use.
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        DOMAIN => {
            let mut len = [0; 1];
            read(stream, &mut len).await?;
            len[0].into()
        }
        _ => return Err(ProxyFault::NotAProxy),
    };
    let mut rest = [0; 255 + 2];
    read(stream, &mut rest[..len + 2]).await
}

async fn authenticate(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    credentials: Option<&Credentials>,
) -> Result<(), ProxyFault> {
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USERNAME_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(methods).await.map_err(|e| broken(&e))?;
    let mut chosen = [0; 2];
    read(stream, &mut chosen).await?;
    match (chosen, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => return Ok(()),
        ([VERSION, USERNAME_PASSWORD], Some(credentials)) => {
            let message = password_message(credentials).ok_or(ProxyFault::WrongPassword)?;
            stream.write_all(&message).await.map_err(|e| broken(&e))?;
        }
        ([VERSION, NOTHING_ACCEPTABLE], None) => return Err(ProxyFault::WantsPassword),
        ([VERSION, NOTHING_ACCEPTABLE], Some(_)) => return Err(ProxyFault::WrongPassword),
        _ => return Err(ProxyFault::NotAProxy),
    }
    let mut status = [0; 2];
    read(stream, &mut status).await?;
    match status {
        [1, 0] => Ok(()),
        [1, _] => Err(ProxyFault::WrongPassword),
        _ => Err(ProxyFault::NotAProxy),
    }
}

/// RFC 1929, section 2.
fn password_message(Credentials { user, password }: &Credentials) -> Option<Zeroizing<Vec<u8>>> {
    let mut message = Zeroizing::new(vec![1]);
    for part in [user.as_str(), password.expose()] {
        message.push(u8::try_from(part.len()).ok()?);
        message.extend_from_slice(part.as_bytes());
    }
    Some(message)
}

fn request(target: &Target<'_>) -> Result<Vec<u8>, ProxyFault> {
    let mut request = vec![VERSION, CONNECT, 0];
    match target.ip {
        Some(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        None => {
            let len = u8::try_from(target.host.len());
            request.extend_from_slice(&[DOMAIN, len.map_err(|_| ProxyFault::CannotReach(LinkFault::UnknownName))?]);
            request.extend_from_slice(target.host.as_bytes());
        }
    }
    request.extend_from_slice(&target.port.to_be_bytes());
    Ok(request)
}

/// What a reply means (RFC 1928, section 6; 0xF0 and above are Tor's, where it is asked for them).
fn fault(reply: u8) -> Option<ProxyFault> {
    Some(match reply {
        0 => return None,
        2 => ProxyFault::Forbids(None),
        3 | 4 => ProxyFault::CannotReach(LinkFault::Unreachable),
        5 => ProxyFault::CannotReach(LinkFault::Refused),
        6 | 0xf7 => ProxyFault::CannotReach(LinkFault::TimedOut),
        0xf0..=0xf6 => ProxyFault::NoSuchOnion,
        other => ProxyFault::CannotReach(LinkFault::Other(format!("SOCKS reply {other}"))),
    })
}

async fn read(stream: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<(), ProxyFault> {
    stream.read_exact(into).await.map(drop).map_err(|e| broken(&e))
}

fn broken(error: &io::Error) -> ProxyFault {
    ProxyFault::CannotReach(LinkFault::from(error))
}
