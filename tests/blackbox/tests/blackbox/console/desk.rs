//! An administrator at the console, in a browser of their own, and what has to hold on every page.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::{Browser, Look, Running, find, keys};
use privmsg_harness::http::Http;
use serde_json::{Value, json};

/// What Chromium says about every refusal of an API; the page deals with these itself.
const REFUSAL: &str = "Failed to load resource: the server responded with a status of 4";

/// A usual window, and the size of a screenshot in the documentation.
pub(super) const USUAL: Look = Look { width: 1180, height: 800, locale: "en-GB", scheme: "light", still: false };
pub(super) const SHOT: Look = Look { width: 1000, height: 700, ..USUAL };

/// As a text in the page's language.
pub(super) fn js(text: &str) -> String {
    Value::from(text).to_string()
}

/// A browser at the console of a server.
pub(super) struct Desk {
    pub(super) page: Browser,
    pub(super) server: Running,
    /// What must not stand in any address.
    pub(super) secrets: Vec<String>,
}

impl Desk {
    /// Opens the console of a new server. `None` if this system has no browser for it, which is said by name.
    pub(super) async fn open(look: &Look) -> Result<Option<Self>> {
        if !browser_is_to_be_had("the console in a browser")? {
            return Ok(None);
        }
        Self::open_at(Running::start(&[]).await?, look).await.map(Some)
    }

    /// Opens the console of this one.
    pub(super) async fn open_at(server: Running, look: &Look) -> Result<Self> {
        let mut page = Browser::start(look).await?;
        page.goto(&format!("http://{}/admin/", server.address())).await?;
        page.wait("css('input[type=password]')").await?;
        let secrets = vec![server.admin().key().to_owned()];
        Ok(Self { page, server, secrets })
    }

    /// Ends the visit: the page has talked to nobody else, complained about nothing, and put no secret into an address.
    pub(super) async fn leave(mut self) -> Result<Running> {
        let origin = format!("http://{}/", self.server.address());
        let complaints = self.page.log("browser").await?;
        let complaints: Vec<_> = complaints
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")))
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !message.contains(REFUSAL))
            .collect();
        ensure!(complaints.is_empty(), "{complaints:#?}");
        let mut requests = 0;
        for entry in self.page.log("performance").await? {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default())?;
            let Some(address) = event["message"]["params"]["request"]["url"].as_str() else { continue };
            requests += 1;
            ensure!(address.starts_with(&origin) || address.starts_with("data:"), "a request to {address}");
            ensure!(!self.secrets.iter().any(|secret| address.contains(secret)), "a secret in an address");
        }
        ensure!(requests > 5, "the requests were watched: {requests}");
        Ok(self.server)
    }

    pub(super) async fn sign_in(&mut self, title: &str) -> Result<()> {
        self.page.fill("css('input[type=password]')", self.server.admin().key()).await?;
        self.page.press(&[keys::ENTER]).await?;
        self.arrives(title).await
    }

    /// The page with this title is there.
    pub(super) async fn arrives(&mut self, title: &str) -> Result<()> {
        self.page.wait(&format!("title({}) && !css('main').ariaBusy", js(title))).await.map(drop)
    }

    pub(super) async fn section(&mut self, name: &str) -> Result<()> {
        self.page.click(&format!("section({})", js(name))).await?;
        self.arrives(name).await
    }

    pub(super) async fn user(&mut self, id: &str) -> Result<()> {
        self.section("Users").await?;
        self.page.click(&format!("link({})", js(id))).await?;
        self.arrives(id).await
    }

    pub(super) async fn press_button(&mut self, name: &str) -> Result<()> {
        self.page.click(&format!("button({})", js(name))).await
    }

    /// The answer in the open dialog.
    pub(super) async fn answer(&mut self, name: &str) -> Result<()> {
        self.page.click(&format!("inDialog({})", js(name))).await
    }

    pub(super) async fn sees(&mut self, expression: &str) -> Result<()> {
        self.page.wait(expression).await.map(drop)
    }

    /// The API as somebody else sees it: status and answer.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Result<(u16, Value)> {
        let mut http = Http::connect(self.server.address()).await?;
        let answer = http.send(method, &format!("/api/v1/{path}"), token, &body).await?;
        Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()))
    }

    /// The API as the administrator sees it.
    pub(super) async fn administer(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        let key = self.server.admin().key().to_owned();
        Ok(self.call(method, &format!("admin/{path}"), Some(&key), body).await?.1)
    }

    pub(super) async fn log_in(&self, user: &str, key: &str, device: &str) -> Result<(u16, Value)> {
        let request = json!({"user_id": user, "access_key": key, "device_name": device, "device_type": "android"});
        self.call("POST", "auth/login", None, request).await
    }

    /// Puts what a young server cannot have yet in place of its answers: see `figures.js`.
    pub(super) async fn invents(&mut self, parts: &[&str]) -> Result<()> {
        let invent = format!("{}\ninvent(...{});", include_str!("figures.js"), Value::from(parts));
        self.page.run(&invent).await.map(drop)
    }

    /// No violation of the rules that axe knows (WCAG 2.2 A and AA, and good practice), contrast among them.
    pub(super) async fn is_accessible(&mut self, what: &str) -> Result<()> {
        if self.page.ask("'axe' in globalThis").await? == false {
            let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/node_modules/axe-core/axe.min.js");
            let axe =
                std::fs::read_to_string(axe).context("axe-core is missing; `scripts/setup.sh test` installs it")?;
            self.page.run(&axe).await?;
        }
        self.page.wait("still()").await?;
        let look = "const { violations } = await axe.run(document);
             return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);";
        let violations = self.page.run(look).await?;
        ensure!(violations == json!([]), "{what}: {violations:#}");
        Ok(())
    }

    /// Nothing sticks out to the side.
    pub(super) async fn fits(&mut self, what: &str) -> Result<()> {
        let sizes = self.page.ask("[document.documentElement.scrollWidth, innerWidth]").await?;
        ensure!(sizes[0].as_f64() <= sizes[1].as_f64(), "{what}: {} wide in {}", sizes[0], sizes[1]);
        Ok(())
    }

    /// Where a picture goes, to be looked at: beside the build.
    pub(super) async fn shoot(&mut self, name: &str) -> Result<()> {
        let folder = screenshots()?;
        self.page.shoot(&folder.join(format!("console-{name}.png"))).await
    }
}

/// Whether this system has the browser, or should have it: Ubuntu has Chromium as a snap only, which nothing here can
/// install or drive.
pub(super) fn browser_is_to_be_had(test: &str) -> Result<bool> {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let possible = !system.lines().any(|line| line == "ID=ubuntu") || find("chromedriver", "chromium-driver").is_ok();
    if !possible {
        // Not by a macro: tests keep what those print to themselves.
        writeln!(std::io::stderr(), "NOT RUN: {test} (Ubuntu has Chromium as a snap only)")?;
    }
    Ok(possible)
}

fn screenshots() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    std::fs::create_dir_all(&folder).context("the folder of screenshots")?;
    Ok(folder)
}
