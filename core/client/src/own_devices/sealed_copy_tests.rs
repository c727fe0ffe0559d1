//! What becomes of a server that serves something else than the identity has signed for.

use privmsg_e2ee::OsRng;
use privmsg_protocol::Opaque;
use privmsg_store::Store;
use privmsg_store::key::DatabaseKey;

use super::*;
use crate::identity::signed_in_account;

const HOUR: i64 = 3600 * 1000;

fn served(backup: &[u8], earlier: &[&[u8]]) -> Option<rest::SealedIdentity> {
    let earlier = earlier.iter().map(|sealed| Opaque::encode(sealed)).collect();
    Some(rest::SealedIdentity { backup: Opaque::encode(backup), earlier })
}

#[tokio::test]
async fn another_than_the_signed_one_is_an_alarm_unless_it_may_have_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let done = store.write(|tx| {
        let identity = AccountKey::generate(&mut OsRng);
        let user = UserId::new("alice").unwrap();
        let account = Account { identity: Some(*identity.public().as_bytes()), ..signed_in_account(user.clone()) };
        account::save(tx, &account)?;
        let is_told = |served: Option<rest::SealedIdentity>, at: i64| {
            Ok::<_, ClientError>(!compare(tx, served.as_ref(), at)?.is_empty())
        };
        assert!(!is_told(served(b"anything", &[]), HOUR)?, "nothing is known");
        let words = RecoveryKey::generate(&mut OsRng);
        let of = |key: &AccountKey, sealed: &[u8]| sign(key, &user, &words, sealed.to_vec());
        assert!(!keep(tx, &of(&AccountKey::generate(&mut OsRng), b"theirs"))?);
        assert!(keep(tx, &of(&identity, b"first"))?);
        assert!(!is_told(served(b"first", &[]), HOUR)?);
        assert!(is_told(served(b"firsT", &[]), HOUR)?);
        assert!(!is_told(served(b"first", &[]), HOUR)?, "it is over");
        assert!(is_told(None, HOUR)?);
        assert!(!is_told(None, HOUR)?, "told once");
        assert!(!is_told(served(b"first", &[]), HOUR)?);
        assert!(!is_told(served(b"second", &[b"first"]), 2 * HOUR)?, "it may be on its way");
        assert!(is_told(served(b"second", &[b"first"]), 27 * HOUR)?);
        assert!(keep(tx, &of(&identity, b"second"))?);
        assert!(!is_told(served(b"second", &[b"first"]), 28 * HOUR)?);
        assert!(is_told(served(b"first", &[]), 28 * HOUR)?, "set back");
        assert!(keep(tx, &of(&identity, b"first"))?, "told again");
        let account = account::load(tx)?.unwrap();
        assert_eq!(all(tx, &account)?, [b"second".to_vec(), b"first".to_vec()]);
        // A paper of long ago opens nothing again, though the copy itself is kept no more.
        for later in ["third", "fourth", "fifth"] {
            assert!(keep(tx, &of(&identity, later.as_bytes()))?);
        }
        assert!(keep(tx, &of(&identity, b"first"))?);
        let account = account::load(tx)?.unwrap();
        assert_eq!(all(tx, &account)?, [b"fifth".to_vec(), b"fourth".to_vec(), b"third".to_vec()]);
        assert!(is_replaced(tx, b"first")? && !is_replaced(tx, b"fifth")?);
        Ok::<_, ClientError>(())
    });
    done.await.unwrap();
}
