//! The first things that anybody does with a server, as the documentation shows them.

use anyhow::{Context as _, Result};
use privmsg_blackbox::{Running, raw};
use serde_json::{Value, json};

#[tokio::test]
async fn it_is_healthy_and_signs_a_user_in() -> Result<()> {
    let server = Running::start(&[]).await?;
    let health = raw::request(server.address(), "GET", "/health", &[], b"").await?;
    assert_eq!(health.status, 200, "{}", health.text());
    assert_eq!(health.header("content-type"), Some("application/json"));
    let alice = server.user("alice").await?;
    let authorization = format!("Bearer {}", alice.token);
    let headers = [("Authorization", authorization.as_str())];
    let me = raw::request(server.address(), "GET", "/api/v1/users/me", &headers, b"").await?;
    let profile: Value = serde_json::from_slice(&me.body).context("a profile")?;
    assert_eq!(profile["user_id"], "alice");
    let nobody = raw::request(server.address(), "GET", "/api/v1/users/me", &[], b"").await?;
    assert_eq!((nobody.status, nobody.code().as_deref()), (401, Some("unauthorized")));
    Ok(())
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_stop_and_a_kill() -> Result<()> {
    let mut server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    server.stop().await?;
    server.restart().await?;
    server.kill()?;
    server.restart().await?;
    let again = server.device("alice", &alice.access_key).await?;
    assert_ne!(again.device_id, alice.device_id);
    let body = json!({"user_id": "alice", "access_key": "wrong", "device_name": "x", "device_type": "cli"});
    let wrong = raw::request(server.address(), "POST", "/api/v1/auth/login", &[], body.to_string().as_bytes()).await?;
    assert_eq!((wrong.status, wrong.code().as_deref()), (401, Some("invalid_credentials")));
    Ok(())
}
