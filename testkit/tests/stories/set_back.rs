//! Profiles that are set back to an earlier copy, or used on two machines.

use anyhow::{Result, ensure};
use privmsg_client::{Event, Reason};
use tokio::sync::broadcast::Receiver;

use privmsg_testkit::Server;
use privmsg_testkit::wait::PATIENCE;

use super::alice_and_bob;

fn set_back(event: &Event) -> bool {
    matches!(event, Event::SetBack)
}

/// Alice's disk is put back to a copy of before. With the state of before, she would encrypt with keys that she has used:
/// nobody could read what she says.
#[tokio::test]
async fn who_was_set_back_is_told_and_loses_nothing_from_then_on() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    bob.says(&alice, "yes?").await?;
    alice.hears(&bob, "yes?").await?;
    alice.goes_offline().await?;
    let mut earlier = alice.copied().await?;

    alice.goes_online().await?;
    for n in 0..3 {
        let said = alice.says(&bob, &format!("forgotten {n}")).await?;
        alice.delivered(&said).await?;
        bob.hears(&alice, &format!("forgotten {n}")).await?;
    }
    bob.says(&alice, "read and forgotten").await?;
    alice.hears(&bob, "read and forgotten").await?;
    alice.goes_offline().await?;

    // Queued before it is noticed.
    let queued = earlier.says(&bob, "after").await?;
    earlier.starts().await?;
    earlier.sees("that she was set back", set_back).await?;
    earlier.delivered(&queued).await?;
    bob.hears(&earlier, "after").await?;
    bob.says(&earlier, "here you are").await?;
    earlier.hears(&bob, "here you are").await?;
    let again = earlier.says(&bob, "indeed").await?;
    earlier.delivered(&again).await?;
    bob.hears(&earlier, "indeed").await?;
    ensure!(earlier.missing(&bob).await? >= 4, "what she said and read is shown as missing");
    ensure!(bob.missing(&earlier).await? == 0, "{} are missing", bob.missing(&earlier).await?);
    Ok(())
}

/// Who has said or heard nothing since the copy was made, is not told anything, and no group is joined anew.
#[tokio::test]
async fn a_copy_of_the_present_is_as_good_as_the_original() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    alice.goes_offline().await?;
    bob.says(&alice, "waits in the mailbox").await?;
    let mut moved = alice.copied().await?;
    let queued = moved.says(&bob, "from the new machine").await?;
    moved.starts().await?;
    let told = async { moved.sees("that she was set back", set_back).await };
    let quiet = tokio::time::timeout(std::time::Duration::from_secs(4), told).await.is_err();
    ensure!(quiet, "nothing is missing");
    moved.delivered(&queued).await?;
    bob.hears(&moved, "from the new machine").await?;
    moved.hears(&bob, "waits in the mailbox").await?;
    ensure!(moved.missing(&bob).await? == 0 && bob.missing(&moved).await? == 0);
    Ok(())
}

/// How often it was said since the last time.
fn warnings(events: &mut Receiver<Event>) -> usize {
    std::iter::from_fn(|| events.try_recv().ok()).filter(set_back).count()
}

/// Two machines use one profile, one after the other: each has forgotten what the other one said. Each says so once, and
/// after three times in a day the server's word, for it is no more than that, is not believed: what is written waits.
#[tokio::test]
async fn two_machines_on_one_profile_lose_nothing_that_they_say() -> Result<()> {
    let (_server, mut one, bob) = alice_and_bob().await?;
    one.says(&bob, "Hi").await?;
    bob.hears(&one, "Hi").await?;
    one.goes_offline().await?;
    let mut other = one.copied().await?;
    let (mut of_one, mut of_other) = (one.client().events(), other.client().events());
    for round in 0..3 {
        for (machine, name) in [(&mut one, "one"), (&mut other, "other")] {
            machine.goes_online().await?;
            let text = format!("{name} {round}");
            let said = machine.says(&bob, &text).await?;
            machine.delivered(&said).await?;
            bob.hears(machine, &text).await?;
            machine.goes_offline().await?;
        }
    }
    ensure!(bob.missing(&one).await? == 0);
    ensure!(bob.texts(&one).await?.len() == 7);
    let told = (warnings(&mut of_one), warnings(&mut of_other));
    ensure!(told == (1, 1), "told {told:?} times");

    one.goes_online().await?;
    let said = one.says(&bob, "one 3").await?;
    one.delivered(&said).await?;
    one.goes_offline().await?;
    other.starts().await?;
    other.says(&bob, "other 3").await?;
    other.waits_because(&[Reason::JoinedTooOften]).await?;
    bob.hears(&one, "one 3").await?;
    ensure!(bob.texts(&one).await?.len() == 8 && warnings(&mut of_other) == 0);
    Ok(())
}

/// A copy of before the invitation: the chat is joined, as by any device that is not in it.
#[tokio::test]
async fn a_copy_with_an_invitation_in_it_does_not_repeat_its_keys() -> Result<()> {
    let (_server, alice, mut bob) = alice_and_bob().await?;
    bob.goes_offline().await?;
    let mut earlier = bob.copied().await?;
    alice.says(&bob, "welcome").await?;
    bob.goes_online().await?;
    bob.hears(&alice, "welcome").await?;
    for n in 0..2 {
        let said = bob.says(&alice, &format!("forgotten {n}")).await?;
        bob.delivered(&said).await?;
        alice.hears(&bob, &format!("forgotten {n}")).await?;
    }
    bob.goes_offline().await?;
    earlier.goes_online().await?;
    let said = earlier.says(&alice, "after").await?;
    earlier.delivered(&said).await?;
    alice.hears(&earlier, "after").await?;
    ensure!(alice.missing(&earlier).await? == 0);
    Ok(())
}

/// The server is restored, and one device of each comes back before the other one does. What the first ones say meanwhile is said again to
/// the late ones, in its place and once.
#[tokio::test]
async fn a_device_that_comes_back_late_after_a_restore_has_what_was_said_meanwhile() -> Result<()> {
    let mut server = Server::start().await?;
    let (mut phone, mut bobs) = (server.person("alice").await?, server.person("bob").await?);
    phone.says(&bobs, "before").await?;
    bobs.hears(&phone, "before").await?;
    bobs.says(&phone, "indeed").await?;
    phone.hears(&bobs, "indeed").await?;
    let mut laptop = phone.takes_another_device(&server.url()).await?;
    let mut tablet = bobs.takes_another_device(&server.url()).await?;
    phone.says(&bobs, "with all of them").await?;
    for (device, of) in [(&laptop, &bobs), (&bobs, &phone), (&tablet, &phone)] {
        device.has(of, "with all of them").await?;
    }
    let backup = server.is_backed_up()?;
    // Each has another leaf since, so that those of the backup are of the past when it comes back.
    for device in [&mut phone, &mut laptop, &mut bobs, &mut tablet] {
        device.goes_offline().await?;
    }
    server.is_set_back_to(&backup).await?;
    for device in [&mut phone, &mut laptop, &mut bobs, &mut tablet] {
        device.goes_online().await?;
    }
    let said = phone.says(&bobs, "in the first life").await?;
    phone.delivered(&said).await?;
    for (device, of) in [(&laptop, &bobs), (&bobs, &phone), (&tablet, &phone)] {
        device.has(of, "in the first life").await?;
    }
    for device in [&mut phone, &mut laptop, &mut bobs, &mut tablet] {
        device.goes_offline().await?;
    }
    server.is_set_back_to(&backup).await?;
    for device in [&mut phone, &mut bobs] {
        device.goes_online().await?;
    }
    let talk = ["are you there?", "yes", "fine"].map(str::to_owned);
    for (text, (by, to)) in talk.iter().zip([(&phone, &bobs), (&bobs, &phone), (&phone, &bobs)]) {
        let said = by.says(to, text).await?;
        by.delivered(&said).await?;
        to.hears(by, text).await?;
    }
    let fine = phone.messages(&bobs).await?.into_iter().find(|message| message.text == "fine");
    let fine = fine.ok_or_else(|| anyhow::anyhow!("she has said it"))?.message_id;
    phone.client().edit(fine, "fine, thanks".into()).await?;
    bobs.has(&phone, "fine, thanks").await?;
    let talk = ["are you there?", "yes", "fine, thanks"].map(str::to_owned);
    for device in [&mut laptop, &mut tablet] {
        device.goes_online().await?;
    }
    let before = ["before", "indeed", "with all of them", "in the first life"].map(str::to_owned);
    for (device, of) in [(&laptop, &bobs), (&tablet, &phone)] {
        for text in &talk {
            device.has(of, text).await?;
        }
        let texts = device.texts(of).await?;
        ensure!(texts.ends_with(&talk), "{texts:?}");
    }
    for (device, of) in [(&phone, &bobs), (&bobs, &phone)] {
        device.has_exactly(of, &[&before[..], &talk[..]].concat(), PATIENCE).await?;
    }
    Ok(())
}
