//! One sign-in at a time for each profile.

use std::fs::{File, TryLockError};

use super::LoginError;
use crate::profile::{Profile, ProfileError, create_private_dir};

/// Held by the process that signs in. It stays there, empty: who removed it could take it from under another one.
const LOCK_FILE: &str = "login.lock";

/// The right to sign in; the system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct LoginLock {
    _file: File,
}

impl LoginLock {
    /// Takes it, making the profile's folder if there is none.
    pub(super) fn take(profile: &Profile) -> Result<Self, LoginError> {
        let failed = |source| ProfileError::Directory { path: profile.dir().to_owned(), source };
        create_private_dir(profile.dir()).map_err(failed)?;
        let file = profile.lock_file(LOCK_FILE).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LoginError::InProgress),
            Err(TryLockError::Error(source)) => Err(failed(source).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path().join("new"));
        let first = LoginLock::take(&profile).unwrap();
        assert!(matches!(LoginLock::take(&profile), Err(LoginError::InProgress)));
        drop(first);
        LoginLock::take(&profile).unwrap();
    }
}
