//! The server alone, killed while it takes thousands of messages a second.

use std::time::Duration;

use anyhow::Result;
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{collect_mailbox, send_until_broken, sign_up};
use privmsg_testkit::{ServerProcess, binaries};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let unlimited = [("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "0".to_owned())];
    let mut server = ServerProcess::start(&binaries::server()?, dir.path(), &unlimited).await?;
    let mut http = Http::connect(server.address()).await?;
    for round in 0..5_u64 {
        let from = sign_up(&mut http, &server.admin(), &format!("from-{round}")).await?;
        let to = sign_up(&mut http, &server.admin(), &format!("to-{round}")).await?;
        let sending = tokio::spawn(send_until_broken(server.address(), from, to.user_id.clone(), 64, 512));
        tokio::time::sleep(Duration::from_millis(100 + 37 * round)).await;
        // Once in good order: what is under way then must not be lost either.
        if round == 2 {
            server.stop()?;
        } else {
            server.kill()?;
        }
        let acknowledged = sending.await??;
        assert!(!acknowledged.is_empty(), "it was under load");
        server.restart().await?;
        let mut there = collect_mailbox(server.address(), &to).await?;
        let count = there.len();
        there.sort_unstable();
        there.dedup();
        assert_eq!(there.len(), count, "nothing twice");
        let lost = acknowledged.iter().filter(|index| there.binary_search(index).is_err()).count();
        assert_eq!(lost, 0, "of {} acknowledged", acknowledged.len());
        http = Http::connect(server.address()).await?;
    }
    server.stop()?;
    assert_eq!(server.integrity()?, "ok");
    Ok(())
}
