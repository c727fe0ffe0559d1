//! What the files of the certificate and of the nightly backup tell. They are looked at when somebody asks, so that it
//! does not matter who has put them there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::Tls;
use crate::http::validity;

/// What a nightly backup's name begins with.
const BACKUP: &str = "privmsg-";

/// When the certificate ends that is served: of the configured file, or of the newest one from the authority.
pub(super) fn certificate_ends(tls: &Tls) -> Option<i64> {
    let files = if tls.cert_path.as_os_str().is_empty() {
        if tls.acme.domains.is_empty() {
            return None;
        }
        files_in(&tls.acme.cache_path)
    } else {
        vec![tls.cert_path.clone()]
    };
    files.iter().filter_map(|file| ends(file)).max()
}

fn ends(file: &Path) -> Option<i64> {
    let certificate = CertificateDer::from_pem_file(file).ok()?;
    validity(&certificate).map(|validity| validity.until)
}

/// When the newest backup in the folder was finished.
pub(super) fn newest_backup(folder: &Path) -> Option<i64> {
    if folder.as_os_str().is_empty() {
        return None;
    }
    let is_backup = |file: &&PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BACKUP));
    files_in(folder).iter().filter(is_backup).filter_map(|file| modified(file)).max()
}

fn modified(file: &Path) -> Option<i64> {
    let since = fs::metadata(file).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2033, 5, 18);
        let key = rcgen::KeyPair::generate().unwrap();
        let file = folder.path().join("cert.pem");
        fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        let mut tls = Tls::default();
        assert_eq!(certificate_ends(&tls), None);
        tls.cert_path = file;
        assert_eq!(certificate_ends(&tls), Some(1_999_987_200));
    }

    #[test]
    fn the_newest_backup_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest_backup(Path::new("")), None);
        fs::write(folder.path().join("other"), "").unwrap();
        assert_eq!(newest_backup(folder.path()), None);
        fs::write(folder.path().join("privmsg-20240101-120000Z.tar"), "").unwrap();
        assert!(newest_backup(folder.path()).is_some_and(|at| at > 1_700_000_000));
    }
}
