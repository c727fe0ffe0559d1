//! A disk that is full, or read-only: a mount of its own, where the system lets users have one.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use privmsg_client::{KeyError, KeyPlace, Profile, ProfileError, StoreError};

use crate::child::make_and_open;

/// In the namespaces, where the folder to mount something on is.
const MOUNT: &str = "PRIVMSG_TEST_MOUNT";

const PAGE: usize = 4096;

/// More than a new profile needs.
const MANY_PAGES: usize = 4096;

/// Runs an ignored test of this program where it may mount.
fn with_mounts(test: &str) {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]);
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        // Not by a macro: tests keep what those print to themselves.
        let mut terminal = std::io::stderr();
        writeln!(terminal, "NOT RUN: {test} (user and mount namespaces are not to be had here)").unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let output = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", test, "--nocapture"])
        .env(MOUNT, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn mount(options: &str, folder: &Path) {
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).status().unwrap();
    assert!(status.success(), "mount -o {options}");
}

#[test]
fn a_full_disk_is_told_and_nothing_is_broken_by_it() {
    with_mounts("disk::makes_profiles_on_small_disks");
}

#[tokio::test]
#[ignore = "a part of another test, which runs it where it may mount"]
async fn makes_profiles_on_small_disks() {
    let Some(folder) = std::env::var_os(MOUNT) else { panic!("{MOUNT} is not set") };
    let folder = Path::new(&folder);
    let mut refused = 0;
    for pages in 1.. {
        assert!(pages < MANY_PAGES, "a profile cannot be that large");
        mount(&format!("size={}", pages * PAGE), folder);
        let profile = Profile::at(folder.join("profile"));
        let made = make_and_open(&profile).await;
        match &made {
            Ok(()) => break,
            Err(ProfileError::Key(KeyError::Io { source, .. }) | ProfileError::Directory { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{pages} pages: {made:?}");
            }
            Err(ProfileError::Store(StoreError::DiskFull)) => {}
            Err(other) => panic!("{pages} pages: {other:?}"),
        }
        refused += 1;
        // Room is made, and the same profile is completed.
        mount(&format!("remount,size={}", MANY_PAGES * PAGE), folder);
        make_and_open(&profile).await.unwrap_or_else(|e| panic!("after {pages} pages: {e:?}"));
        assert!(Command::new("umount").arg(folder).status().unwrap().success());
    }
    assert!(refused > 3, "only {refused} sizes were too small");
}

#[test]
fn a_read_only_disk_is_told() {
    with_mounts("disk::makes_a_profile_on_a_read_only_disk");
}

#[tokio::test]
#[ignore = "a part of another test, which runs it where it may mount"]
async fn makes_a_profile_on_a_read_only_disk() {
    let Some(folder) = std::env::var_os(MOUNT) else { panic!("{MOUNT} is not set") };
    let folder = Path::new(&folder);
    mount("size=4m", folder);
    std::fs::create_dir(folder.join("empty")).unwrap();
    mount("remount,ro", folder);
    for name in ["new", "empty"] {
        let made = Profile::at(folder.join(name)).create(KeyPlace::File, None);
        let Err(ProfileError::Key(KeyError::Io { source, .. }) | ProfileError::Directory { source, .. }) = &made else {
            panic!("{made:?}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::ReadOnlyFilesystem, "{made:?}");
    }
}
