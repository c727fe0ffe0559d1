//! Why the server cannot be reached.
//!
//! Nothing here is the server's word: whatever an answer says that is not a problem document of the server itself may
//! have been written by anybody on the way. So none of these decides about a message; all of them are tried again, and
//! [`NetworkError::needs_somebody`] says whether it is worth telling a person at once.

use std::fmt;
use std::io;
use std::time::Duration;

use super::address::AddressError;
use super::fingerprint::Fingerprint;
use super::proxy::ProxyError;

/// Why nothing of the server's own was heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The address of the server is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The proxy that is to be used cannot be understood. Nothing goes past it.
    #[error("{from}: {error}")]
    ProxySetting {
        /// Where it was set.
        from: ProxySource,
        /// What is wrong.
        error: ProxyError,
    },
    /// A key is pinned, and without TLS none is shown.
    #[error("a key is pinned for this server, and http:// shows none")]
    PinWithoutTls,
    /// An onion service is reached through Tor only.
    #[error("an onion address needs a proxy to Tor, such as socks5h://127.0.0.1:9050")]
    OnionWithoutProxy,
    /// No connection could be made.
    #[error("{hop}: {fault}")]
    Connect {
        /// To whom.
        hop: Hop,
        /// Why.
        fault: LinkFault,
    },
    /// The proxy has not let us through.
    #[error("the proxy {proxy} {fault}")]
    Proxy {
        /// Which one, without its password.
        proxy: String,
        /// What it did.
        fault: ProxyFault,
    },
    /// The server's certificate is not trusted.
    #[error(transparent)]
    Certificate(Untrusted),
    /// TLS was spoken to something that does not.
    #[error("what answers there does not speak TLS")]
    NotTls,
    /// Something else is wrong with TLS.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// What answers speaks no HTTP: perhaps it waits for TLS.
    #[error("what answers there does not speak HTTP")]
    NotHttp,
    /// A connection that stood has ended, or nothing moves on it.
    #[error("{0}")]
    Lost(LinkFault),
    /// The server has closed the connection, with these words.
    #[error("the server has closed the connection: {0}")]
    Closed(String),
    /// Something between here and the server has answered for it.
    #[error(transparent)]
    Between(Between),
    /// The server, or something in its place, names another address. It is not followed: that would carry the token
    /// and the access key to wherever a stranger points.
    #[error("the server has moved to {to}")]
    Moved {
        /// The new address.
        to: String,
    },
    /// What the engine itself has noticed.
    #[error("{0}")]
    Other(String),
}

impl NetworkError {
    /// Whether waiting alone will not help, so that a person should be told at once. Nothing is given up for it.
    #[must_use]
    pub const fn needs_somebody(&self) -> bool {
        match self {
            Self::Address(_)
            | Self::ProxySetting { .. }
            | Self::PinWithoutTls
            | Self::OnionWithoutProxy
            | Self::Certificate(_)
            | Self::NotTls
            | Self::NotHttp
            | Self::Moved { .. } => true,
            Self::Proxy { fault, .. } => {
                matches!(
                    fault,
                    ProxyFault::WantsPassword
                        | ProxyFault::WrongPassword
                        | ProxyFault::Forbids(_)
                        | ProxyFault::Untrusted(_)
                )
            }
            Self::Between(answer) => !answer.may_pass(),
            Self::Connect { .. } | Self::Tls(_) | Self::Lost(_) | Self::Closed(_) | Self::Other(_) => false,
        }
    }

    /// Whether the request may have reached the server: its answer was lost, or somebody else's came.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::NotHttp | Self::Lost(_) | Self::Closed(_) | Self::Between(_) | Self::Moved { .. } | Self::Other(_)
        )
    }

    /// How long whoever answered asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Between(answer) => answer.retry_after,
            _ => None,
        }
    }
}

impl From<String> for NetworkError {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl From<&str> for NetworkError {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

/// Where a proxy was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxySource {
    /// In the profile.
    Profile,
    /// In this variable of the environment.
    Variable(&'static str),
}

impl fmt::Display for ProxySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Profile => "the proxy of the profile",
            Self::Variable(name) => name,
        })
    }
}

/// The other end of a connection that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// The server itself.
    Server,
    /// A proxy, by its address without the password.
    Proxy(String),
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server"),
            Self::Proxy(address) => write!(f, "the proxy {address}"),
        }
    }
}

/// What is wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The DNS knows no such name.
    #[error("its name is not known")]
    UnknownName,
    /// The DNS itself does not answer.
    #[error("no name service answers")]
    NoNameService,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// There is no way to it.
    #[error("no way to it")]
    Unreachable,
    /// Nothing came in time.
    #[error("no answer in time")]
    TimedOut,
    /// It broke off.
    #[error("the connection broke off")]
    Broken,
    /// Anything else that the system says.
    #[error("{0}")]
    Other(String),
}

impl From<&io::Error> for LinkFault {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as E;
        match error.kind() {
            E::ConnectionRefused => Self::Refused,
            // No address of our own in that family is as good as no way.
            E::NetworkUnreachable | E::HostUnreachable | E::NetworkDown | E::AddrNotAvailable => Self::Unreachable,
            E::TimedOut => Self::TimedOut,
            E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::UnexpectedEof | E::NotConnected => {
                Self::Broken
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl LinkFault {
    /// Of a failed lookup. The standard library tells the two apart in words only.
    pub(super) fn of_lookup(error: &io::Error) -> Self {
        if error.to_string().contains("Temporary failure") { Self::NoNameService } else { Self::UnknownName }
    }
}

/// What a proxy did instead of connecting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// It wants a name and a password, and none is set.
    #[error("wants a name and a password")]
    WantsPassword,
    /// It has not taken those that are set.
    #[error("refuses the name or the password")]
    WrongPassword,
    /// Its rules do not allow this server or port; with the HTTP status, if there is one.
    #[error("does not allow a connection to the server{}", status_in_brackets(*.0))]
    Forbids(Option<u16>),
    /// It cannot reach the server itself.
    #[error("cannot reach the server: {0}")]
    CannotReach(LinkFault),
    /// It is reached by TLS itself, and its own certificate is not trusted.
    #[error("has a certificate that is not trusted: {0}")]
    Untrusted(CertificateFault),
    /// It answered with this HTTP status.
    #[error("answered {0}")]
    Answered(u16),
    /// Tor knows no such onion service, or it is not running.
    #[error("finds no such onion service")]
    NoSuchOnion,
    /// It is no proxy of this kind.
    #[error("does not speak the protocol of such a proxy")]
    NotAProxy,
}

fn status_in_brackets(status: Option<u16>) -> String {
    status.map(|status| format!(" ({status})")).unwrap_or_default()
}

/// A certificate that is not trusted, and the key in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its certificate is not trusted: {fault} (fingerprint of its key: {fingerprint})")]
pub struct Untrusted {
    /// Of the key that the server has shown.
    pub fingerprint: Fingerprint,
    /// What is wrong.
    pub fault: CertificateFault,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// No authority that this machine knows has signed it: self-signed, for example.
    #[error("no authority that this machine knows has signed it")]
    UnknownIssuer,
    /// It is for other names.
    #[error("it is for another name")]
    OtherName,
    /// Its time is over, or the clock of this machine is wrong.
    #[error("its time is over")]
    Expired,
    /// Its time has not come, or the clock of this machine is wrong.
    #[error("its time has not come")]
    NotYetValid,
    /// Its authority has withdrawn it.
    #[error("it has been withdrawn")]
    Revoked,
    /// The key is another one than that which was pinned.
    #[error("its key is another one than {pinned}")]
    OtherKey {
        /// The one that is expected.
        pinned: Fingerprint,
    },
    /// The fingerprint that was given is that of the whole certificate, and it is this one. The key's is wanted.
    #[error("the fingerprint that was given is that of the certificate, not of its key")]
    OfCertificate,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// An answer that the server has not given: without a problem document of its own, or with something else than was
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// HTTP status.
    pub status: u16,
    /// Where it sends us, if it does.
    pub redirect: Option<String>,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Between {
    /// Whether the same request may pass later, without anybody doing anything.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "something between here and the server answered {}", self.status)?;
        match &self.redirect {
            Some(to) => write!(f, ", with a redirect to {to}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Between {}
