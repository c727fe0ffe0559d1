//! What the server finds about itself.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::desk::{Desk, USUAL};

#[tokio::test]
async fn health_is_what_the_server_finds_and_what_is_wrong_comes_first() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.sign_in("Overview").await?;
    desk.section("Health").await?;
    let found = desk.administer("GET", "doctor", json!({})).await?;
    let checks = found["checks"].as_array().context("checks")?.len();
    ensure!(checks > 0, "{found}");
    assert_eq!(desk.page.ask("all('.checks li').length").await?, checks);
    desk.is_accessible("health").await?;
    desk.invents(&["admin/doctor"]).await?;
    desk.press_button("Check again").await?;
    desk.sees("said('Checked again.')").await?;
    assert_eq!(
        desk.page.ask("all('.checks li').map((item) => item.className)").await?,
        json!(["fail", "warn", "pass"])
    );
    desk.sees("text('Failed: No relay answers.')").await?;
    desk.is_accessible("health with faults").await?;
    desk.leave().await.map(drop)
}
