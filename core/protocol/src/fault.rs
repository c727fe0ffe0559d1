//! What is wrong with a JSON text that does not fit, in words that quote nothing of it: values can be secrets, and what is
//! said here comes back out and reaches logs.

/// Longest name of a field that is said. What is longer is nobody's field, but somebody's value in the wrong place.
const LONGEST_NAME: usize = 40;

/// Which field is missing or does not fit, or where the text stopped being JSON.
#[must_use]
pub fn json_fault(text: &[u8], error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Io => "unreadable".to_owned(),
        Category::Syntax => "not valid JSON".to_owned(),
        Category::Eof => "ends too early".to_owned(),
        Category::Data => match (missing_field(error), field_at(text, error.line(), error.column())) {
            (Some(name), _) => format!("the field `{name}` is missing"),
            (None, Some(name)) => format!("the field `{name}` has a wrong value"),
            (None, None) => "a field is missing or has a wrong value".to_owned(),
        },
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// The name comes from the type that was expected, and not from the text.
fn missing_field(error: &serde_json::Error) -> Option<String> {
    let said = error.to_string();
    let name = said.strip_prefix("missing field `")?.split_once('`')?.0;
    is_name(name).then(|| name.to_owned())
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The field, with those around it, to which the place belongs at which reading stopped.
fn field_at(text: &[u8], line: usize, column: usize) -> Option<String> {
    let begins = text.split_inclusive(|byte| *byte == b'\n').take(line.checked_sub(1)?).map(<[u8]>::len).sum::<usize>();
    let read = text.get(..begins.checked_add(column)?.min(text.len()))?;
    // One entry for each object or array that is open: the field that was begun last in it, if it is an object.
    let mut open: Vec<Option<&[u8]>> = Vec::new();
    let mut last_text: &[u8] = b"";
    let mut at = 0;
    while let Some(byte) = read.get(at) {
        match byte {
            b'"' => {
                let end = end_of_text(read, at + 1);
                last_text = &read[at + 1..end];
                at = end;
            }
            b':' => {
                if let Some(field) = open.last_mut() {
                    *field = Some(last_text);
                }
            }
            b'{' | b'[' => open.push(None),
            b'}' | b']' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    let names: Vec<&str> = open.into_iter().flatten().filter_map(|name| std::str::from_utf8(name).ok()).collect();
    (!names.is_empty() && names.iter().all(|name| is_name(name))).then(|| names.join("."))
}

/// Where the text ends that begins here: at its quotation mark, or where reading stopped.
fn end_of_text(read: &[u8], mut at: usize) -> usize {
    while let Some(byte) = read.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    read.len()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Secret, UserId};

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read")]
    struct Outer {
        user_id: UserId,
        access_key: Secret,
        inner: Option<Inner>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read")]
    struct Inner {
        count: u8,
        names: Vec<String>,
    }

    fn said(text: &str) -> String {
        json_fault(text.as_bytes(), &serde_json::from_str::<Outer>(text).err().unwrap())
    }

    #[test]
    fn the_field_is_named() {
        for (text, says) in [
            (r#"{"access_key":"k"}"#, "the field `user_id` is missing (line 1, column 18)"),
            (r#"{"user_id":"a/b","access_key":"k"}"#, "the field `user_id` has a wrong value"),
            (r#"{"user_id":7,"access_key":"k"}"#, "the field `user_id` has a wrong value"),
            (r#"{"user_id":"a\"}:b","access_key":"k"}"#, "the field `user_id` has a wrong value"),
            ("{\"user_id\":\"a\",\n\n \"access_key\" : {}}", "the field `access_key` has a wrong value"),
            (r#"{"user_id":"a","access_key":"k","inner":{"count":256,"names":[]}}"#, "the field `inner.count`"),
            (r#"{"user_id":"a","access_key":"k","inner":{"count":1,"names":["x",3]}}"#, "the field `inner.names`"),
            (r#"{"user_id":"a","access_key":"k","inner":{"count":1}}"#, "the field `names` is missing"),
            (r#"{"user_id":"a" "access_key":"k"}"#, "not valid JSON"),
            (r#"{"user_id":"a","#, "ends too early"),
            ("7", "a field is missing or has a wrong value"),
        ] {
            assert!(said(text).starts_with(says), "{text}: {}", said(text));
        }
    }

    /// Somebody's key in the place of a name, or of a value.
    #[test]
    fn nothing_of_the_text_comes_back() {
        for text in [
            r#"{"Sec-Ret/Key":{"user_id":1}}"#,
            r#"{"user_id":"secret key"}"#,
            r#"{"user_id":"a","access_key":["secret key"]}"#,
        ] {
            let said = said(text);
            assert!(!said.contains("ecret") && !said.contains("Sec"), "{said}");
        }
    }
}
