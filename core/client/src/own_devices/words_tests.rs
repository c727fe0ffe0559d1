use super::Copies;

fn copies(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// What counts of what the server serves and of what this device keeps.
#[test]
fn only_the_newest_copy_counts() {
    let cases = [
        // The server and this device know the same.
        ((["2", "1"].as_slice(), ["2", "1"].as_slice()), (["2", "2"].as_slice(), ["1", "1"].as_slice())),
        // Another device has made other words, and this one has not heard.
        ((&["2", "1"], &["1"]), (&["2", "1"], &[])),
        // A device that signs in keeps nothing.
        ((&["2", "1"], &[]), (&["2"], &["1"])),
        // The server lies, or was set back.
        ((&["1"], &["2", "1"]), (&["2"], &["1", "1"])),
        ((&["spoilt"], &["1"]), (&["spoilt", "1"], &[])),
        ((&["spoilt", "1"], &["1"]), (&["spoilt", "1"], &[])),
        ((&["spoilt", "2", "1"], &["2", "1"]), (&["spoilt", "2"], &["1", "1"])),
        ((&[], &["2", "1"]), (&["2"], &["1"])),
    ];
    for (at, ((served, kept), (present, former))) in cases.into_iter().enumerate() {
        let expected = Copies { present: copies(present), former: copies(former) };
        assert_eq!(Copies::of(copies(served), copies(kept), false), expected, "case {at}");
    }
    // What was replaced too long ago to be kept does not count either.
    let expected = Copies { present: copies(&["5"]), former: copies(&["1", "4", "3"]) };
    assert_eq!(Copies::of(copies(&["1"]), copies(&["5", "4", "3"]), true), expected);
}
