//! Whether the database is whole, looked at beside a running server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, OpenFlags};
use tokio::sync::oneshot;

use super::{Finding, Patient};

/// Longest look. A reader keeps the log of changes from being cut off, so it must not go on for ever.
const LONGEST: Duration = Duration::from_secs(4);

pub(super) async fn check(patient: Arc<Patient>) -> Finding {
    let path = patient.config.storage.database_path.clone();
    let shown = path.display().to_string();
    if !path.exists() {
        return Finding::pass(
            format!("There is no database yet; the server makes {shown} at its first start"),
            format!("Базы ещё нет; сервер создаст {shown} при первом запуске"),
        );
    }
    match examine(path).await {
        Ok(Some(said)) if said == "ok" => {
            Finding::pass(format!("The database {shown} is whole"), format!("База {shown} цела"))
        }
        Ok(None) => Finding::pass(
            format!("The database {shown} can be read; it is too large to be gone through in {} seconds", LONGEST.as_secs()),
            format!("База {shown} читается; она слишком велика, чтобы проверить её за {} с", LONGEST.as_secs()),
        ),
        Ok(Some(said)) => Finding::fail(
            format!("The database {shown} is damaged: {said}"),
            format!("База {shown} повреждена: {said}"),
        )
        .advise(
            "Stop the server, copy the data folder as it is, and restore the last backup. Have the disk checked.",
            "Остановите сервер, скопируйте папку данных как есть и восстановите последнюю резервную копию. Проверьте диск.",
        ),
        Err(error) => Finding::fail(
            format!("The database {shown} cannot be read: {error}"),
            format!("Базу {shown} не прочитать: {error}"),
        )
        .advise(
            "Run this as the server's account, or as root. If that does not help, restore the last backup.",
            "Запустите от учётной записи сервера или от root. Если не поможет, восстановите последнюю резервную копию.",
        ),
    }
}

/// What SQLite says; `None` if it was not through in time.
async fn examine(path: PathBuf) -> Result<Option<String>, rusqlite::Error> {
    let (send_handle, handle) = oneshot::channel::<InterruptHandle>();
    let mut looking = tokio::task::spawn_blocking(move || {
        let connection = open(&path)?;
        // Nobody waits for it any more if this fails; then it is not needed either.
        let _ = send_handle.send(connection.get_interrupt_handle());
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    });
    let ended = match tokio::time::timeout(LONGEST, &mut looking).await {
        Ok(ended) => ended,
        Err(_) => {
            if let Ok(handle) = handle.await {
                handle.interrupt();
            }
            looking.await
        }
    };
    match ended {
        Ok(Err(rusqlite::Error::SqliteFailure(error, _)))
            if error.code == rusqlite::ErrorCode::OperationInterrupted =>
        {
            Ok(None)
        }
        Ok(said) => said.map(Some),
        Err(_) => Ok(None),
    }
}

/// Opens for reading only. A database that no server has open is taken as a file that nobody changes: otherwise SQLite
/// would make files beside it that belong to whoever runs this, root perhaps, and the server could not open them.
pub(super) fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let at_rest = !Path::new(&log).exists();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path, at_rest), flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    Ok(connection)
}

fn uri(path: &Path, at_rest: bool) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name: String = path
        .to_string_lossy()
        .chars()
        .map(|letter| match letter {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            letter => letter.to_string(),
        })
        .collect();
    format!("file:{name}{}", if at_rest { "?immutable=1" } else { "" })
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    async fn status(path: &Path) -> CheckStatus {
        let mut config = Config::default();
        config.storage.database_path = path.to_owned();
        let patient = Patient { config, coturn_file: None, setting: Setting::CommandLine, clock: Clock::system() };
        check(Arc::new(patient)).await.status
    }

    #[tokio::test]
    async fn a_whole_database_passes_and_a_damaged_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("100% #1?.db");
        assert_eq!(status(&path).await, CheckStatus::Pass, "there is none yet");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x TEXT, y INTEGER); CREATE INDEX i ON t (x)")
            .unwrap();
        for number in 0..2_000 {
            connection.execute("INSERT INTO t VALUES (hex(randomblob(40)), ?1)", [number]).unwrap();
        }
        assert_eq!(status(&path).await, CheckStatus::Pass, "while it is open");
        drop(connection);
        assert_eq!(status(&path).await, CheckStatus::Pass);
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 1, "nothing is left behind: {names:?}");
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..half + 8_192].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(status(&path).await, CheckStatus::Fail);
        std::fs::write(&path, "no database at all, but long enough to be looked at as one").unwrap();
        assert_eq!(status(&path).await, CheckStatus::Fail);
    }
}
