//! Languages, colours, sizes.

use anyhow::{Result, ensure};
use privmsg_blackbox::{Look, Running};
use serde_json::json;

use super::desk::{Desk, SHOT, USUAL, browser_is_to_be_had};

#[tokio::test]
async fn in_russian_with_its_plural_forms_and_only_the_language_is_remembered() -> Result<()> {
    let Some(mut desk) = Desk::open(&Look { locale: "ru-RU", ..SHOT }).await? else { return Ok(()) };
    assert_eq!(desk.page.ask("document.documentElement.lang").await?, "ru");
    desk.invents(&["admin/stats/history?", "admin/users"]).await?;
    desk.sign_in("Обзор").await?;
    desk.shoot("ru").await?;
    desk.section("Пользователи").await?;
    desk.sees("text('22 пользователя')").await?;
    desk.page.fill("field('Поиск по ID или имени')", "user1").await?;
    desk.sees("text('Найдено 11 из 22')").await?;
    desk.page.click("field('Язык').querySelector('option[value=en]')").await?;
    desk.arrives("Users").await?;
    assert_eq!(desk.page.ask("document.documentElement.lang").await?, "en");
    assert_eq!(desk.page.ask("({ ...localStorage })").await?, json!({"privmsg-console-language": "en"}));
    desk.page.reload().await?;
    desk.sees("button('Sign in')").await?;
    desk.leave().await.map(drop)
}

#[tokio::test]
async fn both_languages_say_everything_with_the_same_values_put_in() -> Result<()> {
    let Some(mut desk) = Desk::open(&USUAL).await? else { return Ok(()) };
    let differing = desk
        .page
        .run(
            "const load = async (tag) => (await import(new URL(`text/${tag}.js`, document.baseURI))).default;
             const [en, ru] = await Promise.all(['en', 'ru'].map(load));
             const values = (text) => JSON.stringify([...new Set(JSON.stringify(text).match(/\\{\\w+\\}/g))].sort());
             const forms = (text) => typeof text === 'string' ? 'one text' : Object.keys(text).join();
             const wanted = { 'one text': 'one text', 'one,other': 'one,few,many,other' };
             const differs = (name) => !(name in en && name in ru)
               || values(en[name]) !== values(ru[name]) || wanted[forms(en[name])] !== forms(ru[name]);
             const names = [...new Set([...Object.keys(en), ...Object.keys(ru)])];
             return { compared: names.length, differing: names.filter(differs) };",
        )
        .await?;
    assert_eq!(differing["differing"], json!([]));
    ensure!(differing["compared"].as_u64() > Some(100), "{differing}");
    desk.leave().await.map(drop)
}

/// Every page in this look, and again with letters twice as large.
async fn every_page_fits(server: Running, look: Look) -> Result<Running> {
    let name = format!("{}, {} px", look.scheme, look.width);
    let mut desk = Desk::open_at(server, &look).await?;
    desk.is_accessible(&name).await?;
    desk.invents(&["admin/stats/history?", "admin/doctor"]).await?;
    desk.sign_in("Обзор").await?;
    desk.shoot(&if look.width < 400 { format!("{}-narrow", look.scheme) } else { look.scheme.to_owned() }).await?;
    for address in ["#/overview", "#/users", "#/users/dora", "#/audit", "#/health"] {
        desk.page.run(&format!("location.hash = '{address}';")).await?;
        desk.sees("!css('main').ariaBusy && css('main h1')").await?;
        desk.fits(&format!("{name} {address}")).await?;
        desk.is_accessible(&format!("{name} {address}")).await?;
        desk.page.run("document.documentElement.style.fontSize = '200%';").await?;
        desk.fits(&format!("{name} {address} at 200 %")).await?;
        desk.page.run("document.documentElement.style.fontSize = '';").await?;
    }
    desk.page.run("location.hash = '#/users';").await?;
    desk.press_button("Новый пользователь").await?;
    desk.sees("css('dialog[open]')").await?;
    assert_eq!(desk.page.ask("getComputedStyle(css('dialog')).animationName").await?, "none");
    desk.fits(&format!("{name} dialog")).await?;
    desk.is_accessible(&format!("{name} dialog")).await?;
    desk.leave().await
}

/// Dark and light, wide and narrow, large text, no motion where none is wanted.
#[tokio::test]
async fn every_page_fits_every_look() -> Result<()> {
    if !browser_is_to_be_had("every page in every look")? {
        return Ok(());
    }
    let mut server = Running::start(&[]).await?;
    server.user("dora").await?;
    let russian = Look { locale: "ru-RU", still: true, ..SHOT };
    let narrow = Look { width: 360, height: 800, ..russian };
    for look in [Look { scheme: "dark", ..russian }, narrow, Look { scheme: "dark", ..narrow }] {
        server = every_page_fits(server, look).await?;
    }
    Ok(())
}
