//! What a certificate says about itself.

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Finding;

/// Certificates are renewed about 30 days before they end. With fewer than these left, renewing has failed for a while.
const SOON_DAYS: i64 = 21;

const DAY: i64 = 86_400;

/// The parts that matter here.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Facts {
    /// `None` if these bytes are no certificate.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut facts = Self {
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            names: Vec::new(),
            addresses: Vec::new(),
        };
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => facts.names.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(bytes) => facts.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        Some(facts)
    }

    /// Whether it is for this host; `*.example.org` is for one label below.
    pub(super) fn is_for(&self, host: &str) -> bool {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let host = host.to_ascii_lowercase();
        let parent = host.split_once('.').map_or("", |(_, parent)| parent);
        self.names.iter().any(|name| *name == host || name.strip_prefix("*.").is_some_and(|above| above == parent))
    }

    /// What is wrong with it at this time; `None` if nothing is. `what` names it in a sentence.
    pub(super) fn trouble(&self, now: i64, what: (&str, &str)) -> Option<Finding> {
        let days = (self.not_after - now).div_euclid(DAY);
        let (en, ru) = what;
        let advice = (
            "Renew it: certbot renew --force-renewal, or see in the log why the server could not.",
            "Обновите его: certbot renew --force-renewal, или посмотрите в журнале, почему серверу это не удалось.",
        );
        if now < self.not_before {
            let finding = Finding::fail(format!("{en} is not valid yet"), format!("{ru} ещё не вступил в силу"));
            return Some(finding.advise("Look at the clock.", "Проверьте часы."));
        }
        if now >= self.not_after {
            let finding = Finding::fail(format!("{en} has expired"), format!("Срок действия истёк: {ru}"));
            return Some(finding.advise(advice.0, advice.1));
        }
        if days < SOON_DAYS {
            let finding = Finding::warn(format!("{en} ends in {days} days"), format!("{ru} истекает через {days} дн."));
            return Some(finding.advise(advice.0, advice.1));
        }
        None
    }

    /// Whole days that are left.
    pub(super) const fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(DAY)
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four: Result<[u8; 4], _> = bytes.try_into();
    four.map(IpAddr::from).ok().or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::*;

    fn facts() -> Facts {
        let names = ["chat.example.org".to_owned(), "*.example.net".to_owned(), "192.0.2.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Facts::of(made.cert.der()).unwrap()
    }

    #[test]
    fn a_certificate_is_for_its_names() {
        let facts = facts();
        for host in ["chat.example.org", "CHAT.example.org", "a.example.net", "192.0.2.1"] {
            assert!(facts.is_for(host), "{host}");
        }
        for host in ["example.org", "example.net", "a.b.example.net", "192.0.2.2", ""] {
            assert!(!facts.is_for(host), "{host}");
        }
        assert!(Facts::of(b"no certificate").is_none());
    }

    #[test]
    fn its_end_is_announced() {
        let facts = facts();
        let status = |now| facts.trouble(now, ("it", "он")).map(|finding| finding.status);
        assert_eq!(status(facts.not_before - 1), Some(CheckStatus::Fail));
        assert_eq!(status(facts.not_after), Some(CheckStatus::Fail));
        assert_eq!(status(facts.not_after - SOON_DAYS * DAY), None);
        assert_eq!(status(facts.not_after - SOON_DAYS * DAY + 1), Some(CheckStatus::Warn));
        assert_eq!(facts.days_left(facts.not_after - 3 * DAY), 3);
    }
}
