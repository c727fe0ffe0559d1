//! What somebody has said is said in another chat.

use anyhow::{Result, ensure};
use privmsg_client::{ClientError, Draft, FileToSend, HeldFile, MAX_FORWARDED, Recipient, VoiceNote};
use privmsg_testkit::Person;
use privmsg_testkit::wait::{PATIENCE, until};

use super::alice_and_bob;
use super::transfers::fetched;

fn to(person: &Person) -> Recipient {
    Recipient::User(person.account().user_id.clone())
}

/// Carol has it as Bob's own, under another key and in another place: neither she nor the server learns from it that Alice has said it.
#[tokio::test]
async fn what_is_forwarded_is_said_anew_and_names_nobody() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let carol = server.person("carol").await?;
    let note = VoiceNote { duration_ms: 1_500, waveform: vec![1, 2, 3] };
    let files = vec![FileToSend::Held(HeldFile::voice(*b"a voice, for whoever does not listen", note.clone()))];
    alice.client().send(&to(&bob), Draft { text: "listen".to_owned(), files, reply_to: None }).await?;
    let voice = bob.hears(&alice, "listen").await?;
    alice.says(&bob, "and\u{202e} tell\u{200b} her").await?;
    let text = bob.hears(&alice, "and\u{202e} tell\u{200b} her").await?;

    let sent = bob.client().forward(&voice, &to(&carol)).await?;
    bob.delivered(&sent).await?;
    let sent = bob.client().forward(&text, &to(&carol)).await?;
    bob.delivered(&sent).await?;
    let heard = carol.hears(&bob, "listen").await?;
    until("Carol hears what was shown, and no hidden signs", PATIENCE, || async {
        let texts = carol.texts(&bob).await?;
        let plain = texts.iter().any(|text| text.starts_with("and") && !text.contains(['\u{202e}', '\u{200b}']));
        Ok(plain.then_some(()))
    })
    .await?;
    ensure!(heard.voice() == Some(&note), "{:?}", heard.attachments);
    ensure!(fetched(&carol, &heard).await? == b"a voice, for whoever does not listen");
    let (here, there) = (&heard.attachments[0], &voice.attachments[0]);
    ensure!(here.file_id != there.file_id && here.key != there.key, "it is the same ciphertext");
    ensure!(heard.message_id != voice.message_id && heard.reply_to.is_none());
    Ok(())
}

/// What its author has taken back is not said on, nor what would not go through memory; what they have changed is said on as it was seen.
#[tokio::test]
async fn what_was_taken_back_or_is_too_large_is_not_forwarded() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let sent = alice.says(&bob, "never mind").await?;
    let said = bob.hears(&alice, "never mind").await?;
    alice.client().edit(sent.message_id, "he is a fool".to_owned()).await?;
    until("it is another text", PATIENCE, || async {
        let message = bob.client().message(said.id).await?;
        Ok(message.is_some_and(|message| message.text == "he is a fool").then_some(()))
    })
    .await?;
    let seen = bob.client().forwarded(&said).await?;
    ensure!(seen.text == "never mind", "what nobody has seen is said on: {}", seen.text);
    alice.client().delete(sent.message_id).await?;
    until("it is taken back", PATIENCE, || async {
        let message = bob.client().message(said.id).await?;
        Ok(message.is_some_and(|message| message.deleted).then_some(()))
    })
    .await?;
    let refused = bob.client().forward(&said, &to(&bob)).await;
    ensure!(matches!(refused, Err(ClientError::NotForwardable)), "{refused:?}");

    let large = alice.file("large");
    std::fs::File::create(&large)?.set_len(MAX_FORWARDED + 1)?;
    let sent = alice.client().send(&to(&alice), Draft::files("", vec![large])).await?;
    let refused = alice.client().forwardable(sent.message_id).await;
    ensure!(matches!(refused, Err(ClientError::NotForwardable)), "it is not with the server yet: {refused:?}");
    alice.delivered(&sent).await?;
    let refused = alice.client().forwardable(sent.message_id).await;
    ensure!(matches!(refused, Err(ClientError::TooMuchToForward)), "{refused:?}");
    let nobody = bob.client().forwardable(sent.message_id).await;
    ensure!(matches!(nobody, Err(ClientError::NoSuchMessage)), "{nobody:?}");
    Ok(())
}
