//! What is wrong with one's own account: whoever has missed the line that told it learns it from the next command.

use privmsg_testkit::Server;
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::people::aside;
use crate::run::{Run, is_russian, privmsg};

/// How often it was said.
fn times(run: &Run) -> usize {
    let lines = run.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["notice"]["code"] == "replacement_begun").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_about_the_own_account_stands_until_it_is_over() {
    let server = Server::start().await.unwrap();
    let account = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        let words = machine.signs_in("alice", &account, &[]).ok().objects().remove(0)["recovery_key"].clone();
        assert_eq!(machine.whoami("alice")["alarms"], Value::Null);
        let anew = ["login", "--server", &machine.url, "--user-id", "alice", "--new-identity"];
        machine.does("thief", &anew, &[("PRIVMSG_ACCESS_KEY", account.access_key.expose())]).ok();

        let listens = || machine.does("alice", &["listen", "--timeout", "3"], &[]);
        assert_eq!(times(&listens()), 1, "it is found");
        for command in [&["whoami"][..], &["chats"], &["devices"], &["settings"]] {
            let run = machine.does("alice", command, &[]).ok();
            assert_eq!(times(&run), 1, "{command:?}: {}", run.stderr);
        }
        assert_eq!(times(&listens()), 1, "each command says it once");
        assert_eq!(machine.whoami("alice")["alarms"], json!(["replacement_begun"]));
        for lang in ["en", "ru"] {
            let run = privmsg(&machine.dir, &["--profile", "alice", "--lang", lang, "whoami"], &[]).ok();
            assert!(run.stderr.contains("privmsg identity replacement --end"), "{}", run.stderr);
            assert_eq!(is_russian(&run.stderr), lang == "ru");
        }

        let key = [("PRIVMSG_RECOVERY_KEY", words.as_str().unwrap())];
        machine.does("alice", &["identity", "replacement", "--end"], &key).ok();
        let over = machine.does("alice", &["whoami"], &[]).ok();
        assert_eq!((times(&over), &over.objects()[0]["alarms"]), (0, &Value::Null));
    })
    .await;
}
