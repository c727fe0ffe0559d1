//! Where a server is: one parser for whatever a person, an invitation or a redirect names.
//!
//! REST and WebSocket addresses are made from the same value, so that what signs in also sends. The host is kept in the
//! form that goes over the wire: lower case, international names in Punycode, no dot at the end.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls::pki_types::ServerName;
use url::{Host, Url};

/// Longer than any real address, and short enough to be stored and shown.
const MAX_LEN: usize = 512;

/// Longest name in the DNS, without the dot at its end (RFC 1035, section 2.3.4).
const MAX_NAME_LEN: usize = 253;

/// Longest part of a name between two dots.
const MAX_LABEL_LEN: usize = 63;

/// An `http://` or `https://` address of a server, without user, query or fragment; a path is kept as a prefix.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    tls: bool,
    host: Host<String>,
    port: u16,
    /// Empty, or `/…` without a slash at its end.
    prefix: String,
}

/// Why a text is no address of a server. Says nothing of the text itself, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing.
    #[error("the server's address is empty")]
    Empty,
    /// An invitation, which is more than an address.
    #[error("this is an invitation, not the address of a server")]
    Invitation,
    /// Neither `http://` nor `https://` in front.
    #[error("the server's address must begin with https:// or http://")]
    Scheme,
    /// More than an address has.
    #[error("the server's address is too long")]
    TooLong,
    /// A blank, a control character, or one that addresses of servers do without.
    #[error("the server's address has a blank or a character that no address has")]
    Character,
    /// A name or password in front of the host.
    #[error("the server's address must not hold a user name or password (before @)")]
    User,
    /// Something behind `?`.
    #[error("the server's address must end before '?'")]
    Query,
    /// Something behind `#`.
    #[error("the server's address must end before '#'")]
    Fragment,
    /// The host is missing, or no name or address can look like this.
    #[error("the server's address names no host that can exist")]
    Host,
    /// No number from 1 to 65535 behind the colon.
    #[error("the server's address has a port that does not exist")]
    Port,
}

impl ServerAddress {
    /// Whether the connection is encrypted by TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether it is an onion service: reached through Tor only, and never asked for in the DNS.
    #[must_use]
    pub fn is_onion(&self) -> bool {
        matches!(&self.host, Host::Domain(name) if name == "onion" || name.ends_with(".onion"))
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.to_canonical().is_loopback(),
        }
    }

    /// Whether others on the way can read along: no TLS, not this machine, and no onion service, which encrypts by
    /// itself.
    #[must_use]
    pub fn goes_in_the_clear(&self) -> bool {
        !(self.tls || self.is_loopback() || self.is_onion())
    }

    pub(super) fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The host, if it needs no resolving.
    pub(super) const fn ip(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as in the `Host` header.
    pub(super) fn authority(&self) -> String {
        let default = if self.tls { 443 } else { 80 };
        match self.port == default {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Host and port, always with the port, as a proxy wants them.
    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Path of something on the server, `path` beginning with a slash.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Whom the certificate must be for.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, AddressError> {
        match self.ip() {
            Some(ip) => Ok(ServerName::IpAddress(ip.into())),
            None => ServerName::try_from(self.host()).map_err(|_| AddressError::Host),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.prefix)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddress({self})")
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'));
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            "privmsg" => return Err(AddressError::Invitation),
            _ => return Err(AddressError::Scheme),
        };
        // What the URL standard silently drops or repairs would hide a slip.
        if rest.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(AddressError::Character);
        }
        if text.len() > MAX_LEN {
            return Err(AddressError::TooLong);
        }
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(AddressError::User);
        }
        match behind.find(['?', '#']).map(|at| behind.as_bytes()[at]) {
            Some(b'?') => return Err(AddressError::Query),
            Some(_) => return Err(AddressError::Fragment),
            None => {}
        }
        if authority.is_empty() {
            return Err(AddressError::Host);
        }
        let url = Url::parse(&format!("{}://{rest}", if tls { "https" } else { "http" })).map_err(|e| match e {
            url::ParseError::InvalidPort => AddressError::Port,
            _ => AddressError::Host,
        })?;
        let host = match url.host().ok_or(AddressError::Host)?.to_owned() {
            Host::Domain(name) => Host::Domain(checked_name(name)?),
            address => address,
        };
        // People copy addresses from what a program has told them, commands included. An address that a shell would take
        // apart is one that somebody has made for that.
        if !url.path().bytes().all(is_harmless) {
            return Err(AddressError::Character);
        }
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(AddressError::Port)?;
        let address = Self { tls, host, port, prefix: url.path().trim_end_matches('/').to_owned() };
        address.server_name()?;
        Ok(address)
    }
}

const fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b'%' | b'@' | b':' | b'+' | b',' | b'=')
}

/// The URL standard allows names that the DNS does not.
fn checked_name(mut name: String) -> Result<String, AddressError> {
    if name.ends_with('.') {
        name.pop();
    }
    let sound = name.len() <= MAX_NAME_LEN && name.split('.').all(|label| (1..=MAX_LABEL_LEN).contains(&label.len()));
    if sound { Ok(name) } else { Err(AddressError::Host) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, AddressError> {
        text.parse::<ServerAddress>().map(|address| address.to_string())
    }

    #[test]
    fn what_people_write_becomes_one_form() {
        for (written, meant) in [
            ("https://chat.example.org", "https://chat.example.org"),
            ("HTTPS://Chat.Example.ORG/", "https://chat.example.org"),
            ("  https://chat.example.org:443//\n", "https://chat.example.org"),
            ("\u{feff}https://chat.example.org./", "https://chat.example.org"),
            ("http://chat.example.org:80", "http://chat.example.org"),
            ("http://chat.example.org:9443/", "http://chat.example.org:9443"),
            ("https://example.org/Chat/", "https://example.org/Chat"),
            ("https://example.org/a/../b/", "https://example.org/b"),
            ("https://чат.пример.рф", "https://xn--80a0bn.xn--e1afmkfd.xn--p1ai"),
            (
                "https://ЧАТ.пример.РФ:9443/путь",
                "https://xn--80a0bn.xn--e1afmkfd.xn--p1ai:9443/%D0%BF%D1%83%D1%82%D1%8C",
            ),
            ("http://[::1]:9443", "http://[::1]:9443"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
            ("http://127.0.0.1:9443", "http://127.0.0.1:9443"),
            ("http://my_server:9443", "http://my_server:9443"),
        ] {
            assert_eq!(read(written).as_deref(), Ok(meant), "{written}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        use AddressError as E;
        for (written, error) in [
            ("", E::Empty),
            (" \t", E::Empty),
            ("chat.example.org", E::Scheme),
            ("localhost:9443", E::Scheme),
            ("wss://chat.example.org", E::Scheme),
            ("ftp://chat.example.org", E::Scheme),
            ("privmsg://join?server=https%3A%2F%2Fa.b&user_id=alice#key", E::Invitation),
            ("https://chat example.org", E::Character),
            ("https://chat.example.org\\path", E::Character),
            ("https://chat.example\n.org", E::Character),
            ("https://chat.example.org/$(reboot)", E::Character),
            ("https://chat.example.org/;reboot", E::Character),
            ("https://chat.example.org/'x'", E::Character),
            ("https://$(reboot).example.org", E::Host),
            ("https://a;b.example.org", E::Host),
            ("https://a&b.example.org", E::Host),
            ("http://name:secret@chat.example.org", E::User),
            ("http://name@chat.example.org", E::User),
            ("https://chat.example.org/?key=1", E::Query),
            ("https://chat.example.org?", E::Query),
            ("https://chat.example.org/#top", E::Fragment),
            ("https://", E::Host),
            ("https:///chat.example.org", E::Host),
            ("https://chat..org", E::Host),
            ("https://.", E::Host),
            ("https://[::1", E::Host),
            ("https://:9443", E::Host),
            ("https://chat.example.org:99999", E::Port),
            ("https://chat.example.org:port", E::Port),
            ("https://chat.example.org:0", E::Port),
        ] {
            assert_eq!(read(written), Err(error), "{written}");
        }
        assert_eq!(read(&format!("https://a.b/{}", "x".repeat(MAX_LEN))), Err(E::TooLong));
        assert_eq!(read(&format!("https://{}.org", "x".repeat(64))), Err(E::Host));
    }

    #[test]
    fn an_at_sign_in_the_path_is_no_user() {
        assert_eq!(read("https://chat.example.org/@home").as_deref(), Ok("https://chat.example.org/@home"));
    }

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_warned_of() {
        let address = |text: &str| text.parse::<ServerAddress>().unwrap();
        for safe in [
            "https://chat.example.org",
            "http://127.0.0.1:9443",
            "http://LOCALHOST:9443/",
            "http://[::1]:9443",
            "http://[::ffff:127.0.0.1]",
            "http://abc.onion",
        ] {
            assert!(!address(safe).goes_in_the_clear(), "{safe}");
        }
        for open in ["http://chat.example.org", "http://192.168.1.2:9443", "http://127.0.0.1.example.org"] {
            assert!(address(open).goes_in_the_clear(), "{open}");
        }
        assert!(address("http://ABC.Onion.").is_onion() && !address("http://onion.example.org").is_onion());
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_one_address_for_everything(text in ".{0,60}", scheme in "(https?|HTTP)://") {
            for text in [text.clone(), format!("{scheme}{text}")] {
                let Ok(address) = text.parse::<ServerAddress>() else { continue };
                let shown = address.to_string();
                prop_assert_eq!(shown.parse(), Ok(address.clone()));
                prop_assert!(shown.is_ascii() && !shown.contains(['?', '#', ' ', '$', '`', ';', '&', '|', '(', '\'', '"', '!']));
                prop_assert!(!address.authority().contains(['@', '/']));
                let uri = format!("http://{}{}", address.authority(), address.path("/ws"));
                let uri: hyper::Uri = uri.parse().unwrap();
                prop_assert!(uri.path().ends_with("/ws") && uri.host().is_some());
                prop_assert!(address.server_name().is_ok());
            }
        }

        #[test]
        fn names_ports_and_paths_are_kept(
            tls: bool,
            name in "[a-z][a-z0-9]{0,20}(\\.[a-z][a-z0-9]{0,20}){0,3}",
            port in 1..=u16::MAX,
            path in "(/[a-zA-Z0-9_~-]{1,10}){0,3}",
        ) {
            let text = format!("{}://{name}:{port}{path}", if tls { "https" } else { "http" });
            let address: ServerAddress = text.parse().unwrap();
            prop_assert_eq!((address.is_tls(), address.host(), address.port()), (tls, name, port));
            prop_assert_eq!(address.path("/ws"), format!("{path}/ws"));
        }
    }
}
