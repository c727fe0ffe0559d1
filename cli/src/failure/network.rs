//! No way to the server.

use privmsg_client::NetworkError;

use super::Described;
use crate::exit::Exit;
use crate::lang::Lang;

/// One code for each kind of thing that somebody has to do; `network` where waiting may be enough.
pub(super) fn describe(lang: Lang, error: &NetworkError) -> Described {
    let code = match error {
        NetworkError::Address(error) => return Described::new(Exit::Usage, "bad_address", lang.address(*error)),
        NetworkError::ProxySetting { .. } | NetworkError::OnionWithoutProxy | NetworkError::Proxy { .. } => "proxy",
        NetworkError::Certificate(_) => "certificate",
        NetworkError::Between(_) => "between",
        NetworkError::Moved { .. } => "moved",
        _ => "network",
    };
    Described::new(Exit::Network, code, lang.unreachable(&lang.network(error)))
}
