//! What somebody can do who has read a profile, and how it shows.

use privmsg_testkit::Server;

use crate::machine::{Machine, code, copy};

/// There is no access key on a device: it comes in by its own key, and who else has that is noticed at the next sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_in_with_a_stolen_device_key_is_noticed_and_put_out() {
    let mut server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let (home, mine) = (machine.clone(), alice.clone());
    let work = move || {
        let words = home.signs_in("p", &mine, &[]).ok().objects().remove(0)["recovery_key"].clone();
        copy(&home.profile("p"), &home.profile("thief"));
        words.as_str().unwrap().to_owned()
    };
    let words = tokio::task::spawn_blocking(work).await.unwrap();

    server.outlives_sessions().await.unwrap();
    let theirs = machine.clone();
    let work = move || theirs.does("thief", &["devices"], &[]).ok();
    tokio::task::spawn_blocking(work).await.unwrap();

    server.outlives_sessions().await.unwrap();
    let work = move || {
        let noticed = machine.does("p", &["devices"], &[]);
        assert_eq!((noticed.code, code(&noticed).as_str()), (3, "key_in_use_elsewhere"), "{}", noticed.stderr);
        let out = machine.does("thief", &["devices"], &[]);
        assert_eq!((out.code, code(&out).as_str()), (3, "signed_out"), "{}", out.stderr);
        let (again, back) = (machine.does("thief", &["devices"], &[]), machine.does("thief", &["login"], &[]));
        assert_eq!((again.code, code(&back).as_str()), (3, "access_key_needed"), "not on the device");

        let wordless = machine.signs_in("p", &alice, &[]);
        assert_eq!(code(&wordless), "recovery_key_needed", "the thief has the signing key");
        machine.signs_in("p", &alice, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        assert_eq!(machine.does("p", &["devices"], &[]).ok().objects().len(), 1);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
