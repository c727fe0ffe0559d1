//! Who may read and write what the server keeps.

use super::{Finding, Patient};

#[cfg(not(unix))]
pub(super) fn check(_patient: &Patient) -> Finding {
    Finding::pass("Permissions are not looked at on this system", "На этой системе права доступа не проверяются")
}

#[cfg(unix)]
pub(super) fn check(patient: &Patient) -> Finding {
    if let Some(file) = patient.config.file.as_deref().filter(|file| mode(file).is_some_and(|mode| mode & 0o007 != 0)) {
        let shown = file.display();
        return Finding::warn(
            format!("Everybody on this machine can read {shown}, which holds the admin key"),
            format!("{shown}, где лежит ключ администратора, может читать любой на этой машине"),
        )
        .advise(format!("chmod 600 {shown}"), format!("chmod 600 {shown}"));
    }
    if let Some(finding) = account(patient, rustix::process::geteuid().as_raw()) {
        return finding;
    }
    data(patient).unwrap_or_else(|| {
        Finding::pass(
            "Configuration and data are closed to others, and belong to one account",
            "Конфигурация и данные закрыты для других и принадлежат одной учётной записи",
        )
    })
}

/// Whether what this account finds is true for the server's, which owns the folder of data.
#[cfg(unix)]
fn account(patient: &Patient, own: u32) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = patient.config.storage.database_path.parent()?;
    let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
    let of_data = folder.metadata().ok()?;
    if own != of_data.uid() && own != 0 {
        let shown = folder.display();
        return Some(
            Finding::warn(
                format!("This is another account than the server's, which owns {shown}: it may fail where this one passes"),
                format!("Это не учётная запись сервера, которой принадлежит {shown}: там, где здесь всё хорошо, у него может не выйти"),
            )
            .advise(
                "Run this as the server's account: sudo -u privmsg privmsg-server doctor …",
                "Запустите от учётной записи сервера: sudo -u privmsg privmsg-server doctor …",
            ),
        );
    }
    // Root reads everything; the server's account may not.
    let file = patient.config.file.as_deref()?;
    let of_file = file.metadata().ok()?;
    let may_read = of_data.uid() == 0
        || of_file.uid() == of_data.uid() && of_file.mode() & 0o400 != 0
        || of_file.gid() == of_data.gid() && of_file.mode() & 0o040 != 0
        || of_file.mode() & 0o004 != 0;
    if may_read {
        return None;
    }
    let (shown, folder) = (file.display(), folder.display());
    Some(
        Finding::fail(
            format!("The account that owns {folder} cannot read {shown}: the server will not start as that account"),
            format!(
                "Учётная запись, которой принадлежит {folder}, не может прочитать {shown}: от неё сервер не запустится"
            ),
        )
        .advise(format!("chown --reference={folder} {shown}"), format!("chown --reference={folder} {shown}")),
    )
}

/// The server's own account, as far as the folder of data tells it, has to own everything in it.
#[cfg(unix)]
fn data(patient: &Patient) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt as _;
    let database = &patient.config.storage.database_path;
    let folder = database.parent()?;
    let owner = folder.metadata().ok()?.uid();
    let named = |suffix: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let kept = ["", "-wal", "-shm", ".lock", ".revocations"].map(named).into_iter().chain([patient
        .config
        .storage
        .files_path
        .clone()]);
    for path in kept {
        let Ok(metadata) = path.metadata() else { continue };
        let shown = path.display();
        if metadata.uid() != owner {
            let folder = folder.display();
            return Some(
                Finding::fail(
                    format!("{shown} belongs to another account than its folder; the server may not be able to write it"),
                    format!("{shown} принадлежит не той учётной записи, что папка; сервер может не иметь права писать туда"),
                )
                .advise(
                    format!("chown -R --reference={folder} {folder}. Run commands as the server's account, not as root."),
                    format!("chown -R --reference={folder} {folder}. Запускайте команды от учётной записи сервера, а не от root."),
                ),
            );
        }
        if metadata.mode() & 0o007 != 0 {
            return Some(
                Finding::warn(
                    format!("{shown} is open to everybody on this machine: it says who talks to whom"),
                    format!("{shown} доступен любому на этой машине, а там видно, кто с кем общается"),
                )
                .advise(format!("chmod o-rwx {shown}"), format!("chmod o-rwx {shown}")),
            );
        }
    }
    None
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(path.metadata().ok()?.permissions().mode())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use privmsg_protocol::rest::CheckStatus;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    #[test]
    fn what_others_may_read_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let (file, database) = (folder.path().join("config.toml"), folder.path().join("privmsg.db"));
        for path in [&file, &database] {
            std::fs::write(path, "").unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
        let mut config = Config { file: Some(file.clone()), ..Config::default() };
        config.storage.database_path.clone_from(&database);
        config.storage.files_path = folder.path().join("files");
        let patient = Patient { config, coturn_file: None, setting: Setting::CommandLine, clock: Clock::system() };
        assert_eq!(check(&patient).status, CheckStatus::Pass);
        // Somebody else's findings, and what root can read and the server cannot.
        let own = rustix::process::geteuid().as_raw();
        assert!(account(&patient, own).is_none());
        assert_eq!(account(&patient, own + 1).unwrap().status, CheckStatus::Warn);
        if own == 0 {
            std::os::unix::fs::chown(folder.path(), Some(10_001), Some(10_001)).unwrap();
            assert_eq!(account(&patient, 0).unwrap().status, CheckStatus::Fail);
            std::os::unix::fs::chown(folder.path(), Some(0), Some(0)).unwrap();
        }
        for path in [&file, &database] {
            std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
            assert_eq!(check(&patient).status, CheckStatus::Warn, "{}", path.display());
            std::fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
            assert_eq!(check(&patient).status, CheckStatus::Pass);
        }
    }
}
