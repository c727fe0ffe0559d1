//! Lines as people type them.

use super::*;

fn arguments(line: &str) -> Vec<OsString> {
    line.split(' ').map(Into::into).collect()
}

#[test]
fn the_definition_is_sound_in_both_languages() {
    definition(Lang::En).debug_assert();
    definition(Lang::Ru).debug_assert();
}

#[test]
fn what_applies_to_all_commands_may_stand_before_or_after_the_command() {
    for line in ["privmsg --json --profile /p chats", "privmsg chats --profile /p --json"] {
        let args = parse(&arguments(line), Lang::En).unwrap().unwrap();
        assert!(args.json);
        assert_eq!(args.profile, Some("/p".into()));
    }
    let args = parse(&arguments("privmsg --json devices --profile /p remove abc"), Lang::En).unwrap().unwrap();
    assert!(args.json && args.profile.is_some());
}

#[test]
fn a_text_may_begin_with_a_hyphen() {
    for (line, expected) in
        [("privmsg send bob -", "-"), ("privmsg send bob -1", "-1"), ("privmsg send bob -- --json", "--json")]
    {
        match parse(&arguments(line), Lang::En).unwrap().unwrap().command {
            Command::Send(send) => assert_eq!(send.text.as_deref(), Some(expected)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_option_with_a_slip_in_it_is_not_sent() {
    for line in ["privmsg send bob --flie", "privmsg send bob --flie a.txt", "privmsg edit x --for-me"] {
        assert!(matches!(parse(&arguments(line), Lang::En), Err(Failure::Usage(_))), "{line}");
    }
    let Err(Failure::Usage(said)) = parse(&arguments("privmsg send bob --flie a.txt"), Lang::En) else { panic!() };
    assert!(said.contains("--flie"), "{said}");
}

#[test]
fn the_help_that_is_named_is_that_of_the_command() {
    for (line, path) in [
        ("privmsg --json group leave", "privmsg group leave"),
        ("privmsg send chats hello", "privmsg send"),
        ("privmsg nonsense", "privmsg"),
    ] {
        assert_eq!(path_of(&arguments(line), Lang::En), path);
    }
}

#[test]
fn what_is_wrong_is_followed_by_what_would_be_right() {
    for (line, right) in [
        ("privmsg send bob hello world", "privmsg send USER 'Hello, world'"),
        ("privmsg edit 0190163d-8694-739b-aea5-966c26f8ad91 hello world", "quotes"),
        ("privmsg --json chat bob", "'send' and 'listen'"),
        ("privmsg settings foo on", "read_receipts, presence, typing, cache_mb"),
        ("privmsg settings presence maybe", "on or off"),
        ("privmsg settings cache_mb much", "megabytes"),
    ] {
        let Err(Failure::Usage(said)) = parse(&arguments(line), Lang::En) else { panic!("{line} is taken") };
        assert!(said.contains(right), "{line}: {said}");
        let megabytes = line.contains("cache_mb");
        assert_eq!(said.contains("megabytes"), megabytes, "{line}: {said}");
    }
    let Err(Failure::Usage(said)) = parse(&arguments("privmsg history bob hello"), Lang::En) else { panic!() };
    assert!(!said.contains("quotes"), "{said}");
}

#[test]
fn a_setting_alone_is_shown() {
    for (line, shows_cache) in [("privmsg settings cache_mb", true), ("privmsg settings typing", false)] {
        match parse(&arguments(line), Lang::En).unwrap().unwrap().command {
            Command::Settings(Settings::ShowCache) => assert!(shows_cache),
            Command::Settings(Settings::Show(Setting::Typing)) => assert!(!shows_cache),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn options_after_the_text_are_still_options() {
    match parse(&arguments("privmsg send bob hello --file a --file b --timeout 5"), Lang::En).unwrap().unwrap().command
    {
        Command::Send(send) => {
            assert_eq!(send.files, ["a", "b"].map(PathBuf::from));
            assert_eq!(send.timeout, Some(5));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn language_and_form_are_known_even_if_the_arguments_are_wrong() {
    let manner = |line: &str| Manner::of(&arguments(line), |_| None);
    assert_eq!(manner("privmsg nonsense --lang ru --json"), Manner { lang: Lang::Ru, json: true });
    assert_eq!(manner("privmsg --lang=ru"), Manner { lang: Lang::Ru, json: false });
    assert_eq!(manner("privmsg send bob -- --json"), Manner { lang: Lang::En, json: false });
}
