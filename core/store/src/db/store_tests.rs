use std::sync::Mutex;
use std::time::Duration;

use privmsg_protocol::UserId;
use tokio::time::timeout;

use super::*;
use crate::{Change, contacts, settings, wait_until_closed};

fn key(byte: u8) -> DatabaseKey {
    DatabaseKey::from_bytes([byte; 32])
}

fn table_names(at: &Snapshot<'_>) -> Result<Vec<String>, StoreError> {
    let mut query = at.sql().prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

async fn set(store: &Store, value: i64) {
    store.write(move |tx| settings::set(tx, "probe", value)).await.unwrap();
}

async fn probe(store: &Store) -> Option<i64> {
    store.read(|at| settings::get(at, "probe")).await.unwrap()
}

#[tokio::test]
async fn reopening_needs_the_same_key_and_finds_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    let before = store.read(table_names).await.unwrap();
    assert!(before.iter().any(|name| name == "outbox") && before.iter().any(|name| name == "mls_group_data"));
    drop(store);

    assert!(matches!(Store::open(dir.path(), &key(8)), Err(StoreError::WrongKey)));
    let again = Store::open(dir.path(), &key(7)).unwrap();
    assert_eq!(again.read(table_names).await.unwrap(), before);
}

#[tokio::test]
async fn what_is_queued_is_done_before_the_database_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let caller = tokio::spawn({
        let store = store.clone();
        async move {
            let work = move |tx: &Tx<'_>| {
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                settings::set(tx, "probe", 1)
            };
            store.write(work).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    caller.abort();
    assert!(caller.await.is_err(), "the caller has gone away");
    drop(store);
    go_on.send(()).unwrap();
    // Other tests have databases of their own, and end, too.
    assert!(wait_until_closed(Duration::from_secs(30)));
    let again = Store::open(dir.path(), &key(7)).unwrap();
    assert_eq!(probe(&again).await, Some(1));
}

#[tokio::test]
async fn a_failed_transaction_leaves_nothing_and_nobody_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    let mut changes = store.changes();
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            settings::set(tx, "probe", 1)?;
            Err(StoreError::Invalid("probe"))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(probe(&store).await, None);
    store.write(|tx| settings::set(tx, "other", 1)).await.unwrap();
    let heard = changes.next().await.unwrap();
    assert_eq!(heard.iter().collect::<Vec<_>>(), [&Change::Setting("other".into())]);
}

#[tokio::test]
async fn what_a_savepoint_undoes_is_neither_stored_nor_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    let mut changes = store.changes();
    store
        .write(|tx| {
            settings::set(tx, "before", 1)?;
            let part = tx.savepoint()?;
            settings::set(tx, "undone", 1)?;
            part.undo()?;
            let part = tx.savepoint()?;
            settings::set(tx, "kept", 1)?;
            part.keep()
        })
        .await
        .unwrap();
    let heard = changes.next().await.unwrap();
    assert_eq!(heard.iter().collect::<Vec<_>>(), [&Change::Setting("before".into()), &Change::Setting("kept".into())]);
    assert_eq!(store.read(|at| settings::get(at, "undone")).await.unwrap(), None::<i64>);
}

#[tokio::test]
async fn a_long_read_waits_for_nobody_and_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    set(&store, 1).await;
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let long = tokio::spawn({
        let store = store.clone();
        async move {
            let look = move |at: &Snapshot<'_>| {
                let before = settings::get(at, "probe")?;
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok::<_, StoreError>((before, settings::get(at, "probe")?))
            };
            store.read(look).await
        }
    });
    has_begun.await.unwrap();
    set(&store, 2).await;
    assert_eq!(probe(&store).await, Some(2), "a short read beside the long one");
    go_on.send(()).unwrap();
    assert_eq!(long.await.unwrap().unwrap(), (Some(1), Some(1)), "one look sees one state");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    let refused = store.read(|at| Ok::<_, StoreError>(at.sql().execute("DELETE FROM setting", []).is_err())).await;
    assert!(refused.unwrap());
}

/// Two handles on one profile stand for two processes: each has connections and a number of its own.
#[tokio::test]
async fn what_another_process_commits_is_heard_here() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Store::open(dir.path(), &key(7)).unwrap(), Store::open(dir.path(), &key(7)).unwrap());
    let (mut ours, mut theirs) = (here.changes(), there.changes());
    let bob = UserId::new("bob").unwrap();
    let contact = Change::Contact(bob.clone());
    there.write(move |tx| contacts::observe(tx, &bob, &[1; 32])).await.unwrap();
    let heard = timeout(Duration::from_secs(10), ours.next()).await.unwrap().unwrap();
    assert!(heard.iter().any(|change| *change == contact), "{heard:?}");
    assert_eq!(theirs.next().await.unwrap(), heard);

    // What one has written itself is told once.
    set(&here, 5).await;
    let heard = ours.next().await.unwrap();
    assert_eq!(heard.iter().collect::<Vec<_>>(), [&Change::Setting("probe".into())]);
    let heard = timeout(Duration::from_secs(10), theirs.next()).await.unwrap().unwrap();
    assert_eq!(heard.iter().collect::<Vec<_>>(), [&Change::Setting("probe".into())]);
    set(&there, 6).await;
    let heard = timeout(Duration::from_secs(10), ours.next()).await.unwrap().unwrap();
    assert_eq!(heard.iter().count(), 1);
}

#[tokio::test]
async fn nothing_readable_lies_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    store.write(|tx| settings::set(tx, "a_very_readable_word", 1)).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(20).any(|w| w == b"a_very_readable_word"));
        assert!(!bytes.starts_with(b"SQLite format 3"));
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap();
    store
        .write(|tx| {
            tx.sql().pragma_update(None, "user_version", 999)?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    drop(store);
    assert!(matches!(Store::open(dir.path(), &key(7)), Err(StoreError::Newer { found: 999, .. })));
}

/// Two first starts at once: neither finds a half-made database, nor one that is made already.
#[test]
fn many_may_make_the_database_at_once() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(dir.path(), &key(7)).map(drop))).collect();
            for maker in makers {
                maker.join().unwrap().unwrap();
            }
        });
    }
}

/// Several databases may be open: what is logged on their threads says whose it is.
#[tokio::test]
async fn what_is_logged_inside_says_whose_it_is() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let to_log = move || Tee(Arc::clone(&writer));
    tracing_subscriber::fmt().with_ansi(false).with_writer(to_log).init();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &key(7)).unwrap().in_span(tracing::error_span!("account", user = "alice"));
    let say = |what| {
        tracing::warn!("while {what}");
        Ok::<_, StoreError>(())
    };
    store.write(move |_| say("writing")).await.unwrap();
    store.read(move |_| say("reading")).await.unwrap();
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let of_alice = |what: &str| log.lines().any(|line| line.contains("account{user=\"alice\"}") && line.contains(what));
    assert!(of_alice("while writing") && of_alice("while reading"), "{log}");
}

struct Tee(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
