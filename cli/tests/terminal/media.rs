//! Pictures and voice messages.

use privmsg_media::sound::RECORDED;
use privmsg_media::{Voice, VoiceWriter};

use crate::people::Two;

/// A second of a tone.
fn voice() -> Voice {
    let at = |n: u32| (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(RECORDED)).sin() * 9_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "of at most 9,000")]
    let tone: Vec<_> = (0..RECORDED).map(|n| at(n) as i16).collect();
    let mut writer = VoiceWriter::new().unwrap();
    writer.hears(&tone).unwrap();
    writer.finish().unwrap().unwrap()
}

/// A picture that says where it was taken.
fn picture() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 3_000, 10);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Location".to_owned(), "Reykjavik".to_owned()).unwrap();
    encoder.write_header().unwrap().write_image_data(&[9; 3_000 * 10 * 3]).unwrap();
    file
}

fn says_where(file: &[u8]) -> bool {
    file.windows(9).any(|part| part == b"Reykjavik")
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_voices_say_what_is_seen_and_heard_and_no_more() {
    Two::play(|alice, bob| {
        std::fs::write(alice.dir.join("here.png"), picture()).unwrap();
        std::fs::write(alice.dir.join("there.png"), picture()).unwrap();
        std::fs::write(alice.dir.join("hello.opus"), voice().bytes).unwrap();
        alice.does(&["send", "bob", "Look", "--picture", "here.png", "--file", "there.png"]).ok();
        let sent = alice.does(&["send", "bob", "--voice", "hello.opus", "--json"]).ok().objects().remove(0);
        assert_eq!(sent["attachments"][0]["voice"]["duration_ms"], 1_000);
        let heard = bob.hears(2);
        assert_eq!(heard[0]["attachments"][0].get("voice"), None);
        let voice = &heard[1]["attachments"][0];
        assert_eq!((&voice["name"], &voice["mime"]), (&"voice.ogg".into(), &"audio/ogg".into()));
        assert_eq!(voice["voice"]["duration_ms"], 1_000);

        std::fs::create_dir(bob.dir.join("saved")).unwrap();
        bob.does(&["download", heard[0]["message_id"].as_str().unwrap(), "--out", "saved"]).ok();
        bob.does(&["download", heard[1]["message_id"].as_str().unwrap(), "--out", "saved"]).ok();
        let saved = |name: &str| std::fs::read(bob.dir.join("saved").join(name)).unwrap();
        let made = saved("here.png");
        assert!(!says_where(&made), "the picture that was made anew");
        let info = png::Decoder::new(std::io::Cursor::new(made)).read_info().unwrap();
        assert_eq!(info.info().width, 2_560);
        assert!(saved("there.png") == picture(), "the file as it is");
        assert_eq!(saved("voice.ogg"), self::voice().bytes);

        let shown = bob.does(&["history", "alice"]).ok();
        assert!(shown.stdout.contains("* [voice] 0:01"), "{}", shown.stdout);
        let shown = bob.does(&["history", "alice", "--lang", "ru"]).ok();
        assert!(shown.stdout.contains("* [голос] 0:01"), "{}", shown.stdout);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_is_refused_before_it_is_sent() {
    Two::play(|alice, _| {
        std::fs::write(alice.dir.join("plans.pdf"), b"%PDF").unwrap();
        for (option, why) in [("--voice", "is not Opus in Ogg"), ("--picture", "is not a JPEG, PNG or WebP")] {
            let refused = alice.does(&["send", "bob", option, "plans.pdf"]);
            assert_eq!(refused.code, 8, "{}", refused.stderr);
            assert!(refused.stderr.contains(why), "{}", refused.stderr);
        }
        let both = alice.does(&["send", "bob", "--voice", "a.ogg", "--file", "b"]);
        assert_eq!(both.code, 2, "{}", both.stderr);
        assert_eq!(alice.does(&["history", "bob", "--json"]).objects().len(), 0);
    })
    .await;
}
