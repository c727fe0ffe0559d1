//! Finding messages among a hundred thousand of random words.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use privmsg_client::{Client, Profile, Search, SearchCursor};
use privmsg_testkit::figures::Times;

use super::fill::{self, COMMON, RARE, Size};
use crate::Bench;
use crate::report::Goal;

/// Hits of a page.
const PAGE: u32 = 50;

/// Searches of each sort.
const SEARCHES: usize = 100;

pub(crate) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let messages = if bench.quick { 20_000 } else { 100_000 };
    let size = Size { vocabulary: 50_000, ..Size::new(messages, 50) };
    let profile = Profile::at(dir.join("profile"));
    fill::fill(&profile, size).await?;
    let name = format!("search, {messages} messages");
    let bytes = || -> Result<f64> { Ok(profile.dir().join("privmsg.db").metadata()?.len() as f64 / 1e6) };
    let before = bytes()?;
    let client = Client::open(&profile, None).await?;
    let start = Instant::now();
    let all = client.search(&of(COMMON), None, 1).await?;
    bench.report.line(
        format!("{name}: the first one, which makes the index"),
        start.elapsed().as_secs_f64(),
        "s",
        Goal::None,
    );
    ensure!(all.hits.len() == 1, "nothing is found");
    for (sort, text) in [
        ("a common word", COMMON),
        ("a rare word", RARE),
        ("one letter", "c"),
        ("two words", "common ra"),
        ("none", "nothing"),
    ] {
        let (first, second) = searches(&client, text).await?;
        bench.report.line(format!("{name}: {sort}, p50"), first.p50_ms(), "ms", Goal::None);
        bench.report.line(format!("{name}: {sort}, p99"), first.p99_ms(), "ms", Goal::AtMost(200.0));
        if second.count() > 0 {
            bench.report.line(
                format!("{name}: {sort}, the next page, p99"),
                second.p99_ms(),
                "ms",
                Goal::AtMost(200.0),
            );
        }
    }
    drop(client);
    ensure!(privmsg_client::wait_until_closed(std::time::Duration::from_secs(10)), "the database stays open");
    bench.report.line(format!("{name}: the database without the index"), before, "MB", Goal::None);
    bench.report.line(format!("{name}: the database with it"), bytes()?, "MB", Goal::None);
    Ok(())
}

fn of(text: &str) -> Search {
    Search { text: text.to_owned(), ..Search::default() }
}

/// Times of the first page, and of the one behind it, if there is one.
async fn searches(client: &Client, text: &str) -> Result<(Times, Times)> {
    let (mut first, mut second) = (Times::default(), Times::default());
    for _ in 0..SEARCHES {
        let next = page(client, text, None, &mut first).await?;
        if next.is_some() {
            page(client, text, next, &mut second).await?;
        }
    }
    Ok((first, second))
}

async fn page(
    client: &Client,
    text: &str,
    after: Option<SearchCursor>,
    times: &mut Times,
) -> Result<Option<SearchCursor>> {
    let start = Instant::now();
    let found = client.search(&of(text), after, PAGE).await?;
    times.note(start.elapsed());
    Ok(found.next)
}
