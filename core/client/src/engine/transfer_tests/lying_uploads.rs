//! A server whose word of an upload changes with each answer.

use hyper::Method;
use privmsg_e2ee::attachment::encrypted_len;
use privmsg_protocol::ErrorCode;
use privmsg_store::messages::MessageState;
use privmsg_store::uploads;

use super::shelf::{page, refusal, upload_at};
use super::{Alice, SECOND};

/// A little more than what goes up in one request at first; all of another length when they are encrypted.
const SIZES: [usize; 4] = [1_200_000, 1_300_000, 1_400_000, 1_500_000];

/// The pauses come to ten minutes: with jitter, this is the most in an hour, and in ten minutes at the end of it.
const IN_AN_HOUR: usize = 30;
const IN_TEN_MINUTES: usize = 3;

/// What of a file may be sent in one attempt: all of it, and again for each time that the server surprises.
const TIMES: usize = 4;

/// One upload's place jumps and is not said at all, the others are refused, forgotten, or done before they are.
#[tokio::test]
async fn a_server_that_says_anything_of_an_upload_is_asked_less_and_less() {
    let alice = Alice::new().await;
    let lengths = SIZES.map(|size| encrypted_len(size as u64).unwrap());
    let mut said = 0;
    alice.shelf.tells(move |asked, _| {
        let (which, len) = (lengths.iter().position(|len| *len == asked.len)?, asked.len);
        let status = if asked.method == Method::HEAD { 200 } else { 204 };
        let forward = asked.from as u64 + asked.body.len() as u64;
        match (which, &asked.method) {
            (_, &Method::POST | &Method::DELETE) => None,
            (0, _) => {
                said += 1;
                Some(match said % 8 {
                    0 => upload_at(status, Some(0), None),
                    1 => upload_at(status, Some(forward.saturating_sub(1000)), None),
                    2 => upload_at(status, Some(len / 3), None),
                    3 => upload_at(status, Some(len + 7), None),
                    4 => upload_at(status, Some(forward), Some("early")),
                    5 => upload_at(status, None, None),
                    6 => upload_at(status, Some(len), None),
                    _ => page(502),
                })
            }
            (1, &Method::HEAD) => Some(upload_at(200, Some(0), None)),
            (1, _) => Some(refusal(409, &ErrorCode::UploadOffsetMismatch)),
            (2, _) => Some(refusal(404, &ErrorCode::UnknownUpload)),
            (_, &Method::HEAD) => Some(upload_at(200, Some(len - 1), Some("early"))),
            _ => Some(upload_at(204, Some(len), Some("early"))),
        }
    });
    let mut liars = Vec::new();
    for size in SIZES {
        liars.push(alice.sends(size).await);
    }
    let other = alice.sends(100_000).await;
    // More of them than go up at once, and before it; the clock stands still.
    alice.is_uploaded(&other).await;
    let attempts = alice.goes_on(uploads::TASK, SIZES.len(), 3600 * SECOND).await;
    assert!(attempts <= IN_AN_HOUR * SIZES.len(), "{attempts} attempts in an hour");
    alice.shelf.seen();
    let attempts = alice.goes_on(uploads::TASK, SIZES.len(), 600 * SECOND).await;
    assert!(attempts <= IN_TEN_MINUTES * SIZES.len(), "{attempts} attempts in ten minutes");
    for (size, len) in SIZES.into_iter().zip(lengths) {
        let seen = alice.shelf.seen_of(len);
        assert!(seen <= IN_TEN_MINUTES * TIMES * size, "{seen} bytes were sent of {size}");
    }
    for liar in &liars {
        assert_eq!(alice.upload(liar).await.file_id, None);
        let message = alice.client.message(liar.sent.id).await.unwrap().unwrap();
        assert!(message.uploading && message.state == MessageState::Queued, "{:?}", message.state);
    }
    alice.shelf.is_honest();
    alice.clock.advance(3600 * SECOND);
    for liar in &liars {
        alice.is_uploaded(liar).await;
        alice.fetches(liar).await;
    }
}

/// More files wait than are begun in one go.
#[tokio::test]
async fn files_that_wait_keep_no_other_back() {
    const WAITING: usize = 40;
    let alice = Alice::new().await;
    let refused = encrypted_len(1000).unwrap();
    alice.shelf.tells(move |asked, _| (asked.len == refused).then(|| page(503)));
    for _ in 0..WAITING {
        alice.sends(1000).await;
    }
    alice.waits(uploads::TASK, WAITING).await;
    let other = alice.sends(2000).await;
    alice.is_uploaded(&other).await;
    assert_eq!(alice.waits(uploads::TASK, WAITING).await.len(), WAITING);
}

/// Each attempt comes a little further than any before it, and begins at the beginning.
#[tokio::test]
async fn progress_that_costs_many_times_as_much_is_none() {
    const STEP: u64 = 256 << 10;
    let alice = Alice::new().await;
    let mut far = STEP;
    alice.shelf.tells(move |asked, _| {
        let forward = asked.from as u64 + asked.body.len() as u64;
        match asked.method {
            Method::HEAD => Some(upload_at(200, Some(0), None)),
            Method::PATCH if asked.body.len() as u64 > STEP => Some(page(413)),
            Method::PATCH if forward <= far => Some(upload_at(204, Some(forward), None)),
            Method::PATCH => {
                far += STEP;
                Some(upload_at(204, Some(0), None))
            }
            _ => None,
        }
    });
    let file = alice.sends(15_000_000).await;
    let attempts = alice.goes_on(uploads::TASK, 1, 60 * SECOND).await;
    assert!(attempts <= 20, "{attempts} attempts in a minute");
    alice.shelf.is_honest();
    alice.clock.advance(3600 * SECOND);
    alice.is_uploaded(&file).await;
}
