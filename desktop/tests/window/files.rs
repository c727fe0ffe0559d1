//! Files that are sent and received in the window.

use privmsg_client::HistoryItem;
use privmsg_desktop::lang::Lang;

use crate::place::signed_in;

/// What is dropped on a chat goes along with what is written, or not; and what cannot go is said.
#[test]
fn a_file_goes_along_with_what_is_written() {
    let (place, mut window) = signed_in(Lang::English);
    let plan = place.folder.path().join("plan.txt");
    let other = place.folder.path().join("other.txt");
    std::fs::write(&plan, "meet at noon").unwrap();
    std::fs::write(&other, "not this one").unwrap();
    window.clicks_into("new-chat");
    window.enters("bob");
    window.takes_a_file(place.folder.path());
    let name = place.folder.path().file_name().unwrap().to_string_lossy().into_owned();
    window.shows_text(&Lang::English.with("attach-refused", &[("names", name.into())]));
    window.takes_a_file(&other);
    window.shows_text("other.txt, 12 B");
    window.clicks_text("×");
    window.hides_text("other.txt, 12 B");
    window.takes_a_file(&plan);
    window.shows_text("plan.txt, 12 B");
    window.says("The plan");
    let heard = place.now(place.bob.hears(&place.alice.user_id, "The plan"));
    let names: Vec<_> = heard.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["plan.txt"]);
    window.hides_text(&Lang::English.text("files-going"));

    // A file needs no words.
    window.takes_a_file(&other);
    window.clicks("send");
    window.until_now(|| {
        let items = place.now(place.bob.client().history(&place.alices(), 10));
        items
            .iter()
            .filter_map(HistoryItem::message)
            .any(|message| message.attachments.len() == 1 && message.text.is_empty())
    });
}

/// Whoever changes what they have said sends nothing else with it.
#[test]
fn what_is_to_go_along_does_not_go_with_a_change() {
    let (place, mut window) = signed_in(Lang::English);
    let plan = place.folder.path().join("plan.txt");
    std::fs::write(&plan, "meet at noon").unwrap();
    window.clicks_into("new-chat");
    window.enters("bob");
    window.says("At five");
    place.now(place.bob.hears(&place.alice.user_id, "At five"));
    window.takes_a_file(&plan);
    window.shows_text("plan.txt, 12 B");
    window.clicks_in_chat("At five");
    window.clicks("edit");
    window.shows("editing");
    window.presses_backspace("five".len());
    window.enters("six");
    place.now(place.bob.hears(&place.alice.user_id, "At six"));
    window.rests_for(500);
    window.shows_text("plan.txt, 12 B");
    assert_eq!(place.now(place.bob.texts(&place.alice.user_id)), ["At six"]);
}

/// What somebody has sent is saved, beside what has the same name already.
#[test]
fn files_are_saved() {
    let (place, mut window) = signed_in(Lang::Russian);
    let downloads = place.folder.path().join("downloads");
    let picture = place.folder.path().join("отчёт.txt");
    std::fs::write(&picture, vec![b'x'; 300_000]).unwrap();
    place.now(place.bob.shows(&place.alice.user_id, "Прочти", &[&picture]));
    window.clicks_text("bob");
    window.shows_text("отчёт.txt, 300 кБ");
    window.clicks("save-files");
    let said = Lang::Russian.with("files-saved", &[("folder", downloads.display().to_string().into())]);
    window.shows_text(&said);
    assert_eq!(std::fs::read(downloads.join("отчёт.txt")).unwrap().len(), 300_000);
    place.now(place.bob.shows(&place.alice.user_id, "И ещё раз", &[&picture]));
    window.shows_text("И ещё раз");
    window.clicks("save-files");
    window.until_now(|| std::fs::read_dir(&downloads).unwrap().count() == 2);
}
