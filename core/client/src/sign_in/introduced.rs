//! A device that the server has let in, before there is a profile.

use privmsg_store::key::{KeyError, KeyPlace};

use super::draft::{Draft, Unredeemed};
use super::{LoginError, NewIdentity};
use crate::profile::Profile;

/// The server's yes, in memory. Nothing of it is stored until [`Introduced::keep`].
#[derive(Debug)]
pub struct Introduced {
    draft: Draft,
    profile: Profile,
}

impl Introduced {
    pub(super) const fn new(draft: Draft, profile: Profile) -> Self {
        Self { draft, profile }
    }

    /// Makes the profile, with its key kept in `place`, and goes on.
    ///
    /// # Errors
    /// [`LoginError`]. If the profile cannot be made, the device is signed out again; if the server refuses an
    /// invitation, the profile is removed. After any other failure [`super::Login::begin`] goes on.
    pub async fn keep(self, place: KeyPlace, passphrase: Option<&str>) -> Result<NewIdentity, LoginError> {
        let Self { mut draft, profile } = self;
        let made = match profile.key_place() {
            Ok(None) => profile.create(place, passphrase).and_then(|()| profile.open_store(passphrase)),
            // Somebody has made one meanwhile, without signing in. It is theirs, and not to be removed here.
            Ok(Some(kept)) => Err(KeyError::KeptElsewhere(kept).into()),
            Err(error) => Err(error.into()),
        };
        let store = match made {
            Ok(store) => store,
            Err(error) => {
                draft.withdraw().await;
                return Err(error.into());
            }
        };
        if let Err(error) = draft.store(&store).await {
            draft.withdraw().await;
            drop(store);
            remove(profile).await;
            return Err(error.into());
        }
        if let Err(unredeemed) = draft.redeem(&store).await {
            if matches!(unredeemed, Unredeemed::Refused(_)) {
                drop((draft, store));
                remove(profile).await;
            }
            return Err(unredeemed.into());
        }
        draft.identify(store).await
    }

    /// Signs the device out again: nobody wants it.
    pub async fn withdraw(self) {
        self.draft.withdraw().await;
    }
}

pub(super) async fn remove(profile: Profile) {
    if let Err(error) = tokio::task::spawn_blocking(move || profile.remove()).await {
        tracing::warn!(%error, "an empty profile could not be removed");
    }
}
