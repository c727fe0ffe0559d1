//! The real binary: configuration, administration beside a running server, the documented examples.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::faults::Binary;
use crate::support::ADMIN_KEY;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privmsg-server"));
    command.current_dir(folder).env("LC_ALL", "C").env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY);
    command
}

fn text(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    assert!(text(output).contains(says), "{}", text(output));
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("privmsg.toml");
    let with = |content: &str| {
        std::fs::write(&file, content).unwrap();
        command(folder.path())
            .env_remove("PRIVMSG_ADMIN_MASTER_KEY")
            .args(["run", "--config", "privmsg.toml"])
            .output()
            .unwrap()
    };
    fails(&with("[server]\nprot = 1"), 3, "server.prot");
    fails(&with("[sever]\nport = 1"), 3, "sever");
    fails(&with("[server]\nport = 99999"), 3, "server.port");
    fails(&with("[server]\nport ="), 3, "line 2");
    fails(&with("[tls]\ncert_path = \"x\""), 3, "tls.key_path");
    // With its folder: whoever reads a log does not know where the server was started.
    fails(
        &with("[tls]\ncert_path = \"x\"\nkey_path = \"y\""),
        1,
        &format!("cannot read {}", folder.path().join("x").display()),
    );
    fails(&with("[turn]\nenabled = true"), 3, "turn.credential");
    fails(&with("[storage]\ndatabase_path = \"d/x.db\"\nfiles_path = \"./d/\""), 3, "storage.files_path");
    fails(&with("[storage]\ndatabase_path = \"x.db\"\nfiles_path = \".\""), 3, "storage.files_path");
    for placeholder in ["ВСТАВЬТЕ_СЮДА_ВАШ_ADMIN_KEY", "CHANGE_ME", "VASH_KEY"] {
        let output = with(&format!("[admin]\nmaster_key = \"{placeholder}\""));
        fails(&output, 3, "admin.master_key");
        fails(&output, 3, "openssl rand");
    }
    fails(&with("[admin]\nmaster_key = \"x\""), 3, "shorter than 16");
    let unknown = command(folder.path()).env("PRIVMSG_SERVER_PROT", "1").output().unwrap();
    fails(&unknown, 3, "PRIVMSG_SERVER_PROT");
    let wrong = command(folder.path()).env("PRIVMSG_TURN_ENABLED", "maybe").output().unwrap();
    fails(&wrong, 3, "turn.enabled");
    let missing = command(folder.path()).args(["--config", "nowhere.toml"]).output().unwrap();
    fails(&missing, 3, "nowhere.toml");
    fails(&command(folder.path()).arg("dance").output().unwrap(), 2, "dance");
}

#[test]
fn the_shipped_configuration_waits_for_its_secrets() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/server/config.toml");
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(shipped).unwrap();
    std::fs::write(folder.path().join("config.toml"), &text).unwrap();
    let refused = command(folder.path()).env_remove("PRIVMSG_ADMIN_MASTER_KEY").output().unwrap();
    fails(&refused, 3, "admin.master_key");
    let data = folder.path().join("data");
    let filled = command(folder.path())
        .env("PRIVMSG_TURN_CREDENTIAL", "a secret of this test")
        .env("PRIVMSG_STORAGE_DATABASE_PATH", data.join("privmsg.db"))
        .args(["generate-key", "--admin-key", ADMIN_KEY])
        .output()
        .unwrap();
    fails(&filled, 1, "no database at");
}

#[tokio::test]
async fn an_admin_key_is_made_once_and_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = command(folder.path());
        command
            .env_remove("PRIVMSG_ADMIN_MASTER_KEY")
            .env("PRIVMSG_SERVER_PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    // Where it listens is the last thing that it says of itself.
    let stop = |mut child: std::process::Child| {
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            said += &format!("{line}\n");
            if line.contains("http://127.0.0.1:") {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        said
    };
    let first = stop(start());
    let key = first.lines().map(str::trim).find(|line| line.len() == 43).expect("a key").to_owned();
    let second = stop(start());
    assert!(!second.contains(&key) && second.contains("http://127.0.0.1:"), "{second}");
    let list = |key: &str| {
        command(folder.path())
            .env_remove("PRIVMSG_ADMIN_MASTER_KEY")
            .env("PRIVMSG_ADMIN_KEY", key)
            .arg("list-keys")
            .output()
            .unwrap()
    };
    assert!(list(&key).status.success());
    fails(&list("wrong"), 4, "admin key");
}

#[test]
fn an_admin_key_is_not_made_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let start = || {
        let mut command = command(folder.path());
        command.env_remove("PRIVMSG_ADMIN_MASTER_KEY").env("PRIVMSG_SERVER_PORT", &port).stdout(Stdio::piped());
        command
    };
    fails(&start().output().unwrap(), 1, "cannot listen on");
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    drop(taken);
    let mut child = start().spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.trim().len() == 43), "the key is shown once the server can start");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_second_server_on_the_same_data_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let part = folder.path().join("data/files").join("A".repeat(43) + ".part");
    std::fs::write(&part, "being uploaded").unwrap();
    let second = |locale: &str| {
        command(folder.path()).env("LC_ALL", locale).env("PRIVMSG_SERVER_PORT", "0").arg("run").output().unwrap()
    };
    fails(&second("C"), 1, "Another server is already using this database");
    fails(&second("ru_RU.UTF-8"), 1, "другой сервер");
    assert!(part.exists(), "the uploads of the first are left alone");
    drop(server);
    let _third = Binary::start(folder.path());
    assert!(!part.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn data_is_for_the_servers_account_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let names = ["privmsg.db", "privmsg.db-wal", "privmsg.db-shm", "privmsg.db.lock"];
    for round in ["new", "readable before"] {
        let server = Binary::start(folder.path());
        server.api.create_user(if round == "new" { "alice" } else { "bob" }).await;
        assert_eq!((mode(&data), mode(&data.join("files"))), (0o700, 0o700), "{round}");
        for name in &names[..3] {
            assert_eq!(mode(&data.join(name)), 0o600, "{round}: {name}");
        }
        drop(server);
        for name in names {
            std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

#[tokio::test]
async fn users_are_managed_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let run =
        |arguments: &[&str]| command(folder.path()).args(arguments).args(["--admin-key", ADMIN_KEY]).output().unwrap();
    let made = run(&["generate-key", "--user-id", "alice", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["access_key"].as_str().unwrap();
    fails(&run(&["generate-key", "--user-id", "alice"]), 5, "taken");
    fails(&run(&["generate-key", "--user-id", "a/b"]), 2, "a/b");

    let alice = server.api.login("alice", key, None).await;
    let mut line = alice.online().await;
    let listed: Value = serde_json::from_slice(&run(&["list-keys", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["user_id"], "alice");
    assert_eq!((&listed[0]["active"], &listed[0]["devices"]), (&Value::Bool(true), &1.into()));

    assert!(run(&["revoke-key", "--user-id", "alice"]).status.success());
    let revoked = Instant::now();
    alice.get("/api/v1/users/me").await.is("unauthorized");
    assert_eq!(line.closed().await, 4001);
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    fails(&run(&["revoke-key", "--user-id", "nobody"]), 5, "no such user");
    assert!(text(&run(&["list-keys"])).contains("deactivated"));
    let russian = command(folder.path())
        .env("LC_ALL", "ru_RU.UTF-8")
        .args(["list-keys", "--admin-key", ADMIN_KEY])
        .output()
        .unwrap();
    assert!(text(&russian).contains("отключён"));
}

/// The examples of the documentation, with `curl`, as somebody would paste them.
#[tokio::test]
async fn the_documented_examples_work() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/examples.sh"))
        .env("SERVER", format!("http://{}", server.api.address))
        .env("ADMIN_KEY", ADMIN_KEY)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Without `--config` the commands made another, empty database, and worked on that.
#[test]
fn commands_make_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| command(folder.path()).args(arguments).output().unwrap();
    for name in ["list-keys", "stats", "audit", "generate-key"] {
        fails(&run(&[name]), 1, "no configuration found");
        fails(&run(&[name]), 1, &folder.path().join("data/privmsg.db").display().to_string());
    }
    for name in ["revoke-key", "reactivate-key", "reset-key", "list-devices", "withdraw-invitation"] {
        fails(&run(&[name, "--user-id", "alice"]), 1, "There is no database here");
    }
    fails(&run(&["delete-user", "--user-id", "alice", "--yes"]), 1, "There is no database here");
    fails(&run(&["sign-out", "--user-id", "alice", "--device-id", "x"]), 1, "There is no database here");
    fails(&run(&["invite", "--user-id", "alice", "--server-url", "https://x.org"]), 1, "There is no database here");
    fails(&run(&["backup", "x.tar"]), 1, "There is no database here");
    fails(&run(&["restore", "x.tar"]), 3, "Nothing was restored");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

/// What a command has worked on, it says; and it needs no key that it could read itself.
#[tokio::test]
async fn commands_say_which_database_they_work_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    server.api.create_user("alice").await;
    let database = folder.path().join("data/privmsg.db").display().to_string();
    let listed = command(folder.path()).arg("list-keys").output().unwrap();
    assert!(listed.status.success(), "{}", text(&listed));
    let beside = String::from_utf8(listed.stderr.clone()).unwrap();
    assert!(beside.contains(&database) && beside.contains("users: 1") && beside.contains("none found"), "{beside}");
    let json = command(folder.path()).args(["list-keys", "--json"]).output().unwrap();
    assert!(json.stderr.is_empty(), "{}", text(&json));
    let wrong = command(folder.path()).args(["list-keys", "--admin-key", "wrong"]).output().unwrap();
    fails(&wrong, 4, &database);
    let archive = folder.path().join("backup.tar");
    let made = command(folder.path()).arg("backup").arg(&archive).output().unwrap();
    fails(&made, 0, &database);
    fails(&made, 0, "users: 1");
    fails(&command(folder.path()).arg("verify").arg(&archive).output().unwrap(), 0, "users: 1");
}

/// A pipe got a sentence in place of a backup, and a file was called `-`.
#[test]
fn a_backup_is_no_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["backup", "-"][..], &["verify", "-"], &["restore", "-"], &["verify", "x", "--identity", "-"]] {
        let output = command(folder.path()).args(arguments).output().unwrap();
        fails(&output, 2, "never on standard input or output");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The same configuration is the same server from wherever it is started.
#[test]
fn what_init_writes_means_the_same_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| {
        let mut all = vec!["init", "--native", "--yes", "--dir", "there"];
        all.extend(arguments);
        let output = command(folder.path()).args(all).output().unwrap();
        let file = folder.path().join("there/config/server/config.toml");
        let written: toml::Table = std::fs::read_to_string(&file).unwrap_or_default().parse().unwrap();
        let _ = std::fs::remove_dir_all(folder.path().join("there"));
        (output, written)
    };
    let (said, written) = init(&[]);
    let here = folder.path().join("there/data/server");
    let path = |written: &toml::Table, key: &str| written["storage"][key].as_str().unwrap().to_owned();
    assert_eq!(path(&written, "database_path"), here.join("privmsg.db").display().to_string());
    assert_eq!(path(&written, "files_path"), here.join("files").display().to_string());
    let config = folder.path().join("there/config/server/config.toml").display().to_string();
    fails(&said, 0, &format!("generate-key --config {config}"));
    assert!(!text(&said).contains("KEY=") && !text(&said).contains("--admin-key"), "{}", text(&said));
    let (_, written) = init(&["--data", "mine"]);
    assert_eq!(path(&written, "database_path"), folder.path().join("mine/privmsg.db").display().to_string());
    fails(&init(&["--email", "me"]).0, 2, "--email");
}

/// What is written to a file or a pipe is words; the first of them say which server it is, and on what.
#[tokio::test]
async fn a_log_begins_with_what_it_is_the_log_of() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start_with(folder.path(), |command| {
        command.env_remove("NO_COLOR");
    });
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(!log.contains('\u{1b}'), "{log}");
    let first = log.lines().next().unwrap();
    let database = folder.path().join("data/privmsg.db").display().to_string();
    for said in ["privmsg-server starts", env!("CARGO_PKG_VERSION"), &database, "none found"] {
        assert!(first.contains(said), "{first}");
    }
    assert!(log.contains(&format!("http://{}/admin/", server.api.address)), "{log}");
}

/// In the first moments of a server's life it was said to be of another version.
#[test]
fn a_command_waits_for_a_server_that_starts_for_the_first_time() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let mut server = command(folder.path())
            .env("PRIVMSG_SERVER_PORT", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        loop {
            let listed = command(folder.path()).arg("list-keys").output().unwrap();
            if listed.status.success() {
                break;
            }
            // Before the server has even its lock there is nothing to wait for.
            fails(&listed, 1, "no database at");
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

/// `/users/me` is whoever asks.
#[tokio::test]
async fn nobody_is_called_me() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Binary::start(folder.path());
    for name in ["me", "ME"] {
        let made = command(folder.path()).args(["generate-key", "--user-id", name]).output().unwrap();
        fails(&made, 1, "whoever asks");
    }
}

/// Who reads Russian is told in Russian: the library's own words were English.
#[test]
fn help_and_mistakes_are_in_russian_too() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| command(folder.path()).env("LC_ALL", "ru_RU.UTF-8").args(arguments).output().unwrap();
    for arguments in [&["--help"][..], &["backup", "--help"], &["init", "--help"], &["invite", "-h"]] {
        let output = run(arguments);
        fails(&output, 0, "Использование: privmsg-server");
        fails(&output, 0, "Показать справку");
        for english in ["Usage", "Options:", "Commands:", "Arguments:", "Print help", "Print version", "[OPTIONS]"] {
            assert!(!text(&output).contains(english), "{english}: {}", text(&output));
        }
    }
    for (arguments, says) in [
        (&["list-kyes"][..], "Нет такой команды: list-kyes"),
        (&["stats", "--jsn"], "Нет такого параметра: --jsn"),
        (&["invite"], "Не указано: --user-id"),
        (&["invite", "--user-id"], "Нет значения у --user-id"),
        (&["invite", "--user-id", "a/b"], "Значение «a/b» не подходит для --user-id"),
        (&["init", "--tls", "mine"], "возможны: acme, nginx, none"),
        (&["init", "--docker", "--native"], "Нельзя указать вместе"),
        (&["backup", "-"], "это файл"),
    ] {
        let output = run(arguments);
        fails(&output, 2, says);
        assert!(!text(&output).contains("error:"), "{}", text(&output));
    }
    fails(&run(&["list-kyes"]), 2, "Возможно, имелось в виду:");
    fails(&run(&["--version"]), 0, env!("CARGO_PKG_VERSION"));
}
