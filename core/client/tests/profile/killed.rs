//! SIGKILL at any moment of the making.

use std::path::Path;
use std::time::{Duration, Instant};

use privmsg_client::Profile;

use crate::child;

const KILLS: u32 = 200;

fn file(profile: &Path, name: &str) -> Option<Vec<u8>> {
    std::fs::read(profile.join(name)).ok()
}

/// 17 to 21 of 200 kills left a profile that never opened again.
#[tokio::test]
async fn a_profile_whose_making_was_killed_is_made_in_the_end() {
    let home = tempfile::tempdir().unwrap();
    let whole = {
        let started = Instant::now();
        child::succeeds(child::command(&home.path().join("whole")).spawn().unwrap());
        started.elapsed()
    };
    let (mut nothing, mut noted, mut database, mut complete) = (0, 0, 0, 0);
    for kill in 0..KILLS {
        // Over the whole time, and a little longer.
        let moment: Duration = whole * kill / KILLS * 6 / 5;
        let dir = home.path().join(kill.to_string());
        let mut child = child::command(&dir).spawn().unwrap();
        std::thread::sleep(moment);
        let ended_by_itself = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();

        let (key, keystore) = (file(&dir, "database.key"), file(&dir, "keystore.json"));
        *match (&keystore, dir.join("privmsg.db").exists(), ended_by_itself) {
            (None, ..) => &mut nothing,
            (Some(_), false, _) => &mut noted,
            (Some(_), true, false) => &mut database,
            (Some(_), true, true) => &mut complete,
        } += 1;
        child::make_and_open(&Profile::at(&dir)).await.unwrap_or_else(|e| panic!("killed after {moment:?}: {e:?}"));
        if keystore.is_some() {
            assert_eq!((file(&dir, "database.key"), file(&dir, "keystore.json")), (key, keystore), "made over");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
    println!(
        "killed before the key was noted {nothing}, before there was a database {noted}, with one {database}, too late {complete}"
    );
    assert!(nothing > 0 && database > 0, "the kills hit what they should: {nothing} {noted} {database} {complete}");
}
