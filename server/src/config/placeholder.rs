//! What examples hold in place of a secret, ours and those of everybody else.

use crate::secrets::is_key;

/// Found in examples, in the spelling of [`spelled`].
const WORDS: [&str; 19] = [
    "ВСТАВЬТЕ",
    "ВСТАВИТЬ",
    "ЗАМЕНИТЕ",
    "ВАШ_",
    "ВАШ ",
    "VASH",
    "CHANGE_ME",
    "CHANGEME",
    "CHANGE_THIS",
    "CHANGETHIS",
    "CHANGE_IT",
    "REPLACE_",
    "YOUR_",
    "INSERT_",
    "PLACEHOLDER",
    "EXAMPLE_",
    "GENERATED_KEY",
    "SECRET_HERE",
    "KEY_HERE",
];

/// The whole of an example.
const WHOLE: [&str; 9] = ["SECRET", "ADMIN", "ADMIN_KEY", "TURN_SECRET", "PASSWORD", "TEST", "EXAMPLE", "TODO", "XXX"];

/// Secrets that documentation shows as sample output: everybody knows them.
const SHOWN: [&str; 2] = ["K7XR2MN9PQWE3ST6VY1ZA8BC5DF0GH4JL", "M2NB9XP3QW7ER1TY5UI8OA4SD6FG0HJ"];

/// Whether this is an example's placeholder and not a secret.
pub(crate) fn is_placeholder(secret: &str) -> bool {
    let spelled = spelled(secret);
    if SHOWN.iter().any(|text| spelled.contains(text)) {
        return true;
    }
    // What a generator has made may hold any word by chance; words alone have no digits and small letters at once.
    let has = |class: fn(char) -> bool| secret.chars().any(class);
    if is_key(secret)
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_lowercase())
        && has(|c| c.is_ascii_uppercase())
    {
        return false;
    }
    WHOLE.contains(&spelled.as_str()) || WORDS.iter().any(|word| spelled.contains(word))
}

/// In capitals, with one kind of space between words, and without the brackets that some put around it.
fn spelled(secret: &str) -> String {
    let text = secret.trim().trim_matches(|c| matches!(c, '<' | '>' | '[' | ']' | '{' | '}' | '"' | '\''));
    text.chars().flat_map(char::to_uppercase).map(|c| if matches!(c, '-' | ' ' | '.') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples as they ship, those of the guide and of comparable programs, and what people write in their place.
    #[test]
    fn no_example_passes_for_a_secret() {
        for example in [
            "ВСТАВЬТЕ_СЮДА_ВАШ_ADMIN_KEY",
            "ВСТАВЬТЕ_СЮДА_ВАШ_TURN_SECRET",
            "ВСТАВЬТЕ_TURN_SECRET",
            "ВСТАВЬТЕ_ADMIN_KEY",
            "ВАШ_ADMIN_KEY",
            "Ваш ключ",
            "K7xR2mN9pQwE3sT6vY1zA8bC5dF0gH4jL",
            "M2nB9xP3qW7eR1tY5uI8oA4sD6fG0hJ",
            "changeme",
            "change-me-please",
            "CHANGE-THIS-ADMIN-KEY-IMMEDIATELY",
            "CHANGE_THIS_ADMIN_KEY_IMMEDIATELY",
            "change-this-secret",
            "CHANGE_THIS_SECRET",
            "YOUR_ADMIN_KEY",
            "your-admin-key",
            "YOUR_SECURE_ADMIN_KEY",
            "YOUR_TURN_SECRET",
            "YOUR_GENERATED_SECRET",
            "your_generated_key_here",
            "<your secret>",
            "replace-with-a-secret",
            "secret",
            "admin",
            "password",
        ] {
            assert!(is_placeholder(example), "{example}");
        }
    }

    #[test]
    fn a_secret_passes() {
        for secret in [
            "UiJJrObUbiwzzCCSI4q7acCEqZ32yipC3jlRZwP5PSY",
            "admin key of the tests",
            "correct horse battery staple",
            // A generator's, with a word in it by chance.
            "UiJJrObUbiwzzyourX4q7acCEvashipC3jlRZwP5PSY",
            "UiJJrObUbiwYOUR-SI4q7acCEqZ32yipC3jlRZwP5PY",
        ] {
            assert!(!is_placeholder(secret), "{secret}");
        }
    }
}
