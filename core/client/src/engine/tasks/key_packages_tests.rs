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
    server_that(false).await
}

async fn server_that(forgets_last_resort: bool) -> (Host, Api, Arc<Mutex<Vec<PublishKeyPackages>>>) {
    let published: Arc<Mutex<Vec<PublishKeyPackages>>> = Arc::default();
    let kept = Arc::clone(&published);
    let host = Host::scripted(Box::new(move |_, body| {
        let mut kept = kept.lock().unwrap();
        kept.extend(serde_json::from_slice::<PublishKeyPackages>(body).ok());
        let has_any = !kept.is_empty();
        let last_resort = has_any && !forgets_last_resort;
        let stock = format!(r#"{{"count":{},"last_resort":{last_resort}}}"#, if has_any { FULL } else { 0 });
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
    let welcome_age = i64::try_from(WELCOME_AGE_S).unwrap();
    tops_up(replaced + welcome_age - 1).await;
    assert!(bob.opens(&to_last).await && bob.opens(&to_one).await);
    tops_up(replaced + welcome_age).await;
    assert!(!bob.opens(&to_last).await, "it was replaced long ago");
    assert!(bob.opens(&to_one).await);
    let last_welcome = Lifetime::of_new(now.unsigned_abs()).last_welcome();
    tops_up(last_welcome.try_into().unwrap()).await;
    assert!(!bob.opens(&to_one).await, "nobody takes it any more");
}

impl Bob {
    async fn tops_up(&self, api: &Api, server_s: i64, here_s: i64) {
        let times = Times { now_s: server_s, made_at: here_s.unsigned_abs() };
        top_up(&self.store, api, &self.identity, times).await.unwrap();
    }

    /// How many private parts there are.
    async fn kept(&self) -> usize {
        let far = key_packages::Times { server_s: i64::MAX, here_s: i64::MAX };
        self.store.read(move |at| key_packages::to_forget(at, far)).await.unwrap().len()
    }
}

/// The server says once that it is 2099. What others have of the stock stays good.
#[tokio::test]
async fn a_server_that_lies_about_the_time_destroys_no_stock() {
    let (_host, api, published) = server().await;
    let (bob, now) = (Bob::new(), now_s());
    let in_2099 = 4_070_908_800;
    bob.tops_up(&api, now, now).await;
    let last_resort = published.lock().unwrap()[0].last_resort.clone().unwrap();
    let invitation = bob.is_invited(&last_resort).await;
    bob.tops_up(&api, in_2099, now + 60).await;
    assert!(bob.opens(&invitation).await);
    // What was made then is good for nobody. Once the clock is right, the stock is replaced.
    bob.tops_up(&api, in_2099, now + LAST_RESORT_PAUSE_S).await;
    assert_eq!(published.lock().unwrap().len(), 2);
    bob.tops_up(&api, now + 3 * LAST_RESORT_PAUSE_S, now + 3 * LAST_RESORT_PAUSE_S).await;
    assert_eq!(published.lock().unwrap().len(), 3, "it was made ahead of now");
    assert!(bob.opens(&invitation).await);
}

/// Each costs the disk a private part, which has to be kept for a month.
#[tokio::test]
async fn a_server_that_has_never_a_last_resort_gets_one_an_hour() {
    let (_host, api, published) = server_that(true).await;
    let (bob, now) = (Bob::new(), now_s());
    for minute in 0..120 {
        // Its clock says what it likes.
        bob.tops_up(&api, now + minute * 86_400, now + minute * 60).await;
    }
    assert_eq!(published.lock().unwrap().len(), 2);
    // Those that are over by its clock alone are few.
    for hour in 2..30 {
        bob.tops_up(&api, now + hour * 40 * 86_400, now + hour * 3600).await;
    }
    bob.tops_up(&api, i64::MAX, now + 30 * 3600).await;
    assert!(bob.kept().await <= 32 + 5, "{}", bob.kept().await);
}
