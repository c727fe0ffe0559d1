//! Limits of the server: nothing is lost by them.

use anyhow::Result;
use privmsg_client::Reason;
use privmsg_protocol::ErrorCode;
use privmsg_testkit::Server;
use privmsg_testkit::wait::PATIENCE;

use super::numbered;

#[tokio::test]
async fn too_much_that_waits_delays() -> Result<()> {
    let server = Server::start_with(&[("PRIVMSG_LIMITS_MAX_WAITING_MB_PER_USER", "1".to_owned())]).await?;
    let alice = server.person("alice").await?;
    let mut bob = server.person("bob").await?;
    let texts: Vec<String> = numbered("text", 30).into_iter().map(|text| text + &"!".repeat(44 * 1024)).collect();
    alice.says(&bob, &texts[0]).await?;
    bob.hears(&alice, &texts[0]).await?;
    bob.goes_offline().await?;
    for text in &texts[1..] {
        alice.says(&bob, text).await?;
    }
    alice.waits_because(&[Reason::Refused(ErrorCode::MailboxFull)]).await?;
    bob.goes_online().await?;
    bob.has_exactly(&alice, &texts, PATIENCE).await
}

#[tokio::test]
async fn too_many_messages_a_minute_are_slowed_down() -> Result<()> {
    // One in a second: so much more than that is said at once that a busy machine does not say it slowly enough.
    let limit = ("PRIVMSG_LIMITS_RATE_LIMIT_MESSAGES_PER_MINUTE", "60".to_owned());
    let server = Server::start_with(&[limit]).await?;
    let alice = server.person("alice").await?;
    let bob = server.person("bob").await?;
    let texts = numbered("quickly", 75);
    for text in &texts {
        alice.says(&bob, text).await?;
    }
    alice.waits_because(&[Reason::Refused(ErrorCode::RateLimited)]).await?;
    bob.has_exactly(&alice, &texts, PATIENCE).await
}
