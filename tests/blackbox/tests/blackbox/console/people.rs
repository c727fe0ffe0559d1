//! Users: made, invited, given a new key, deactivated and deleted.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use privmsg_blackbox::keys;
use serde_json::json;

use super::desk::{Desk, SHOT, USUAL, js};

/// The second of the texts that a dialog hands over.
const KEY: &str = "css('dialog code.secret', 1).textContent";

#[tokio::test]
async fn a_user_with_a_chosen_id_whose_key_is_shown_once_and_works() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    let origin = format!("http://{}", desk.server.address());
    let may = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": origin});
    desk.page.devtools("Browser.grantPermissions", &may).await?;
    desk.sign_in("Overview").await?;
    desk.section("Users").await?;
    desk.press_button("New user").await?;
    desk.page.fill("field('User ID')", "not/an id").await?;
    desk.press_button("Create user").await?;
    desk.sees("alerted('1 to 64 letters')").await?;
    desk.page.fill("field('User ID')", "dora").await?;
    desk.page.check("field('An access key')").await?;
    desk.press_button("Create user").await?;
    desk.sees("heading('Access key of dora')").await?;
    desk.is_accessible("access key").await?;
    let key = desk.page.text(KEY).await?;
    desk.secrets.push(key.clone());
    desk.press_button("Copy: Access key").await?;
    desk.sees("said('Copied')").await?;
    desk.press_button("Done").await?;
    desk.arrives("dora").await?;
    let page = desk.page.text("document.documentElement.outerHTML").await?;
    ensure!(!page.contains(&key), "the key is still in the page");
    assert_eq!(desk.log_in("dora", &key, "Phone").await?.0, 200);

    desk.section("Users").await?;
    desk.press_button("New user").await?;
    desk.page.fill("field('User ID')", "dora").await?;
    desk.press_button("Create user").await?;
    desk.sees("alerted('A user with this ID exists already.')").await?;
    desk.press_button("Cancel").await?;
    desk.sees("button('New user') === focused()").await?;
    desk.leave().await.map(drop)
}

/// What stands in the picture of an invitation, read as a camera would.
async fn scan(desk: &mut Desk) -> Result<String> {
    let drawn = desk
        .page
        .run(
            "const image = document.querySelector('img.qr');
             await image.decode();
             const canvas = Object.assign(document.createElement('canvas'), { width: 512, height: 512 });
             const context = canvas.getContext('2d');
             context.drawImage(image, 0, 0, 512, 512);
             const { data } = context.getImageData(0, 0, 512, 512);
             const grey = data.filter((_, index) => index % 4 === 1);
             let bytes = '';
             for (const value of grey) bytes += String.fromCharCode(value);
             return btoa(bytes);",
        )
        .await?;
    let grey = base64::engine::general_purpose::STANDARD.decode(drawn.as_str().context("no picture")?)?;
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(512, 512, |x, y| grey[y * 512 + x]);
    let codes = picture.detect_grids();
    let code = codes.first().context("there is no code in the picture")?;
    Ok(code.decode()?.1)
}

#[tokio::test]
async fn an_invitation_whose_picture_says_the_link_which_works_once() -> Result<()> {
    let Some(mut desk) = Desk::open(&SHOT).await? else { return Ok(()) };
    desk.sign_in("Overview").await?;
    desk.section("Users").await?;
    desk.press_button("New user").await?;
    desk.page.fill("field('User ID')", "erin").await?;
    desk.is_accessible("new user").await?;
    desk.press_button("Create user").await?;
    desk.sees("heading('Invitation for erin')").await?;
    desk.is_accessible("invitation").await?;
    desk.shoot("invitation").await?;
    let link = desk.page.text("css('dialog code.secret').textContent").await?;
    assert_eq!(scan(&mut desk).await?, link);
    let (address, key) = link.split_once('#').context("a key")?;
    desk.secrets.push(key.to_owned());
    assert!(address.starts_with("privmsg://join?"), "{address}");
    let query = format!("return Object.fromEntries(new URLSearchParams({}.split('?')[1]));", js(address));
    let parts = desk.page.run(&query).await?;
    let server = format!("http://{}", desk.server.address());
    assert_eq!(parts, json!({"server": server, "user_id": "erin"}));

    let request = json!({"user_id": "erin", "invitation_key": key});
    let (_, redeemed) = desk.call("POST", "auth/redeem", None, request.clone()).await?;
    let access_key = redeemed["access_key"].as_str().context("an access key")?;
    assert_eq!(desk.log_in("erin", access_key, "Phone").await?.0, 200);
    let (_, again) = desk.call("POST", "auth/redeem", None, request).await?;
    assert_ne!(again["code"], json!(null), "{again}");
    assert_eq!(again["access_key"], json!(null), "{again}");
    // It has not been copied, and is shown this once.
    desk.press_button("Done").await?;
    desk.sees("text('You have not copied it, and it is not shown again.')").await?;
    desk.press_button("Close without copying").await?;
    desk.arrives("erin").await?;

    desk.press_button("New invitation").await?;
    desk.press_button("Make an invitation").await?;
    desk.press_button("Done").await?;
    desk.press_button("Close without copying").await?;
    desk.sees("text('An invitation is open until')").await?;
    desk.press_button("Withdraw").await?;
    desk.answer("Withdraw").await?;
    desk.sees("text('There is no open invitation.')").await?;
    desk.leave().await.map(drop)
}

#[tokio::test]
async fn devices_are_signed_out_and_a_user_is_deactivated_given_a_new_key_and_deleted() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    let made = desk.administer("POST", "users", json!({"user_id": "frank"})).await?;
    let first = made["access_key"].as_str().context("an access key")?.to_owned();
    let (_, signed_in) = desk.log_in("frank", &first, "Frank’s phone").await?;
    let token = signed_in["token"].as_str().context("a token")?;
    desk.sign_in("Overview").await?;
    desk.user("frank").await?;
    desk.is_accessible("user").await?;
    desk.press_button("Sign out Frank’s phone").await?;
    desk.answer("Sign out").await?;
    desk.sees("text('Not signed in on any device.')").await?;
    assert_eq!(desk.call("GET", "users/me", Some(token), json!({})).await?.0, 401);

    desk.press_button("Deactivate").await?;
    desk.answer("Deactivate").await?;
    desk.sees("button('Reactivate') && css('.chip.inactive')").await?;
    assert_ne!(desk.log_in("frank", &first, "Phone").await?.0, 200);
    desk.press_button("Reactivate").await?;
    desk.answer("Reactivate").await?;
    desk.sees("button('Deactivate')").await?;
    assert_eq!(desk.log_in("frank", &first, "Phone").await?.0, 200);

    desk.press_button("New access key").await?;
    desk.page.check("field('Sign out all devices as well')").await?;
    desk.press_button("Make a new key").await?;
    desk.sees("css('dialog code.secret', 1)").await?;
    let second = desk.page.text(KEY).await?;
    desk.secrets.extend([first.clone(), second.clone()]);
    desk.press_button("Done").await?;
    desk.press_button("Close without copying").await?;
    desk.sees("text('Not signed in on any device.')").await?;
    assert_ne!(desk.log_in("frank", &first, "Phone").await?.0, 200);
    assert_eq!(desk.log_in("frank", &second, "Phone").await?.0, 200);

    desk.press_button("Delete user").await?;
    desk.page.fill("field('Type frank to confirm')", "Frank").await?;
    desk.answer("Delete user").await?;
    desk.sees("alerted('That is not the user’s ID.')").await?;
    assert_eq!(desk.log_in("frank", &second, "Phone").await?.0, 200);
    desk.page.fill("field('Type frank to confirm')", "frank").await?;
    desk.is_accessible("delete").await?;
    desk.page.press(&[keys::ENTER]).await?;
    desk.arrives("Users").await?;
    assert_eq!(desk.page.ask("link('frank') === undefined").await?, true);
    assert_eq!(desk.administer("GET", "users/frank", json!({})).await?["code"], "unknown_user");

    desk.section("Audit log").await?;
    desk.sees("row('User deleted', 'frank', 'Console')").await?;
    desk.sees("row('New access key', 'frank')").await?;
    desk.is_accessible("audit").await?;
    desk.leave().await.map(drop)
}

#[tokio::test]
async fn the_audit_log_also_says_what_others_have_done() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.administer("POST", "users", json!({"user_id": "erin"})).await?;
    let invited = desk.administer("POST", "users/erin/invitation", json!({})).await?;
    let key = invited["link"].as_str().and_then(|link| link.split_once('#')).context("a link")?.1;
    desk.call("POST", "auth/redeem", None, json!({"user_id": "erin", "invitation_key": key})).await?;
    desk.call("GET", "admin/stats", Some("not the admin key"), json!({})).await?;
    desk.sign_in("Overview").await?;
    desk.section("Audit log").await?;
    desk.sees("row('Invitation used', 'erin')").await?;
    desk.sees("row('Wrong admin key')").await?;
    desk.leave().await.map(drop)
}

/// A page about nobody leads back, the log speaks in words, the frame says which server it is, and nothing is too small to
/// be hit.
#[tokio::test]
async fn there_is_a_way_back_and_no_raw_word() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    desk.administer("POST", "users", json!({"user_id": "hugo"})).await?;
    desk.administer("POST", "users/hugo/invitation", json!({"server_url": "https://chat.example.org"})).await?;
    desk.sign_in("Overview").await?;
    desk.sees("css('header .host').textContent === location.host").await?;
    desk.page.ask("(location.hash = '#/users/nobody', true)").await?;
    desk.sees("text('There is no such user.')").await?;
    desk.page.click("text('← Users')").await?;
    desk.arrives("Users").await?;
    desk.sees("all('main a').every((link) => link.getBoundingClientRect().height >= 24)").await?;
    desk.section("Audit log").await?;
    desk.sees("text('valid until') && !document.body.textContent.includes('expires_at=')").await?;
    desk.leave().await.map(drop)
}
