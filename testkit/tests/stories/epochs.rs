//! Groups that change while messages flow.

use std::sync::Arc;

use anyhow::Result;
use privmsg_testkit::wait::PATIENCE;
use privmsg_testkit::{Clock, Person, Random, Server};

/// More than the longest time after which a device changes its keys.
const EIGHT_DAYS: i64 = 8 * 24 * 3600;

/// A person who lives by a clock that the test moves.
async fn person(server: &Server, name: &str, clock: &Clock) -> Result<Person> {
    let account = server.admin().creates(name).await?;
    let mut person = Person::signs_in_by(&server.url(), &account, Arc::new(clock.clone())).await?;
    person.goes_online().await?;
    Ok(person)
}

/// All devices change their keys again and again, each on top of an epoch that others are just ending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commits_at_once_lose_nothing() -> Result<()> {
    let server = Server::start().await?;
    let (hers, his) = (Clock::right(), Clock::right());
    let alice = person(&server, "alice", &hers).await?;
    let bob = person(&server, "bob", &his).await?;
    alice.says(&bob, "begin").await?;
    bob.hears(&alice, "begin").await?;
    bob.says(&alice, "go on").await?;
    alice.hears(&bob, "go on").await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    let phone = bob.takes_another_device(&server.url()).await?;

    let mut random = Random::new(3);
    let mut all = vec!["begin".to_owned(), "go on".to_owned()];
    let mut on_later_devices = Vec::new();
    for round in 0..8 {
        for (device, to) in [(&alice, &bob), (&bob, &alice), (&tablet, &bob), (&phone, &alice)] {
            let text = format!("{round} {}", on_later_devices.len());
            device.says(to, &text).await?;
            on_later_devices.push(text);
        }
        hers.advance(EIGHT_DAYS);
        his.advance(EIGHT_DAYS);
        tokio::time::sleep(std::time::Duration::from_millis(random.within(0..150))).await;
    }
    all.extend(on_later_devices.iter().cloned());
    alice.has_exactly(&bob, &all, PATIENCE).await?;
    bob.has_exactly(&alice, &all, PATIENCE).await?;
    tablet.has_exactly(&bob, &on_later_devices, PATIENCE).await?;
    phone.has_exactly(&alice, &on_later_devices, PATIENCE).await?;
    for (device, with) in [(&alice, &bob), (&bob, &alice), (&tablet, &bob), (&phone, &alice)] {
        assert_eq!(device.missing(with).await?, 0);
    }
    Ok(())
}
