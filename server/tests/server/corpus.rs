//! The inputs that fuzzing has found worth keeping, through the same functions as there.

use std::path::Path;

#[expect(unreachable_pub, reason = "a library elsewhere")]
#[path = "../../../fuzz/src/server.rs"]
mod server;
#[expect(unreachable_pub, reason = "a library elsewhere")]
#[path = "../../../fuzz/src/targets.rs"]
mod targets;

/// A test of its own thread, because a target waits for its server.
#[test]
fn the_corpus_of_each_fuzz_target_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut names: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let known: Vec<std::ffi::OsString> = targets::TARGETS.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(names, known, "each target has a corpus, and each corpus a target");
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        let mut bytes = 0;
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            let input = std::fs::read(entry.unwrap().path()).unwrap();
            bytes += input.len();
            inputs += 1;
            target(&input);
        }
        assert!(inputs > 0 && bytes <= 200_000, "{name}: {inputs} inputs, {bytes} bytes");
    }
    server::stop();
}
