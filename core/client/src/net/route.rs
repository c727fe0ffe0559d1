//! Which proxy is used, if any.
//!
//! The profile may name one, or say that there is to be none; otherwise the environment decides, with the variables that
//! other programs obey. What cannot be understood is an error: going past a proxy that somebody has set would show
//! the server, and everybody on the way, the address that it was meant to hide.

use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use privmsg_protocol::Secret;

use super::address::ServerAddress;
use super::error::{NetworkError, ProxySource};
use super::proxy::{Proxy, ProxyError};

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
        assert_eq!(("none".parse(), " env ".parse()), (Ok(ProxySetting::Never), Ok(ProxySetting::Environment)));
        for text in ["none", "env", "socks5h://name:pass%3Aword@[::1]:9050"] {
            let setting: ProxySetting = text.parse().unwrap();
            let stored = setting.stored();
            assert_eq!(ProxySetting::of_stored(stored.as_ref()), Ok(setting), "{text}");
        }
    }
}
