//! The backup that the server makes by itself, once a day.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::create::{Order, create};
use super::encryption::{Unlock, recipients};
use super::verify::verify;
use super::{BackupError, Manifest, Reason};
use crate::app::App;
use crate::causes::with_causes;
use crate::clock::format_utc;
use crate::config::{self, Config};
use crate::paths::beside;
use crate::private;

/// How often it is looked whether a backup is due.
const TICK: Duration = Duration::from_secs(20);

/// Pause after a failure.
const RETRY: i64 = 3600;

/// A backup that is older than this has missed its night.
const STALE: i64 = 26 * 3600;

const DAY: i64 = 24 * 3600;

/// Beginning of the names of nightly backups.
const PREFIX: &str = "privmsg-";

/// Form of the time in such a name; digits are zeros here.
const STAMP: &str = "00000000-000000Z";

/// Ending of the file beside the database that tells of a failure. A file, so that `doctor` sees it without the server.
const FAILED: &str = ".backup-failed";

/// How the nightly backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// None are configured.
    Off,
    /// The newest was made at that time.
    Fine { newest: i64 },
    /// There is none yet, or the newest is more than a day old; and why, if that is known.
    Missing { newest: Option<i64>, error: Option<Failure> },
}

/// The last failure, for [`status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    at: i64,
    pub(crate) error: String,
    #[serde(default)]
    pub(crate) reason: Reason,
}

/// Seconds since midnight of `HH:MM`.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let part = |text: &str, below: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|value| digits && *value < below)
    };
    Some(part(hour, 24)? * 3600 + part(minute, 60)? * 60)
}

/// How the nightly backups of this configuration are.
pub(crate) fn status(config: &Config, now: i64) -> Status {
    if config.backup.folder.as_os_str().is_empty() {
        return Status::Off;
    }
    let newest = listed(&config.backup.folder).unwrap_or_default().pop().and_then(|(_, path)| {
        let modified = path.metadata().and_then(|data| data.modified()).ok()?;
        i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
    });
    let failure = std::fs::read(beside(&config.storage.database_path, FAILED)).ok();
    let failure: Option<Failure> = failure.and_then(|text| serde_json::from_slice(&text).ok());
    match newest {
        Some(newest) if now - newest < STALE => Status::Fine { newest },
        newest => Status::Missing { newest, error: failure },
    }
}

/// Makes a backup every day until the server stops. One that was missed while the server was off is made at the start.
pub(crate) async fn run(app: &App) {
    let backup = &app.config.backup;
    let Some(at) = time_of_day(&backup.at).filter(|_| !backup.folder.as_os_str().is_empty()) else { return };
    if let Status::Missing { newest: Some(newest), error } = status(&app.config, app.clock.now()) {
        let newest = format_utc(newest).unwrap_or_default();
        let error = error.map_or_else(|| "not known".to_owned(), |failure| failure.error);
        tracing::warn!(newest, error, "the nightly backup was missed");
    }
    let mut retry_at = i64::MIN;
    loop {
        let now = app.clock.now();
        if now >= retry_at && is_due(&backup.folder, now, at) {
            match one(app, now).await {
                Ok(path) => tracing::info!(path = %path.display(), "nightly backup made"),
                Err(BackupError::Stopped) => return,
                Err(error) => {
                    retry_at = now + RETRY;
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "no nightly backup; the next attempt is in an hour");
                }
            }
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Whether the newest backup is of before the last time at which one should have been made.
fn is_due(folder: &Path, now: i64, at: i64) -> bool {
    let last = (now - at).div_euclid(DAY) * DAY + at;
    // A folder that cannot be read fails when it is written to, which is told.
    listed(folder).unwrap_or_default().pop().is_none_or(|(newest, _)| newest < stamp(last))
}

async fn one(app: &App, now: i64) -> Result<PathBuf, BackupError> {
    let (config, stopping) = (app.config.clone(), app.stopping.clone());
    let made = tokio::task::spawn_blocking(move || {
        let made = make(&config, now, &mut |_, _| !stopping.is_cancelled());
        if !matches!(made, Err(BackupError::Stopped)) {
            tell(&config, now, made.as_ref().err());
        }
        made
    });
    made.await.map_err(|error| BackupError::Io {
        doing: "finish the backup in",
        path: app.config.backup.folder.display().to_string(),
        source: io::Error::other(error),
    })?
}

/// Makes one, proves it as far as possible, and deletes what is too old: in this order.
pub(super) fn make(config: &Config, now: i64, go_on: super::Progress<'_>) -> Result<PathBuf, BackupError> {
    let config::Backup { folder, keep, recipients: keys, .. } = &config.backup;
    private::folder(folder).map_err(BackupError::io("make", folder))?;
    let encryption = recipients(keys.iter().map(String::as_str))?;
    let ending = if encryption.is_none() { ".tar" } else { ".tar.age" };
    let path = folder.join(format!("{PREFIX}{}{ending}", stamp(now)));
    let order = Order {
        database: &config.storage.database_path,
        files: &config.storage.files_path,
        to: &path,
        encryption: &encryption,
        now,
    };
    let made: Manifest = create(&order, go_on)?;
    if encryption.is_none() {
        // What is encrypted is only for those who have the key, and it is not here.
        if let Err(error) = verify(&path, &Unlock::default(), go_on) {
            // The next one must not be kept from its place by it.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
    }
    tracing::debug!(files = made.files.len(), bytes = made.total(), "backup written");
    forget_old(folder, *keep).map_err(BackupError::io("tidy", folder))?;
    Ok(path)
}

/// Deletes the oldest backups, and nothing that has another name.
fn forget_old(folder: &Path, keep: u32) -> io::Result<()> {
    let all = listed(folder)?;
    let spare = if keep == 0 { 0 } else { all.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX)) };
    all.into_iter().take(spare).try_for_each(|(_, path)| std::fs::remove_file(path))
}

/// Nightly backups with the times in their names, the oldest first.
fn listed(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let stamp = entry.file_name().to_str().and_then(|name| Some(stamp_in(name)?.to_owned()));
        found.extend(stamp.map(|stamp| (stamp, entry.path())));
    }
    found.sort();
    Ok(found)
}

fn stamp_in(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PREFIX)?;
    let stamp = rest.strip_suffix(".tar").or_else(|| rest.strip_suffix(".tar.age"))?;
    let same = |(is, form): (u8, u8)| if form == b'0' { is.is_ascii_digit() } else { is == form };
    (stamp.len() == STAMP.len() && stamp.bytes().zip(STAMP.bytes()).all(same)).then_some(stamp)
}

/// A time as it stands in names; later ones sort behind earlier ones.
fn stamp(now: i64) -> String {
    let text = format_utc(now.max(1)).unwrap_or_default();
    format!("{}Z", text.replace(['-', ':'], "").replace(' ', "-"))
}

/// Keeps what went wrong for [`status`], until something goes right.
fn tell(config: &Config, now: i64, failed: Option<&BackupError>) {
    let path = beside(&config.storage.database_path, FAILED);
    let told = match failed {
        None => super::snapshot::remove(&path),
        Some(error) => {
            let failure = Failure { at: now, error: with_causes(error), reason: error.reason() };
            let text = serde_json::to_vec(&failure).expect("a failure is plain data");
            private::file(&path).and_then(|mut file| {
                file.set_len(0)?;
                io::Write::write_all(&mut file, &text)
            })
        }
    };
    if let Err(error) = told {
        tracing::warn!(error = &error as &dyn std::error::Error, "the state of the backup was not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(time_of_day("00:00"), Some(0));
        assert_eq!(time_of_day("23:59"), Some(86_340));
        for wrong in ["", "24:00", "12:60", "1:30", "01:3", "+1:30", "ab:cd", "12", "12:30:00"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_names_of_backups_are_recognised() {
        assert_eq!(stamp(1_704_110_400), "20240101-120000Z");
        assert_eq!(stamp_in("privmsg-20240101-120000Z.tar"), Some("20240101-120000Z"));
        assert_eq!(stamp_in("privmsg-20240101-120000Z.tar.age"), Some("20240101-120000Z"));
        for other in ["privmsg-20240101-120000Z.tar.part", "privmsg-my-own-backup.tar", "privmsg-2024.tar", "x.tar"] {
            assert_eq!(stamp_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_backup_is_due_after_its_time_of_day() {
        let folder = tempfile::tempdir().unwrap();
        let (midnight, at) = (1_704_067_200, 3 * 3600);
        assert!(is_due(folder.path(), midnight, at), "the first one at once");
        std::fs::write(folder.path().join("privmsg-20231231-030005Z.tar"), "").unwrap();
        assert!(!is_due(folder.path(), midnight + at - 1, at));
        assert!(is_due(folder.path(), midnight + at, at));
        std::fs::write(folder.path().join("privmsg-20240101-030005Z.tar.age"), "").unwrap();
        assert!(!is_due(folder.path(), midnight + DAY, at));
    }
}
