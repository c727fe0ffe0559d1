//! Pictures: decoded by a process that can do nothing else, shown, and made anew before they are sent.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use privmsg_client::{Client, HistoryItem, MessageView, Profile, Recipient};
use privmsg_desktop::lang::Lang;
use privmsg_media::{DecodeError, Decoder, Refusal};

use crate::place::{Place, signed_in};
use crate::window::PROGRAM;

/// A picture of one colour.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = [200, 30, 30].repeat((width * height) as usize);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// A photograph that says where it was taken.
async fn photograph() -> Result<Vec<u8>, DecodeError> {
    // What is see-through stays a PNG, and this is large and not: of noise, so that it becomes a JPEG.
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 1_200, 1_200);
    encoder.set_color(png::ColorType::Rgb);
    let noise = (0..1_200 * 1_200 * 3_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>();
    encoder.write_header().unwrap().write_image_data(&noise).unwrap();
    let made = Decoder::by(PROGRAM.into()).turn().await.make(file, 1_200).await?;
    assert_eq!(made.extension, "jpg");
    let place = b"Exif\0\0Reykjavik";
    let length = u16::try_from(place.len() + 2).unwrap().to_be_bytes();
    Ok([&made.bytes[..2], &[0xff, 0xe1], &length, place, &made.bytes[2..]].concat())
}

fn says_where(file: &[u8]) -> bool {
    file.windows(9).any(|part| part == b"Reykjavik")
}

impl Place {
    /// The only file of a message that `bob` has heard.
    pub(crate) fn file_of(&self, heard: &MessageView) -> Vec<u8> {
        self.now(async {
            let client = self.bob.client();
            client.want_files(heard.id).await?;
            client.wait_files(heard.id).await?;
            client.read_file(heard.id, 0, 64 << 20).await
        })
    }

    fn bob_shows(&self, caption: &str, path: &Path) {
        self.now(self.bob.shows(&self.alice.user_id, caption, &[path]));
    }
}

#[test]
fn a_picture_is_decoded_by_another_process() {
    let place = Place::new();
    let decoder = Decoder::by(PROGRAM.into());
    let shown = place.now(async { decoder.turn().await.show(png(1_000, 500), 100).await });
    assert_eq!((shown.width, shown.height, shown.rgba.len()), (100, 50, 100 * 50 * 4));
    assert_eq!(shown.rgba[..4], [200, 30, 30, 255]);
    let refused = |file: Vec<u8>| place.now(async { anyhow::Ok(decoder.turn().await.show(file, 100).await.map(drop)) });
    assert!(matches!(refused(b"no picture".to_vec()), Err(DecodeError::Refused(Refusal::Format))));
    assert!(matches!(refused(png(16, 16)[..40].to_vec()), Err(DecodeError::Refused(Refusal::Broken))));
    // Whatever answers is not believed.
    let liar = Decoder::by("/bin/echo".into());
    assert!(matches!(
        place.now(async { anyhow::Ok(liar.turn().await.show(png(1, 1), 100).await) }),
        Err(DecodeError::Failed)
    ));
    let none = Decoder::by("/nowhere".into());
    assert!(matches!(
        place.now(async { anyhow::Ok(none.turn().await.show(png(1, 1), 100).await) }),
        Err(DecodeError::NotStarted(_))
    ));
}

/// What it may cost, as the system has noted it.
#[cfg(target_os = "linux")]
#[test]
fn that_process_can_open_nothing() {
    let mut process =
        Command::new(PROGRAM).arg("--decode").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", process.id());
    let limit = |name: &str| {
        let all = std::fs::read_to_string(&limits).unwrap();
        let line = all.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    for _ in 0..500 {
        if limit("Max open files") == "0" && limit("Max address space") != "unlimited" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for (name, most) in [
        ("Max open files", "0"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max core file size", "0"),
        ("Max cpu time", "10"),
        ("Max address space", "1073741824"),
    ] {
        assert_eq!(limit(name), most, "{name}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Of whom one talks with, pictures come by themselves; of a stranger, nothing does; and what only looks like one does no harm.
#[test]
fn pictures_are_seen() {
    let (place, mut window) = signed_in(Lang::English);
    let files = ["red.png", "broken.png", "after.png"].map(|name| place.folder.path().join(name));
    std::fs::write(&files[0], png(640, 400)).unwrap();
    std::fs::write(&files[1], &png(640, 400)[..60]).unwrap();
    std::fs::write(&files[2], png(64, 64)).unwrap();
    place.bob_shows("A stranger's", &files[0]);
    window.clicks_text("bob");
    let name = window.shows_beginning("red.png");
    window.rests_for(1_000);
    let wanted = place.now(async {
        let client = Client::open(&Profile::at(place.profile()), None).await?;
        let chat = Recipient::User(place.bob.account().user_id.clone());
        let items = client.history(&chat, 1).await?;
        let message = items.first().and_then(HistoryItem::message).context("a message")?;
        anyhow::Ok(client.downloads(message.id).await?)
    });
    assert!(wanted.is_empty(), "{wanted:?}");
    window.clicks("accept");
    window.hides_text(&name);
    place.bob_shows("Broken", &files[1]);
    window.shows("picture-broken");
    place.bob_shows("After that", &files[2]);
    // Its name stands there until it has come.
    window.shows_text("After that");
    window.hides_beginning("after.png");
}

/// What was taken with a phone says where, and the file that is sent does not; unless somebody wants that.
#[test]
fn what_is_sent_says_nothing_of_where_it_was_taken() {
    let (place, mut window) = signed_in(Lang::Russian);
    let path = place.folder.path().join("прогулка.jpg");
    let file = place.now(photograph());
    assert!(says_where(&file));
    std::fs::write(&path, &file).unwrap();
    window.clicks_into("new-chat");
    window.enters("bob");
    window.takes_a_file(&path);
    window.shows("picture-says-nothing");
    window.says("Посмотри");
    let heard = place.now(place.bob.hears(&place.alice.user_id, "Посмотри"));
    assert_eq!(heard.attachments[0].name, "прогулка.jpg");
    assert!(!says_where(&place.file_of(&heard)));
    window.hides_text(&Lang::Russian.text("files-going"));
    window.takes_a_file(&path);
    window.clicks("keep-as-it-is");
    window.shows("picture-says-all");
    window.says("Как есть");
    let heard = place.now(place.bob.hears(&place.alice.user_id, "Как есть"));
    assert_eq!(place.file_of(&heard), file);
}
