//! A key in the keyring of the system.
//!
//! A keyring is a service, and often a person who is asked to unlock it. Neither is waited for without bound: what asks
//! it runs on a thread of its own, which is given up when nothing comes.

#[cfg_attr(target_os = "linux", path = "keyring/secret_service.rs")]
#[cfg_attr(any(windows, target_os = "macos"), path = "keyring/native.rs")]
#[cfg_attr(not(any(target_os = "linux", windows, target_os = "macos")), path = "keyring/none.rs")]
mod system;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::vault::{Details, Vault, text};
use super::{DatabaseKey, KeyError, VaultError, random};

/// As a person sees an entry in the keyring's own window.
#[cfg_attr(
    not(any(target_os = "linux", windows, target_os = "macos")),
    expect(dead_code, reason = "where there is no keyring, it has no entries")
)]
const LABEL: &str = "PrivMsg database key";

/// A service that only has to answer does so in milliseconds; one that has to be started first, in a second or two.
const ANSWER: Duration = Duration::from_secs(10);

/// A person looks for the passphrase of the keyring.
const UNLOCK: Duration = Duration::from_secs(120);

/// The keyring of whoever runs this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyring;

impl Keyring {
    pub(super) const NAME: &'static str = "keyring";
}

/// Whether the system has a keyring that could take a key. Unlocks nothing, and asks nobody.
///
/// # Errors
/// [`VaultError::NoAnswer`] if there should be one, but it says nothing.
pub fn keyring_is_available() -> Result<bool, VaultError> {
    bounded(|_| system::is_available())
}

impl Vault for Keyring {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
        let entry = URL_SAFE_NO_PAD.encode(random::<12>()?);
        let (name, key) = (entry.clone(), key.clone());
        bounded(move |person| system::store(&name, &key, person)).map_err(|e| e.of(Self::NAME))?;
        Ok(Details::from([("entry".to_owned(), entry.into())]))
    }

    fn load(&self, details: &Details) -> Result<DatabaseKey, KeyError> {
        let entry = entry(details)?;
        bounded(move |person| system::load(&entry, person)).map_err(|e| e.of(Self::NAME))
    }

    fn remove(&self, details: &Details) -> Result<(), KeyError> {
        let entry = entry(details)?;
        bounded(move |person| system::remove(&entry, person)).map_err(|e| e.of(Self::NAME))
    }
}

fn entry(details: &Details) -> Result<String, KeyError> {
    text(details, "entry").map(str::to_owned).ok_or(VaultError::Damaged.of(Keyring::NAME))
}

/// Told when the keyring may now ask a person, who needs longer than a service.
struct Person(mpsc::Sender<News>);

impl Person {
    #[cfg_attr(
        not(any(target_os = "linux", windows, target_os = "macos")),
        expect(dead_code, reason = "where there is no keyring, nobody is asked")
    )]
    fn is_asked(&self) {
        // Whoever does not wait any more need not know.
        let _ = self.0.send(News::PersonIsAsked);
    }
}

enum News {
    PersonIsAsked,
    Done,
}

/// Runs `work` on a thread, and stops waiting for it when it takes too long.
fn bounded<T: Send + 'static>(
    work: impl FnOnce(&Person) -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    bounded_by(ANSWER, UNLOCK, work)
}

fn bounded_by<T: Send + 'static>(
    answer: Duration,
    unlock: Duration,
    work: impl FnOnce(&Person) -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    let (tell, news) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("privmsg-keyring".into())
        .spawn(move || {
            let person = Person(tell);
            let result = work(&person);
            let _ = person.0.send(News::Done);
            result
        })
        .map_err(|e| VaultError::Failed(e.into()))?;
    let mut patience = answer;
    loop {
        match news.recv_timeout(patience) {
            Ok(News::PersonIsAsked) => patience = unlock,
            // Without news, it has panicked.
            Ok(News::Done) | Err(RecvTimeoutError::Disconnected) => {
                return thread.join().unwrap_or_else(|_| Err(VaultError::Failed("its library has panicked".into())));
            }
            Err(RecvTimeoutError::Timeout) => return Err(VaultError::NoAnswer(patience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_says_nothing_is_given_up() {
        let (_never, silence) = mpsc::channel::<()>();
        let waited = bounded_by(MOMENT, LONG, move |_| silence.recv().map_err(|_| VaultError::Gone));
        assert!(matches!(waited, Err(VaultError::NoAnswer(MOMENT))), "{waited:?}");
    }

    #[test]
    fn a_person_may_take_longer_but_not_for_ever() {
        let asked = bounded_by(LONG, MOMENT, move |person| {
            person.is_asked();
            std::thread::park();
            Ok(())
        });
        assert!(matches!(asked, Err(VaultError::NoAnswer(MOMENT))), "{asked:?}");
        // Longer than a thread takes to begin on a busy machine.
        let patience = Duration::from_millis(500);
        let in_time = bounded_by(patience, LONG, move |person| {
            person.is_asked();
            std::thread::sleep(2 * patience);
            Ok("unlocked")
        });
        assert_eq!(in_time.unwrap(), "unlocked");
    }

    #[test]
    fn a_panic_in_a_library_is_an_error() {
        let broken = bounded_by(LONG, LONG, |_| -> Result<(), _> { panic!("on purpose") });
        assert!(matches!(broken, Err(VaultError::Failed(_))), "{broken:?}");
    }
}
