//! How long what a stock of key packages opens can be opened.

use hyper::Response;
use hyper::header::CONTENT_TYPE;
use privmsg_e2ee::{ClaimedKeyPackage, CommitBundle, Conversation, ConversationInfo, JoinError, Person};
use privmsg_protocol::{Incarnation, Secret, UserId};
use privmsg_store::account::Account;
use privmsg_store::key::DatabaseKey;

use super::*;
use crate::identity::{device_of, signed_in_account};
use crate::net::tests::host::{Host, whole};

/// Key packages are dated by the system's clock inside OpenMLS.
fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// A server that has a full stock of whoever has published one.
async fn server() -> (Host, Api, Arc<Mutex<Vec<PublishKeyPackages>>>) {
    let published: Arc<Mutex<Vec<PublishKeyPackages>>> = Arc::default();
    let kept = Arc::clone(&published);
    let host = Host::scripted(Box::new(move |_, body| {
        let mut kept = kept.lock().unwrap();
        kept.extend(serde_json::from_slice::<PublishKeyPackages>(body).ok());
        let has_any = !kept.is_empty();
        let stock = format!(r#"{{"count":{},"last_resort":{has_any}}}"#, if has_any { FULL } else { 0 });
        Response::builder().header(CONTENT_TYPE, "application/json").body(whole(stock)).unwrap()
    }))
    .await;
    let proxy = Some(Secret::new("none".to_owned()));
    let server_url = format!("http://{}", host.address);
    let account = Account { server_url, proxy, ..signed_in_account(UserId::new("bob").unwrap()) };
    (host, Api::of(&account), published)
}

struct Bob {
    _dir: tempfile::TempDir,
    store: Store,
    identity: Arc<Identity>,
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    (dir, store)
}

impl Bob {
    fn new() -> Self {
        let (dir, store) = store();
        let identity = device_of(UserId::new("bob").unwrap(), now_s().unsigned_abs());
        Self { _dir: dir, store, identity: Arc::new(identity) }
    }

    /// An invitation to this key package, recorded by whoever has passed it on.
    async fn is_invited(&self, package: &Opaque) -> CommitBundle {
        let (_dir, store) = store();
        let (bob, bytes) = (Arc::clone(&self.identity), package.decode().unwrap());
        let invite = move |tx: &Tx<'_>| {
            let now = now_s().unsigned_abs();
            let alice = device_of(UserId::new("alice").unwrap(), now);
            let claimed = ClaimedKeyPackage::validate(&bytes, &bob.user_id, &bob.device_id, now).unwrap();
            let person = |of: &Identity| Person { user_id: of.user_id.clone(), identity: of.account };
            let info = ConversationInfo::direct(person(&alice), person(&bob), Incarnation::FIRST).unwrap();
            with_mls(tx, |mls| {
                let made =
                    Conversation::create(mls, &alice.device, &alice.certificate, info, None, &[claimed], 1).unwrap();
                Ok::<_, ClientError>(made.1)
            })
        };
        store.write(invite).await.unwrap()
    }

    /// Whether whoever takes the database opens a recorded invitation. It stays as it was.
    async fn opens(&self, invitation: &CommitBundle) -> bool {
        let (welcome, tree) = (invitation.welcomes()[0].1.clone(), invitation.ratchet_tree.clone());
        let opened = Arc::new(Mutex::new(None));
        let told = Arc::clone(&opened);
        let undone: Result<(), ClientError> = self
            .store
            .write(move |tx| {
                let joined = with_mls(tx, |mls| Conversation::join(mls, &welcome, &tree, None).map(drop));
                *told.lock().unwrap() = Some(joined);
                Err(ClientError::NotSignedIn)
            })
            .await;
        assert!(undone.is_err());
        let opened = opened.lock().unwrap().take();
        match opened.unwrap() {
            Ok(()) => true,
            Err(JoinError::NoKeyPackage) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

/// The last-resort one is replaced after two weeks, and what was sealed for it stays readable as long as a welcome may be on its way;
/// so it is with the others once they have run out.
#[tokio::test]
async fn a_stock_that_nobody_can_use_any_more_opens_nothing() {
    let (_host, api, published) = server().await;
    let (bob, now) = (Bob::new(), now_s());
    let tops_up = async |now_s: i64| {
        let times = Times { now_s, made_at: now_s.unsigned_abs() };
        top_up(&bob.store, &api, &bob.identity, times).await.unwrap();
    };
    tops_up(now).await;
    let (one, last_resort) = {
        let first = published.lock().unwrap()[0].clone();
        (first.key_packages[0].clone(), first.last_resort.unwrap())
    };
    let (to_one, to_last) = (bob.is_invited(&one).await, bob.is_invited(&last_resort).await);
    tops_up(now + LAST_RESORT_EVERY_S - 1).await;
    assert_eq!(published.lock().unwrap().len(), 1, "there is enough");
    let replaced = now + LAST_RESORT_EVERY_S;
    tops_up(replaced).await;
    let again = published.lock().unwrap()[1].clone();
    assert!(again.key_packages.is_empty() && again.last_resort.is_some_and(|new| new != last_resort));
    tops_up(replaced + WELCOME_AGE_S - 1).await;
    assert!(bob.opens(&to_last).await && bob.opens(&to_one).await);
    tops_up(replaced + WELCOME_AGE_S).await;
    assert!(!bob.opens(&to_last).await, "it was replaced long ago");
    assert!(bob.opens(&to_one).await);
    tops_up(now + i64::try_from(KEY_PACKAGE_LIFETIME_S).unwrap() + WELCOME_AGE_S).await;
    assert!(!bob.opens(&to_one).await, "nobody takes it any more");
}
