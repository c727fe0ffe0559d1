//! Voice messages: said, listened to, sent, heard.

use privmsg_client::{Draft, FileToSend, HeldFile, HistoryItem, MessageView, VoiceNote};
use privmsg_desktop::lang::Lang;
use privmsg_media::sound::{HEARD, RECORDED, Speed};
use privmsg_media::{DecodeError, Decoder, Refusal, Voice, VoiceWriter};

use crate::devices::tone;
use crate::place::{Place, signed_in};
use crate::window::PROGRAM;

/// So many milliseconds of it.
fn voice(ms: u32) -> Voice {
    let mut writer = VoiceWriter::new().unwrap();
    writer.hears(&tone(ms * RECORDED / 1_000, RECORDED)).unwrap();
    writer.finish().unwrap().unwrap()
}

impl Place {
    /// The voice messages that `bob` has heard of.
    fn voices_at_bob(&self) -> Vec<MessageView> {
        let items = self.now(self.bob.client().history(&self.alices(), 10));
        items.iter().filter_map(HistoryItem::message).filter(|message| message.voice().is_some()).cloned().collect()
    }

    fn bob_says(&self, voice: Voice) {
        let Voice { bytes, duration_ms, waveform } = voice;
        let held = HeldFile::voice(bytes, VoiceNote { duration_ms, waveform });
        let draft = Draft { files: vec![FileToSend::Held(held)], ..Draft::default() };
        self.now(self.bob.client().send(&self.alices(), draft));
    }
}

#[test]
fn a_voice_is_decoded_by_another_process() {
    let place = Place::new();
    let decoder = Decoder::by(PROGRAM.into());
    let said = voice(700);
    let heard = place.now(async { decoder.turn().await.listen(said.bytes.clone()).await });
    assert_eq!(heard.len(), 700 * HEARD as usize / 1_000);
    let made = place.now(async { decoder.turn().await.make_voice(said.bytes.clone()).await });
    assert_eq!((made.duration_ms, made.bytes), (700, said.bytes));
    for (file, why) in [(b"no voice".to_vec(), Refusal::Format), (voice(200).bytes[..40].to_vec(), Refusal::Format)] {
        let refused = place.now(async { anyhow::Ok(decoder.turn().await.listen(file).await.map(drop)) });
        assert!(matches!(refused, Err(DecodeError::Refused(it)) if it == why), "{refused:?}");
    }
    let liar = Decoder::by("/bin/echo".into());
    assert!(matches!(
        place.now(async { anyhow::Ok(liar.turn().await.listen(voice(10).bytes).await.map(drop)) }),
        Err(DecodeError::Failed)
    ));
}

/// What is said is listened to, said anew, sent with Enter's button, and is the same for whoever gets it.
#[test]
fn a_voice_message_is_recorded_and_sent() {
    let (place, mut window) = signed_in(Lang::English);
    let devices = window.devices.clone();
    window.clicks_into("new-chat");
    window.enters("bob");
    window.clicks_text("🎙️");
    window.shows("recording");
    window.shows_text("0:01");
    window.clicks("discard");
    window.hides_text(&Lang::English.text("recording"));

    window.clicks_text("🎙️");
    window.shows_text("0:01");
    window.clicks("done-recording");
    window.hides_text(&Lang::English.text("recording"));
    window.clicks_text("▶");
    window.until_now(|| devices.played().len() == 1);
    let (len, from, speed) = devices.played()[0];
    assert_eq!((from, speed), (0, Speed::Normal));
    window.clicks("send");
    window.until_now(|| place.voices_at_bob().len() == 1);
    let heard = place.voices_at_bob().remove(0);
    let voice = heard.voice().unwrap();
    assert_eq!(voice.duration_ms as usize, len * 1_000 / HEARD as usize);
    assert!(voice.waveform.contains(&u8::MAX));
    let decoder = Decoder::by(PROGRAM.into());
    let file = place.file_of(&heard);
    let samples = place.now(async { decoder.turn().await.listen(file).await });
    assert_eq!(samples.len(), len, "what was sent is what was listened to");

    // Whoever sends while they speak has said it.
    window.clicks_text("🎙️");
    window.shows("recording");
    window.rests_for(400);
    window.clicks("send");
    window.until_now(|| place.voices_at_bob().len() == 2);
    // Nothing was said, and nothing goes.
    devices.is_deaf(true);
    window.clicks_text("🎙️");
    window.clicks("send");
    window.rests_for(300);
    window.hides_text(&Lang::English.text("failure-content"));
    assert_eq!(place.voices_at_bob().len(), 2);
}

#[test]
fn no_microphone_is_said() {
    let (_place, mut window) = signed_in(Lang::Russian);
    window.devices.is_deaf(true);
    window.clicks_into("new-chat");
    window.enters("bob");
    window.clicks_text("🎙️");
    window.shows_beginning("Микрофоном или динамиком не удалось воспользоваться.");
    window.hides_text(&Lang::Russian.text("recording"));
}

/// Played, stopped, faster, from the middle; and the next one by itself.
#[test]
fn voice_messages_are_heard() {
    let (place, mut window) = signed_in(Lang::English);
    let devices = window.devices.clone();
    place.bob_says(voice(2_000));
    let named = Lang::English.with("voice-message", &[("length", "0:02".into())]);
    window.shows_text(&named);
    window.clicks_text("bob");
    window.clicks("accept");
    window.shows_text("0:02");
    devices.hold(true);
    window.clicks_text("▶");
    window.shows_text("0:01 / 0:02");
    window.clicks_text(&Lang::English.with("speed", &[("times", 1.into())]));
    window.shows_text(&Lang::English.with("speed", &[("times", 1.5.into())]));
    window.until_now(|| devices.played().len() == 2);
    let played = devices.played();
    let all = 2 * HEARD as usize;
    assert_eq!(played[0], (all, 0, Speed::Normal));
    assert_eq!((played[1].0, played[1].2), (all, Speed::Faster));
    assert_eq!(played[1].1, all / 2, "from where it was");
    window.clicks_text("⏸");
    window.shows_text("▶");

    place.bob_says(voice(1_000));
    window.shows_text("0:01");
    devices.hold(false);
    window.clicks_text("▶");
    window.until_now(|| devices.played().last().is_some_and(|(len, ..)| *len == HEARD as usize));
    let next = *devices.played().last().unwrap();
    assert_eq!(next, (HEARD as usize, 0, Speed::Faster), "the next one plays by itself, as fast");
}

/// What only calls itself a voice does no harm, and is said.
#[test]
fn what_is_no_voice_is_not_played() {
    let (place, mut window) = signed_in(Lang::English);
    let devices = window.devices.clone();
    place.bob_says(Voice { bytes: b"OggS but no more".to_vec(), duration_ms: u32::MAX, waveform: vec![255; 64] });
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks_text("▶");
    window.shows("voice-broken");
    assert!(devices.played().is_empty());
}
