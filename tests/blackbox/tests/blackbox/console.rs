//! The web console: what is served, and how it behaves in a real browser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::{Running, find, raw};
use tokio::process::Command;

/// How long the program may take that goes through the console in a browser: it takes half a minute, more on a machine
/// that builds something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(300);

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

/// See `tests/web/console.mjs` for all that is looked at.
#[tokio::test]
async fn it_works_in_a_browser() -> Result<()> {
    let server = Running::start(&[]).await?;
    let shots = screenshots()?;
    let program = Command::new(find("node", "nodejs")?)
        .current_dir(web()?)
        .arg("console.mjs")
        .arg(format!("http://{}", server.address()))
        .arg(server.admin().key())
        .arg(&shots)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, program).await.context("the program did not end in time")??;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{said}\n{complained}");
    println!("{said}");
    assert!(said.contains("nobody else was talked to, and nothing was complained about … ok"), "{said}");
    assert!(shots.join("console-overview.png").is_file());
    Ok(())
}

/// The folder of programs that run in Node.js, with their packages.
fn web() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    ensure!(
        folder.join("node_modules/playwright-core").is_dir(),
        "the packages of tests/web are missing; `scripts/setup.sh test` installs them"
    );
    Ok(folder)
}

/// Where screenshots go, to be looked at: beside the build.
fn screenshots() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    std::fs::create_dir_all(&folder).context("the folder of screenshots")?;
    Ok(folder)
}
