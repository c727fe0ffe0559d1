//! The address of a proxy.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use privmsg_protocol::Secret;
use url::{Host, Url};

/// A proxy, with what it asks for.
#[derive(Clone)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

/// The language of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyKind {
    /// HTTP `CONNECT`.
    Http,
    /// The same inside TLS.
    Https,
    /// SOCKS version 5. Names go to the proxy as they are: it resolves them, and onion addresses only it can.
    Socks5,
}

#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Secret,
}

/// Why a text is no proxy. Says nothing of the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Another kind than `http://`, `https://`, `socks5://` or `socks5h://`.
    #[error("a proxy of this kind is not supported; use http://, https:// or socks5h://")]
    Scheme,
    /// No host or port that could exist.
    #[error("this is not the address of a proxy")]
    Address,
    /// SOCKS wants both a name and a password, of 255 bytes at most.
    #[error("the name or the password of the proxy cannot be used")]
    Credentials,
}

impl Proxy {
    pub(super) const fn kind(&self) -> ProxyKind {
        self.kind
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether the text holds a password, and so does not belong among the arguments of a program.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.credentials.is_some()
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        self.stored().expose() == other.stored().expose()
    }
}

impl Eq for Proxy {}

/// Without the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Https => "https",
            ProxyKind::Socks5 => "socks5h",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        // As other programs take it: without a scheme it is an HTTP proxy.
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, default) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" | "socks" => (ProxyKind::Socks5, 1080),
            _ => return Err(ProxyError::Scheme),
        };
        if rest.is_empty() || rest.starts_with('/') || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ProxyError::Address);
        }
        let as_url = |scheme: &str| Url::parse(&format!("{scheme}://{rest}")).map_err(|_| ProxyError::Address);
        let url = as_url("http")?;
        // A port that is the default of the scheme is not kept; with the other scheme it is.
        let port = url.port().or(as_url("https")?.port()).unwrap_or(default);
        let host = match url.host().ok_or(ProxyError::Address)? {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if port == 0 || host.is_empty() {
            return Err(ProxyError::Address);
        }
        let credentials = credentials(kind, &url)?;
        Ok(Self { kind, host, port, credentials })
    }
}

fn credentials(kind: ProxyKind, url: &Url) -> Result<Option<Credentials>, ProxyError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| ProxyError::Credentials)?;
        if text.chars().any(char::is_control) { Err(ProxyError::Credentials) } else { Ok(text.into_owned()) }
    };
    let user = decode(url.username())?;
    let password = Secret::new(decode(url.password().unwrap_or_default())?);
    let fits = |text: &str| (1..=255).contains(&text.len());
    let usable = match kind {
        // RFC 1929, section 2.
        ProxyKind::Socks5 => fits(&user) && fits(password.expose()),
        // RFC 7617, section 2.
        ProxyKind::Http | ProxyKind::Https => !user.contains(':'),
    };
    if usable { Ok(Some(Credentials { user, password })) } else { Err(ProxyError::Credentials) }
}

impl Proxy {
    /// With the password, as it is kept in the profile.
    pub(super) fn stored(&self) -> Secret {
        let shown = self.to_string();
        let Some(Credentials { user, password }) = &self.credentials else { return Secret::new(shown) };
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let (user, password) = (encode(user), Secret::new(encode(password.expose())));
        let (scheme, host) = shown.split_once("://").unwrap_or(("http", &shown));
        Secret::new(format!("{scheme}://{user}:{}@{host}", password.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        for (written, meant) in [
            ("http://proxy.example.org:3128/", "http://proxy.example.org:3128"),
            ("proxy.example.org:3128", "http://proxy.example.org:3128"),
            ("HTTP://Proxy.Example.org", "http://proxy.example.org:80"),
            ("http://proxy:80", "http://proxy:80"),
            ("https://proxy", "https://proxy:443"),
            ("https://proxy:80", "https://proxy:80"),
            ("socks5://127.0.0.1", "socks5h://127.0.0.1:1080"),
            ("socks5h://localhost:9050", "socks5h://localhost:9050"),
            ("socks5h://localhost:443", "socks5h://localhost:443"),
            ("socks5h://[::1]:9050", "socks5h://[::1]:9050"),
            ("http://name:pass%40word@proxy:3128", "http://proxy:3128"),
        ] {
            let proxy: Proxy = written.parse().unwrap();
            assert_eq!(proxy.to_string(), meant, "{written}");
            assert_eq!(proxy.stored().expose().parse::<Proxy>().as_ref(), Ok(&proxy), "{written}");
            assert!(!format!("{proxy:?}").contains("word"));
        }
        let proxy: Proxy = "http://na%2Fme:p%40%3As%25@proxy".parse().unwrap();
        let credentials = proxy.credentials().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("na/me", "p@:s%"));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        use ProxyError as E;
        for (written, error) in [
            ("socks4://proxy", E::Scheme),
            ("ftp://proxy", E::Scheme),
            ("", E::Address),
            ("http://", E::Address),
            ("http:///proxy", E::Address),
            ("http://proxy:99999", E::Address),
            ("http://proxy:0", E::Address),
            ("http://pro xy", E::Address),
            ("socks5h://name@proxy", E::Credentials),
            ("socks5h://:secret@proxy", E::Credentials),
            ("http://a%3Ab:secret@proxy", E::Credentials),
            ("http://a:b%0D%0AX@proxy", E::Credentials),
        ] {
            assert_eq!(written.parse::<Proxy>(), Err(error), "{written}");
        }
    }
}
