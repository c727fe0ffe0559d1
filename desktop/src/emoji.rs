//! Emoji that the bundled font draws, with the words by which they are found (Unicode's list and CLDR: `scripts/emoji-table.py`).

use std::sync::LazyLock;

/// Of the table: `# group`, or an emoji, its words in English and in Russian, between tabs and bars.
static TABLE: &str = include_str!("../emoji/emoji.tsv");

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let mut groups: Vec<Group> = Vec::new();
    for line in TABLE.lines() {
        if line.starts_with("# ") {
            groups.push(Group { emoji: Vec::new() });
        } else if let (Some(group), Some((sign, words))) = (groups.last_mut(), line.split_once('\t')) {
            group.emoji.push(Emoji { sign, words: folded(words) });
        }
    }
    groups
});

/// Those of one kind, such as animals.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) emoji: Vec<Emoji>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Emoji {
    pub(crate) sign: &'static str,
    /// By which it is found, in both languages.
    words: String,
}

/// All of them, in the order in which they are offered.
pub(crate) fn groups() -> &'static [Group] {
    &GROUPS
}

/// Those among whose words, in either language, there is one that begins with each word that is looked for.
pub(crate) fn find(looked_for: &str) -> impl Iterator<Item = &'static Emoji> {
    let looked_for = folded(looked_for);
    GROUPS.iter().flat_map(|group| &group.emoji).filter(move |emoji| {
        looked_for
            .split_whitespace()
            .all(|begun| emoji.words.split(|sign: char| !sign.is_alphanumeric()).any(|word| word.starts_with(begun)))
    })
}

/// Nobody types capitals and `ё` to find something.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('ё', "е")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(looked_for: &str) -> Vec<&'static str> {
        find(looked_for).map(|emoji| emoji.sign).collect()
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let all: usize = groups().iter().map(|group| group.emoji.len()).sum();
        assert_eq!(all + groups().len(), TABLE.lines().count());
        assert!(groups().iter().all(|group| !group.emoji.is_empty()));
        assert!(TABLE.lines().filter(|line| !line.starts_with('#')).all(|line| line.split('\t').count() == 3));
    }

    #[test]
    fn they_are_found_in_both_languages() {
        assert!(found("hedg").contains(&"🦔"));
        assert!(found("ЁЖ").contains(&"🦔") && found("еж").contains(&"🦔"));
        assert!(found("red heart").contains(&"❤️"));
        assert_eq!(found("heart red"), found("red heart"));
        assert!(found("флаг герм").contains(&"🇩🇪"));
        assert!(found("xyzzy").is_empty());
    }
}
