//! Several processes make the same profile.

use crate::child;

const ROUNDS: usize = 5;
const TOGETHER: usize = 15;

/// Key file and database were made by whoever came last: 4 to 6 of 15 profiles that two began at once were broken.
#[test]
fn whoever_begins_together_ends_with_the_same_profile() {
    let home = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let dir = home.path().join(round.to_string());
        let mut children: Vec<_> = (0..TOGETHER).map(|_| child::gated(&dir)).collect();
        for child in &mut children {
            drop(child.stdin.take());
        }
        children.into_iter().for_each(child::succeeds);
        child::succeeds(child::command(&dir).spawn().unwrap());
    }
}
