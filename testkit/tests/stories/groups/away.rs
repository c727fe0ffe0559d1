//! Coming back to a group in which much has happened.

use anyhow::{Result, ensure};
use privmsg_client::{Event, Role};
use privmsg_testkit::Server;

use super::{Room, names};

/// Max is away while Ada, an admin, lets somebody in and then begins a new generation, which he hears of first: her mailbox
/// comes before the group's steps. Her step is of the past, and not a thief's: she has gone on from it.
#[tokio::test]
async fn a_step_of_the_past_locks_nobody_out() -> Result<()> {
    let server = Server::start_with(&[("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "24".to_owned())]).await?;
    let (olga, ada) = (server.person("olga").await?, server.person("ada").await?);
    let (mut max, xenia) = (server.person("max").await?, server.person("xenia").await?);
    let mut stolen = ada.takes_another_device(&server.url()).await?;
    let room = Room::founded(&olga, "Choir", &[&ada, &max]).await?;
    let chat = room.chat(&olga).await?;
    room.done(&olga, olga.client().set_role(chat, &names(&[&ada])[0], Role::Admin).await).await?;
    room.all_talk("before", &[&olga, &ada, &max, &stolen]).await?;
    ada.says(&max, "hello").await?;
    max.hears(&ada, "hello").await?;
    max.says(&ada, "hello, Ada").await?;
    ada.hears(&max, "hello, Ada").await?;

    let mut events = max.client().events();
    max.goes_offline().await?;
    let hers = room.chat(&ada).await?;
    room.done(&ada, ada.client().add_to_group(hers, &names(&[&xenia])).await).await?;
    room.is_called(&xenia, "Choir").await?;
    let device: Vec<_> = stolen.client().whoami().await?.device_id.into_iter().collect();
    stolen.goes_offline().await?;
    ada.client().remove_stolen(&device, ada.words()?).await?;
    room.all_talk("since", &[&olga, &ada, &xenia]).await?;
    for number in 0..30 {
        let said = room.says(&olga, &format!("line {number}")).await?;
        olga.delivered(&said).await?;
    }
    ada.says(&max, "I was robbed").await?;

    max.goes_online().await?;
    max.hears(&ada, "I was robbed").await?;
    let all = [("ada", Role::Admin), ("max", Role::Member), ("olga", Role::Owner), ("xenia", Role::Member)];
    room.has_people(&max, &all).await?;
    room.all_talk("together again", &[&max, &olga, &ada, &xenia]).await?;
    let told = std::iter::from_fn(|| events.try_recv().ok()).any(|event| matches!(event, Event::SetBack));
    ensure!(!told, "nothing is the matter with his profile");
    Ok(())
}
