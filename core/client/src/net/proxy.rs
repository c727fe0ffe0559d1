//! Which proxy is used, if any.
//!
//! The profile may name one, or say that there is to be none; otherwise the environment decides, with the variables that
//! other programs obey. What cannot be understood is an error: going past a proxy that somebody has set would show
//! the server, and everybody on the way, the address that it was meant to hide.

use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use privmsg_protocol::Secret;
use url::{Host, Url};

use super::address::ServerAddress;
use super::error::{NetworkError, ProxySource};

/// How a profile chooses its proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxySetting {
    /// As the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    #[default]
    Environment,
    /// None, whatever the environment says.
    Never,
    /// This one, for everything.
    Through(Proxy),
}

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
    fn stored(&self) -> Secret {
        let shown = self.to_string();
        let Some(Credentials { user, password }) = &self.credentials else { return Secret::new(shown) };
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let (user, password) = (encode(user), Secret::new(encode(password.expose())));
        let (scheme, host) = shown.split_once("://").unwrap_or(("http", &shown));
        Secret::new(format!("{scheme}://{user}:{}@{host}", password.expose()))
    }
}

impl FromStr for ProxySetting {
    type Err = ProxyError;

    /// `env`, `none`, or the address of a proxy.
    fn from_str(text: &str) -> Result<Self, ProxyError> {
        match text.trim() {
            "env" => Ok(Self::Environment),
            "none" => Ok(Self::Never),
            address => address.parse().map(Self::Through),
        }
    }
}

impl ProxySetting {
    /// As it is kept in the profile.
    pub(crate) fn stored(&self) -> Option<Secret> {
        match self {
            Self::Environment => None,
            Self::Never => Some(Secret::new("none".to_owned())),
            Self::Through(proxy) => Some(proxy.stored()),
        }
    }

    /// What was kept.
    pub(crate) fn of_stored(stored: Option<&Secret>) -> Result<Self, NetworkError> {
        let Some(text) = stored else { return Ok(Self::Environment) };
        let in_profile = |error| NetworkError::ProxySetting { from: ProxySource::Profile, error };
        text.expose().parse().map_err(in_profile)
    }

    /// The proxy to `server`; `None` to go directly.
    pub(super) fn decide(
        &self,
        server: &ServerAddress,
        environment: &Environment,
    ) -> Result<Option<Proxy>, NetworkError> {
        let proxy = match self {
            Self::Environment => environment.proxy_for(server)?,
            Self::Never => None,
            Self::Through(proxy) => Some(proxy.clone()),
        };
        if proxy.is_none() && server.is_onion() {
            return Err(NetworkError::OnionWithoutProxy);
        }
        Ok(proxy)
    }
}

/// What the environment says about proxies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    http: Option<(&'static str, Secret)>,
    https: Option<(&'static str, Secret)>,
    except: String,
}

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        Self::of(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// As curl reads it: the name in small letters first; one that is set to nothing means no proxy.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| variable(name).map(|value| (*name, Secret::new(value))))
        };
        // A CGI program finds the header `Proxy:` of whoever asks in `HTTP_PROXY`.
        let http: &[_] =
            if variable("REQUEST_METHOD").is_some() { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
        let all = || first(&["all_proxy", "ALL_PROXY"]);
        let except = first(&["no_proxy", "NO_PROXY"]).map(|(_, value)| value.expose().to_owned());
        Self {
            http: first(http).or_else(all),
            https: first(&["https_proxy", "HTTPS_PROXY"]).or_else(all),
            except: except.unwrap_or_default(),
        }
    }

    fn proxy_for(&self, server: &ServerAddress) -> Result<Option<Proxy>, NetworkError> {
        let Some((name, value)) = (if server.is_tls() { &self.https } else { &self.http }) else { return Ok(None) };
        // No proxy can reach what is on this machine, but for one on it, which would be named in the profile.
        if value.expose().trim().is_empty() || server.is_loopback() || self.is_excepted(server) {
            return Ok(None);
        }
        let in_variable = |error| NetworkError::ProxySetting { from: ProxySource::Variable(name), error };
        value.expose().parse().map(Some).map_err(in_variable)
    }

    /// The rules of `NO_PROXY` (names and their subdomains, addresses, networks, `*`) are those of curl.
    fn is_excepted(&self, server: &ServerAddress) -> bool {
        let matcher = Matcher::builder().all("http://proxy.invalid").no(self.except.as_str()).build();
        server.to_string().parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ServerAddress {
        text.parse().unwrap()
    }

    fn environment(set: &[(&str, &str)]) -> Environment {
        Environment::of(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    /// What the environment decides, as a text.
    fn decided(server: &str, set: &[(&str, &str)]) -> String {
        match ProxySetting::Environment.decide(&address(server), &environment(set)) {
            Ok(Some(proxy)) => proxy.to_string(),
            Ok(None) => "direct".to_owned(),
            Err(error) => error.to_string(),
        }
    }

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
        assert_eq!("none".parse(), Ok(ProxySetting::Never));
        assert_eq!(" env ".parse(), Ok(ProxySetting::Environment));
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

    #[test]
    fn the_environment_decides_as_for_other_programs() {
        let (plain, tls) = ("http://chat.example.org", "https://chat.example.org:9443");
        let both = [("http_proxy", "http://a"), ("HTTPS_PROXY", "http://b"), ("ALL_PROXY", "socks5h://c")];
        assert_eq!(decided(plain, &[]), "direct");
        assert_eq!(decided(plain, &both), "http://a:80");
        assert_eq!(decided(tls, &both), "http://b:80");
        assert_eq!(decided(tls, &[("all_proxy", "socks5://c")]), "socks5h://c:1080");
        assert_eq!(decided(tls, &[("HTTPS_PROXY", ""), ("ALL_PROXY", "socks5h://c")]), "direct");
        assert_eq!(decided(plain, &[("HTTP_PROXY", "http://a"), ("REQUEST_METHOD", "GET")]), "direct");
        for (except, expected) in [
            ("example.org", "direct"),
            (".example.org", "direct"),
            ("other.org, chat.example.org", "direct"),
            ("*", "direct"),
            ("t.example.org", "http://b:80"),
            ("", "http://b:80"),
        ] {
            assert_eq!(decided(tls, &[("https_proxy", "http://b"), ("NO_PROXY", except)]), expected, "{except}");
        }
        let networks = [("all_proxy", "http://b"), ("no_proxy", "10.0.0.0/8,2001:db8::/32")];
        for server in ["http://10.1.2.3:9443", "https://[2001:db8::1]"] {
            assert_eq!(decided(server, &networks), "direct", "{server}");
        }
        for server in ["http://localhost:9443", "http://127.0.0.1", "http://[::1]:9443"] {
            assert_eq!(decided(server, &both), "direct", "{server}");
        }
    }

    #[test]
    fn nothing_goes_past_a_proxy_that_cannot_be_understood() {
        let server = "https://chat.example.org";
        let said = decided(server, &[("HTTPS_PROXY", "socks4://name:hunter2@proxy")]);
        assert!(said.contains("HTTPS_PROXY") && !said.contains("hunter2"), "{said}");
        let stored = Secret::new("gopher://name:hunter2@proxy".to_owned());
        let error = ProxySetting::of_stored(Some(&stored)).unwrap_err().to_string();
        assert!(error.contains("profile") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_onion_service_is_never_reached_directly() {
        let onion = "http://abcdefghij.onion";
        let none = NetworkError::OnionWithoutProxy.to_string();
        assert_eq!(decided(onion, &[]), none);
        assert_eq!(decided(onion, &[("ALL_PROXY", "socks5h://tor"), ("NO_PROXY", "onion")]), none);
        assert_eq!(decided(onion, &[("ALL_PROXY", "socks5h://tor:9050")]), "socks5h://tor:9050");
        let never = ProxySetting::Never.decide(&address(onion), &environment(&[("ALL_PROXY", "socks5h://tor")]));
        assert_eq!(never, Err(NetworkError::OnionWithoutProxy));
    }

    #[test]
    fn what_is_stored_means_the_same_when_it_is_read() {
        for text in ["none", "env", "socks5h://name:pass%3Aword@[::1]:9050"] {
            let setting: ProxySetting = text.parse().unwrap();
            let stored = setting.stored();
            assert_eq!(ProxySetting::of_stored(stored.as_ref()), Ok(setting), "{text}");
        }
    }
}
