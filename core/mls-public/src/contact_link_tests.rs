use proptest::prelude::*;

use super::*;
use crate::test_keys::account_key;

const LINK: &str = "privmsg://contact?server=https%3A%2F%2Fchat.example.org%3A8443&user_id=al#iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1wAAAAAAAAABQ";

fn al() -> ContactLink {
    ContactLink {
        server: "https://chat.example.org:8443".to_owned(),
        user_id: UserId::new("al").unwrap(),
        identity: account_key(1),
        generation: 5,
    }
}

#[test]
fn the_text_is_pinned() {
    assert_eq!(al().to_string(), LINK);
    assert_eq!(LINK.parse(), Ok(al()));
    assert_eq!(format!(" {}\n", LINK.replace("privmsg", "PRIVMSG")).parse(), Ok(al()), "schemes have no case");
    let more = LINK.replace("&user_id", "&colour=red&user_id");
    assert_eq!(more.parse(), Ok(al()), "what is not known is passed over");
}

#[test]
fn what_mail_programs_do_to_a_link_is_undone() {
    let (first, second) = LINK.split_at(50);
    for form in [
        format!("{first}\n{second}\n"),
        format!("> {first}\r\n> {second}"),
        format!("\"{LINK}\""),
        format!("«{LINK}»."),
        format!("<{LINK}>"),
        format!("  '{LINK}' \n"),
    ] {
        assert_eq!(form.parse(), Ok(al()), "{form}");
    }
}

#[test]
fn what_is_damaged_is_named() {
    let error = |text: &str| text.parse::<ContactLink>().unwrap_err();
    assert_eq!(error("privmsg://join?server=a"), ContactLinkError::NotALink);
    assert_eq!(error(&format!("{LINK}{}", " ".repeat(3) + &"A".repeat(MAX_LEN))), ContactLinkError::NotALink);
    assert_eq!(error(&LINK.replace("https", "ftp")), ContactLinkError::Server);
    assert_eq!(error(&LINK.replace("=al", "=a%2Fl")), ContactLinkError::UserId);
    assert_eq!(error(&LINK.replace("&user_id=al", "&user_id=al&user_id=eve")), ContactLinkError::UserId, "which?");
    assert_eq!(error(LINK.split_once('#').unwrap().0), ContactLinkError::Key);
    assert_eq!(error(&LINK[..LINK.len() - 1]), ContactLinkError::Key);
    assert_eq!(error(&format!("{LINK}AA")), ContactLinkError::Key);
    assert_eq!(error(&LINK.replace("AAAAAAAAABQ", "AAAAAAAAAAA")), ContactLinkError::Key, "there is no generation 0");
    assert_eq!(error(&LINK.replace("AAAAAAAAABQ", "AAAAAAAAABR")), ContactLinkError::Key, "a second spelling");
}

proptest! {
    #[test]
    fn what_was_written_is_read(server in "https://[a-zа-я0-9.:/%&=+-]{1,60}", user in "[A-Za-z0-9_-]{1,64}", generation in 1..1_u64 << 53) {
        let link = ContactLink { server, user_id: UserId::new(&user).unwrap(), generation, ..al() };
        prop_assume!(Invitation::is_server_url(&link.server));
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn foreign_text_never_panics(text in any::<String>()) {
        let _ = text.parse::<ContactLink>();
        let _ = format!("{START}{text}").parse::<ContactLink>();
        let _ = format!("{LINK}{text}").parse::<ContactLink>();
    }
}
