//! The profile, its key and its database.

use privmsg_client::{KeyError, ProfileError, StoreError, VaultError, causes};

use super::Described;
use crate::exit::Exit;
use crate::lang::Lang;

pub(super) fn describe(lang: Lang, error: &ProfileError) -> Described {
    match error {
        ProfileError::Key(error) => key(lang, error),
        ProfileError::Store(error) => store(lang, error),
        ProfileError::Directory { path, source } => {
            Described::new(Exit::File, "file", lang.file_failed(&path.display().to_string(), &lang.io(source)))
        }
    }
}

pub(super) fn key(lang: Lang, error: &KeyError) -> Described {
    let new = Described::new;
    match error {
        KeyError::NoProfile => new(Exit::NotSignedIn, "not_signed_in", lang.sign_in_unfinished()),
        KeyError::PassphraseNeeded => new(Exit::Credentials, "passphrase_needed", lang.passphrase_needed()),
        KeyError::WrongPassphrase => new(Exit::Credentials, "wrong_passphrase", lang.wrong_passphrase()),
        KeyError::Vault { source, .. } => new(Exit::Credentials, "keyring", lang.keyring_failed(&vault(lang, source))),
        KeyError::UnknownVault(name) => new(Exit::Other, "profile_newer", lang.unknown_vault(name)),
        KeyError::Newer { .. } => new(Exit::Other, "profile_newer", lang.newer_database()),
        KeyError::NoKeystore => new(Exit::File, "profile_damaged", lang.keystore_missing()),
        KeyError::KeptElsewhere(_) => new(Exit::Other, "profile_busy", lang.made_meanwhile()),
        KeyError::Busy => new(Exit::Other, "profile_busy", lang.database_busy()),
        KeyError::Damaged(file) => new(Exit::File, "profile_damaged", lang.damaged(file)),
        KeyError::OpenToOthers => {
            new(Exit::File, "key_file_open_to_others", lang.key_open_to_others(privmsg_client::KEY_FILE))
        }
        KeyError::Io { file, source } => new(Exit::File, "file", lang.file_failed(file, &lang.io(source))),
        KeyError::NoRandomness => new(Exit::Other, "internal", lang.no_randomness()),
    }
}

/// What a keyring says.
pub(crate) fn vault(lang: Lang, error: &VaultError) -> String {
    match error {
        VaultError::Unavailable => lang.keyring_unavailable(),
        VaultError::Locked => lang.keyring_locked(),
        VaultError::NoAnswer(waited) => lang.keyring_silent(waited.as_secs()),
        VaultError::Gone => lang.keyring_entry_gone(),
        VaultError::Damaged => lang.keyring_entry_damaged(),
        VaultError::Failed(source) => source.to_string(),
    }
}

pub(super) fn store(lang: Lang, error: &StoreError) -> Described {
    let new = Described::new;
    match error {
        StoreError::WrongKey => new(Exit::File, "profile_damaged", lang.wrong_database_key()),
        StoreError::Newer { .. } => new(Exit::Other, "profile_newer", lang.newer_database()),
        StoreError::DiskFull => new(Exit::File, "disk_full", lang.disk_full()),
        StoreError::Busy => new(Exit::Other, "profile_busy", lang.database_busy()),
        other => new(Exit::File, "database", lang.database_failed(&causes(other))),
    }
}
