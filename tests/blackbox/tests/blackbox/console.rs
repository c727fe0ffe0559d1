//! The web console: what is served, and in the modules below, how it behaves in a real browser.

mod desk;
mod health;
mod keyboard;
mod looks;
mod overview;
mod people;
mod signing_in;

use anyhow::{Context as _, Result};
use privmsg_blackbox::{Running, raw};

/// What stands in the page's own headers, and in those of every file of it.
const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
];

async fn get(server: &Running, path: &str, headers: &[(&str, &str)]) -> Result<raw::Answer> {
    raw::request(server.address(), "GET", path, headers, b"").await
}

#[tokio::test]
async fn every_file_of_the_page_is_guarded() -> Result<()> {
    let server = Running::start(&[]).await?;
    let page = get(&server, "/admin/", &[]).await?;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    let files: Vec<_> = ["href=\"", "src=\""]
        .iter()
        .flat_map(|attribute| text.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(files.contains(&"main.js") && files.contains(&"console.css"), "{files:?}");
    for path in ["", "index.html", "text/ru.js", "views/users.js"].iter().chain(&files) {
        let file = get(&server, &format!("/admin/{path}"), &[]).await?;
        assert_eq!(file.status, 200, "{path}");
        for (name, value) in HEADERS {
            assert_eq!(file.header(name), Some(value), "{path}: {name}");
        }
        let policy = file.header("content-security-policy").context("a policy")?;
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "), "{policy}");
        for rule in ["form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "connect-src 'self'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert!(file.header("permissions-policy").is_some_and(|policy| policy.contains("camera=()")));
        assert_eq!(file.header("set-cookie"), None);
        let tag = file.header("etag").context("a tag")?;
        let again = get(&server, &format!("/admin/{path}"), &[("If-None-Match", tag)]).await?;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_else_is_there() -> Result<()> {
    let server = Running::start(&[]).await?;
    let moved = get(&server, "/admin", &[]).await?;
    assert_eq!((moved.status, moved.header("location")), (308, Some("admin/")));
    for path in
        ["/admin/nothing.js", "/admin/views", "/admin/../Cargo.toml", "/admin/%2e%2e/main.rs", "/admin//main.js"]
    {
        let answer = get(&server, path, &[]).await?;
        assert_eq!((answer.status, answer.code().as_deref()), (404, Some("not_found")), "{path}");
    }
    let posted = raw::request(server.address(), "POST", "/admin/", &[], b"admin_key=x").await?;
    assert_eq!(posted.status, 405);
    let headers = [("Origin", "https://elsewhere.example"), ("Access-Control-Request-Method", "GET")];
    let foreign = raw::request(server.address(), "OPTIONS", "/api/v1/admin/users", &headers, b"").await?;
    assert_eq!(foreign.header("access-control-allow-origin"), None, "other sites may not ask the API");
    Ok(())
}

#[tokio::test]
async fn it_can_be_switched_off() -> Result<()> {
    let server = Running::start(&[("PRIVMSG_ADMIN_CONSOLE", "false".to_owned())]).await?;
    for path in ["/admin", "/admin/", "/admin/main.js"] {
        let answer = get(&server, path, &[]).await?;
        assert_eq!((answer.status, answer.code().as_deref()), (404, Some("not_found")), "{path}");
    }
    let key = format!("Bearer {}", server.admin().key());
    assert_eq!(get(&server, "/api/v1/admin/stats", &[("Authorization", &key)]).await?.status, 200, "the API stays");
    Ok(())
}
