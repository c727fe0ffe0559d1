//! Somebody who gets an invitation instead of a key.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::Secret;
use privmsg_protocol::rest::{Invite, Invited};
use privmsg_testkit::http::Http;
use privmsg_testkit::{Account, ServerProcess, Terminal, binaries};
use serde_json::Value;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_lets_somebody_in_once() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let data = dir.path().join("server");
    std::fs::create_dir(&data)?;
    let server = ServerProcess::start(&binaries::server()?, &data, &[]).await?;
    let before = server.admin().creates("carol").await?;
    let request = Invite {
        admin_key: Some(Secret::new(server.admin().key().to_owned())),
        expires_in_hours: None,
        server_url: Some(server.url()),
    };
    let path = "/api/v1/admin/users/carol/invitation";
    let invited: Invited = Http::connect(server.address()).await?.send("POST", path, None, &request).await?.json()?;

    let cut = invited.link.expose().split('#').next().unwrap_or_default().to_owned();
    ensure!(login(&dir.path().join("cut"), &cut).await?.status.code() == Some(2), "a link without its end");

    let done = login(&dir.path().join("first"), invited.link.expose()).await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said: Value = serde_json::from_slice(&done.stdout)?;
    let access_key = said["access_key"].as_str().context("the new access key")?.to_owned();
    ensure!(said["recovery_key"].is_string() && access_key != before.access_key.expose());

    // Who comes second with the same link does not get in.
    ensure!(!login(&dir.path().join("second"), invited.link.expose()).await?.status.success());

    // A further device signs in with the key that was shown; the one from before has ended.
    let further = Account { user_id: before.user_id.clone(), access_key: Secret::new(access_key) };
    let binary = binaries::terminal()?;
    let words = said["recovery_key"].as_str().unwrap_or_default();
    let mut command = privmsg(&binary, &dir.path().join("further"));
    command.args(["login", "--json", "--server", &server.url(), "--user-id", "carol"]);
    command.env("PRIVMSG_ACCESS_KEY", further.access_key.expose()).env("PRIVMSG_RECOVERY_KEY", words);
    let done = command.output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let late = Terminal::signs_in(&binary, &dir.path().join("late"), &server.url(), &before).await;
    ensure!(late.is_err(), "the key from before the invitation");
    Ok(())
}

/// Where no authority vouches for the server, the invitation says by which key it is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_brings_the_key_of_a_server_that_vouches_for_itself() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let data = dir.path().join("server");
    std::fs::create_dir(&data)?;
    let server = ServerProcess::start_with_tls(&binaries::server()?, &data, &[]).await?;
    let account = server.admin().creates("carol").await?;
    let request = Invite {
        admin_key: Some(Secret::new(server.admin().key().to_owned())),
        expires_in_hours: None,
        server_url: Some(format!("https://{}", server.address())),
    };
    let path = "/api/v1/admin/users/carol/invitation";
    let mut http = Http::connect(server.endpoint()).await?;
    let invited: Invited = http.send("POST", path, None, &request).await?.json()?;

    // The certificate is for another name, and nobody knows who signed it.
    let mut by_hand = privmsg(&binaries::terminal()?, &dir.path().join("by hand"));
    by_hand.args(["login", "--json", "--server", &format!("https://{}", server.address()), "--user-id", "carol"]);
    let refused = by_hand.env("PRIVMSG_ACCESS_KEY", account.access_key.expose()).output().await?;
    let said: Value = serde_json::from_slice(&refused.stderr)?;
    ensure!(said["error"]["code"] == "certificate", "{said}");

    let done = login(&dir.path().join("invited"), invited.link.expose()).await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let whoami =
        privmsg(&binaries::terminal()?, &dir.path().join("invited")).args(["whoami", "--json"]).output().await?;
    let me: Value = serde_json::from_slice(&whoami.stdout)?;
    let fingerprint = me["fingerprint"].as_str().context("a pinned key")?;
    ensure!(said["error"]["message"].as_str().is_some_and(|message| message.contains(fingerprint)), "{said} {me}");
    Ok(())
}

async fn login(profile: &Path, link: &str) -> Result<std::process::Output> {
    let mut command = privmsg(&binaries::terminal()?, profile);
    Ok(command.args(["login", "--invitation", "--json"]).env("PRIVMSG_INVITATION", link).output().await?)
}

fn privmsg(binary: &Path, profile: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env("PRIVMSG_PROFILE", profile).env("LC_ALL", "C").env_remove("DBUS_SESSION_BUS_ADDRESS");
    command.env_remove("XDG_RUNTIME_DIR").env_remove("PRIVMSG_PASSPHRASE");
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    command
}
