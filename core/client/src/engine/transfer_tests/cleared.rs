//! A program that tidies up has cleared the profile's folder of ciphertext.

use std::path::Path;

use hyper::Method;
use privmsg_e2ee::attachment::encrypted_len;
use privmsg_store::holds::Reason;
use privmsg_store::messages::MessageState;
use privmsg_store::{Snapshot, downloads, ended_uploads, holds, messages, uploads};

use super::lying_downloads::broken;
use super::shelf::served;
use super::{Alice, File, SECOND};
use crate::error::ClientError;

/// More than what goes up in the first two requests.
const SIZE: usize = 3_500_000;

fn clear(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
}

/// What is left of files whose names alone are kept.
fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        std::fs::File::create(entry.unwrap().path()).unwrap();
    }
}

#[tokio::test]
async fn what_was_fetched_is_fetched_again() {
    let alice = Alice::new().await;
    let file = alice.sends(SIZE).await;
    alice.is_uploaded(&file).await;
    alice.fetches(&file).await;
    alice.shelf.seen();
    clear(&alice.folder());
    alice.fetches(&file).await;
    clear(&alice.folder());
    // Somebody who had it opens it without asking for it first.
    let missing = alice.saves(&file).await;
    assert!(matches!(missing, Err(ClientError::Disk(_))), "{missing:?}");
    alice.fetches(&file).await;
    empty(&alice.folder());
    let missing = alice.saves(&file).await;
    assert!(matches!(missing, Err(ClientError::AlteredFile)), "{missing:?}");
    alice.fetches(&file).await;
    assert_eq!(alice.shelf.seen().len(), 3);
    assert_eq!(alice.sealed().await.len(), 1);
}

#[tokio::test]
async fn what_was_fetched_in_part_is_fetched_from_the_beginning() {
    let alice = Alice::new().await;
    let file = alice.sends(SIZE).await;
    alice.is_uploaded(&file).await;
    alice.sealed().await;
    alice.shelf.tells(|asked, files| {
        let bytes = &files[&asked.name].bytes;
        Some(served(asked.from, bytes.len(), broken(bytes[asked.from..SIZE / 2].to_vec())))
    });
    alice.wants(&file).await;
    alice.waits(downloads::TASK, 1).await;
    assert_eq!(alice.sealed().await.len(), 1);
    clear(&alice.folder());
    alice.shelf.is_honest();
    alice.shelf.seen();
    alice.fetches(&file).await;
    let seen = alice.shelf.seen();
    assert!(seen.len() == 1 && seen[0].from == 0, "{seen:?}");
}

/// Sends a file. While its second part is on its way, `tidied` happens to the folder.
async fn sends_while(alice: &Alice, tidied: fn(&Path)) -> File {
    let (folder, mut parts) = (alice.folder(), 0);
    alice.shelf.tells(move |asked, _| {
        parts += usize::from(asked.method == Method::PATCH);
        if asked.method == Method::PATCH && parts == 2 {
            tidied(&folder);
        }
        None
    });
    alice.sends(SIZE).await
}

#[tokio::test]
async fn an_upload_begins_again_from_its_source() {
    for tidied in [clear, empty] {
        let alice = Alice::new().await;
        let file = sends_while(&alice, tidied).await;
        let [hold] = alice.waits(uploads::TASK, 1).await.try_into().unwrap();
        assert!(matches!(hold.reason, Reason::Disk | Reason::Network), "{hold:?}");
        let before = alice.upload(&file).await;
        alice.clock.advance(10 * SECOND);
        alice.is_uploaded(&file).await;
        let after = alice.upload(&file).await;
        assert_ne!(before.sealed.unwrap().key, after.sealed.unwrap().key, "another ciphertext has another key");
        alice.fetches(&file).await;
        let ended = |at: &Snapshot<'_>| Ok(ended_uploads::next(at)?.is_none().then_some(()));
        alice.until("the end of the first upload", ended).await;
        assert_eq!(alice.shelf.lengths().len(), 1, "what was there of the first ciphertext has gone");
        assert_eq!(alice.sealed().await.len(), 1, "what was fetched");
    }
}

#[tokio::test]
async fn an_upload_without_a_source_fails_and_says_so() {
    let alice = Alice::new().await;
    let file = sends_while(&alice, clear).await;
    alice.waits(uploads::TASK, 1).await;
    std::fs::remove_file(&file.source).unwrap();
    alice.clock.advance(10 * SECOND);
    let row = file.sent.id;
    let state = move |at: &Snapshot<'_>| {
        let state = messages::load(at, row)?.map(|message| message.state);
        Ok(state.filter(|state| *state != MessageState::Queued))
    };
    assert_eq!(alice.until("the failure", state).await, MessageState::Failed("local_file".into()));
    let settled = |at: &Snapshot<'_>| {
        let waits = holds::all(at)?.iter().any(|hold| hold.task == uploads::TASK);
        let open = !uploads::all_waiting(at)?.is_empty() || ended_uploads::next(at)?.is_some();
        Ok((!waits && !open).then_some(()))
    };
    alice.until("nothing more to do", settled).await;
    assert!(alice.shelf.lengths().is_empty(), "what was there of it on the server has gone");
    assert!(alice.sealed().await.is_empty());
}

/// The program was killed while it encrypted a large file, and the folder was cleared before it came back.
#[tokio::test]
async fn what_was_being_encrypted_is_encrypted_anew() {
    let mut alice = Alice::offline().await;
    let file = alice.sends(17_000_000).await;
    let upload = alice.upload(&file).await;
    assert_eq!((&upload.sealed, &upload.sealing), (&None, &None));
    let context = alice.client.context();
    let name = context.files.make(&context.store, 1).await.unwrap();
    std::fs::write(context.files.path(&name), "a part").unwrap();
    let begun = context.store.write(move |tx| uploads::begin_sealing(tx, upload.id, &name));
    begun.await.unwrap();
    clear(&alice.folder());
    alice.starts();
    alice.is_uploaded(&file).await;
    assert_eq!(alice.shelf.lengths(), [encrypted_len(17_000_000).unwrap()]);
}
