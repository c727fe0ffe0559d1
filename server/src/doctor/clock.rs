//! Whether the clock can be right. Sessions, relay credentials and certificates depend on it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{Finding, Patient, database};
use crate::clock::format_utc;

/// What clocks may differ by without anybody noticing.
const TOLERANCE: i64 = 300;

/// systemd's time service says here that it has set the clock.
const SERVICE: &str = "/run/systemd/timesync";

pub(super) fn check(patient: &Patient) -> Finding {
    let now = patient.clock.now();
    let shown = format_utc(now).unwrap_or_else(|| "1970".to_owned());
    let advice = (
        "Set it, and keep it right: timedatectl set-ntp true",
        "Поставьте верное время и следите за ним: timedatectl set-ntp true",
    );
    let newest = newest(&patient.config.storage.database_path);
    if let Some(newest) = newest.filter(|newest| now + TOLERANCE < *newest) {
        let newest = format_utc(newest).unwrap_or_default();
        return Finding::fail(
            format!("The clock is wrong: it shows {shown} UTC, and the database has an entry of {newest}"),
            format!("Часы неверны: на них {shown} UTC, а в базе есть запись от {newest}"),
        )
        .advise(advice.0, advice.1);
    }
    if installed().is_some_and(|installed| now + TOLERANCE < installed) {
        return Finding::fail(
            format!("The clock is wrong: it shows {shown} UTC, which is before this program was installed"),
            format!("Часы неверны: на них {shown} UTC — раньше, чем установлена эта программа"),
        )
        .advise(advice.0, advice.1);
    }
    if Path::new(SERVICE).exists() && !Path::new(SERVICE).join("synchronized").exists() {
        return Finding::warn(
            format!("The clock shows {shown} UTC, and has not been compared with others yet"),
            format!("На часах {shown} UTC, с другими они ещё не сверены"),
        )
        .advise(advice.0, advice.1);
    }
    Finding::pass(
        format!("The clock shows {shown} UTC, which is plausible"),
        format!("На часах {shown} UTC — правдоподобно"),
    )
}

/// When this program came to this machine.
fn installed() -> Option<i64> {
    let changed = std::env::current_exe().ok()?.metadata().ok()?.modified().ok()?;
    i64::try_from(changed.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// The newest time that the database knows.
fn newest(path: &Path) -> Option<i64> {
    if !path.exists() {
        return None;
    }
    let connection = database::open(path).ok()?;
    let latest = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok().flatten();
    [
        latest("SELECT received_at FROM body ORDER BY rowid DESC LIMIT 1"),
        latest("SELECT max(created_at) FROM user"),
        latest("SELECT max(last_seen_at) FROM device"),
    ]
    .into_iter()
    .flatten()
    .max()
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;
    use rusqlite::Connection;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    #[test]
    fn a_clock_behind_the_database_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("privmsg.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE user (created_at INTEGER); INSERT INTO user VALUES (4000000000)")
            .unwrap();
        let status = |now| {
            let mut config = Config::default();
            config.storage.database_path = path.clone();
            let clock = Clock::manual(now);
            check(&Patient { config, coturn_file: None, setting: Setting::CommandLine, clock }).status
        };
        assert_eq!(status(4_000_000_000 - TOLERANCE - 1), CheckStatus::Fail);
        assert_ne!(status(4_000_000_000 - TOLERANCE), CheckStatus::Fail);
        drop(connection);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(status(1_000_000_000), CheckStatus::Fail, "before the program was there");
    }
}
