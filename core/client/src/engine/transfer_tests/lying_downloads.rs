//! A server that has another file than the one that was sent.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use hyper::header::CONTENT_LENGTH;
use privmsg_protocol::ErrorCode;
use privmsg_store::downloads::DownloadState;

use super::shelf::served;
use super::{Alice, File, PATIENCE, altered};
use crate::clock::Clock as _;
use crate::error::ClientError;
use crate::net::tests::host::Sent;

const SIZE: usize = 1_500_000;

/// Bytes at the end that are false: less than the last chunk of the encryption.
const FALSE: usize = 10_000;

/// How long what was sent has to arrive before the connection breaks. What does not is sent again.
const ARRIVES: Duration = Duration::from_millis(50);

fn streamed(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Sent {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// What there is, after which the connection breaks.
pub(super) fn broken(bytes: Vec<u8>) -> Sent {
    let end = async {
        tokio::time::sleep(ARRIVES).await;
        Err(io::Error::other("enough"))
    };
    streamed(stream::iter([Ok(Bytes::from(bytes))]).chain(stream::once(end)))
}

/// What there is, after which nothing comes.
fn unending(bytes: Vec<u8>) -> Sent {
    streamed(stream::iter([Ok(Bytes::from(bytes))]).chain(stream::pending()))
}

async fn uploaded(alice: &Alice) -> File {
    let file = alice.sends(SIZE).await;
    alice.is_uploaded(&file).await;
    assert!(alice.sealed().await.is_empty(), "it is on the server");
    alice.shelf.seen();
    file
}

/// The end is false, whether the file comes in one go or breaks off again and again.
#[tokio::test]
async fn a_file_with_a_false_end_is_given_up_after_a_second_look() {
    let alice = Alice::new().await;
    let file = uploaded(&alice).await;
    for step in [usize::MAX, 1_000_000, 400_000] {
        alice.shelf.tells(move |asked, files| {
            let mut bytes = files[&asked.name].bytes.clone();
            let len = bytes.len();
            bytes[len - FALSE..].fill(7);
            let end = asked.from.saturating_add(step).min(len);
            let part = bytes[asked.from..end].to_vec();
            Some(served(asked.from, len, if end < len { broken(part) } else { unending(part) }))
        });
        alice.wants(&file).await;
        assert_eq!(alice.comes(&file).await, altered());
        assert_eq!(alice.client.downloads(file.sent.id).await.unwrap(), [altered()]);
        assert!(alice.client.holds_of_files(file.sent.id).await.unwrap().is_empty(), "it does not wait");
        let seen = alice.shelf.seen();
        let from_the_beginning = seen.iter().filter(|asked| asked.from == 0).count();
        assert_eq!(from_the_beginning, 2, "{seen:?}");
        let refused = alice.saves(&file).await;
        assert!(matches!(refused, Err(ClientError::AlteredFile)), "{refused:?}");
        assert!(!alice.dir.path().join("saved").exists(), "nothing of it was handed out");
        assert!(alice.sealed().await.is_empty(), "nothing of it is kept");
    }
    // It has the right one again.
    alice.shelf.is_honest();
    alice.fetches(&file).await;
    assert_eq!(alice.shelf.seen().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_right_the_second_time_is_believed() {
    let alice = Alice::new().await;
    let file = uploaded(&alice).await;
    let mut first = true;
    alice.shelf.tells(move |asked, files| {
        let mut bytes = files[&asked.name].bytes.clone();
        let len = bytes.len();
        bytes[len - FALSE..].fill(7);
        std::mem::take(&mut first).then(|| served(0, len, unending(bytes)))
    });
    let asked = alice.clock.now_ms();
    alice.fetches(&file).await;
    assert_eq!(alice.clock.now_ms(), asked, "it is looked at again at once");
    assert_eq!(alice.shelf.seen().len(), 2);
}

/// It is longer than the message says, and the server says so: not all of it need be fetched to see that.
#[tokio::test]
async fn a_longer_file_is_another_one() {
    let alice = Alice::new().await;
    let file = uploaded(&alice).await;
    alice.shelf.tells(move |asked, files| {
        let bytes = files[&asked.name].bytes.clone();
        let mut response = served(0, bytes.len(), unending(bytes.clone()));
        response.headers_mut().insert(CONTENT_LENGTH, (bytes.len() + 1).into());
        Some(response)
    });
    alice.wants(&file).await;
    assert_eq!(alice.comes(&file).await, altered());
    assert_eq!(alice.shelf.seen().len(), 2);
    assert!(alice.sealed().await.is_empty());
}

/// The right file, and then something that does not end. Nothing of that is wanted, or kept.
#[tokio::test]
async fn what_follows_a_file_is_not_taken() {
    let alice = Alice::new().await;
    let file = uploaded(&alice).await;
    let given = Arc::new(AtomicUsize::new(0));
    // Dropped with the answer.
    let (listening, gone) = tokio::sync::oneshot::channel::<Infallible>();
    let (mut listening, counted) = (Some(listening), Arc::clone(&given));
    alice.shelf.tells(move |asked, files| {
        let (bytes, counted, listening) = (files[&asked.name].bytes.clone(), Arc::clone(&counted), listening.take());
        let more = stream::repeat_with(move || {
            let _ = &listening;
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Bytes::from_static(&[0; 100_000]))
        });
        Some(served(0, bytes.len(), streamed(stream::iter([Ok(Bytes::from(bytes))]).chain(more))))
    });
    alice.fetches(&file).await;
    assert!(tokio::time::timeout(PATIENCE, gone).await.unwrap().is_err(), "nobody listens any more");
    let given = given.load(Ordering::SeqCst);
    assert!(given < 1000, "{given} pieces were taken");
    let seen = alice.shelf.seen();
    assert!(seen.len() == 1 && seen[0].method == Method::GET, "{seen:?}");
    assert_eq!(alice.sealed().await, [seen[0].len]);
}

/// A part of it only, and the server says that this is all.
#[tokio::test]
async fn a_shorter_file_is_another_one() {
    let alice = Alice::new().await;
    let file = uploaded(&alice).await;
    alice.shelf.tells(move |asked, files| {
        let bytes = &files[&asked.name].bytes;
        let mut response = served(asked.from, bytes.len(), unending(bytes[asked.from..bytes.len() - FALSE].to_vec()));
        response.headers_mut().insert(CONTENT_LENGTH, (bytes.len() - FALSE).into());
        Some(response)
    });
    alice.wants(&file).await;
    assert_eq!(alice.comes(&file).await, altered());
    let refused = alice.saves(&file).await;
    assert!(matches!(refused, Err(ClientError::AlteredFile)), "{refused:?}");
    alice.shelf.tells(|_, _| Some(super::shelf::refusal(404, &ErrorCode::UnknownFile)));
    alice.wants(&file).await;
    assert_eq!(alice.comes(&file).await, DownloadState::Failed(ErrorCode::UnknownFile));
}
