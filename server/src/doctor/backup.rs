//! The backups that the server makes every night.

use std::path::Path;

use super::{Finding, Patient, Setting};
use crate::backup::{Failure, NightlyStatus as Status, Reason, nightly_status};
use crate::clock::format_utc;

pub(super) fn check(patient: &Patient) -> Finding {
    let path = patient.config.backup.folder.as_path();
    let folder = path.display();
    // Whoever runs this on the command line may be another account; the server itself knows.
    let obstacle = if patient.setting == Setting::Server { obstacle(path) } else { None };
    match nightly_status(&patient.config, patient.clock.now()) {
        Status::Off => Finding::warn(
            "No nightly backup is configured: a broken disk takes the accounts with it",
            "Ночные копии не настроены: сломанный диск унесёт с собой учётные записи",
        )
        .advise(
            "Name a folder on another disk in [backup] folder, or copy what `privmsg-server backup` makes elsewhere.",
            "Укажите в [backup] folder папку на другом диске или копируйте созданное `privmsg-server backup` куда-нибудь ещё.",
        ),
        Status::Fine { .. } | Status::Missing { error: None, .. } if let Some(reason) = obstacle => unwritable(
            Finding::fail(
                format!("The server cannot write to {folder}: there will be no backup tonight"),
                format!("Сервер не может писать в {folder}: этой ночью копии не будет"),
            ),
            path,
            reason,
        ),
        Status::Fine { newest } => {
            let newest = format_utc(newest).unwrap_or_default();
            Finding::pass(
                format!("The newest backup in {folder} is of {newest} UTC"),
                format!("Последняя копия в {folder} — от {newest} UTC"),
            )
        }
        Status::Missing { newest, error } => missing(path, newest, error.as_ref()),
    }
}

fn missing(folder: &Path, newest: Option<i64>, failure: Option<&Failure>) -> Finding {
    let shown = folder.display();
    let (mut en, mut ru) = match newest.and_then(format_utc) {
        Some(newest) => (
            format!("The newest backup in {shown} is of {newest} UTC, more than a day old"),
            format!("Последняя копия в {shown} — от {newest} UTC, ей больше суток"),
        ),
        None => (format!("There is no backup in {shown}"), format!("В {shown} нет ни одной копии")),
    };
    let Some(failure) = failure else {
        return Finding::warn(en, ru).advise(
            "The running server makes one by itself, the first one at its start.",
            "Работающий сервер делает её сам, первую — при запуске.",
        );
    };
    en.push_str(&format!(": {}", failure.error));
    ru.push_str(&format!(": {}", failure.error));
    unwritable(Finding::fail(en, ru), folder, failure.reason)
}

/// What to do where the server cannot write a backup.
fn unwritable(finding: Finding, folder: &Path, reason: Reason) -> Finding {
    let shown = folder.display();
    match reason {
        Reason::ReadOnly => finding.advise(
            format!(
                "Under the unit of systemd the server writes only where that says: `systemctl edit privmsg-server`, the lines \
                 [Service] and ReadWritePaths={shown}, then `systemctl restart privmsg-server`. Otherwise the disk itself is \
                 mounted read-only."
            ),
            format!(
                "Под юнитом systemd сервер пишет только туда, куда разрешает юнит: `systemctl edit privmsg-server`, строки \
                 [Service] и ReadWritePaths={shown}, затем `systemctl restart privmsg-server`. Иначе сам диск подключён только \
                 для чтения."
            ),
        ),
        Reason::Denied => finding.advise(
            format!("Give the folder to the server's account: chown privmsg: {shown}. It tries again every hour."),
            format!("Отдайте папку учётной записи сервера: chown privmsg: {shown}. Он пробует снова каждый час."),
        ),
        Reason::Full => finding.advise(
            "Make room on that disk, or keep fewer (backup.keep); it tries again every hour.",
            "Освободите место на этом диске или храните меньше копий (backup.keep); он пробует снова каждый час.",
        ),
        Reason::Other => finding.advise(
            "The server's log says more; it tries again every hour.",
            "Подробности в журнале сервера; он пробует снова каждый час.",
        ),
    }
}

/// Why whoever runs this could not write to the folder, or make it. Changes nothing.
#[cfg(unix)]
fn obstacle(folder: &Path) -> Option<Reason> {
    use rustix::fs::{Access, access};
    use rustix::io::Errno;
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match access(there, Access::WRITE_OK | Access::EXEC_OK) {
        Err(Errno::ROFS) => Some(Reason::ReadOnly),
        Err(Errno::ACCESS) => Some(Reason::Denied),
        _ => None,
    }
}

#[cfg(not(unix))]
fn obstacle(_folder: &Path) -> Option<Reason> {
    None
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::doctor::Setting;

    /// The folders that the guide, the examples and the unit name are the same ones, and the unit lets the server write
    /// there: it did not, and there was never a nightly backup.
    #[test]
    fn the_unit_lets_the_server_write_where_the_guide_says() {
        let file = |path: &str| std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let unit = file("deploy/systemd/privmsg-server.service");
        let writable: Vec<&str> = unit
            .lines()
            .filter_map(|line| line.strip_prefix("ReadWritePaths="))
            .flat_map(str::split_whitespace)
            .map(|path| path.trim_start_matches('-'))
            .collect();
        for guide in ["docs/admin/backup.md", "docs/admin/backup.ru.md"] {
            let text = file(guide);
            let folder =
                text.lines().find_map(|line| line.strip_prefix("folder = ")).unwrap().trim_matches('"').to_owned();
            assert!(writable.contains(&folder.as_str()), "{guide}: {folder}, {writable:?}");
        }
        for guide in ["docs/admin/files.md", "docs/admin/files.ru.md"] {
            let text = file(guide);
            let folder =
                text.lines().find_map(|line| line.strip_prefix("files_path = ")).unwrap().trim_matches('"').to_owned();
            assert!(writable.iter().any(|path| folder.starts_with(path)), "{guide}: {folder}, {writable:?}");
        }
        // In the container only what is mounted can be written.
        let (compose, example) = (file("docker-compose.yml"), file("config/server/config.toml"));
        let folder =
            example.lines().find_map(|line| line.strip_prefix("# folder = ")).unwrap().trim_matches('"').to_owned();
        assert!(compose.contains(&format!(":{folder}\n")), "{folder}");
    }

    #[test]
    fn what_is_known_of_the_backups_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.storage.database_path = dir.path().join("privmsg.db");
        let look = |config: &Config| {
            let clock = Clock::system();
            check(&Patient { config: config.clone(), coturn_file: None, setting: Setting::CommandLine, clock })
        };
        assert_eq!(look(&config).status, CheckStatus::Warn);
        config.backup.folder = dir.path().join("backups");
        assert_eq!(look(&config).status, CheckStatus::Warn, "none yet");
        std::fs::write(dir.path().join("privmsg.db.backup-failed"), r#"{"at":1,"error":"no room"}"#).unwrap();
        let failed = look(&config);
        assert_eq!(failed.status, CheckStatus::Fail);
        assert!(failed.summary.en.ends_with(": no room") && failed.summary.ru.ends_with(": no room"));
        // The unit that comes with the server keeps it from writing elsewhere; more room would not help.
        let told = |reason: &str| {
            let text = format!(r#"{{"at":1,"error":"cannot make /backup","reason":"{reason}"}}"#);
            std::fs::write(dir.path().join("privmsg.db.backup-failed"), text).unwrap();
            look(&config).advice.unwrap()
        };
        for (reason, says) in
            [("read_only", "ReadWritePaths="), ("denied", "chown"), ("full", "keep"), ("other", "log")]
        {
            assert!(told(reason).en.contains(says), "{reason}");
        }
        assert!(told("read_only").ru.contains("ReadWritePaths="));
        std::fs::create_dir(&config.backup.folder).unwrap();
        std::fs::write(config.backup.folder.join("privmsg-20261123-030000Z.tar"), "").unwrap();
        assert_eq!(look(&config).status, CheckStatus::Pass, "made since");
    }
}
