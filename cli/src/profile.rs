//! Where the profile is, and how to get at its key.

use std::path::PathBuf;

use privmsg_client::{
    Client, ClientError, KEY_FILE, KeyError, KeyPlace, OpenError, Profile, ProfileError, keyring_is_available,
};
use zeroize::Zeroizing;

use crate::failure::{self, Failure};
use crate::foreign;
use crate::lang::Lang;
use crate::output::Output;
use crate::{prompt, variable};

/// Where the passphrase of the profile may be, and where another one.
const CURRENT: &str = "PRIVMSG_PASSPHRASE";
const NEW: &str = "PRIVMSG_NEW_PASSPHRASE";

/// A passphrase, if the profile's key lies under one.
pub(crate) type Passphrase = Option<Zeroizing<String>>;

/// The folder: as given, as `PRIVMSG_PROFILE` says, or the one of whoever runs this program.
pub(crate) fn folder(given: Option<PathBuf>) -> Result<Profile, Failure> {
    let set = || std::env::var_os("PRIVMSG_PROFILE").filter(|value| !value.is_empty()).map(PathBuf::from);
    given.or_else(set).map(Profile::at).or_else(Profile::of_user).ok_or(Failure::NoHome)
}

/// Opens a profile in which somebody has signed in, now or earlier.
pub(crate) async fn open(profile: &Profile, lang: Lang) -> Result<Client, Failure> {
    let Some(place) = profile.key_place()? else { return Err(Failure::NoAccount(profile.dir().to_owned())) };
    let passphrase = existing_passphrase(place, lang).await?;
    open_with(profile, &passphrase).await
}

/// Opens a profile whose passphrase is known.
pub(crate) async fn open_with(profile: &Profile, passphrase: &Passphrase) -> Result<Client, Failure> {
    match Client::open(profile, passphrase.as_ref().map(|phrase| phrase.as_str())).await {
        Err(OpenError::Profile(ProfileError::Key(KeyError::OpenToOthers))) => Err(open_to_others(profile)),
        Err(OpenError::Client(ClientError::NotSignedIn)) => Err(Failure::NoAccount(profile.dir().to_owned())),
        other => Ok(other?),
    }
}

/// The passphrase of a profile that exists, from the environment or by asking.
pub(crate) async fn existing_passphrase(place: KeyPlace, lang: Lang) -> Result<Passphrase, Failure> {
    if place != KeyPlace::Passphrase {
        return Ok(None);
    }
    if let Some(passphrase) = passphrase_in(CURRENT)? {
        return Ok(Some(passphrase));
    }
    if !prompt::somebody_is_there() {
        return Err(KeyError::PassphraseNeeded.into());
    }
    prompt::secret(lang.ask_passphrase()).await.map(Some)
}

/// How the key of a new profile is to be kept. What protects best is taken first: a passphrase that is set, the keyring,
/// a passphrase that is asked for, a file.
pub(crate) async fn choose(output: &Output) -> Result<(KeyPlace, Passphrase), Failure> {
    Ok(match passphrase_in(CURRENT)? {
        Some(passphrase) => (KeyPlace::Passphrase, Some(passphrase)),
        None if has_keyring(output) => (KeyPlace::Keyring, None),
        None if prompt::somebody_is_there() => match twice(output, output.lang().ask_new_passphrase()).await? {
            Some(passphrase) => (KeyPlace::Passphrase, Some(passphrase)),
            None => (KeyPlace::File, None),
        },
        None => (KeyPlace::File, None),
    })
}

/// Whether there is a keyring that answers. If there should be one, but it is silent, that is said.
fn has_keyring(output: &Output) -> bool {
    keyring_is_available().unwrap_or_else(|error| {
        let lang = output.lang();
        output.note(&foreign::line(&lang.keyring_passed_over(&failure::vault(lang, &error))));
        false
    })
}

/// Where the key of a profile is and what that means, in a sentence.
pub(crate) fn explain(place: KeyPlace, profile: &Profile, lang: Lang) -> String {
    match place {
        KeyPlace::Keyring => lang.key_in_keyring(),
        KeyPlace::Passphrase => lang.key_under_passphrase(),
        KeyPlace::File => lang.key_in_file(&profile.dir().join(KEY_FILE).display().to_string()),
        KeyPlace::Host => lang.key_with_host(),
    }
}

fn passphrase_in(name: &'static str) -> Result<Passphrase, Failure> {
    match variable(name).map(Zeroizing::new) {
        Some(passphrase) if passphrase.is_empty() => Err(Failure::EmptyPassphrase(name)),
        other => Ok(other),
    }
}

/// Whether a profile opens with a passphrase, or without one.
pub(crate) fn check(profile: &Profile, passphrase: &Passphrase) -> Result<(), Failure> {
    match profile.check_passphrase(passphrase.as_ref().map(|phrase| phrase.as_str())) {
        Err(KeyError::OpenToOthers) => Err(open_to_others(profile)),
        other => Ok(other?),
    }
}

fn open_to_others(profile: &Profile) -> Failure {
    Failure::KeyOpenToOthers(profile.dir().join(KEY_FILE))
}

/// Another passphrase for a profile that there is, from the environment or by asking.
pub(crate) async fn another_passphrase(output: &Output) -> Result<Zeroizing<String>, Failure> {
    if let Some(new) = passphrase_in(NEW)? {
        return Ok(new);
    }
    if !prompt::somebody_is_there() {
        return Err(Failure::NewPassphraseNeeded);
    }
    let lang = output.lang();
    twice(output, lang.ask_another_passphrase()).await?.ok_or_else(|| Failure::Usage(lang.no_passphrase_typed()))
}

/// How the key is kept where no passphrase is wanted.
pub(crate) fn place_without_passphrase(output: &Output) -> KeyPlace {
    if has_keyring(output) { KeyPlace::Keyring } else { KeyPlace::File }
}

/// Asks twice, until both are the same. `None` if the user wants none.
async fn twice(output: &Output, question: String) -> Result<Passphrase, Failure> {
    let lang = output.lang();
    loop {
        let first = prompt::secret(question.clone()).await?;
        if first.is_empty() {
            return Ok(None);
        }
        if prompt::secret(lang.ask_again()).await? == first {
            return Ok(Some(first));
        }
        output.note(&lang.passphrases_differ());
    }
}
