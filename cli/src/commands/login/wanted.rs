//! What somebody wants when they say `privmsg login`.

use std::path::PathBuf;

use privmsg_client::{Endpoint, Fingerprint, Login as SignIn, ProxySetting, Relocation, ServerAddress, SignInKey};
use privmsg_protocol::{Secret, UserId};

use super::inputs;
use crate::args::Login;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::variable;

/// The server sees the name, so it says nothing about the machine.
const DEVICE_NAME: &str = "terminal";

/// The arguments of a sign-in, understood.
pub(super) struct Wanted {
    pub(super) address: Option<ServerAddress>,
    pub(super) user_id: Option<UserId>,
    pub(super) way: Way,
    proxy: Option<ProxySetting>,
    /// Given, and perhaps none.
    fingerprint: Option<Option<Fingerprint>>,
    invitation_key: Option<Secret>,
    device_name: Option<String>,
    access_key_file: Option<PathBuf>,
}

/// How a device comes in, where the account has an identity already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// With another one in its place.
    pub(super) new_identity: bool,
    /// Another device lets it in.
    pub(super) link: bool,
    /// With the recovery words alone.
    pub(super) recover: bool,
}

impl Wanted {
    /// Understands the arguments, and takes an invitation from wherever it is.
    pub(super) async fn of(login: Login, lang: Lang) -> Result<Self, Failure> {
        let proxy = proxy(login.proxy.as_deref(), lang)?;
        let fingerprint = login.fingerprint.as_deref().map(|text| fingerprint(text, lang)).transpose()?;
        let invitation = if login.invitation { Some(inputs::invitation(lang).await?) } else { None };
        let (address, user_id, invited_fingerprint, invitation_key) = match invitation {
            Some(invited) => (Some(invited.server), Some(invited.user_id), invited.fingerprint, Some(invited.key)),
            None => (login.server, login.user_id, None, None),
        };
        // What a person says counts more than what stands in a link.
        let fingerprint = match (fingerprint, invited_fingerprint) {
            (None, Some(text)) => Some(Some(text.parse().map_err(|_| Failure::NotAnInvitation)?)),
            (given, _) => given,
        };
        let address = address.map(|text| text.parse::<ServerAddress>()).transpose()?;
        if matches!((&address, &fingerprint), (Some(address), Some(Some(_))) if !address.is_tls()) {
            return Err(Failure::Usage(lang.fingerprint_needs_tls()));
        }
        Ok(Self {
            address,
            user_id,
            way: Way { new_identity: login.new_identity, link: login.link, recover: login.recover },
            proxy,
            fingerprint,
            invitation_key,
            device_name: login.device_name,
            access_key_file: login.access_key_file,
        })
    }

    /// What is to change of a profile that is signed in.
    pub(super) fn relocation(&self) -> Relocation {
        Relocation { address: self.address.clone(), proxy: self.proxy.clone(), fingerprint: self.fingerprint }
    }

    /// Whether it is to be done with an invitation, which makes no sense for a profile that is signed in.
    pub(super) const fn is_invited(&self) -> bool {
        self.invitation_key.is_some()
    }

    /// A sign-in, with the key from wherever it is. What the arguments leave out comes from `known`: a profile that was
    /// begun or signed out.
    pub(super) async fn sign_in(self, known: Option<Known>, lang: Lang) -> Result<SignIn, Failure> {
        let missing = |argument: &str| Failure::Usage(lang.missing_argument(argument));
        let known_name = known.as_ref().map(|known| known.device_name.clone()).filter(|name| !name.is_empty());
        let (known_user, known_endpoint) = known.map(|known| (known.user_id, known.endpoint)).unzip();
        let known_endpoint = known_endpoint.flatten();
        let user_id = self.user_id.or(known_user).ok_or_else(|| missing("--user-id"))?;
        let mut endpoint = match (self.address, known_endpoint) {
            // Who has chosen a proxy, or pinned a key, has not done so for one address only.
            (Some(address), Some(known)) => Endpoint { address, ..known },
            (Some(address), None) => Endpoint::at(address),
            (None, Some(known)) => known,
            (None, None) => return Err(missing("--server")),
        };
        if let Some(proxy) = self.proxy {
            endpoint.proxy = proxy;
        }
        if let Some(fingerprint) = self.fingerprint {
            endpoint.fingerprint = fingerprint;
        }
        let key = match self.invitation_key {
            Some(key) => SignInKey::Invitation(key),
            None if self.way.link => SignInKey::Link,
            None if self.way.recover => SignInKey::Words(Secret::new(inputs::recovery_key(lang).await?.to_string())),
            None => SignInKey::Access(inputs::access_key(lang, self.access_key_file.as_deref()).await?),
        };
        let device_name = self.device_name.or(known_name).unwrap_or_else(|| DEVICE_NAME.to_owned());
        Ok(SignIn { endpoint, user_id, key, device_name, device_type: "cli" })
    }
}

/// Whose a profile is that is not signed in, and where it went.
pub(super) struct Known {
    pub(super) user_id: UserId,
    pub(super) endpoint: Option<Endpoint>,
    /// As its device was called.
    pub(super) device_name: String,
}

/// From the argument, or from the environment where it may hold a password.
fn proxy(given: Option<&str>, lang: Lang) -> Result<Option<ProxySetting>, Failure> {
    let setting = match given {
        Some(text) => text.parse::<ProxySetting>()?,
        None => match variable("PRIVMSG_PROXY").filter(|text| !text.is_empty()) {
            Some(text) => return Ok(Some(Secret::new(text).expose().parse()?)),
            None => return Ok(None),
        },
    };
    match &setting {
        ProxySetting::Through(proxy) if proxy.has_password() => Err(Failure::Usage(lang.password_as_argument())),
        _ => Ok(Some(setting)),
    }
}

fn fingerprint(text: &str, lang: Lang) -> Result<Option<Fingerprint>, Failure> {
    match text {
        "none" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Failure::Usage(lang.needs_fingerprint())),
    }
}
