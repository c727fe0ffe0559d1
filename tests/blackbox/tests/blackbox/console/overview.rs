//! Charts.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::desk::{Desk, SHOT, USUAL};

#[tokio::test]
async fn charts_are_drawn_and_told_as_sentences_and_tables() -> Result<()> {
    let Some(mut desk) = Desk::open(&SHOT).await? else { return Ok(()) };
    desk.sign_in("Overview").await?;
    desk.sees("css('.chart .summary')").await?;
    assert_eq!(desk.page.ask("all('.chart svg[role=img]').length").await?, 3);
    let summary = desk.page.text("css('.chart .summary').textContent").await?;
    ensure!(summary.starts_with("Now ") && summary.contains(", at most "), "the real figures: {summary}");

    desk.invents(&["admin/stats/history?"]).await?;
    desk.page.click("text('Week')").await?;
    desk.sees("heading('Messages per 6 hours') && css('.chart .bar', 20)").await?;
    let lines = desk.page.ask("all('.chart path.line').map((path) => path.getTotalLength())").await?;
    let lines: Vec<f64> = serde_json::from_value(lines)?;
    ensure!(lines.len() == 4 && lines.iter().all(|length| *length > 100.0), "two charts with a gap each: {lines:?}");
    let told =
        desk.page.text("css('.chart svg', 1).ariaLabel ?? css('.chart svg', 1).getAttribute('aria-label')").await?;
    ensure!(told.starts_with("Messages per 6 hours. ") && told.contains(" in all"), "{told}");
    desk.page.click("css('.chart summary')").await?;
    desk.sees("css('.chart details tbody tr', 20)").await?;
    desk.is_accessible("overview with a table").await?;
    desk.page.click("css('.chart summary')").await?;

    let chart = desk.page.wait("css('.chart svg')").await?;
    desk.page.point_at(&chart, 0, 0).await?;
    desk.sees("/20\\d\\d.*: \\d+$/.test(css('.chart .summary').textContent)").await.context("one point is told")?;
    desk.page.click("text('Day')").await?;
    desk.sees("heading('Messages per hour')").await?;
    desk.page.point_at(&json!("viewport"), 600, 5).await?;
    desk.shoot("overview").await?;
    desk.leave().await.map(drop)
}

/// Old figures looked like new ones once the server was gone.
#[tokio::test]
async fn figures_that_are_no_longer_true_say_so() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.sign_in("Overview").await?;
    desk.sees("css('.chart .summary') && !css('.stale')").await?;
    desk.page
        .ask("(window.kept = window.fetch, window.fetch = () => Promise.reject(new TypeError('gone')), true)")
        .await?;
    desk.page.click("text('Week')").await?;
    desk.sees("css('.figures.stale') && css('.head .problem').textContent.startsWith('The server cannot be reached.')")
        .await?;
    desk.sees("css('.head .problem').textContent.includes('As of ')").await?;
    desk.page.ask("(window.fetch = window.kept, true)").await?;
    desk.page.click("text('Day')").await?;
    desk.sees("!css('.stale') && !css('.head .problem')").await?;
    desk.leave().await.map(drop)
}
