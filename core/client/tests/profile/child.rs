//! A process of its own that makes a profile and opens it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use privmsg_client::{Client, ClientError, KeyPlace, OpenError, Profile, ProfileError, wait_until_closed};

/// How long closing a database may take.
const CLOSING: Duration = Duration::from_secs(20);

/// Where; without it, in a folder that goes again.
const PROFILE: &str = "PRIVMSG_TEST_PROFILE";

/// Whether to wait for the end of the standard input first.
const GATE: &str = "PRIVMSG_TEST_GATE";

pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "child::makes_a_profile", "--nocapture"]).env(PROFILE, dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts when its standard input is closed.
pub(crate) fn gated(dir: &Path) -> Child {
    command(dir).env(GATE, "1").stdin(Stdio::piped()).spawn().unwrap()
}

/// Fails with what it has said.
pub(crate) fn succeeds(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Makes the profile, or takes the one that is there, and reads its database. It is closed when this returns, as it has
/// to be before a process ends.
pub(crate) async fn make_and_open(profile: &Profile) -> Result<(), ProfileError> {
    let made = make_and_read(profile).await;
    assert!(wait_until_closed(Duration::from_secs(60)), "the database stays open");
    made
}

async fn make_and_read(profile: &Profile) -> Result<(), ProfileError> {
    profile.create(KeyPlace::File, None)?;
    match Client::open(profile, None).await {
        // It was opened, and nobody has signed in with it.
        Err(OpenError::Client(ClientError::NotSignedIn)) => Ok(()),
        Err(OpenError::Profile(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "a part of the other tests, which run it as a process of its own"]
async fn makes_a_profile() {
    if std::env::var_os(GATE).is_some() {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
    let own = tempfile::tempdir().unwrap();
    let dir = std::env::var_os(PROFILE).map_or_else(|| own.path().join("profile"), PathBuf::from);
    make_and_open(&Profile::at(dir)).await.unwrap();
    // As a program does before it ends; else OpenSSL may be gone before the database is closed, which ends in a crash.
    assert!(wait_until_closed(CLOSING));
}
