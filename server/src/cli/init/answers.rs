//! What flags do not say is asked, if there is somebody at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::InitError;
use super::plan::{Certificate, Layout, Plan, Tls};
use crate::doctor::is_public;
use crate::i18n::Language;

/// Longest name in the domain name system.
const LONGEST_NAME: usize = 253;

pub(super) fn plan(matches: &mut ArgMatches, folder: &Path, language: Language) -> Result<Plan, InitError> {
    let there = io::stdin().is_terminal() && io::stderr().is_terminal();
    let ask = (there && !matches.get_flag("yes")).then_some(language);
    let layout =
        if matches.get_flag("docker") || !matches.get_flag("native") && folder.join("docker-compose.yml").exists() {
            Layout::Docker
        } else {
            Layout::Native
        };
    let domain = domain(matches.remove_one("domain"), ask)?;
    let external_ip = external_ip(matches.remove_one("external-ip"), ask)?;
    let tls = tls(matches.remove_one("tls"), domain.is_some(), ask)?;
    let email = email(matches.remove_one("email"))?;
    let data = matches.remove_one::<PathBuf>("data");
    let data = match layout {
        Layout::Docker => data.unwrap_or_else(|| "/app/data".into()),
        Layout::Native => absolute("--data", data.unwrap_or_else(|| folder.join(super::DATA)))?,
    };
    // The folder of the container, or of nobody: a path that begins anywhere means another place to everybody.
    if !data.has_root() {
        return Err(InitError::Argument { argument: "--data", why: "a path in the container that begins with /" });
    }
    let turn_certificate = matches.remove_one("turn-cert").zip(matches.remove_one("turn-key"));
    let turn_certificate = match (turn_certificate, layout) {
        (Some((chain, key)), Layout::Native) => {
            Some(Certificate { chain: absolute("--turn-cert", chain)?, key: absolute("--turn-key", key)? })
        }
        (given, _) => given.map(|(chain, key)| Certificate { chain, key }),
    };
    if let Some(Certificate { chain, key }) = &turn_certificate {
        one_line("--turn-cert", chain)?;
        one_line("--turn-key", key)?;
    }
    Ok(Plan { domain, external_ip, tls, email, layout, data, turn_certificate })
}

/// The path from the root: server and commands are started from other folders than this one.
fn absolute(argument: &'static str, path: PathBuf) -> Result<PathBuf, InitError> {
    std::path::absolute(&path).map_err(|_| InitError::Argument { argument, why: "not a path" })
}

/// What the server would refuse is refused here.
fn email(given: Option<String>) -> Result<Option<String>, InitError> {
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let fits = |text: &String| {
        text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    match given {
        Some(text) if !fits(&text) => {
            Err(InitError::Argument { argument: "--email", why: "not an address such as admin@example.org" })
        }
        given => Ok(given),
    }
}

/// coturn's file has no quotation marks.
fn one_line(argument: &'static str, path: &Path) -> Result<(), InitError> {
    if path.to_string_lossy().contains(['\n', '\r']) {
        return Err(InitError::Argument { argument, why: "a path of one line is needed" });
    }
    Ok(())
}

fn domain(given: Option<String>, ask: Option<Language>) -> Result<Option<String>, InitError> {
    let question = (
        "Domain of this server, e.g. chat.example.org (empty: none yet)",
        "Домен сервера, например chat.example.org (пусто — пока нет)",
    );
    answer(given, ask, question, |text| {
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if name.len() <= LONGEST_NAME && name.split('.').all(label) && name.parse::<IpAddr>().is_err() {
            return Ok(name);
        }
        let why = "not a domain name (letters, digits, hyphens and dots; other alphabets as xn--…)";
        Err(InitError::Argument { argument: "--domain", why })
    })
}

fn external_ip(given: Option<String>, ask: Option<Language>) -> Result<Option<String>, InitError> {
    let found = own_public_address().map(|address| address.to_string());
    let question = match &found {
        Some(address) => (
            format!("Public address of this machine (empty: {address})"),
            format!("Внешний адрес этой машины (пусто — {address})"),
        ),
        None => (
            "Public address of this machine, for calls (empty: only on this machine or network)".to_owned(),
            "Внешний адрес этой машины, для звонков (пусто — только на этой машине или в этой сети)".to_owned(),
        ),
    };
    let chosen = answer(given, ask, (&question.0, &question.1), |text| {
        let fits = text.split('/').count() <= 2 && text.split('/').all(|part| part.parse::<IpAddr>().is_ok());
        if fits {
            Ok(text.to_owned())
        } else {
            Err(InitError::Argument { argument: "--external-ip", why: "not an IP address" })
        }
    })?;
    // Somebody who was asked has agreed to what was found; for a script nothing is guessed.
    Ok(chosen.or(found.filter(|_| ask.is_some())))
}

fn tls(given: Option<String>, has_domain: bool, ask: Option<Language>) -> Result<Tls, InitError> {
    let question = (
        "TLS: 1 the server gets certificates by itself (port 443 must be free), 2 nginx does it, 3 none (empty: 1)",
        "TLS: 1 — сервер сам получает сертификаты (нужен свободный порт 443), 2 — этим занят nginx, 3 — без TLS (пусто — 1)",
    );
    let chosen = answer(given, ask.filter(|_| has_domain), question, |text| match text {
        "1" | "acme" => Ok(Tls::Acme),
        "2" | "nginx" => Ok(Tls::Proxy),
        "3" | "none" => Ok(Tls::None),
        _ => Err(InitError::Argument { argument: "--tls", why: "1, 2 or 3" }),
    })?;
    match chosen {
        Some(Tls::Acme | Tls::Proxy) if !has_domain => {
            Err(InitError::Argument { argument: "--tls", why: "a certificate needs a domain (--domain)" })
        }
        Some(tls) => Ok(tls),
        None if has_domain => Ok(Tls::Acme),
        None => Ok(Tls::None),
    }
}

/// A flag's value, or somebody's answer; `None` for nothing. A wrong answer is asked for again, a wrong flag is not.
fn answer<T>(
    given: Option<String>,
    ask: Option<Language>,
    question: (&str, &str),
    read: impl Fn(&str) -> Result<T, InitError>,
) -> Result<Option<T>, InitError> {
    let given = given.map(|text| text.trim().to_owned());
    match (given, ask) {
        (Some(text), _) if text.is_empty() => Ok(None),
        (Some(text), _) => read(&text).map(Some),
        (None, None) => Ok(None),
        (None, Some(language)) => loop {
            eprint!("{}: ", language.pick(question.0, question.1));
            io::stderr().flush().map_err(InitError::Answer)?;
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line).map_err(InitError::Answer)? == 0 {
                return Err(InitError::Answer(io::ErrorKind::UnexpectedEof.into()));
            }
            match line.trim() {
                "" => return Ok(None),
                text => match read(text) {
                    Ok(value) => return Ok(Some(value)),
                    Err(error) => eprintln!("{error}"),
                },
            }
        },
    }
}

/// The address that this machine would use towards the outside, if others can reach it there. Nothing is sent: a UDP
/// socket is only given its route.
fn own_public_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // Reserved for documentation, so certainly somewhere outside.
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| is_public(*address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Option<String>, InitError> {
        domain(Some(text.to_owned()), None)
    }

    #[test]
    fn names_are_those_of_the_domain_name_system() {
        assert_eq!(name("Chat.Example.org.").unwrap().as_deref(), Some("chat.example.org"));
        assert_eq!(name("").unwrap(), None);
        for wrong in ["a b", "чат.рф", "-a.org", "a..b", "x\nno-auth", "192.0.2.1", &"a".repeat(64)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_addresses() {
        let read = |text: &str| external_ip(Some(text.to_owned()), None);
        assert_eq!(read("192.0.2.1/10.0.0.5").unwrap().as_deref(), Some("192.0.2.1/10.0.0.5"));
        assert_eq!(read("2001:db8::1").unwrap().as_deref(), Some("2001:db8::1"));
        for wrong in ["example.org", "1.2.3", "1.2.3.4/", "1.2.3.4\nno-auth", "1.1.1.1/2.2.2.2/3.3.3.3"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_not_written() {
        for wrong in ["me", "me@", "@example.org", "a b@example.org", "me@localhost", "a@b@example.org"] {
            assert!(email(Some(wrong.to_owned())).is_err(), "{wrong}");
        }
        assert_eq!(email(Some(" me@example.org ".to_owned())).unwrap().as_deref(), Some("me@example.org"));
        assert_eq!(email(Some(String::new())).unwrap(), None);
    }

    #[test]
    fn a_certificate_needs_a_name() {
        let read = |text: Option<&str>, has_domain| tls(text.map(str::to_owned), has_domain, None);
        assert_eq!(read(None, true).unwrap(), Tls::Acme);
        assert_eq!(read(None, false).unwrap(), Tls::None);
        assert_eq!(read(Some("nginx"), true).unwrap(), Tls::Proxy);
        assert!(read(Some("acme"), false).is_err());
    }
}
