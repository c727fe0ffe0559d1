//! The passphrase of a device, and the window that asks for it.

use privmsg_client::{KeyPlace, Profile};
use privmsg_desktop::app::Message;
use privmsg_desktop::lang::Lang;
use privmsg_desktop::looks::Looks;

use crate::place::signed_in_high;
use crate::window::open_as_kept;

/// A passphrase is set; from then on it is asked for when the window was locked, and when the program starts.
#[test]
fn a_locked_window_shows_nothing_until_the_passphrase_is_typed() {
    let (place, mut window) = signed_in_high(Lang::English);
    let key_file = place.profile().join("database.key");
    window.hears(Message::Lock);
    place.now(place.bob.says(&place.alice.user_id, "Nobody can lock what has no passphrase"));
    window.shows_text("Nobody can lock what has no passphrase");
    window.clicks("settings");
    // What comes late moves what is below it.
    window.shows("own-link");
    window.shows("this-device");
    window.shows("lock-none-file");
    assert!(key_file.exists());
    window.clicks("lock-set");
    window.shows("passphrase-wanted");
    window.clicks("lock-set");
    window.shows("slip-passphrase-empty");
    window.clicks_into("passphrase-wanted");
    window.types("open sesame");
    window.clicks_into("passphrase-again");
    window.enters("open sesam");
    window.shows("slip-passphrase");
    window.enters("e");
    window.shows("lock-after");
    assert!(!key_file.exists(), "the key is still there in the clear");

    window.clicks("lock-now");
    window.shows("locked-title");
    let covered = window.texts();
    assert!(!covered.iter().any(|text| text.contains("bob") || text.contains("Nobody")), "{covered:?}");
    place.now(place.bob.says(&place.alice.user_id, "For your eyes"));
    let told = window.tells();
    assert_eq!((told.title.as_str(), told.text), ("PrivMsg", Lang::English.text("told-hidden")));
    window.hears(Message::Focus(true));
    window.clicks_into("passphrase");
    window.enters("open barley");
    window.shows("failure-wrong-passphrase");
    // Whoever sits there puts another key in its place, under none or under their own passphrase.
    let keystore = place.profile().join("keystore.json");
    let (kept, theirs) = (std::fs::read(&keystore).unwrap(), Profile::at(place.folder.path().join("theirs")));
    theirs.create(KeyPlace::Passphrase, Some("theirs")).unwrap();
    std::fs::copy(theirs.dir().join("keystore.json"), &keystore).unwrap();
    window.clicks_into("passphrase");
    window.enters("theirs");
    window.rests_for(2_000);
    window.shows("failure-wrong-passphrase");
    std::fs::write(&keystore, r#"{"version": 1, "key": {"kind": "file"}}"#).unwrap();
    std::fs::write(&key_file, "00".repeat(32)).unwrap();
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    window.presses_enter();
    window.rests_for(2_000);
    window.shows("failure-wrong-passphrase");
    window.shows("locked-title");
    std::fs::remove_file(&key_file).unwrap();
    std::fs::write(&keystore, kept).unwrap();
    window.clicks_into("passphrase");
    window.enters("open sesame");
    window.shows("lock-after");
    window.shows_text("For your eyes");
    window.hears(Message::Lock);
    window.shows("locked-title");
    window.closes();

    // Somebody who goes away at once.
    let profile = Profile::at(place.profile());
    Looks { lang: Some(Lang::English), lock_after: Some(0), ..Looks::of(&profile) }.keep(&profile).unwrap();
    let mut window = open_as_kept(profile.dir());
    window.shows("locked-title");
    window.clicks_into("passphrase");
    window.enters("open sesame");
    window.hides_text(&Lang::English.text("locked-title"));
    window.shows("locked-title");
    window.closes();
}

/// Whoever knows the passphrase can take it away.
#[test]
fn a_passphrase_is_changed_and_taken_away() {
    let (place, mut window) = signed_in_high(Lang::Russian);
    window.clicks("settings");
    // What comes late moves what is below it.
    window.shows("own-link");
    window.shows("this-device");
    window.clicks("lock-set");
    for (now, next) in [(None, "old"), (Some("old"), "new")] {
        if let Some(now) = now {
            window.clicks("lock-change");
            window.clicks_into("passphrase-now");
            window.types(now);
        }
        window.clicks_into("passphrase-wanted");
        window.types(next);
        window.clicks_into("passphrase-again");
        window.enters(next);
        window.shows("lock-after");
    }
    window.clicks("lock-remove");
    window.clicks_into("passphrase-now");
    window.enters("old");
    window.shows("failure-wrong-passphrase");
    window.presses_backspace("old".len());
    window.enters("new");
    window.shows("lock-none-file");
    window.closes();
    let mut window = open_as_kept(&place.profile());
    window.speaks(Lang::English);
    window.shows("no-chats");
}
