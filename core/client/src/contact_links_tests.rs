//! What contact links do to what is known of people.

use privmsg_e2ee::{AccountKey, OsRng};
use privmsg_protocol::UserId;
use privmsg_store::Store;
use privmsg_store::account::Account;
use privmsg_store::contacts::ChangedBy;
use privmsg_store::key::DatabaseKey;

use super::*;
use crate::contacts::{Known, all};
use crate::identity::signed_in_account;

const HERE: &str = "http://localhost";

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

fn key() -> AccountPublicKey {
    AccountKey::generate(&mut OsRng).public()
}

/// A profile of Alice's at [`HERE`], and her key.
async fn alice() -> (tempfile::TempDir, Store, AccountPublicKey) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let identity = key();
    let alice = Account { identity: Some(*identity.as_bytes()), ..signed_in_account(UserId::new("alice").unwrap()) };
    store.write(move |tx| account::save(tx, &alice)).await.unwrap();
    (dir, store, identity)
}

async fn adds(
    store: &Store,
    link: &ContactLink,
    from: LinkFrom,
    published: Option<AccountPublicKey>,
) -> Result<ContactInfo, ClientError> {
    let link = link.clone();
    store.write(move |tx| add(tx, &link, from, published.as_ref())).await
}

fn link_to(identity: AccountPublicKey, server: &str) -> ContactLink {
    ContactLink { server: server.to_owned(), user_id: bob(), identity, generation: 1 }
}

#[tokio::test]
async fn a_link_pins_and_only_what_was_handed_over_in_person_verifies() {
    let (_dir, store, _) = alice().await;
    let link = link_to(key(), "HTTP://LocalHost:80/");
    let added = adds(&store, &link, LinkFrom::Anywhere, None).await.unwrap();
    assert_eq!((added.known(), added.changed), (Known::ByLink, None));
    let again = adds(&store, &link, LinkFrom::InPerson, Some(link.identity)).await.unwrap();
    assert_eq!((again.known(), again.changed), (Known::Verified, None));
    // A copy that comes by mail takes nothing back.
    let mailed = adds(&store, &link, LinkFrom::Anywhere, None).await.unwrap();
    assert_eq!(mailed.known(), Known::Verified);
    assert_eq!(store.read(all).await.unwrap(), [mailed]);
}

/// Whoever can make somebody add a link, or the server that was there first: one of the two is false.
#[tokio::test]
async fn a_link_that_contradicts_a_pin_is_kept_and_stops_what_is_sent() {
    for (from, first_by_link) in [LinkFrom::Anywhere, LinkFrom::InPerson].into_iter().zip([false, true]) {
        let (_dir, store, _) = alice().await;
        let first = link_to(key(), HERE);
        if first_by_link {
            adds(&store, &first, LinkFrom::Anywhere, None).await.unwrap();
        } else {
            let seen = *first.identity.as_bytes();
            store.write(move |tx| contacts::observe(tx, &bob(), &seen)).await.unwrap();
        }
        let before = store.read(|at| info(at, &bob())).await.unwrap();
        let other = link_to(key(), HERE);
        // Also with the server's word for it.
        let held = adds(&store, &other, from, Some(other.identity)).await.unwrap();
        assert_eq!((&held.safety_number, held.known()), (&before.safety_number, before.known()));
        let by = if from == LinkFrom::InPerson { ChangedBy::InPerson } else { ChangedBy::Link };
        assert_eq!(held.changed_by, Some(by));
        assert!(store.read(|at| contacts::is_held(at, &bob())).await.unwrap());
        store.write(|tx| contacts::refuse_change(tx, &bob())).await.unwrap();
        let after = store.read(|at| info(at, &bob())).await.unwrap();
        assert_eq!(Some(&after.refused[..]), held.changed.as_ref().map(std::slice::from_ref));
        assert_eq!(after, ContactInfo { refused: after.refused.clone(), ..before });
    }
}

#[tokio::test]
async fn ones_own_link_and_a_false_one_change_nothing() {
    let (_dir, store, own) = alice().await;
    let mine = ContactLink { user_id: UserId::new("alice").unwrap(), ..link_to(own, HERE) };
    assert!(matches!(adds(&store, &mine, LinkFrom::Anywhere, None).await, Err(ClientError::OwnLink)));
    let forged = ContactLink { identity: key(), ..mine };
    assert!(matches!(adds(&store, &forged, LinkFrom::Anywhere, None).await, Err(ClientError::AnotherKey(_))));
}

/// The link's key stays the pinned one, and what is sent waits for the user.
#[tokio::test]
async fn another_key_of_the_servers_is_a_change_to_be_accepted() {
    for from in [LinkFrom::Anywhere, LinkFrom::InPerson] {
        let (_dir, store, _) = alice().await;
        let (link, published) = (link_to(key(), HERE), key());
        let added = adds(&store, &link, from, Some(published)).await.unwrap();
        assert!(added.changed.is_some());
        let look = |at: &Snapshot<'_>| contacts::load(at, &bob());
        let contact = store.read(look).await.unwrap().unwrap();
        assert_eq!(contact.identity, *link.identity.as_bytes());
        assert_eq!(contact.changed_identity, Some(*published.as_bytes()));
        assert!(store.read(|at| contacts::is_held(at, &bob())).await.unwrap());
        store.write(|tx| contacts::accept_change(tx, &bob())).await.unwrap();
        let accepted = store.read(|at| info(at, &bob())).await.unwrap();
        assert_eq!((accepted.known(), accepted.changed), (Known::SeenFirst, None));
    }
}

#[tokio::test]
async fn the_key_decides_whether_another_address_is_the_same_server() {
    for elsewhere in ["https://localhost", "http://localhost:8080", "http://localhost/chat", "https://чат.пример.рф"]
    {
        let (_dir, store, _) = alice().await;
        let link = link_to(key(), elsewhere);
        for published in [None, Some(key())] {
            let refused = adds(&store, &link, LinkFrom::InPerson, published).await;
            assert!(matches!(refused, Err(ClientError::AnotherServer(server)) if server == elsewhere));
            assert!(store.read(all).await.unwrap().is_empty(), "{elsewhere}");
        }
        let added = adds(&store, &link, LinkFrom::Anywhere, Some(link.identity)).await.unwrap();
        assert_eq!(added.known(), Known::ByLink);
    }
}

/// A code that contradicted what the server had said is right after all, as a rule: just then its generation counts.
#[tokio::test]
async fn the_generation_of_a_code_counts_also_where_it_was_accepted_later() {
    let (_dir, store, _) = alice().await;
    let lied = *key().as_bytes();
    store.write(move |tx| contacts::observe(tx, &bob(), &lied)).await.unwrap();
    let link = ContactLink { generation: 9, ..link_to(key(), HERE) };
    adds(&store, &link, LinkFrom::InPerson, None).await.unwrap();
    let theirs = link.identity;
    let floor = move |at: &Snapshot<'_>| contacts::floor(at, &bob(), theirs.as_bytes());
    assert_eq!(store.read(floor).await.unwrap(), 0);
    store.write(|tx| contacts::accept_change(tx, &bob())).await.unwrap();
    assert_eq!(store.read(floor).await.unwrap(), 9);
    // Whoever takes the comparison back takes this with it: there is a way out of a false code.
    store.write(|tx| contacts::set_verified(tx, &bob(), false)).await.unwrap();
    assert_eq!(store.read(floor).await.unwrap(), 0);
    // What came some other way says nothing.
    adds(&store, &link, LinkFrom::Anywhere, None).await.unwrap();
    assert_eq!(store.read(floor).await.unwrap(), 0);
}
