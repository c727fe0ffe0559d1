//! Which configuration it is, and whether it says the same from wherever the server is started.

use std::path::Path;

use super::{Finding, Patient};
use crate::config::{Config, DEFAULT_FILES};
use crate::paths::shown;

pub(super) fn check(patient: &Patient) -> Finding {
    let Some(path) = &patient.config.file else {
        let looked = DEFAULT_FILES.join(", ");
        return Finding::warn(
            format!("No configuration was found (looked for {looked}); everything is at its default"),
            format!("Конфигурация не найдена (искали {looked}); всё по умолчанию"),
        )
        .advise(
            "Name it with --config, or write one with `privmsg-server init`.",
            "Укажите её через --config или создайте командой `privmsg-server init`.",
        );
    };
    let path = shown(path);
    if let Some((key, value)) = relative(&patient.config) {
        let here = shown(value);
        return Finding::warn(
            format!(
                "`{key}` in {path} begins in no certain folder: started from here it is {here}, from elsewhere another"
            ),
            format!(
                "`{key}` в {path} не начинается с корня: при запуске отсюда это {here}, из другой папки — другое место"
            ),
        )
        .advise(
            "Write it from the root. A server that is started from another folder is a new and empty one.",
            "Запишите путь от корня. Сервер, запущенный из другой папки, — это новый пустой сервер.",
        );
    }
    let database = shown(&patient.config.storage.database_path);
    Finding::pass(
        format!("The configuration {path} is in order; the database is {database}"),
        format!("Конфигурация {path} в порядке; база — {database}"),
    )
}

/// The first path that means another file in another folder.
fn relative(config: &Config) -> Option<(&'static str, &Path)> {
    let (storage, tls) = (&config.storage, &config.tls);
    let acme = !tls.acme.domains.is_empty();
    let paths = [
        ("storage.database_path", &storage.database_path, true),
        ("storage.files_path", &storage.files_path, true),
        ("tls.cert_path", &tls.cert_path, true),
        ("tls.key_path", &tls.key_path, true),
        ("tls.acme.cache_path", &tls.acme.cache_path, acme),
        ("tls.acme.ca_path", &tls.acme.ca_path, acme),
        ("backup.folder", &config.backup.folder, true),
    ];
    let found = paths.into_iter().find(|(_, path, used)| *used && !path.as_os_str().is_empty() && !path.has_root());
    found.map(|(key, path, _)| (key, path.as_path()))
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::rest::CheckStatus;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;

    fn status(change: impl FnOnce(&mut Config)) -> CheckStatus {
        let mut config = Config { file: Some("/etc/privmsg/config.toml".into()), ..Config::default() };
        config.storage.database_path = "/var/lib/privmsg/privmsg.db".into();
        config.storage.files_path = "/var/lib/privmsg/files".into();
        change(&mut config);
        check(&Patient { config, coturn_file: None, setting: Setting::CommandLine, clock: Clock::system() }).status
    }

    /// The same configuration, started from another folder, was a new and empty server, and all checks passed.
    #[test]
    fn paths_that_begin_nowhere_are_a_warning() {
        assert_eq!(status(|_| {}), CheckStatus::Pass);
        assert_eq!(status(|config| config.storage.database_path = "data/privmsg.db".into()), CheckStatus::Warn);
        assert_eq!(status(|config| config.storage.files_path = "files".into()), CheckStatus::Warn);
        assert_eq!(status(|config| config.backup.folder = "backup".into()), CheckStatus::Warn);
        assert_eq!(status(|config| config.tls.acme.domains = vec!["x.org".to_owned()]), CheckStatus::Warn);
        assert_eq!(status(|config| config.file = None), CheckStatus::Warn);
    }
}
