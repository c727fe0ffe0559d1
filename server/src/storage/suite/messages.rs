//! Messages, from the sender to the last acknowledgement.

use std::sync::atomic::Ordering;

use privmsg_protocol::ErrorCode;

use super::bench::{Bench, ids};
use crate::storage::{Cutoffs, PageLimit, Position, StorageError};

#[tokio::test]
async fn a_message_waits_until_it_is_acknowledged() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<2>();
    assert!(bench.send(&alice, "bob", &sent).await.iter().all(|outcome| outcome.result.is_ok()));
    let waiting = bench.mailbox(&bob).await;
    assert_eq!(ids(&waiting), sent);
    let told = bench.told.0.lock().unwrap().clone();
    assert_eq!(ids(&told), sent);
    assert_eq!(told[0].position, waiting[0].position);
    bench.acknowledge(&bob, vec![waiting[0].position]).await;
    assert_eq!(ids(&bench.mailbox(&bob).await), sent[1..]);
    assert_eq!(bench.pending().await, 1);
    // Acknowledging twice, or what is another's, changes nothing.
    bench.acknowledge(&bob, vec![waiting[0].position]).await;
    bench.acknowledge(&alice, vec![waiting[1].position]).await;
    assert_eq!(bench.pending().await, 1);
}

#[tokio::test]
async fn a_repeat_is_answered_and_not_delivered() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    bench.user("carol").await;
    let [id] = bench.new_ids();
    for outcome in bench.send(&alice, "bob", &[id, id]).await {
        assert!(outcome.result.is_ok());
    }
    assert_eq!(bench.mailbox(&bob).await.len(), 1);
    assert_eq!(bench.told.1.load(Ordering::SeqCst), 1, "a repeat is not counted");
    let outcome = bench.send(&alice, "carol", &[id]).await.remove(0);
    assert_eq!(outcome.result.unwrap_err().code, ErrorCode::MessageIdConflict);
}

/// However long ago: more than is remembered by any other way than on the disk.
#[tokio::test]
async fn repeats_are_known_after_a_restart() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    bench.user("carol").await;
    let mut sent = Vec::new();
    for _ in 0..40 {
        let some: Vec<_> = (0..1000).map(|_| bench.random_id()).collect();
        bench.send(&alice, "bob", &some).await;
        sent.extend(some);
    }
    for _ in 0..2 {
        bench.restart().await;
        let accepted = bench.told.1.load(Ordering::SeqCst);
        for some in sent.chunks(1000).step_by(8) {
            assert!(bench.send(&alice, "bob", some).await.iter().all(|outcome| outcome.result.is_ok()));
        }
        assert_eq!(bench.told.1.load(Ordering::SeqCst), accepted, "nothing is taken twice");
        for id in [sent[0], sent[sent.len() / 2], sent[sent.len() - 1]] {
            let outcome = bench.send(&alice, "carol", &[id]).await.remove(0);
            assert_eq!(outcome.result.unwrap_err().code, ErrorCode::MessageIdConflict);
            // Another device's ids are its own.
            assert!(bench.send(&bob, "carol", &[id]).await[0].result.is_ok());
        }
        let more = [(); 3].map(|()| bench.random_id());
        bench.send(&alice, "bob", &more).await;
        assert!(bench.told.1.load(Ordering::SeqCst) >= accepted + 3, "what is new is taken");
        sent.extend(more);
    }
}

#[tokio::test]
async fn what_waits_waits_through_a_restart() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<3>();
    bench.send(&alice, "bob", &sent[..2]).await;
    let waiting = bench.mailbox(&bob).await;
    bench.acknowledge(&bob, vec![waiting[0].position]).await;
    bench.restart().await;
    bench.send(&alice, "bob", &sent[2..]).await;
    let waiting = bench.mailbox(&bob).await;
    assert_eq!(ids(&waiting), sent[1..]);
    assert!(waiting[0].position < waiting[1].position);
}

#[tokio::test]
async fn one_refusal_does_not_hurt_others() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let [first, second, third] = bench.new_ids();
    let [one, two, three] = [[first], [second], [third]];
    let (a, b, c) = tokio::join!(
        bench.send(&alice, "bob", &one),
        bench.send(&alice, "nobody", &two),
        bench.send(&alice, "bob", &three),
    );
    assert!(a[0].result.is_ok() && c[0].result.is_ok());
    let refusal = b[0].result.clone().unwrap_err();
    assert_eq!(refusal.code, ErrorCode::UnknownRecipient);
    assert_eq!(bench.mailbox(&bob).await.len(), 2);
    // The refused id is free.
    assert!(bench.send(&alice, "bob", &[second]).await[0].result.is_ok());
}

#[tokio::test]
async fn a_shared_body_goes_with_the_last_mailbox() {
    let bench = Bench::new();
    let (alice, phone) = (bench.user("alice").await, bench.user("bob").await);
    let laptop = bench.device("bob").await;
    let sent = bench.new_ids::<1>();
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.pending().await, 1);
    bench.storage.acknowledge(phone.device, sent.to_vec()).await.unwrap();
    assert!(bench.mailbox(&phone).await.is_empty());
    assert_eq!(bench.pending().await, 1);
    bench.storage.remove_device(laptop.clone(), laptop.device_id.clone()).await.unwrap();
    assert_eq!(bench.pending().await, 0);
}

/// In whatever way a storage keeps what is new and what has waited for long.
#[tokio::test]
async fn shared_bodies_go_however_long_they_have_waited() {
    let mut bench = Bench::new();
    let (alice, phone) = (bench.user("alice").await, bench.user("bob").await);
    let laptop = bench.device("bob").await;
    let mut sent = 0;
    for some in [1500, 100] {
        let ids: Vec<_> = (0..some).map(|_| bench.random_id()).collect();
        bench.send(&alice, "bob", &ids).await;
        sent += ids.len();
        let mut waiting: Vec<_> = bench.mailbox(&phone).await.iter().map(|delivery| delivery.position).collect();
        assert_eq!(waiting.len(), some);
        // Some of them, those in between, and the rest together with what has gone already.
        let odd = waiting.iter().copied().skip(1).step_by(2).collect();
        bench.acknowledge(&phone, odd).await;
        assert_eq!(bench.mailbox(&phone).await.len(), waiting.len().div_ceil(2));
        bench.restart().await;
        waiting.reverse();
        bench.acknowledge(&phone, waiting).await;
        assert!(bench.mailbox(&phone).await.is_empty());
        assert_eq!(bench.pending().await, sent as u64, "the laptop has taken none");
    }
    let waiting: Vec<_> = bench.mailbox(&laptop).await.iter().map(|delivery| delivery.position).collect();
    assert_eq!(waiting.len(), sent);
    bench.acknowledge(&laptop, waiting[..1550].to_vec()).await;
    assert_eq!(bench.pending().await, 50);
    bench.storage.remove_device(laptop.clone(), laptop.device_id.clone()).await.unwrap();
    assert_eq!(bench.pending().await, 0);
}

/// Also where the storage remembers, from an earlier message, which devices there are.
#[tokio::test]
async fn a_new_device_gets_what_comes_after_it() {
    let bench = Bench::new();
    let (alice, phone) = (bench.user("alice").await, bench.user("bob").await);
    let [before, after, answer] = bench.new_ids();
    bench.send(&alice, "bob", &[before]).await;
    let (laptop, tablet) = (bench.device("bob").await, bench.device("alice").await);
    bench.send(&alice, "bob", &[after]).await;
    assert_eq!(ids(&bench.mailbox(&phone).await), [before, after]);
    assert_eq!(ids(&bench.mailbox(&laptop).await), [after]);
    assert_eq!(ids(&bench.mailbox(&tablet).await), [after], "the sender's other device");
    bench.send(&laptop, "alice", &[answer]).await;
    assert_eq!(ids(&bench.mailbox(&alice).await), [answer]);
    assert_eq!(ids(&bench.mailbox(&tablet).await), [after, answer]);
}

#[tokio::test]
async fn pages_are_bounded_and_in_order() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<5>();
    bench.send(&alice, "bob", &sent).await;
    let page = async |after, messages, bytes| {
        let limit = PageLimit { messages, bytes };
        bench.storage.mailbox_page(bob.device, after, limit).await.unwrap()
    };
    let first = page(Position::default(), 2, usize::MAX).await;
    assert_eq!((ids(&first.deliveries), first.has_more), (sent[..2].to_vec(), true));
    let rest = page(first.deliveries[1].position, 3, usize::MAX).await;
    assert_eq!((ids(&rest.deliveries), rest.has_more), (sent[2..].to_vec(), false));
    let large = page(Position::default(), 5, 1).await;
    assert_eq!((large.deliveries.len(), large.has_more), (1, true));
}

#[tokio::test]
async fn age_takes_messages_but_not_the_memory_of_them() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<1>();
    bench.send(&alice, "bob", &sent).await;
    bench.clock.advance(100);
    let younger = bench.new_ids::<1>();
    bench.send(&alice, "bob", &younger).await;
    let now = bench.clock.now();
    let cutoffs = |messages, seen| Cutoffs { now, messages, seen, tokens: 0, audit: 0 };
    bench.storage.expire(cutoffs(now, 0)).await.unwrap();
    assert_eq!(ids(&bench.mailbox(&bob).await), younger);
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.mailbox(&bob).await.len(), 1, "still known");
    bench.storage.expire(cutoffs(0, now)).await.unwrap();
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.mailbox(&bob).await.len(), 2, "forgotten");
}

#[tokio::test]
async fn a_clock_that_was_wrong_loses_nothing() {
    let bench = Bench::new();
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let now = bench.clock.now();
    let [first, second, third] = bench.new_ids();
    bench.send(&alice, "bob", &[first]).await;
    bench.clock.advance(-1000);
    bench.send(&alice, "bob", &[second]).await;
    bench.clock.advance(1000);
    bench.send(&alice, "bob", &[third]).await;
    let cutoffs = |messages| Cutoffs { now, messages, seen: 0, tokens: 0, audit: 0 };
    bench.storage.expire(cutoffs(now - 500)).await.unwrap();
    assert_eq!(ids(&bench.mailbox(&bob).await), [first, second, third]);
    bench.storage.expire(cutoffs(now + 1)).await.unwrap();
    assert!(bench.mailbox(&bob).await.is_empty());
}

#[tokio::test]
async fn closing_refuses_what_comes_later() {
    let bench = Bench::new();
    let alice = bench.user("alice").await;
    bench.storage.close().await;
    let refused = bench.storage.connected(alice.device).await;
    assert!(matches!(refused, Err(StorageError::Stopped)));
}
