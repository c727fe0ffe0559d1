//! Certificates from files that change under a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

use super::TlsError;
use super::files::{CertificateFiles, Look, keep};
use crate::clock::Clock;

/// 2024-01-01 12:00:00.
const NOW: i64 = 1_704_110_400;

/// A new pair, valid in these years.
fn made(years: std::ops::Range<i32>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["chat.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn put(folder: &Path, (cert, key): &(String, String)) {
    std::fs::write(folder.join("cert.pem"), cert).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

fn open(folder: &Path, clock: &Clock) -> Result<CertificateFiles, TlsError> {
    CertificateFiles::open(&folder.join("cert.pem"), &folder.join("key.pem"), clock.clone())
}

#[test]
fn only_a_good_new_pair_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (first, second, over) = (made(2023..2025), made(2023..2026), made(2022..2023));
    put(path, &first);
    let files = open(path, &Clock::manual(NOW)).unwrap();
    assert_eq!(files.look(), Look::Same);

    // Renewed one file after the other.
    put(path, &(second.0.clone(), first.1.clone()));
    assert_eq!(files.look(), Look::Refused);
    assert_eq!(files.look(), Look::Same, "said once");
    put(path, &second);
    assert_eq!(files.look(), Look::Taken);

    put(path, &(second.0[..second.0.len() / 2].to_owned(), second.1.clone()));
    assert_eq!(files.look(), Look::Refused, "half-written");
    put(path, &over);
    assert_eq!(files.look(), Look::Refused, "it would be refused by clients, the one of before is not");
    std::fs::remove_file(path.join("cert.pem")).unwrap();
    assert_eq!(files.look(), Look::Refused);
    assert_eq!(files.look(), Look::Same, "said once");
    put(path, &second);
    assert_eq!(files.look(), Look::Taken);
}

/// Whoever has only an expired one is better served by another expired one than by none: the time may be wrong.
#[test]
fn a_pair_that_is_over_may_follow_one_that_is_over() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &made(2021..2022));
    let files = open(folder.path(), &Clock::manual(NOW)).unwrap();
    put(folder.path(), &made(2022..2023));
    assert_eq!(files.look(), Look::Taken);
}

#[test]
fn a_server_does_not_start_with_a_broken_pair() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW);
    assert!(matches!(open(folder.path(), &clock), Err(TlsError::File { .. })));
    let (first, second) = (made(2023..2025), made(2023..2025));
    put(folder.path(), &(first.0.clone(), second.1));
    assert!(matches!(open(folder.path(), &clock), Err(TlsError::Pair(_))));
    put(folder.path(), &(String::new(), first.1));
    assert!(matches!(open(folder.path(), &clock), Err(TlsError::File { .. })));
}

/// As certbot does: the path is a link, and the link is led elsewhere.
#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_elsewhere_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (name, pair) in [("1", made(2023..2025)), ("2", made(2023..2026))] {
        std::fs::create_dir(path.join(name)).unwrap();
        put(&path.join(name), &pair);
    }
    let lead = |to: &str| {
        for name in ["cert.pem", "key.pem"] {
            std::os::unix::fs::symlink(path.join(to).join(name), path.join("new")).unwrap();
            std::fs::rename(path.join("new"), path.join(name)).unwrap();
        }
    };
    lead("1");
    let files = Arc::new(open(path, &Clock::manual(NOW)).unwrap());
    let keeping = tokio::spawn(keep(Arc::clone(&files), Duration::from_millis(5)));
    let before = files.serving();
    lead("2");
    let changed = async {
        while Arc::ptr_eq(&before, &files.serving()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), changed).await.expect("the new certificate is taken");
    keeping.abort();
}
