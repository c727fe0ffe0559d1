//! Credentials for coturn's REST scheme: it knows the secret, and checks them without asking.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use privmsg_protocol::Secret;
use privmsg_protocol::rest::TurnCredentials;
use sha1::Sha1;

use crate::config::Turn;

/// Credentials for somebody, from now on as long as is configured.
pub(crate) fn credentials(turn: &Turn, who: &str, now: i64) -> TurnCredentials {
    let expires_at = now.unsigned_abs().saturating_add(turn.ttl_seconds);
    let username = format!("{expires_at}:{who}");
    TurnCredentials {
        urls: turn.urls.clone(),
        credential: sign(&turn.credential, &username),
        username,
        credential_type: turn.credential_type.clone(),
        ttl: turn.ttl_seconds,
    }
}

fn sign(secret: &Secret, username: &str) -> Secret {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    Secret::new(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1700000000:alice' | openssl dgst -sha1 -hmac north -binary | base64`
    #[test]
    fn credentials_are_those_that_coturn_computes() {
        let secret = Secret::new("north".to_owned());
        assert_eq!(sign(&secret, "1700000000:alice").expose(), "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
    }
}
