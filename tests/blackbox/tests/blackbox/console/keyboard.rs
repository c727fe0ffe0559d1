//! Without a mouse.

use anyhow::{Result, bail, ensure};
use privmsg_blackbox::keys::{DOWN, ENTER, ESCAPE, SHIFT, TAB};

use super::desk::{Desk, USUAL};

impl Desk {
    /// Presses keys; where the keyboard is then can be seen.
    async fn presses(&mut self, keys: &[&str]) -> Result<()> {
        self.page.press(keys).await?;
        // A radio button in the look of a switch shows it on its label.
        let seen =
            "[focused(), focused().nextElementSibling].filter(Boolean).map((element) => getComputedStyle(element))
            .some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)";
        if self.page.ask(seen).await? == false {
            bail!("no visible focus on {}", self.page.ask("focused().outerHTML.slice(0, 120)").await?);
        }
        Ok(())
    }

    /// Tabs on until the focus is there.
    async fn tabs_to(&mut self, name: &str, keys: &[&str]) -> Result<()> {
        for _ in 0..30 {
            self.presses(keys).await?;
            if self.page.ask("nameOf(focused())").await? == name {
                return Ok(());
            }
        }
        bail!("Tab does not lead to “{name}”")
    }
}

#[tokio::test]
async fn everything_goes_with_the_keyboard_alone() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    let key = desk.server.admin().key().to_owned();
    desk.tabs_to("Skip to content", &[SHIFT, TAB]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.tabs_to("Admin key", &[TAB]).await?;
    desk.page.type_text(&key).await?;
    desk.page.press(&[ENTER]).await?;
    desk.arrives("Overview").await?;
    desk.tabs_to("Users", &[SHIFT, TAB]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.arrives("Users").await?;
    let on = desk.page.ask("focused().localName").await?;
    ensure!(on == "h1", "the focus is on what is new, and not on {on}");
    desk.tabs_to("New user", &[TAB]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.sees("field('User ID') === focused()").await?;
    desk.page.type_text("grace").await?;
    desk.tabs_to("An invitation: link and QR code, for one use", &[TAB]).await?;
    desk.presses(&[DOWN]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.sees("heading('Access key of grace')").await?;
    // Neither Escape nor one press closes what is shown once and has not been copied.
    desk.page.press(&[ESCAPE]).await?;
    desk.sees("css('dialog[open]') && text('You have not copied it')").await?;
    desk.tabs_to("Close without copying", &[TAB]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.arrives("grace").await?;
    desk.tabs_to("Deactivate", &[TAB]).await?;
    desk.page.press(&[ENTER]).await?;
    desk.sees("css('dialog[open]')").await?;
    desk.page.press(&[ESCAPE]).await?;
    // Escape gives the focus back.
    desk.sees("!css('dialog[open]') && nameOf(focused()) === 'Deactivate'").await?;
    desk.leave().await.map(drop)
}
