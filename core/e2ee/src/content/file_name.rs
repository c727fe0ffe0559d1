use privmsg_protocol::is_ignorable;

use super::MAX_FILE_NAME_LEN;

/// Used where nothing of a name is left.
const FALLBACK: &str = "file";

/// Makes a file name of a stranger safe to show and to create: no directories of any system, no control or
/// direction-changing characters, no leading dots or blanks, no characters that Windows refuses, and at most
/// [`MAX_FILE_NAME_LEN`] bytes with the extension kept. Doing it twice changes nothing.
#[must_use]
pub fn sanitize_file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = name.chars().filter(|&c| !is_hidden(c)).map(|c| if is_refused(c) { '_' } else { c }).collect();
    let clean = clean.trim_start_matches(is_edge).trim_end_matches(is_edge);
    let clean = shorten(clean);
    match clean.chars().next() {
        None => FALLBACK.to_owned(),
        Some(first) if is_device(&clean) => format!("_{}", &clean[first.len_utf8()..]),
        Some(_) => clean,
    }
}

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) {
        Some(number) => number.len() == 1 && number.starts_with(|c: char| c.is_ascii_digit()),
        None => matches!(stem.as_str(), "con" | "prn" | "aux" | "nul"),
    }
}

fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Characters that are not seen, or that make a name look like another one (`exe.gpj` for `jpg.exe`).
fn is_hidden(c: char) -> bool {
    // Which form of a sign is meant is seen.
    c.is_control() || (is_ignorable(c) && !matches!(c, '\u{fe00}'..='\u{fe0f}'))
}

fn is_refused(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_FILE_NAME_LEN {
        return name.to_owned();
    }
    // An "extension" longer than this is none worth keeping.
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.len() > 16 { "" } else { extension };
    let stem = &name[..name.floor_char_boundary(MAX_FILE_NAME_LEN - extension.len())];
    format!("{}{extension}", stem.trim_end_matches(is_edge))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_what_is_dangerous_and_keep_the_rest() {
        for (name, safe) in [
            ("photo.jpg", "photo.jpg"),
            ("отчёт за май.pdf", "отчёт за май.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\win.ini", "win.ini"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            (".bashrc", "bashrc"),
            ("nul\0l\n.txt", "null.txt"),
            ("jpg\u{202e}gpj.exe", "jpggpj.exe"),
            ("what?.txt ", "what_.txt"),
            ("Con.txt", "_on.txt"),
            ("lpt1", "_pt1"),
            ("community.txt", "community.txt"),
        ] {
            assert_eq!(sanitize_file_name(name), safe, "{name:?}");
        }
        let long = sanitize_file_name(&format!("{}.jpeg", "ы".repeat(300)));
        assert!(long.len() <= MAX_FILE_NAME_LEN && long.ends_with("ы.jpeg"));
    }

    proptest! {
        #[test]
        fn any_name_becomes_safe_for_good(name in any::<String>()) {
            let safe = sanitize_file_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= MAX_FILE_NAME_LEN && !safe.starts_with('.'));
            prop_assert!(!safe.contains(|c: char| c == '/' || c == '\\' || c.is_control()));
            prop_assert_eq!(sanitize_file_name(&safe), safe);
        }
    }
}
