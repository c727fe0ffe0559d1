//! The admin key: asked for, kept in memory, forgotten.

use anyhow::Result;
use serde_json::json;

use super::desk::{Desk, USUAL};

#[tokio::test]
async fn a_wrong_key_is_refused_and_the_field_says_so() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.is_accessible("sign-in").await?;
    desk.press_button("Sign in").await?;
    desk.sees("alerted('Enter the admin key.')").await?;
    desk.page.fill("css('input[type=password]')", "not the key").await?;
    desk.page.press(&[privmsg_blackbox::keys::ENTER]).await?;
    desk.sees("alerted('The admin key is wrong.')").await?;
    let field = "css('input[type=password]')";
    assert_eq!(desk.page.ask(&format!("{field}.ariaInvalid")).await?, "true");
    assert_eq!(desk.page.ask(&format!("{field} === focused()")).await?, true);
    assert_eq!(desk.page.ask(&format!("{field}.autocomplete")).await?, "current-password");
    desk.leave().await.map(drop)
}

#[tokio::test]
async fn the_key_stays_in_memory() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.sign_in("Overview").await?;
    let stored = "[document.cookie, Object.keys(localStorage), Object.keys(sessionStorage)]";
    assert_eq!(desk.page.ask(stored).await?, json!(["", [], []]));
    let cookies = desk.page.devtools("Network.getAllCookies", &json!({})).await?;
    assert_eq!(cookies, json!({"cookies": []}));
    desk.page.reload().await?;
    desk.sees("css('input[type=password]')").await?;
    desk.sign_in("Overview").await?;
    desk.press_button("Sign out").await?;
    desk.sees("said('You are signed out.') ?? text('You are signed out.')").await?;
    desk.leave().await.map(drop)
}

#[tokio::test]
async fn a_quarter_of_an_hour_without_activity_signs_out() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.page.run("const now = Date.now; globalThis.ahead = 0; Date.now = () => now() + globalThis.ahead;").await?;
    desk.sign_in("Overview").await?;
    // Whoever comes back to the page is looked at at once; otherwise it is some seconds until the next look.
    let minutes_pass = |minutes: u32| {
        format!("globalThis.ahead += {minutes} * 60_000; document.dispatchEvent(new Event('visibilitychange'));")
    };
    desk.page.run(&minutes_pass(14)).await?;
    desk.page.point_at(&json!("viewport"), 100, 100).await?;
    desk.page.run(&minutes_pass(14)).await?;
    assert_eq!(desk.page.ask("title('Overview') !== undefined").await?, true);
    desk.page.run("globalThis.ahead += 90_000;").await?;
    desk.sees("text('You were signed out after 15 minutes')").await?;
    desk.leave().await.map(drop)
}
