//! Without a server.

use crate::run::{is_russian, privmsg};

const FINGERPRINT: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

const COMMANDS: [&str; 12] = [
    "login",
    "send",
    "listen",
    "history",
    "download",
    "chats",
    "contact",
    "contacts",
    "whoami",
    "devices",
    "safety-number",
    "logout",
];

#[test]
fn help_names_every_command_variable_and_exit_code_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    for (environment, russian) in [("C.UTF-8", false), ("ru_RU.UTF-8", true)] {
        let help = privmsg(dir.path(), &["--help"], &[("LANG", environment)]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert_eq!(is_russian(&help.stdout), russian);
        let variables = [
            "PRIVMSG_PROFILE",
            "PRIVMSG_ACCESS_KEY",
            "PRIVMSG_INVITATION",
            "PRIVMSG_RECOVERY_KEY",
            "PRIVMSG_PASSPHRASE",
            "PRIVMSG_NEW_PASSPHRASE",
            "PRIVMSG_PROXY",
            "HTTPS_PROXY",
        ];
        for word in COMMANDS.iter().chain(&variables).chain(&["NO_COLOR", "--json", "--profile", "--lang"]) {
            assert!(help.stdout.contains(word), "{word} is missing in\n{}", help.stdout);
        }
        for code in 0..=9 {
            assert!(help.stdout.contains(&format!("\n  {code}  ")), "exit code {code}");
        }
    }
}

#[test]
fn no_help_mixes_languages() {
    let dir = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let english = privmsg(dir.path(), &[command, "--help", "--lang", "en"], &[("LANG", "ru_RU.UTF-8")]);
        assert!(english.code == 0 && !is_russian(&english.stdout), "{}", english.stdout);
        let russian = privmsg(dir.path(), &["--lang=ru", command, "-h"], &[]);
        assert_eq!(russian.code, 0);
        for word in ["Usage", "Options", "Arguments", "default", "OPTIONS", "Print", "[env", "possible"] {
            assert!(!russian.stdout.contains(word), "'{word}' in\n{}", russian.stdout);
        }
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (&[][..], "no command"),
        (&["frobnicate"], "frobnicate"),
        (&["histry", "bob"], "history"),
        (&["send"], "CHAT"),
        (&["send", "group:b b", "hi"], "b b"),
        (&["send", "bob", "hi", "--timeout", "soon"], "soon"),
        (&["send", "bob"], "nothing to send"),
        (&["listen", "--nonsense"], "--nonsense"),
        (&["download", "1234", "--out", "x"], "1234"),
        (&["safety-number", "bob", "--unverify", "--mark-verified"], "--mark-verified"),
        (&["login", "--server", "chat.example.org", "--user-id", "alice"], "https://"),
        (&["login", "--server", "https://a b", "--user-id", "alice"], "blank"),
        (&["login", "--server", "https://alice:secret@chat.example.org", "--user-id", "alice"], "--user-id"),
        (&["login", "--server", "https://chat.example.org/?a=b", "--user-id", "alice"], "'?'"),
        (&["login", "--server", "https://chat.example.org:0", "--user-id", "alice"], "65535"),
        (&["login", "--user-id", "alice", "--proxy", "socks4://p"], "socks5h://"),
        (&["login", "--user-id", "alice", "--proxy", "http://name:secret@p"], "PRIVMSG_PROXY"),
        (&["login", "--user-id", "alice", "--fingerprint", "SHA256:short"], "SHA256:"),
        (&["login", "--server", "http://a.b", "--fingerprint", FINGERPRINT], "https://"),
        (&["login", "--user-id", "alice"], "--server"),
        (&["login", "--server", "https://a.b"], "--user-id"),
    ] {
        let english = privmsg(dir.path(), arguments, &[]);
        assert_eq!(english.code, 2, "{arguments:?}: {}", english.stderr);
        assert!(english.stderr.contains(said), "{arguments:?}: {}", english.stderr);
        assert!(!english.stderr.contains("secret"), "{arguments:?}: {}", english.stderr);
        assert_eq!(english.stdout, "");
        let russian = privmsg(dir.path(), arguments, &[("LC_ALL", "ru_RU.UTF-8")]);
        assert!(russian.code == 2 && is_russian(&russian.stderr), "{arguments:?}: {}", russian.stderr);
    }
}

#[test]
fn with_json_a_failure_is_one_object_on_standard_error() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, exit, code) in [
        (&["--json", "frobnicate"][..], 2, "usage"),
        (&["send", "bob", "hi", "--json"], 3, "not_signed_in"),
        (&["whoami", "--json"], 3, "not_signed_in"),
        (&["send", "bob", "--file", "missing", "--json"], 8, "file"),
        (&["send", "bob", "--file", ".", "--json"], 8, "file"),
        (&["--json", "login", "--server", "https://x.invalid", "--user-id", "a"], 4, "access_key_needed"),
    ] {
        let run = privmsg(dir.path(), arguments, &[]);
        assert_eq!(run.code, exit, "{arguments:?}: {}", run.stderr);
        assert_eq!(run.error()["code"], code);
        assert!(run.error()["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn the_profile_is_found_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let profile_in = |arguments: &[&str], environment: &[(&str, &str)]| {
        let run = privmsg(dir.path(), arguments, environment);
        assert_eq!(run.code, 3);
        run.stderr
    };
    assert!(profile_in(&["chats"], &[]).contains(".local/share/privmsg"));
    assert!(profile_in(&["chats"], &[("XDG_DATA_HOME", "/xdg")]).contains("/xdg/privmsg"));
    let both = [("XDG_DATA_HOME", "/xdg"), ("PRIVMSG_PROFILE", "/named")];
    assert!(profile_in(&["chats"], &both).contains("/named"));
    assert!(profile_in(&["chats", "--profile", "/given"], &both).contains("/given"));
}

/// It was taken for damage.
#[test]
fn a_profile_of_a_newer_version_is_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("p")).unwrap();
    for (keystore, said) in [
        (r#"{"version": 1, "key": {"kind": "enclave", "alias": "x"}}"#, "'enclave'"),
        (r#"{"version": 2, "anything": []}"#, "newer version"),
    ] {
        std::fs::write(dir.path().join("p/keystore.json"), keystore).unwrap();
        let run = privmsg(dir.path(), &["--json", "--profile", "p", "chats"], &[]);
        assert_eq!((run.code, run.error()["code"].as_str()), (1, Some("profile_newer")), "{}", run.stderr);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}

#[test]
fn a_file_name_cannot_drive_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let run = privmsg(dir.path(), &["send", "bob", "--file", "\x1b]0;owned\x07"], &[]);
    assert_eq!(run.code, 8);
    assert!(!run.stderr.contains('\x1b') && run.stderr.contains('␛'), "{}", run.stderr);
    let run = privmsg(dir.path(), &["--json", "send", "bob", "--file", "\u{9b}31m"], &[]);
    assert!(!run.stderr.contains('\u{9b}') && run.stderr.contains("\\u009b"), "{}", run.stderr);
}

/// Whoever reads a log or a screen could sign in with it.
#[test]
fn an_invitation_is_never_printed_back() {
    let dir = tempfile::tempdir().unwrap();
    let key = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
    let link = format!("privmsg://join?server=https%3A%2F%2Fa.b&user_id=alice#{key}");
    for arguments in [&["login", "--invitation", &link][..], &["login", "--server", &link], &["login", &link], &[&link]]
    {
        for (locale, said) in [("C.UTF-8", "PRIVMSG_INVITATION"), ("ru_RU.UTF-8", "PRIVMSG_INVITATION")] {
            let run = privmsg(dir.path(), arguments, &[("LC_ALL", locale)]);
            assert_eq!(run.code, 2, "{}", run.stderr);
            assert!(run.stderr.contains(said) && !run.stderr.contains(key), "{}", run.stderr);
        }
    }
    // Not a whole one, wherever it comes from.
    let cut = format!("privmsg://join?user_id=alice#{key}");
    let run = privmsg(dir.path(), &["login", "--invitation"], &[("PRIVMSG_INVITATION", &cut)]);
    assert!(run.code == 2 && !run.stderr.contains(key), "{}", run.stderr);
}

#[test]
fn secrets_are_not_taken_as_arguments() {
    let dir = tempfile::tempdir().unwrap();
    for option in ["--access-key", "--passphrase", "--recovery-key", "--password"] {
        assert_eq!(privmsg(dir.path(), &["login", option, "x"], &[]).code, 2);
    }
}
