//! What is examined.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::config::Config;

/// Where Debian's coturn looks.
const SYSTEM_COTURN_FILE: &str = "/etc/turnserver.conf";

/// From where somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A command, beside a server or without one.
    CommandLine,
    /// The running server.
    Server,
}

/// A configuration, and where it is looked at from.
pub(crate) struct Patient {
    pub(crate) config: Config,
    /// coturn's configuration, where it is named.
    pub(crate) coturn_file: Option<PathBuf>,
    pub(crate) setting: Setting,
    pub(crate) clock: Clock,
}

impl Patient {
    /// coturn's configuration: the one that is named, else those that are there: the system's, which its service reads, and
    /// the one in the folder beside ours, which a container reads and of which the system's is a copy.
    pub(super) fn coturn_files(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.coturn_file {
            return vec![named.clone()];
        }
        let own = self.config.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        // `../coturn/turnserver.conf`, without the detour in the name.
        let beside = own.parent().unwrap_or(Path::new("..")).join("coturn/turnserver.conf");
        [SYSTEM_COTURN_FILE.into(), beside].into_iter().filter(|path| path.exists()).collect()
    }

    /// Where the server is reached on this machine itself.
    pub(super) const fn local_address(&self) -> SocketAddr {
        local_address(&self.config)
    }
}

/// Where the server of this configuration is reached on this machine itself.
pub(super) const fn local_address(config: &Config) -> SocketAddr {
    let host = match config.server.host {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    SocketAddr::new(host, config.server.port)
}
