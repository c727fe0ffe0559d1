//! A headless Chromium, driven over WebDriver (W3C) by the `chromedriver` that comes with it.
//!
//! Elements are named by expressions in the page's own language, which have the functions of `browser/page.js`:
//! `button("Done")`, `field("User ID")`. Whatever is asked for is waited for.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_harness::http::Http;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Program, find, free_port};

/// Put in front of each expression.
const PAGE: &str = include_str!("browser/page.js");

/// How long something may take to be there. A machine that builds something else meanwhile is slow.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(30);

/// Chromium as tests want it: quiet, and talking to nobody by itself.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Refusals that may pass: what was to be clicked is covered for a moment, moves, or has just been made anew.
const PASSING: [&str; 4] =
    ["element click intercepted", "element not interactable", "stale element reference", "no such element"];

/// Keys that stand for no character (WebDriver, 17.4.2).
pub mod keys {
    /// Return.
    pub const ENTER: &str = "\u{e007}";
    /// On to the next.
    pub const TAB: &str = "\u{e004}";
    /// Held while the next one is pressed.
    pub const SHIFT: &str = "\u{e008}";
    /// Away with it.
    pub const ESCAPE: &str = "\u{e00c}";
    /// To the next choice.
    pub const DOWN: &str = "\u{e015}";
}

/// What the screen and its owner are like.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Of the page, in CSS pixels.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// As the browser tells it to pages: `en-GB`.
    pub locale: &'static str,
    /// `light` or `dark`.
    pub scheme: &'static str,
    /// Whether motion is unwanted.
    pub still: bool,
}

/// A browser with one page and nothing stored. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    http: Http,
    session: String,
    port: u16,
    // Ends before its folder goes: fields are dropped in this order.
    _driver: Program,
    _folder: TempDir,
}

impl Browser {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no Chromium or no ChromeDriver, with what to install.
    pub async fn start(look: &Look) -> Result<Self> {
        let chromium = match std::env::var_os("PRIVMSG_CHROMIUM") {
            Some(path) => path.into(),
            None => find("chromium", "chromium")?,
        };
        let folder = tempfile::tempdir().context("a folder for the browser")?;
        let port = free_port()?;
        let mut command = Command::new(find("chromedriver", "chromium-driver")?);
        // Both leave things in the folder for temporary files.
        command.arg(format!("--port={port}")).env("TMPDIR", folder.path()).env("HOME", folder.path());
        let mut driver = Program::start(&mut command, &folder.path().join("chromedriver.log"))?;
        driver.listens(port).await?;
        let http = Http::connect(std::net::SocketAddr::from(([127, 0, 0, 1], port))).await?;
        let mut browser = Self { http, session: String::new(), port, _driver: driver, _folder: folder };

        let size = format!("--window-size={},{}", look.width, look.height);
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([size.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": chromium.to_string_lossy(), "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let begun = browser.request("POST", "/session", &wanted).await.context("starting Chromium")?;
        let id = begun["sessionId"].as_str().context("no session")?;
        browser.session = format!("/session/{id}");
        browser.looks(look).await?;
        Ok(browser)
    }

    async fn looks(&mut self, look: &Look) -> Result<()> {
        let Look { width, height, locale, scheme, still } = *look;
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size).await?;
        let motion = if still { "reduce" } else { "no-preference" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features})).await?;
        self.devtools("Emulation.setLocaleOverride", &json!({"locale": locale})).await?;
        let version = self.devtools("Browser.getVersion", &json!({})).await?;
        let agent = json!({"userAgent": version["userAgent"], "acceptLanguage": locale});
        self.devtools("Emulation.setUserAgentOverride", &agent).await.map(drop)
    }

    /// Opens an address.
    ///
    /// # Errors
    /// If that fails.
    pub async fn goto(&mut self, address: &str) -> Result<()> {
        self.command("/url", &json!({"url": address})).await.map(drop)
    }

    /// Loads the page anew.
    ///
    /// # Errors
    /// If that fails.
    pub async fn reload(&mut self) -> Result<()> {
        self.command("/refresh", &json!({})).await.map(drop)
    }

    /// Sends a command of the DevTools protocol.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn devtools(&mut self, command: &str, parameters: &Value) -> Result<Value> {
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// Runs statements in the page; a promise that they return is awaited.
    ///
    /// # Errors
    /// If they throw.
    pub async fn run(&mut self, statements: &str) -> Result<Value> {
        self.command("/execute/sync", &json!({"script": statements, "args": []})).await
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// If it throws.
    pub async fn ask(&mut self, expression: &str) -> Result<Value> {
        self.run(&format!("{PAGE}\nreturn {expression};")).await.with_context(|| expression.to_owned())
    }

    /// The value of an expression that is a text.
    ///
    /// # Errors
    /// If it throws, or is something else.
    pub async fn text(&mut self, expression: &str) -> Result<String> {
        let value = self.ask(expression).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("{expression} is {value}"))
    }

    /// Waits until an expression is true, or an element. Returns it.
    ///
    /// # Errors
    /// If that does not happen: with what the page shows instead.
    pub async fn wait(&mut self, expression: &str) -> Result<Value> {
        let start = Instant::now();
        loop {
            let value = self.ask(expression).await;
            match value {
                Ok(value) if !matches!(value, Value::Null | Value::Bool(false)) => return Ok(value),
                _ if start.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                value => {
                    let shown = self.ask("document.body.innerText").await.unwrap_or_default();
                    bail!("{expression} is {value:?} in:\n{}", shown.as_str().unwrap_or_default());
                }
            }
        }
    }

    /// Clicks on an element, as a person would: where something lies above it, it waits.
    ///
    /// # Errors
    /// If it is not there, or cannot be clicked on.
    pub async fn click(&mut self, locator: &str) -> Result<()> {
        self.act(locator, "click", &json!({})).await
    }

    /// Replaces what stands in a field.
    ///
    /// # Errors
    /// If it is not there.
    pub async fn fill(&mut self, locator: &str, text: &str) -> Result<()> {
        self.act(locator, "clear", &json!({})).await?;
        self.act(locator, "value", &json!({"text": text})).await
    }

    /// Ticks a box, or chooses a radio button.
    ///
    /// # Errors
    /// If it is not there, or stays as it is.
    pub async fn check(&mut self, locator: &str) -> Result<()> {
        self.wait(locator).await?;
        self.ask(&format!("{locator}.checked || {locator}.click()")).await?;
        self.wait(&format!("{locator}.checked")).await.map(drop)
    }

    async fn act(&mut self, locator: &str, what: &str, body: &Value) -> Result<()> {
        let start = Instant::now();
        loop {
            let element = self.wait(locator).await?;
            let id = element.as_object().and_then(|object| object.values().next()).and_then(Value::as_str);
            let path = format!("/element/{}/{what}", id.with_context(|| format!("{locator} is no element"))?);
            match self.command(&path, body).await {
                Err(error)
                    if start.elapsed() < PATIENCE
                        && PASSING.iter().any(|passing| error.to_string().contains(passing)) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                other => return other.map(drop).with_context(|| format!("{what} {locator}")),
            }
        }
    }

    /// Presses keys together, the last one held shortest.
    ///
    /// # Errors
    /// If the driver refuses.
    pub async fn press(&mut self, keys: &[&str]) -> Result<()> {
        let down = keys.iter().map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.iter().rev().map(|key| json!({"type": "keyUp", "value": key}));
        let actions: Vec<Value> = down.chain(up).collect();
        self.command("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}))
            .await
            .map(drop)
    }

    /// Types a text wherever the keyboard is.
    ///
    /// # Errors
    /// If the driver refuses.
    pub async fn type_text(&mut self, text: &str) -> Result<()> {
        for character in text.chars() {
            self.press(&[character.encode_utf8(&mut [0; 4])]).await?;
        }
        Ok(())
    }

    /// Moves the mouse there: from the page's corner, or to the middle of an element.
    ///
    /// # Errors
    /// If the driver refuses.
    pub async fn point_at(&mut self, origin: &Value, x: u32, y: u32) -> Result<()> {
        let step = json!({"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": origin});
        self.command("/actions", &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": [step]}]}))
            .await
            .map(drop)
    }

    /// Writes what the page looks like into a file, when nothing moves any more.
    ///
    /// # Errors
    /// If that fails.
    pub async fn shoot(&mut self, file: &Path) -> Result<()> {
        self.wait("still()").await?;
        let picture = self.request("GET", &format!("{}/screenshot", self.session), &json!({})).await?;
        let png = STANDARD.decode(picture.as_str().unwrap_or_default()).context("a picture")?;
        std::fs::write(file, png).with_context(|| file.display().to_string())
    }

    /// What has been noted since the last time: `browser` (complaints) or `performance` (events of the DevTools).
    ///
    /// # Errors
    /// If the driver refuses.
    pub async fn log(&mut self, kind: &str) -> Result<Vec<Value>> {
        let entries = self.command("/se/log", &json!({"type": kind})).await?;
        entries.as_array().cloned().context("no log")
    }

    async fn command(&mut self, path: &str, body: &Value) -> Result<Value> {
        let path = format!("{}{path}", self.session);
        self.request("POST", &path, body).await
    }

    async fn request(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.send(method, path, None, body).await?;
        let mut said: Value = serde_json::from_slice(&answer.body).context("no answer of a driver")?;
        let value = said["value"].take();
        ensure!(
            answer.status == 200,
            "{}: {}",
            value["error"].as_str().unwrap_or("?"),
            value["message"].as_str().unwrap_or("?")
        );
        Ok(value)
    }
}

impl Drop for Browser {
    /// The driver is killed, and would leave its Chromium behind: that is ended before, in words.
    fn drop(&mut self) {
        let end = || -> std::io::Result<()> {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(stream, "DELETE {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", self.session)?;
            stream.read(&mut [0; 1]).map(drop)
        };
        if !self.session.is_empty() {
            // A browser that has ended already is what is wanted.
            let _ = end();
        }
    }
}
