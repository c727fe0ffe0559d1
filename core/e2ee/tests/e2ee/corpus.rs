//! What the fuzz targets do, with the inputs that are worth keeping and with some that nobody has seen.

use std::path::PathBuf;

use proptest::prelude::*;

use crate::targets::{self, TARGETS};

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/e2ee/corpus")
}

#[test]
fn the_corpus_of_each_fuzz_target_holds() {
    let mut names: Vec<_> = std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let known: Vec<std::ffi::OsString> = TARGETS.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(names, known, "each target has a corpus, and each corpus a target");
    for (name, target) in TARGETS {
        let (mut inputs, mut bytes) = (0, 0);
        for entry in std::fs::read_dir(corpus().join(name)).unwrap() {
            let input = std::fs::read(entry.unwrap().path()).unwrap();
            bytes += input.len();
            inputs += 1;
            target(&input);
        }
        assert!(inputs > 0 && bytes <= 100_000, "{name}: {inputs} inputs, {bytes} bytes");
    }
}

#[test]
fn the_corpus_begins_with_the_seeds() {
    for (target, name, bytes) in targets::seeds() {
        let kept = std::fs::read(corpus().join(target).join(&name)).ok();
        assert!(kept.as_deref() == Some(&bytes), "{target}/{name}: cargo run --example seed, in fuzz/e2ee");
    }
}

/// A few edits, most of them small.
fn edits() -> impl Strategy<Value = Vec<u8>> {
    let edit = (0..6u8, any::<u16>(), 0..40u8, prop::collection::vec(any::<u8>(), 0..40));
    let edit = edit.prop_map(|(what, at, count, bytes)| {
        let [low, high] = at.to_le_bytes();
        [&[what, low, high, count], &bytes[..]].concat()
    });
    prop::collection::vec(edit, 0..3).prop_map(|edits| edits.concat())
}

/// Any shape of input that a target takes, and one that it does not.
fn input(shapes: u8) -> impl Strategy<Value = Vec<u8>> {
    (0..=shapes, edits()).prop_map(|(shape, edits)| [&[shape], &edits[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_content_makes_the_target_fail(seed in any::<prop::sample::Index>(), edits in edits()) {
        let seeds: Vec<_> = targets::seeds().into_iter().filter(|(target, ..)| *target == "content").collect();
        targets::content(&targets::edited(&seed.get(&seeds).2, &[], &edits));
    }
}

// Each makes a key package, a group or a commit.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_input_makes_a_target_fail(
        noise in any::<Vec<u8>>(), attachment in input(5), certificate in input(7), key_package in input(3),
    ) {
        for (_, target) in TARGETS {
            target(&noise);
        }
        targets::attachment(&attachment);
        targets::certificate(&certificate);
        targets::key_package(&key_package);
    }

    #[test]
    fn nothing_that_was_changed_on_the_way_is_joined(input in input(7)) {
        targets::welcome(&input);
    }

    #[test]
    fn nothing_that_was_changed_on_the_way_is_processed(input in input(9)) {
        targets::commit(&input);
    }
}
