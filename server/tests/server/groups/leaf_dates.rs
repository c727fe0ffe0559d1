//! Leaves that are older than their device's last one in the group. Every client holds what it would encrypt for such a one, so
//! that whoever brings one in would silence everybody.

use std::time::{SystemTime, UNIX_EPOCH};

use privmsg_harness::e2ee::Role;
use privmsg_harness::mls::MlsGroup;

use super::people::{Club, beginning, club};
use super::{changes, commits, shown};
use crate::support::{Person, submission, submit};

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn in_ten_years() -> u64 {
    now_s() + 10 * 365 * 24 * 3600
}

impl Club {
    /// A device makes a new leaf, which says that it was made then.
    async fn rotates(&self, by: &Person, group: &MlsGroup, others: &[&MlsGroup], made_at: u64) {
        let bundle = group.commits_at(&[], &[], made_at).unwrap();
        submit(by, self.id, &submission(&bundle)).await.ok();
        group.merges().unwrap();
        others.iter().for_each(|other| other.follows(&bundle.commit).unwrap());
    }
}

/// A plain member's second device makes a leaf of a far day, is taken out by the first one, which may do that, and comes back
/// with one of today. It could not be removed, being the member's own and signed in, and would never make a newer one.
#[tokio::test]
async fn a_device_that_was_taken_out_does_not_come_back_with_an_older_leaf() {
    let club = club().await;
    let (carol, carols, others) = (&club.carol, &club.carols, [&club.hers, &club.bobs]);
    let second = club.server.device("carol", &carol.access_key).await;
    let come = changes(carol, carols, club.id, &others, &[&second], &[]).await;
    let seconds = second.mls.joins_people(&come, Some(&club.founding)).unwrap();
    let far = in_ten_years();
    club.rotates(&second, &seconds, &[carols, &club.hers, &club.bobs], far).await;
    changes(carol, carols, club.id, &others, &[], &[&second]).await;

    let (group_info, ratchet_tree, roster) = shown(&second, club.id).await;
    for made_at in [now_s(), far - 1] {
        let (_, bundle) = second.mls.enters_at(&group_info, &ratchet_tree, roster.as_ref(), made_at).unwrap();
        submit(&second, club.id, &submission(&bundle)).await.is("invalid_handshake");
    }
    // By the other device's hand it does not either.
    commits(carol, carols, club.id, &[&second], &[]).await.0.is("invalid_handshake");
    carols.forgets().unwrap();

    // It is no loss to a device whose clock was wrong: each of its leaves is later than the one before.
    let (_, bundle) = second.mls.enters_at(&group_info, &ratchet_tree, roster.as_ref(), far + 1).unwrap();
    submit(&second, club.id, &submission(&bundle)).await.ok();
    let everybody = [&club.hers, &club.bobs, carols];
    everybody.iter().for_each(|group| group.follows(&bundle.commit).unwrap());
    changes(&club.bob, &club.bobs, club.id, &[&club.hers, carols], &[], &[]).await;
}

/// Who is let in again, or is there when the conversation begins anew, comes by key packages that may have been made long before.
#[tokio::test]
async fn what_clients_forget_the_server_forgets() {
    let club = club().await;
    let (alice, bob) = (&club.alice, &club.bob);
    club.rotates(bob, &club.bobs, &[&club.hers, &club.carols], in_ten_years()).await;
    club.rotates(&club.carol, &club.carols, &[&club.hers, &club.bobs], in_ten_years()).await;
    let without = alice.mls.changes(&club.founding, &bob.mls, None).unwrap();
    club.moves(alice, &club.hers, &[&club.carols], &without, &[]).await;
    let again = alice.mls.changes(&without, &bob.mls, Some(Role::Member)).unwrap();
    club.moves(alice, &club.hers, &[&club.carols], &again, &[bob]).await;

    let (_, _, next) = beginning(alice, &club.founding, &again, 2, &[bob, &club.carol]);
    alice.post("/api/v1/groups", next).await.ok();
}
