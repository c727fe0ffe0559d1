//! What the two files say, given how the server is to be run.

use std::path::PathBuf;

use privmsg_protocol::Secret;

use super::template::{COTURN, Coturn, SERVER, Toml, list, quoted};

/// Port of the server behind a proxy, in a container, or without TLS.
const PORT: u16 = 9443;

/// coturn's ports, as in its file.
const TURN_PORT: u16 = 3478;
const TURNS_PORT: u16 = 5349;

/// Who takes care of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// The server gets certificates by itself.
    Acme,
    /// nginx, or another proxy on this machine.
    Proxy,
    /// Nobody: for a trial.
    None,
}

/// How the server is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// By docker-compose.yml: paths are those in the container.
    Docker,
    /// As a program of this machine.
    Native,
}

/// A certificate that coturn may use.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

/// Everything that has to be known.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) domain: Option<String>,
    /// As coturn takes it: `PUBLIC` or `PUBLIC/PRIVATE`.
    pub(super) external_ip: Option<String>,
    pub(super) tls: Tls,
    pub(super) email: Option<String>,
    pub(super) layout: Layout,
    /// Folder of data as the server sees it.
    pub(super) data: PathBuf,
    pub(super) turn_certificate: Option<Certificate>,
}

/// Made by nobody else, known to nobody yet.
pub(super) struct Secrets {
    pub(super) admin_key: Secret,
    pub(super) turn: Secret,
}

impl Plan {
    /// What clients call this machine.
    fn host(&self) -> &str {
        let public_ip = self.external_ip.as_deref().map(|ip| ip.split('/').next().unwrap_or(ip));
        self.domain.as_deref().or(public_ip).unwrap_or("localhost")
    }

    /// [`Plan::host`] as it stands in an address.
    fn host_in_url(&self) -> String {
        let host = self.host();
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }

    /// The port that the server listens on. A certificate authority asks at 443; a container has that port mapped.
    pub(super) const fn port(&self) -> u16 {
        match (self.tls, self.layout) {
            (Tls::Acme, Layout::Native) => 443,
            _ => PORT,
        }
    }

    pub(super) fn public_url(&self) -> String {
        match self.tls {
            Tls::Acme | Tls::Proxy => format!("https://{}", self.host_in_url()),
            Tls::None => format!("http://{}:{PORT}", self.host_in_url()),
        }
    }

    pub(super) fn turn_urls(&self) -> Vec<String> {
        let host = self.host_in_url();
        let mut urls =
            vec![format!("turn:{host}:{TURN_PORT}?transport=udp"), format!("turn:{host}:{TURN_PORT}?transport=tcp")];
        // Only where coturn can answer: an address that does not work costs every call a time-out.
        if self.turn_certificate.is_some() {
            urls.push(format!("turns:{host}:{TURNS_PORT}?transport=tcp"));
        }
        urls
    }

    /// `config/server/config.toml`.
    pub(super) fn server_file(&self, secrets: &Secrets) -> String {
        let mut file = Toml::new(SERVER);
        let everywhere = self.layout == Layout::Docker || self.tls != Tls::Proxy && self.host() != "localhost";
        // The whole of IPv6 takes IPv4 in as well; the whole of IPv4 is nothing to who comes by IPv6.
        let all = if self.host().contains(':') { "::" } else { "0.0.0.0" };
        file.set("server", "host", &quoted(if everywhere { all } else { "127.0.0.1" }));
        file.set("server", "port", &self.port().to_string());
        file.set("server", "public_url", &quoted(&self.public_url()));
        if self.tls == Tls::Proxy {
            file.set("server", "trusted_proxies", &list(self.proxies()));
        }
        file.set("storage", "database_path", &self.data_file("privmsg.db"));
        file.set("storage", "files_path", &self.data_file("files"));
        file.set("turn", "enabled", "true");
        file.set("turn", "urls", &list(&self.turn_urls()));
        file.set("turn", "credential", &quoted(secrets.turn.expose()));
        file.set("admin", "master_key", &quoted(secrets.admin_key.expose()));
        if let (Tls::Acme, Some(domain)) = (self.tls, &self.domain) {
            file.set("tls.acme", "domains", &list(&[domain]));
            file.set("tls.acme", "cache_path", &self.data_file("acme"));
            if let Some(email) = &self.email {
                file.set("tls.acme", "contact_email", &quoted(email));
            }
        }
        file.into()
    }

    /// Where docker-compose.yml publishes the server: nothing in the clear goes further than this machine, unless there is
    /// to be no TLS and others are to connect.
    pub(super) fn published(&self) -> &'static str {
        match self.tls {
            Tls::Acme => "443",
            Tls::None if self.host() != "localhost" => "9443",
            Tls::Proxy | Tls::None => "127.0.0.1:9443",
        }
    }

    /// `.env`, which Docker reads beside docker-compose.yml.
    pub(super) fn env_file(&self) -> String {
        format!(
            "# Written by privmsg-server init: where docker-compose.yml publishes the server.\nPRIVMSG_PUBLISH={}\n",
            self.published()
        )
    }

    /// From where a proxy of this machine comes: into the container through the gateway of its network.
    const fn proxies(&self) -> &'static [&'static str] {
        match self.layout {
            Layout::Docker => &["172.30.94.1"],
            Layout::Native => &["127.0.0.0/8", "::1/128"],
        }
    }

    fn data_file(&self, name: &str) -> String {
        quoted(&self.data.join(name).to_string_lossy())
    }

    /// `config/coturn/turnserver.conf`.
    pub(super) fn coturn_file(&self, secrets: &Secrets) -> String {
        let mut file = Coturn::new(COTURN);
        file.set("static-auth-secret", secrets.turn.expose());
        file.set("realm", self.domain.as_deref().unwrap_or("privmsg"));
        // Where `docker compose logs` and the journal find it.
        file.set("log-file", "stdout");
        if let Some(address) = &self.external_ip {
            file.set("external-ip", address);
        }
        if let Some(Certificate { chain, key }) = &self.turn_certificate {
            file.set("cert", &chain.to_string_lossy());
            file.set("pkey", &key.to_string_lossy());
        }
        file.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Source};
    use crate::secrets::random_key;

    fn plan(tls: Tls, layout: Layout) -> Plan {
        Plan {
            domain: Some("chat.example.org".to_owned()),
            external_ip: Some("192.0.2.7".to_owned()),
            tls,
            email: Some("me@example.org".to_owned()),
            layout,
            data: if layout == Layout::Docker { "/app/data".into() } else { "data/server".into() },
            turn_certificate: None,
        }
    }

    fn secrets() -> Secrets {
        Secrets { admin_key: random_key(), turn: random_key() }
    }

    /// Both files, the first one read as the server reads it.
    fn written(plan: &Plan) -> (Config, String, Secrets) {
        let secrets = secrets();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), plan.server_file(&secrets)).unwrap();
        let config = Config::load(&Source::Explicit(file.path().to_owned()), []).unwrap();
        (config, plan.coturn_file(&secrets), secrets)
    }

    #[test]
    fn every_written_file_loads_and_the_secrets_match() {
        for tls in [Tls::Acme, Tls::Proxy, Tls::None] {
            for layout in [Layout::Docker, Layout::Native] {
                let (config, coturn, secrets) = written(&plan(tls, layout));
                let secret = secrets.turn.expose();
                assert_eq!(config.turn.credential.expose(), secret);
                assert!(coturn.lines().any(|line| line == format!("static-auth-secret={secret}")), "{coturn}");
                assert_eq!(config.admin.master_key.expose(), secrets.admin_key.expose());
                assert_ne!(secret, secrets.admin_key.expose());
                assert!(coturn.contains("\nrealm=chat.example.org\n") && coturn.contains("\nexternal-ip=192.0.2.7\n"));
                assert_eq!(config.turn.urls[0], "turn:chat.example.org:3478?transport=udp");
                assert!(!coturn.contains("PUT_YOUR"), "{coturn}");
            }
        }
    }

    #[test]
    fn the_choice_of_tls_shows() {
        let (acme, ..) = written(&plan(Tls::Acme, Layout::Native));
        assert_eq!((acme.server.port, acme.server.public_url.as_str()), (443, "https://chat.example.org"));
        assert_eq!(acme.tls.acme.domains, ["chat.example.org"]);
        assert_eq!(acme.tls.acme.contact_email, "me@example.org");
        let (proxied, ..) = written(&plan(Tls::Proxy, Layout::Native));
        assert!(proxied.server.host.is_loopback() && proxied.tls.acme.domains.is_empty());
        assert!(
            proxied
                .server
                .trusted_proxies
                .iter()
                .any(|net| net.contains(&"127.0.0.1".parse::<std::net::IpAddr>().unwrap()))
        );
        let (docker, ..) = written(&plan(Tls::Acme, Layout::Docker));
        assert_eq!((docker.server.port, docker.server.host.is_unspecified()), (9443, true));
        assert_eq!(docker.storage.database_path, PathBuf::from("/app/data/privmsg.db"));
        assert_eq!(docker.tls.acme.cache_path, PathBuf::from("/app/data/acme"));
    }

    /// Behind nginx the port was open to everybody, in the clear, and everybody on it was believed to be the proxy.
    #[test]
    fn docker_publishes_nothing_in_the_clear_unasked() {
        let published = |tls, plan: Plan| Plan { tls, ..plan }.published();
        let docker = || plan(Tls::Proxy, Layout::Docker);
        assert_eq!(published(Tls::Proxy, docker()), "127.0.0.1:9443");
        assert_eq!(published(Tls::Acme, docker()), "443");
        let trial = || Plan { domain: None, external_ip: None, ..docker() };
        assert_eq!(published(Tls::None, trial()), "127.0.0.1:9443");
        assert_eq!(published(Tls::None, Plan { external_ip: Some("192.0.2.7".to_owned()), ..trial() }), "9443");

        let compose = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docker-compose.yml")).unwrap();
        let ports: Vec<&str> = compose.lines().map(str::trim).filter(|line| line.ends_with(":9443\"")).collect();
        assert_eq!(ports, ["- \"${PRIVMSG_PUBLISH:-127.0.0.1:9443}:9443\""]);
        let gateway = compose.lines().find_map(|line| line.trim().strip_prefix("gateway: ")).unwrap();
        let (config, ..) = written(&docker());
        let trusted: Vec<String> = config.server.trusted_proxies.iter().map(|net| net.addr().to_string()).collect();
        assert_eq!(trusted, [gateway]);
        assert!(config.server.trusted_proxies.iter().all(|net| net.prefix_len() == net.max_prefix_len()));
    }

    /// Older ones let addresses of IPv4 through that are written as IPv6.
    #[test]
    fn the_relay_is_new_enough_and_closed() {
        let compose = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docker-compose.yml")).unwrap();
        let version = compose.lines().find_map(|line| line.trim().strip_prefix("image: coturn/coturn:")).unwrap();
        let parts: Vec<u32> = version.split(['.', '@', '-']).take(2).map(|part| part.parse().unwrap()).collect();
        assert!(parts >= vec![4, 9], "{version}");
        let (_, coturn, _) = written(&plan(Tls::Proxy, Layout::Docker));
        let denied = coturn.lines().filter_map(|line| line.strip_prefix("denied-peer-ip="));
        let expected = [
            // This machine, the networks that are nobody's or one's own (RFC 6890), and what is for later or for all.
            "0.0.0.0-0.255.255.255",
            "10.0.0.0-10.255.255.255",
            "100.64.0.0-100.127.255.255",
            "127.0.0.0-127.255.255.255",
            "169.254.0.0-169.254.255.255",
            "172.16.0.0-172.31.255.255",
            "192.0.0.0-192.0.0.255",
            "192.168.0.0-192.168.255.255",
            "198.18.0.0-198.19.255.255",
            "240.0.0.0-255.255.255.255",
            // The same, and all of the above in other words.
            "::1-::ffff:ffff:ffff",
            "64:ff9b::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "2001::-2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
            "2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fe80::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ];
        assert_eq!(denied.collect::<Vec<_>>(), expected);
        assert!(!coturn.contains("\nallowed-peer-ip"), "an exception");
        for line in
            ["no-tcp-relay", "no-multicast-peers", "user-quota=24", "total-quota=600", "max-bps=1000000", "no-cli"]
        {
            assert!(coturn.lines().any(|other| other == line), "{line}");
        }
    }

    #[test]
    fn a_trial_needs_no_name() {
        let trial = Plan { domain: None, external_ip: None, ..plan(Tls::None, Layout::Native) };
        let (config, coturn, _) = written(&trial);
        assert!(config.server.host.is_loopback());
        assert_eq!(config.server.public_url, "http://localhost:9443");
        assert_eq!(config.turn.urls, ["turn:localhost:3478?transport=udp", "turn:localhost:3478?transport=tcp"]);
        assert!(coturn.contains("\n#external-ip="), "{coturn}");
    }

    #[test]
    fn an_address_without_a_name_and_a_certificate_for_coturn() {
        let certificate = Certificate { chain: "/c/chain.pem".into(), key: "/c/key.pem".into() };
        let plan = Plan {
            domain: None,
            external_ip: Some("2001:db8::7".to_owned()),
            turn_certificate: Some(certificate),
            ..plan(Tls::None, Layout::Native)
        };
        let (config, coturn, _) = written(&plan);
        assert_eq!(config.turn.urls[2], "turns:[2001:db8::7]:5349?transport=tcp");
        assert_eq!(config.server.public_url, "http://[2001:db8::7]:9443");
        assert!(config.server.host.is_unspecified() && config.server.host.is_ipv6());
        assert!(coturn.contains("\ncert=/c/chain.pem\npkey=/c/key.pem\n"), "{coturn}");
    }
}
