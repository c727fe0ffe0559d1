//! The backups that the server makes every night.

use super::{Finding, Patient};
use crate::backup::{NightlyStatus as Status, nightly_status};
use crate::clock::format_utc;

pub(super) fn check(patient: &Patient) -> Finding {
    let folder = patient.config.backup.folder.display();
    match nightly_status(&patient.config, patient.clock.now()) {
        Status::Off => Finding::warn(
            "No nightly backup is configured: a broken disk takes the accounts with it",
            "Ночные копии не настроены: сломанный диск унесёт с собой учётные записи",
        )
        .advise(
            "Name a folder on another disk in [backup] folder, or copy what `privmsg-server backup` makes elsewhere.",
            "Укажите в [backup] folder папку на другом диске или копируйте созданное `privmsg-server backup` куда-нибудь ещё.",
        ),
        Status::Fine { newest } => {
            let newest = format_utc(newest).unwrap_or_default();
            Finding::pass(
                format!("The newest backup in {folder} is of {newest} UTC"),
                format!("Последняя копия в {folder} — от {newest} UTC"),
            )
        }
        Status::Missing { newest, error } => missing(&folder, newest, error.as_deref()),
    }
}

fn missing(folder: &impl std::fmt::Display, newest: Option<i64>, error: Option<&str>) -> Finding {
    let (mut en, mut ru) = match newest.and_then(format_utc) {
        Some(newest) => (
            format!("The newest backup in {folder} is of {newest} UTC, more than a day old"),
            format!("Последняя копия в {folder} — от {newest} UTC, ей больше суток"),
        ),
        None => (format!("There is no backup in {folder}"), format!("В {folder} нет ни одной копии")),
    };
    let Some(error) = error else {
        return Finding::warn(en, ru).advise(
            "The running server makes one by itself, the first one at its start.",
            "Работающий сервер делает её сам, первую — при запуске.",
        );
    };
    en.push_str(&format!(": {error}"));
    ru.push_str(&format!(": {error}"));
    Finding::fail(en, ru).advise(
        "Make room in that folder, or let the server's account write to it; it tries again every hour.",
        "Освободите место в этой папке или разрешите серверу писать в неё; он пробует снова каждый час.",
    )
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::doctor::Setting;

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
        std::fs::create_dir(&config.backup.folder).unwrap();
        std::fs::write(config.backup.folder.join("privmsg-20261123-030000Z.tar"), "").unwrap();
        assert_eq!(look(&config).status, CheckStatus::Pass, "made since");
    }
}
