//! Without a server.

use crate::run::{is_russian, privmsg};

/// An address where nothing answers: the port was free a moment ago.
fn nobody_there() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

const COMMANDS: [&str; 10] =
    ["login", "send", "listen", "history", "download", "chats", "whoami", "devices", "safety-number", "logout"];

#[test]
fn help_names_every_command_variable_and_exit_code_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    for (environment, russian) in [("C.UTF-8", false), ("ru_RU.UTF-8", true)] {
        let help = privmsg(dir.path(), &["--help"], &[("LANG", environment)]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert_eq!(is_russian(&help.stdout), russian);
        let variables = ["PRIVMSG_PROFILE", "PRIVMSG_ACCESS_KEY", "PRIVMSG_RECOVERY_KEY", "PRIVMSG_PASSPHRASE"];
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
        (&["send"], "USER"),
        (&["send", "b b", "hi"], "b b"),
        (&["send", "bob", "hi", "--timeout", "soon"], "soon"),
        (&["send", "bob"], "nothing to send"),
        (&["listen", "--nonsense"], "--nonsense"),
        (&["download", "1234", "--out", "x"], "1234"),
        (&["safety-number", "bob", "--unverify", "--mark-verified"], "--mark-verified"),
        (&["login", "--server", "chat.example.org", "--user-id", "alice"], "https://"),
    ] {
        let english = privmsg(dir.path(), arguments, &[]);
        assert_eq!(english.code, 2, "{arguments:?}: {}", english.stderr);
        assert!(english.stderr.contains(said), "{arguments:?}: {}", english.stderr);
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

#[cfg(unix)]
#[test]
fn without_a_passphrase_the_key_is_in_a_file_of_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let server = nobody_there();
    let login = ["--profile", "p", "--json", "login", "--server", &server, "--user-id", "alice"];
    let run = privmsg(dir.path(), &login, &[("PRIVMSG_ACCESS_KEY", "key")]);
    assert_eq!((run.code, run.error()["code"].as_str()), (5, Some("network")), "{}", run.stderr);
    let mode = |name: &str| std::fs::metadata(dir.path().join("p").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("database.key"), mode("keystore.json")), (0o700, 0o600, 0o600));

    std::fs::set_permissions(dir.path().join("p/database.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = privmsg(dir.path(), &["--profile", "p", "--json", "chats"], &[]);
    assert_eq!((run.code, run.error()["code"].as_str()), (8, Some("key_file_open_to_others")));
}

#[test]
fn a_passphrase_protects_the_profile() {
    let dir = tempfile::tempdir().unwrap();
    let server = nobody_there();
    std::fs::write(dir.path().join("key"), "the access key\n").unwrap();
    let login = ["--profile", "p", "login", "--server", &server, "--user-id", "alice", "--access-key-file", "key"];
    let run = privmsg(dir.path(), &login, &[("PRIVMSG_PASSPHRASE", "open sesame")]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(!dir.path().join("p/database.key").exists());

    let chats = ["--profile", "p", "chats", "--json"];
    for (environment, code) in
        [(&[][..], "passphrase_needed"), (&[("PRIVMSG_PASSPHRASE", "open barley")], "wrong_passphrase")]
    {
        let run = privmsg(dir.path(), &chats, environment);
        assert_eq!((run.code, run.error()["code"].as_str()), (4, Some(code)));
    }
    let run = privmsg(dir.path(), &chats, &[("PRIVMSG_PASSPHRASE", "open sesame")]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    // Opened, but nobody has signed in yet.
    let run = privmsg(dir.path(), &["--profile", "p", "send", "bob", "hi"], &[("PRIVMSG_PASSPHRASE", "open sesame")]);
    assert_eq!(run.code, 3, "{}", run.stderr);
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

#[test]
fn secrets_are_not_taken_as_arguments() {
    let dir = tempfile::tempdir().unwrap();
    for option in ["--access-key", "--passphrase", "--recovery-key", "--password"] {
        assert_eq!(privmsg(dir.path(), &["login", option, "x"], &[]).code, 2);
    }
}
