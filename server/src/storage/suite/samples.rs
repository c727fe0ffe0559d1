//! Figures over time.

use super::bench::Bench;
use crate::storage::Sample;

fn sample(at: i64, online_users: u64, messages: u64) -> Sample {
    Sample { at, online_users, pending_messages: 7, stored_files: 2, stored_bytes: 1000, messages }
}

#[tokio::test]
async fn samples_in_one_place_are_one() {
    let bench = Bench::new();
    for (online, messages) in [(3, 10), (1, 5)] {
        bench.storage.add_sample(sample(900, online, messages)).await.unwrap();
    }
    bench.storage.add_sample(sample(1200, 0, 1)).await.unwrap();
    assert_eq!(bench.storage.samples(0, 300).await.unwrap(), [sample(900, 3, 15), sample(1200, 0, 1)]);
    assert_eq!(bench.storage.samples(900, 600).await.unwrap(), [sample(600, 3, 15), sample(1200, 0, 1)]);
    assert_eq!(bench.storage.samples(901, 300).await.unwrap(), [sample(1200, 0, 1)]);
}

#[tokio::test]
async fn older_samples_are_thinned_and_old_ones_go() {
    let bench = Bench::new();
    let day = 24 * 3600;
    let now = 500 * day;
    // An hour in which nothing is to be thinned, one that is, one too old, and one from a clock that was wrong.
    let recent = now - day;
    let older = now - 10 * day;
    for at in [recent, recent + 300, older, older + 300, older + 3300, now - 401 * day, now + 2 * day] {
        bench.storage.add_sample(sample(at, 2, 4)).await.unwrap();
    }
    bench.storage.thin_samples(now).await.unwrap();
    let kept = bench.storage.samples(0, 1).await.unwrap();
    assert_eq!(kept, [sample(older, 2, 12), sample(recent, 2, 4), sample(recent + 300, 2, 4)]);
    bench.storage.thin_samples(now).await.unwrap();
    assert_eq!(bench.storage.samples(0, 1).await.unwrap(), kept, "once is enough");
}
