//! A disk that is read-only: a mount of its own, where the system lets users have one.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use privmsg_client::{KeyError, KeyPlace, Profile, ProfileError};

/// In the namespaces, where the folder to mount something on is.
const MOUNT: &str = "PRIVMSG_TEST_MOUNT";

/// Runs an ignored test of this program where it may mount.
fn with_mounts(test: &str) {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]);
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        // Not by a macro: tests keep what those print to themselves.
        let mut out = std::io::stderr();
        writeln!(out, "NOT RUN: {test} (user and mount namespaces are not to be had here)").unwrap();
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
